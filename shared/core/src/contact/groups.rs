//! Lists and segments: contacts put together by hand, and by a rule.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, ListId, SegmentId};

/// Who is on it stands on the contacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    pub id: ListId,
    pub account: AccountId,
    pub name: String,
    /// Nothing sees it any more; its members are let go of, step by step.
    pub deleting: bool,
    pub created: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub id: SegmentId,
    pub account: AccountId,
    pub name: String,
    /// In the language of [`crate::filter`], as it was written.
    pub filter: String,
    pub created: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}
