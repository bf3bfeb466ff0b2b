//! Where rows come from: one file for each kind of store. A source gives blocks, each with the place where the next one begins.

mod batches;
mod clicks;
mod messages;
mod records;

use carillon_core::export::{
    Dataset, Export, clicks as click_table, messages as message_table, records as record_tables,
    table::{Column, Row},
};
use carillon_store::StoreError;

use self::{clicks::Clicks, messages::Messages, records::Records};
use crate::State;

/// Some thousands of rows at most.
#[derive(Debug)]
pub struct Block {
    pub rows: Vec<Row>,
    /// How far this went: chunks of messages, pages of anything else.
    pub steps: u64,
    /// Where the next block begins; `None` after the last.
    pub next: Option<String>,
}

pub enum Source<'a> {
    Messages(Messages<'a>),
    Clicks(Clicks<'a>),
    Records(Records<'a>),
}

impl<'a> Source<'a> {
    /// `from`: the place that a block named.
    pub async fn open(
        state: &'a State,
        export: &'a Export,
        from: Option<&str>,
    ) -> Result<Self, StoreError> {
        Ok(match export.dataset {
            Dataset::Messages => Self::Messages(Messages::open(state, export, from).await?),
            Dataset::Clicks => Self::Clicks(Clicks::open(state, export, from).await?),
            Dataset::Campaigns | Dataset::Inbound | Dataset::OptOuts | Dataset::Contacts => {
                Self::Records(Records::open(state, export, from))
            }
        })
    }

    pub const fn columns(dataset: Dataset) -> &'static [Column] {
        match dataset {
            Dataset::Messages => message_table::COLUMNS,
            Dataset::Clicks => click_table::COLUMNS,
            Dataset::Campaigns => record_tables::CAMPAIGNS,
            Dataset::Inbound => record_tables::INBOUND,
            Dataset::OptOuts => record_tables::OPT_OUTS,
            Dataset::Contacts => record_tables::CONTACTS,
        }
    }

    /// How many steps there are, where that is known beforehand.
    pub fn steps(&self) -> Option<u64> {
        match self {
            Self::Messages(messages) => messages.steps(),
            Self::Clicks(_) | Self::Records(_) => None,
        }
    }

    /// Not called again after the last.
    pub async fn next(&mut self) -> Result<Block, StoreError> {
        match self {
            Self::Messages(messages) => messages.next().await,
            Self::Clicks(clicks) => clicks.next().await,
            Self::Records(records) => records.next().await,
        }
    }
}
