//! All that is known of a number, as one file in JSON (GDPR articles 15 and 20), found as an erasure finds it. Each step writes what it
//! found as a piece under its own name, so that a step which is made again writes over itself; the last one joins them.

use carillon_core::{
    batch::Batch,
    chunk::{Chunk, Pointer},
    content::Texts,
    export::{
        Dataset, Export, Filter, Format, Numbers, Purpose,
        messages::{self, MessageRows},
        records::CONTACTS,
        table::{Cell, Column, Row},
    },
    frame::Recipient,
    id::{AccountId, ExportId},
    opt_in::Asked,
    phone::Phone,
    privacy::{Found, Place},
    recipients::erase::Finder,
    suppression::Suppression,
};
use carillon_runtime::recipients;
use carillon_store::{StoreError, inbound_log::LoggedInbound};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    PrivacyError, State, campaigns,
    files::{self, Looked},
    records,
    round::{Reached, Subject},
};

/// Records that are read together.
const TOGETHER: i32 = 100;

/// What a step found, and all of them together.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Piece {
    contact: Option<Value>,
    opt_out: Option<Suppression>,
    /// What was asked last, of an opt-in.
    asked: Option<Asked>,
    consents: Vec<Value>,
    inbound: Vec<LoggedInbound>,
    messages: Vec<Value>,
    /// What waits for your endpoints, and what nobody could work on.
    events: Vec<Value>,
    dead_letters: Vec<Value>,
    files: Vec<FileRows>,
}

/// A file of the account in which the number has rows.
#[derive(Debug, Serialize, Deserialize)]
struct FileRows {
    key: String,
    rows: u32,
}

/// The file as it is fetched.
#[derive(Serialize)]
struct Report {
    number: Phone,
    made: Timestamp,
    #[serde(flatten)]
    all: Piece,
}

/// One place; the next, or `None` when the file is there.
pub async fn tell(
    state: &State,
    subject: &Subject,
    place: Place,
    found: &mut Found,
) -> Result<Option<Place>, PrivacyError> {
    let name = name(&place);
    let mut piece = Piece::default();
    let next = match place {
        Place::Records => {
            records(state, subject, &mut piece).await?;
            Some(Place::Campaigns { after: None })
        }
        Place::Campaigns { after } => {
            let reached = campaigns::go_through(state, subject, after, async |batch| {
                campaign(state, subject, batch, &mut piece.messages).await
            });
            Some(match reached.await? {
                Reached::End => Place::Files { after: None },
                Reached::Key(after) => Place::Campaigns { after },
            })
        }
        Place::Files { after } => {
            let finder = Finder::new(subject.number);
            let reached = files::go_through(state, subject, after, async |key| {
                let looked = files::look(state, subject, key, &finder).await?;
                if let Looked::Rows {
                    rows: rows @ 1.., ..
                } = looked
                {
                    let key = key.to_owned();
                    piece.files.push(FileRows { key, rows });
                }
                Ok(())
            });
            match reached.await? {
                Reached::End => None,
                Reached::Key(after) => Some(Place::Files { after }),
            }
        }
    };
    piece.count(found);
    let Subject {
        account,
        request,
        ref hash,
        ..
    } = *subject;
    let body = serde_json::to_vec(&piece).expect("our own types are representable in JSON");
    state
        .files
        .put_piece((account, hash, request), &name, body)
        .await?;
    if next.is_none() {
        join(state, subject).await?;
    }
    Ok(next)
}

/// In the order of places.
fn name(place: &Place) -> String {
    let of = |number: u8, after: &Option<String>| {
        let after = after.as_deref().unwrap_or_default().replace('/', "+");
        format!("{number}-{after}")
    };
    match place {
        Place::Records => of(1, &None),
        Place::Campaigns { after } => of(2, after),
        Place::Files { after } => of(3, after),
    }
}

async fn join(state: &State, subject: &Subject) -> Result<(), PrivacyError> {
    let of = (subject.account, subject.hash.as_str(), subject.request);
    let mut all = Piece::default();
    for body in state.files.pieces(of).await? {
        let piece = serde_json::from_slice(&body)
            .map_err(|error| StoreError::corrupt(format!("a piece of a report: {error}")))?;
        all.add(piece);
    }
    let report = Report {
        number: subject.number,
        made: Timestamp::now(),
        all,
    };
    let body = serde_json::to_vec_pretty(&report);
    let body = body.expect("our own types are representable in JSON");
    Ok(state.files.put_report(of, body).await?)
}

impl Piece {
    fn count(&self, found: &mut Found) {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        found.contacts += u32::from(self.contact.is_some());
        found.consents += count(self.consents.len());
        found.inbound += count(self.inbound.len());
        found.messages += count(self.messages.len());
        found.events += count(self.events.len());
        found.dead_letters += count(self.dead_letters.len());
        found.rows += self.files.iter().map(|file| file.rows).sum::<u32>();
    }

    fn add(&mut self, other: Self) {
        let Self {
            contact,
            opt_out,
            asked,
            consents,
            inbound,
            messages,
            events,
            dead_letters,
            files,
        } = other;
        self.contact = self.contact.take().or(contact);
        self.opt_out = self.opt_out.take().or(opt_out);
        self.asked = self.asked.take().or(asked);
        self.consents.extend(consents);
        self.inbound.extend(inbound);
        self.messages.extend(messages);
        self.events.extend(events);
        self.dead_letters.extend(dead_letters);
        self.files.extend(files);
    }
}

async fn records(state: &State, subject: &Subject, piece: &mut Piece) -> Result<(), PrivacyError> {
    let Subject {
        account,
        number,
        ref hash,
        ..
    } = *subject;
    let contact = state
        .contacts
        .find(account, state.key.contact(account, number));
    let row = |contact| all(account, false).contact(&contact);
    let row = contact.await?.and_then(row);
    piece.contact = row.map(|row| Value::Object(object(CONTACTS, row)));
    piece.opt_out = state.suppressions.find(account, hash).await?;
    piece.asked = state.consents.asked(account, number).await?;
    consents(state, subject, &mut piece.consents).await?;
    inbound(state, subject, &mut piece.inbound).await?;
    for (_, message) in state.ledger.all_sent_to(account, hash).await? {
        let batch = state.batches.find(message.batch).await?;
        let Some(batch) = batch.filter(|batch| batch.terms.account == account) else {
            continue;
        };
        let pointer = Pointer {
            batch: message.batch,
            chunk: message.chunk,
        };
        let slot = Some(usize::from(message.slot));
        of_chunk(state, subject, &batch, (pointer, slot), &mut piece.messages).await?;
    }
    for kept in records::letters(state, subject).await? {
        piece
            .dead_letters
            .push(json!({"letter": kept.letter, "body": kept.body}));
    }
    for parked in records::waiting(state, subject).await? {
        piece.events.push(json!(parked.event));
    }
    Ok(())
}

async fn consents(
    state: &State,
    subject: &Subject,
    into: &mut Vec<Value>,
) -> Result<(), StoreError> {
    let mut before = None;
    loop {
        let page = state
            .consents
            .page(subject.account, subject.number, before, TOGETHER)
            .await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        before = Some(last.sealed.place);
        into.extend(
            page.iter().map(
                |proved| json!({"record": proved.sealed.record, "is_intact": proved.is_intact}),
            ),
        );
    }
}

async fn inbound(
    state: &State,
    subject: &Subject,
    into: &mut Vec<LoggedInbound>,
) -> Result<(), StoreError> {
    loop {
        let before = into.last().map(LoggedInbound::place);
        let page = state
            .inbound
            .newest_of(subject.account, &subject.hash, before.as_deref(), TOGETHER)
            .await?;
        if page.is_empty() {
            return Ok(());
        }
        into.extend(page);
    }
}

async fn campaign(
    state: &State,
    subject: &Subject,
    batch: &Batch,
    into: &mut Vec<Value>,
) -> Result<(), PrivacyError> {
    let Some(manifest) = state.files.find_manifest(batch.terms.id).await? else {
        return Ok(());
    };
    for chunk in manifest.may_hold(subject.number) {
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk,
        };
        of_chunk(state, subject, batch, (pointer, None), into).await?;
    }
    Ok(())
}

/// The messages of a chunk that went to the number, or that of one slot.
async fn of_chunk(
    state: &State,
    subject: &Subject,
    batch: &Batch,
    (pointer, slot): (Pointer, Option<usize>),
    into: &mut Vec<Value>,
) -> Result<(), PrivacyError> {
    let Some(chunk) = state.ledger.find(pointer).await? else {
        return Ok(());
    };
    let recipients = recipients::of_chunk(&state.ledger, &state.files, pointer, &chunk).await?;
    let rows = rows(state, batch, (pointer, &chunk), &recipients);
    let all = recipients.iter().zip(rows).enumerate();
    let theirs = all.filter(|(place, (recipient, _))| {
        recipient.number == subject.number && slot.is_none_or(|slot| slot == *place)
    });
    into.extend(theirs.map(|(_, (recipient, row))| message(batch, recipient, row)));
    Ok(())
}

/// As an export of messages has them, one for each slot.
fn rows(
    state: &State,
    batch: &Batch,
    chunk: (Pointer, &Chunk),
    recipients: &[Recipient],
) -> Vec<Row> {
    let all = all(batch.terms.account, batch.terms.test);
    MessageRows::new(batch, Timestamp::now()).of_chunk(&all, &state.key, chunk, recipients)
}

/// An export that leaves nothing out.
fn all(account: AccountId, test: bool) -> Export {
    Export {
        id: ExportId::from_uuid(account.uuid()),
        account,
        dataset: Dataset::Messages,
        filter: Filter::default(),
        format: Format::Parquet,
        numbers: Numbers::Full,
        purpose: Purpose::Download,
        test,
        created: Timestamp::now(),
    }
}

fn object(columns: &[Column], row: Row) -> Map<String, Value> {
    let cells = columns.iter().zip(row);
    cells
        .map(|(column, cell)| (column.name.to_owned(), value(cell)))
        .collect()
}

/// With what it said, its links as long as they were.
fn message(batch: &Batch, recipient: &Recipient, row: Row) -> Value {
    let mut message = object(messages::COLUMNS, row);
    let values = |name: &str| recipient.vars.get(name).map(String::as_str);
    let texts = Texts::parse(&batch.terms.content).ok();
    let text = texts.and_then(|texts| texts.render(values, None).ok());
    message.insert("values".to_owned(), json!(recipient.vars));
    message.insert("text".to_owned(), json!(text));
    Value::Object(message)
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Text(text) => json!(text),
        Cell::Integer(integer) => json!(integer),
        Cell::Flag(flag) => json!(flag),
        Cell::Time(time) => json!(time),
    }
}
