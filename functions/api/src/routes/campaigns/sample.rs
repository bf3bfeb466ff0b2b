//! Some rows of an audience, read as `prepare` will read them: for looking at texts, and for saying what a campaign will be.

use bytes::Bytes;
use carillon_core::{
    campaign::{Audience, Campaign},
    contact::{Choice, Chosen, Contact},
    content::Texts,
    frame::Recipient,
    recipients::{FileError, RowError},
    zones::Zone,
};
use carillon_runtime::problem::{Code, FieldError, Problem};

use super::ready;
use crate::{check, routes::segments::count::share, services::Api, time};

/// Contacts that are read together.
const TOGETHER: usize = 2_500;

/// How much is read, at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Good rows; no more are kept.
    pub good: usize,
    /// Rows, or contacts that are looked at.
    pub rows: usize,
    /// Of a file.
    pub bytes: u64,
}

/// A row that was looked at.
pub struct Row {
    pub line: u64,
    pub recipient: Result<Recipient, RowError>,
    /// The recipient's own, if it is known.
    pub zone: Option<Zone>,
}

pub struct Sample {
    pub rows: Vec<Row>,
    /// Contacts that are left out since a list or segment of them is excluded.
    pub excluded: usize,
    /// Contacts or bytes that were read, of all: 1 where all were.
    pub share: f64,
}

/// The rows from the beginning of a file, or the contacts with the lowest ids, which are a fair sample of all.
pub async fn sample(
    api: &Api,
    campaign: &Campaign,
    texts: &Texts,
    limits: Limits,
) -> Result<Sample, Problem> {
    if let Audience::Contacts { .. } = campaign.audience {
        return contacts(api, campaign, texts, limits).await;
    }
    let start = ready::start_of_file(api, campaign, limits.bytes).await?;
    let start = start.unwrap_or_default();
    let rows = if matches!(campaign.audience, Audience::Inline { .. }) {
        lines(&start, limits)
    } else {
        cells(&start, campaign, limits)?
    };
    let share = match ready::size_of_file(api, campaign).await? {
        Some(size) if size > start.len() as u64 => part(start.len() as u64, size),
        _ => 1.0,
    };
    Ok(Sample {
        rows,
        excluded: 0,
        share,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn part(read: u64, all: u64) -> f64 {
    read as f64 / all as f64
}

fn lines(start: &Bytes, limits: Limits) -> Vec<Row> {
    let recipients = (1..).zip(check::recipients_of_lines(start, limits.bytes));
    let rows = recipients.take(limits.good).map(|(line, recipient)| Row {
        line,
        recipient: Ok(located(recipient)),
        zone: None,
    });
    rows.collect()
}

/// With the country that `prepare` finds.
fn located(mut recipient: Recipient) -> Recipient {
    recipient.country = recipient.country.or_else(|| recipient.number.country());
    recipient
}

fn cells(start: &Bytes, campaign: &Campaign, limits: Limits) -> Result<Vec<Row>, Problem> {
    let unusable = |error: FileError| {
        let error = FieldError::new("/audience/upload", error.code(), error);
        Problem::of_fields(Code::UnusableFile, vec![error])
    };
    let opened = check::open_file(start, &ready::options(campaign), limits.bytes);
    let mut reader = opened.map_err(unusable)?;
    let (mut rows, mut good) = (Vec::new(), 0);
    while good < limits.good && rows.len() < limits.rows {
        let Some(row) = reader.next().map_err(unusable)? else {
            break;
        };
        good += usize::from(row.is_ok());
        rows.push(match row {
            Ok(row) => {
                let values = row.values();
                let vars = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let reference = row.reference().map(ToOwned::to_owned);
                let mut recipient = Recipient::new(row.phone, vars.collect(), reference);
                recipient.country = row.country;
                Row {
                    line: row.line,
                    recipient: Ok(recipient),
                    zone: row.zone,
                }
            }
            Err(error) => Row {
                line: error.line,
                recipient: Err(error),
                zone: None,
            },
        });
    }
    Ok(rows)
}

async fn contacts(
    api: &Api,
    campaign: &Campaign,
    texts: &Texts,
    limits: Limits,
) -> Result<Sample, Problem> {
    let choice: Choice = ready::choice(api, campaign).await?;
    let names = texts.values();
    let at = campaign.begins(time::now());
    let together = TOGETHER.min(limits.rows);
    let mut sample = Sample {
        rows: Vec::new(),
        excluded: 0,
        share: 1.0,
    };
    let (mut looked_at, mut after) = (0, None);
    loop {
        let read = api.contacts.page(campaign.account, after, together).await?;
        looked_at += read.len();
        for contact in &read {
            match choice.of(contact, at) {
                Chosen::No => {}
                Chosen::Excluded => sample.excluded += 1,
                Chosen::Yes => sample.rows.push(row(contact, &names, sample.rows.len())),
            }
            if sample.rows.len() == limits.good {
                sample.share = share(contact.id);
                return Ok(sample);
            }
        }
        if read.len() < together {
            return Ok(sample);
        }
        after = read.last().map(|contact| contact.id);
        if looked_at >= limits.rows {
            sample.share = after.map_or(1.0, share);
            return Ok(sample);
        }
    }
}

fn row(contact: &Contact, names: &[&str], before: usize) -> Row {
    let mut recipient = Recipient::new(contact.number, contact.values(names), None);
    recipient.country = contact.country;
    Row {
        line: before as u64 + 1,
        recipient: Ok(located(recipient)),
        zone: contact.time_zone,
    }
}
