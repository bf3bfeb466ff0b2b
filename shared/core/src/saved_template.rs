//! A template as an account keeps it: a content with a name. An edit makes its next version; versions never change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    content::{Content, TemplateVersion},
    id::{AccountId, TemplateId},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedTemplate {
    pub id: TemplateId,
    pub account: AccountId,
    pub name: String,
    /// Without what a batch adds to it: whose version it is, and its links.
    pub content: Content,
    pub created: Timestamp,
    /// When this version was made.
    pub changed: Timestamp,
    /// From 1.
    pub version: u32,
}

impl SavedTemplate {
    /// What a batch pins.
    pub fn pinned(self) -> Content {
        let template = TemplateVersion {
            id: self.id,
            version: self.version,
        };
        Content {
            template: Some(template),
            ..self.content
        }
    }
}
