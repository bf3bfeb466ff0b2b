//! What the API says of exports, and what it is asked.

use carillon_core::{
    export::{CsvCells, Dataset, Export, Filter, Format, Numbers, Progress, Purpose, Stage},
    id::{BatchId, CampaignId, ExportId, ExportScheduleId},
    status::Status,
};
use carillon_runtime::problem::Problem;
use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refused;
use crate::messages::StatusWord;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportRequest {
    pub(super) dataset: DatasetWord,
    /// Left out: `csv`.
    #[serde(default)]
    pub(super) format: FormatWord,
    /// Of CSV; left out: `spreadsheet_safe`.
    pub(super) csv: Option<CsvWord>,
    /// Of CSV: in one gzip stream.
    #[serde(default)]
    pub(super) gzip: bool,
    #[serde(default)]
    pub(super) numbers: NumbersWord,
    /// `bat_…`: only of this batch. Of messages and clicks.
    #[schema(value_type = Option<String>)]
    pub(super) batch: Option<BatchId>,
    /// `cmp_…`: only of this campaign. Of messages and clicks.
    #[schema(value_type = Option<String>)]
    pub(super) campaign: Option<CampaignId>,
    /// Not before. Of messages and clicks, when their batch was made; of the others, their own time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) from: Option<Timestamp>,
    /// And before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) until: Option<Timestamp>,
    /// Only messages that stand there, and of no other dataset. None: all.
    #[serde(default)]
    #[schema(value_type = Vec<StatusWord>)]
    pub(super) statuses: Vec<Status>,
    /// A day, by UTC: all messages of batches that begin on it, as Parquet, into the account's lake. Asked for again it replaces what is
    /// there, so ask for a day once it is over, and once more when its messages have come to their ends, four days later.
    #[schema(value_type = Option<String>, format = Date)]
    pub(super) lake: Option<Date>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Dataset)]
pub enum DatasetWord {
    Messages,
    Campaigns,
    /// Each time that somebody, or a program, opened a tracked link.
    Clicks,
    Inbound,
    OptOuts,
    Contacts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportFormat)]
pub enum FormatWord {
    #[default]
    Csv,
    /// Compressed by ZSTD.
    Parquet,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CsvCells)]
pub enum CsvWord {
    /// With a byte order mark, and `'` before what a spreadsheet would take for a formula, such as a number's `+`.
    SpreadsheetSafe,
    /// As it is, for machines. Don't open it in a spreadsheet.
    Raw,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ShownNumbers)]
pub enum NumbersWord {
    #[default]
    Full,
    /// The country and the last digits.
    Masked,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExportStatus {
    Queued,
    Running,
    Finished,
    Cancelled,
    Failed,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    #[schema(value_type = String)]
    id: ExportId,
    status: ExportStatus,
    dataset: DatasetWord,
    format: FormatWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    csv: Option<CsvWord>,
    gzip: bool,
    numbers: NumbersWord,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignId>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[schema(value_type = Vec<StatusWord>)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<Status>,
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    lake: Option<Date>,
    /// `exs_…`: what made it, of the time from `from` to `until`.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    schedule: Option<ExportScheduleId>,
    /// How far it is: of messages in chunks of up to 100, of anything else in pages.
    progress: ExportProgress,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ExportProgress {
    done: u64,
    /// Where that was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    rows: u64,
    bytes: u64,
    /// Files that are complete.
    files: usize,
}

/// The files of an export. Each link works for 15 minutes, for whoever has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Download {
    /// What is in the files: rows, bytes and SHA-256 of each.
    pub(super) manifest: DownloadFile,
    pub(super) files: Vec<DownloadFile>,
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DownloadFile {
    pub(super) name: String,
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    /// In hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

/// How it is written, once it is known to make sense.
pub fn format_of(format: FormatWord, csv: Option<CsvWord>, gzip: bool) -> Result<Format, Problem> {
    match format {
        FormatWord::Parquet if gzip => Err(refused("/gzip", "is of CSV; leave it out")),
        FormatWord::Parquet if csv.is_some() => Err(refused("/csv", "is of CSV; leave it out")),
        FormatWord::Parquet => Ok(Format::Parquet),
        FormatWord::Csv => Ok(Format::Csv {
            cells: csv.map_or_else(CsvCells::default, CsvCells::from),
            gzip,
        }),
    }
}

/// The words for it, and whether it is in one gzip stream.
pub fn words_of(format: Format) -> (FormatWord, Option<CsvWord>, bool) {
    match format {
        Format::Parquet => (FormatWord::Parquet, None, false),
        Format::Csv { cells, gzip } => (FormatWord::Csv, Some(cells.into()), gzip),
    }
}

impl ExportView {
    pub(super) fn new(export: Export, progress: Progress) -> Self {
        let schedule = export.schedule();
        let Export {
            id,
            account: _,
            dataset,
            filter,
            format,
            numbers,
            purpose,
            test: _,
            created,
        } = export;
        let Filter {
            batch,
            campaign,
            from,
            until,
            statuses,
        } = filter;
        let (format, csv, gzip) = words_of(format);
        let Progress {
            stage,
            parts,
            next: _,
            done,
            settled: _,
            of,
            rows,
            bytes,
            failures: _,
            manifest: _,
            finished,
            problem,
        } = progress;
        let progress = ExportProgress {
            done,
            total: of,
            rows,
            bytes,
            files: parts.len(),
        };
        Self {
            id,
            status: stage.into(),
            dataset: dataset.into(),
            format,
            csv,
            gzip,
            numbers: numbers.into(),
            batch,
            campaign,
            from,
            until,
            statuses,
            lake: match purpose {
                Purpose::Lake { day } => Some(day),
                Purpose::Download | Purpose::Schedule { .. } => None,
            },
            schedule,
            progress,
            created,
            finished,
            problem,
        }
    }
}

impl From<Stage> for ExportStatus {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Queued => Self::Queued,
            Stage::Running => Self::Running,
            Stage::Finished => Self::Finished,
            Stage::Cancelled => Self::Cancelled,
            Stage::Failed => Self::Failed,
        }
    }
}

impl From<DatasetWord> for Dataset {
    fn from(word: DatasetWord) -> Self {
        match word {
            DatasetWord::Messages => Self::Messages,
            DatasetWord::Campaigns => Self::Campaigns,
            DatasetWord::Clicks => Self::Clicks,
            DatasetWord::Inbound => Self::Inbound,
            DatasetWord::OptOuts => Self::OptOuts,
            DatasetWord::Contacts => Self::Contacts,
        }
    }
}

impl From<Dataset> for DatasetWord {
    fn from(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Messages => Self::Messages,
            Dataset::Campaigns => Self::Campaigns,
            Dataset::Clicks => Self::Clicks,
            Dataset::Inbound => Self::Inbound,
            Dataset::OptOuts => Self::OptOuts,
            Dataset::Contacts => Self::Contacts,
        }
    }
}

impl From<CsvWord> for CsvCells {
    fn from(word: CsvWord) -> Self {
        match word {
            CsvWord::SpreadsheetSafe => Self::SpreadsheetSafe,
            CsvWord::Raw => Self::Raw,
        }
    }
}

impl From<CsvCells> for CsvWord {
    fn from(cells: CsvCells) -> Self {
        match cells {
            CsvCells::SpreadsheetSafe => Self::SpreadsheetSafe,
            CsvCells::Raw => Self::Raw,
        }
    }
}

impl From<NumbersWord> for Numbers {
    fn from(word: NumbersWord) -> Self {
        match word {
            NumbersWord::Full => Self::Full,
            NumbersWord::Masked => Self::Masked,
        }
    }
}

impl From<Numbers> for NumbersWord {
    fn from(numbers: Numbers) -> Self {
        match numbers {
            Numbers::Full => Self::Full,
            Numbers::Masked => Self::Masked,
        }
    }
}
