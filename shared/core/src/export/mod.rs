//! Exports: what one is of, how it is written, how far it has come. Its rows are tables of plain cells, which a writer makes CSV or
//! Parquet of: what a column means is said once, in the table of its dataset.

pub mod clicks;
pub mod lake;
pub mod messages;
pub mod progress;
pub mod records;
pub mod schedule;
pub mod table;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

pub use self::progress::{Part, Progress, Stage};
use crate::{
    api_key::Scope,
    batch::BatchTerms,
    id::{AccountId, BatchId, CampaignId, ExportId, ExportScheduleId},
    status::Status,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    Messages,
    Campaigns,
    /// Each time that somebody, or a program, opened a tracked link.
    Clicks,
    Inbound,
    OptOuts,
    Contacts,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Format {
    Csv {
        cells: CsvCells,
        gzip: bool,
    },
    /// Columns compressed by ZSTD.
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CsvCells {
    /// With a byte order mark, and `'` before what a spreadsheet would take for a formula, such as a number's `+`.
    #[default]
    SpreadsheetSafe,
    /// As they are, for machines.
    Raw,
}

/// How numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    #[default]
    Full,
    /// As in a log: the country and the last digits.
    Masked,
}

/// What of a dataset. Each narrows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Of messages and clicks: when their batch was made, or for a lake and a schedule when it begins; of the others: their own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The first moment that is not in it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Of messages; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<Status>,
}

/// What asked for it, and so where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Purpose {
    /// Somebody, to download it.
    Download,
    /// The account's lake: the batches that begin on that day, by UTC.
    Lake { day: Date },
    /// A schedule, for its time on that day.
    Schedule {
        schedule: ExportScheduleId,
        on: Date,
    },
}

/// What an export was made with; never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    pub id: ExportId,
    pub account: AccountId,
    pub dataset: Dataset,
    pub filter: Filter,
    pub format: Format,
    pub numbers: Numbers,
    pub purpose: Purpose,
    /// Made by a test key: only of what test keys made.
    pub test: bool,
    pub created: Timestamp,
}

impl Dataset {
    pub const ALL: [Self; 6] = [
        Self::Messages,
        Self::Campaigns,
        Self::Clicks,
        Self::Inbound,
        Self::OptOuts,
        Self::Contacts,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Campaigns => "campaigns",
            Self::Clicks => "clicks",
            Self::Inbound => "inbound",
            Self::OptOuts => "opt_outs",
            Self::Contacts => "contacts",
        }
    }

    /// What its owner must be allowed to read anyway: an export shows nothing that its maker could not see.
    pub const fn needs(self) -> Scope {
        match self {
            Self::Messages | Self::Clicks => Scope::MessagesRead,
            Self::Campaigns => Scope::CampaignsRead,
            Self::Inbound => Scope::InboundRead,
            Self::OptOuts => Scope::SuppressionsRead,
            Self::Contacts => Scope::ContactsRead,
        }
    }
}

impl Format {
    /// What a file's name ends in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv { gzip: false, .. } => "csv",
            Self::Csv { gzip: true, .. } => "csv.gz",
            Self::Parquet => "parquet",
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv { gzip: false, .. } => "text/csv; charset=utf-8",
            Self::Csv { gzip: true, .. } => "application/gzip",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

impl Export {
    pub const fn schedule(&self) -> Option<ExportScheduleId> {
        match self.purpose {
            Purpose::Schedule { schedule, .. } => Some(schedule),
            Purpose::Download | Purpose::Lake { .. } => None,
        }
    }

    /// Whether a batch is in it by when it begins, so that a day is full once it is over, or by when it was made, as `GET /v1/reports` counts.
    pub const fn goes_by_start(&self) -> bool {
        match self.purpose {
            Purpose::Download => false,
            Purpose::Lake { .. } | Purpose::Schedule { .. } => true,
        }
    }

    /// Whether a batch of its account is in it.
    pub fn includes_batch(&self, terms: &BatchTerms) -> bool {
        // As its list is sorted: the id of a campaign's may be that of another time.
        let made = if terms.campaign.is_some() {
            terms.began
        } else {
            terms.id.made()
        };
        let planned = terms.not_before.filter(|_| self.goes_by_start());
        self.includes(planned.unwrap_or(made), terms.test)
    }

    /// Whether something of its account is in it by when and by whom it was made.
    pub fn includes(&self, made: Timestamp, test: bool) -> bool {
        let Filter { from, until, .. } = &self.filter;
        (!self.test || test)
            && from.is_none_or(|from| made >= from)
            && until.is_none_or(|until| made < until)
    }
}
