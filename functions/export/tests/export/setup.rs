//! A batch in tables of its own, of an account that has another one beside it.

use std::time::Duration;

use bytes::Bytes;
use carillon_core::{
    batch::{Batch, BatchTerms, Stage},
    chunk::{
        Chunk, ChunkState, Pointer,
        receipt::{Proof, Receipt, ReceiptStatus},
        slot::{Slot, SlotOutcome},
        source::{FrameAddress, Source},
    },
    click::{Click, Device, Visitor},
    event::{Event, EventData, QueuedEvents},
    export::{
        CsvCells, Dataset, Export, Filter, Format, Numbers, Progress, Purpose, Stage as Step,
    },
    frame::{self, Recipient},
    id::{AccountId, BatchId, ExportId, ExportScheduleId},
    inbound::QueuedInbound,
    keyed_hash::DeploymentKey,
    link::Links,
    message_id::MessageId,
    phone::{Country, Phone},
    suppression::{Cause, Consent, Word},
};
use carillon_store::{
    aws::Aws,
    batches::{Activity, Batches},
    campaigns::Campaigns,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    digests::Digests,
    export_files::ExportFiles,
    exports::Exports,
    files::Files,
    inbound_log::{InboundLog, LoggedInbound},
    lake_days::LakeDays,
    ledger::Ledger,
    queues::{ExportRequest, QueueUrls, Queues},
    suppressions::Suppressions,
};
use carillon_testkit::{build, mortal, stack};
use export::{
    Limits, State,
    worker::{Ended, work},
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp, civil::Date};
use serde_json::Value;

pub const LEASE: Duration = Duration::from_secs(3);

/// Names.
#[derive(Debug, Clone)]
pub struct Tables {
    pub core: String,
    pub ledger: String,
    pub contacts: String,
    /// Of events, where somebody looks at them.
    pub hooks: Option<String>,
}

impl Tables {
    pub fn state(&self, aws: &Aws) -> State {
        let Self {
            core,
            ledger,
            contacts,
            hooks,
        } = self;
        let bucket = stack::variable("FILES_BUCKET");
        State {
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 3),
            digests: Digests::new(aws.dynamodb(), core),
            exports: Exports::new(aws.dynamodb(), core),
            queues: Queues::new(
                aws.sqs(),
                QueueUrls {
                    hooks: hooks.clone(),
                    ..QueueUrls::default()
                },
            ),
            export_files: ExportFiles::new(aws.s3(), &bucket),
            lake_days: LakeDays::new(aws.dynamodb(), core),
            batches: Batches::new(aws.dynamodb(), core),
            campaigns: Campaigns::new(aws.dynamodb(), core),
            contacts: Contacts::new(aws.dynamodb(), contacts),
            inbound: InboundLog::new(aws.dynamodb(), contacts),
            suppressions: Suppressions::new(aws.dynamodb(), contacts),
            ledger: Ledger::new(aws.dynamodb(), ledger),
            files: Files::new(aws.s3(), bucket),
            key: DeploymentKey::from_secret("a secret of a test"),
            limits: Limits::USUAL,
        }
    }
}

pub struct Setup {
    pub state: State,
    pub tables: Tables,
    pub account: AccountId,
    pub batch: BatchId,
    pub foreign: BatchId,
    aws: Aws,
    s3: aws_sdk_s3::Client,
    sqs: aws_sdk_sqs::Client,
    bucket: String,
}

pub fn began() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).unwrap()
}

impl Setup {
    /// Full chunks; every fourth message is delivered.
    pub async fn with_chunks(chunks: u32) -> Self {
        let aws = stack::aws().await;
        let tables = Tables {
            core: stack::table_like(&aws.dynamodb(), "CORE_TABLE").await,
            ledger: stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await,
            contacts: stack::table_like(&aws.dynamodb(), "CONTACTS_TABLE").await,
            hooks: Some(stack::queue(&aws.sqs(), "hooks").await),
        };
        let mut state = tables.state(&aws);
        state.limits = Limits {
            part_rows: 1_000,
            lease: SignedDuration::try_from(LEASE).unwrap(),
            note_every: Duration::from_millis(50),
            reserve: SignedDuration::ZERO,
            ..Limits::USUAL
        };
        let (account, other) = (build::id(), build::id());
        let batch = write(&state, account, chunks).await;
        let foreign = write(&state, other, 1).await;
        Self {
            state,
            tables,
            account,
            batch,
            foreign,
            s3: aws.s3(),
            sqs: aws.sqs(),
            aws,
            bucket: stack::variable("FILES_BUCKET"),
        }
    }

    /// Of messages, made by a test key, as the batch was.
    pub async fn export(&self, format: Format, filter: Filter) -> Export {
        self.create(format, filter, Purpose::Download).await
    }

    /// As a schedule makes it, of the second in which the batches were made. Its schedule.
    pub async fn scheduled(&self, on: Date) -> (Export, ExportScheduleId) {
        let schedule = build::id();
        let filter = Filter {
            from: Some(began()),
            until: Some(began() + SignedDuration::from_secs(1)),
            ..Filter::default()
        };
        let purpose = Purpose::Schedule { schedule, on };
        (
            self.create(Format::Parquet, filter, purpose).await,
            schedule,
        )
    }

    pub async fn lake(&self, id: ExportId, day: Date) -> Export {
        let now = Timestamp::now();
        let export = Export {
            test: true,
            ..Export::of_lake(id, self.account, day, Numbers::Full, now)
        };
        self.state.exports.create(&export, None).await.unwrap();
        export
    }

    /// What readers of the day find, by name.
    pub async fn in_lake(&self, day: Date) -> Vec<(String, Bytes)> {
        let home = format!("exports/lake/account={}/dt={day}/", self.account);
        let list = self.s3.list_objects_v2().bucket(&self.bucket);
        let listed = list.prefix(&home).send().await.unwrap();
        let mut files = Vec::new();
        for key in listed.contents().iter().filter_map(|file| file.key()) {
            let get = self.s3.get_object().bucket(&self.bucket).key(key);
            let body = get.send().await.unwrap().body.collect().await.unwrap();
            let name = key.trim_start_matches(&home).to_owned();
            files.push((name, body.into_bytes()));
        }
        files
    }

    /// A batch of one full chunk.
    pub async fn made(&self, change: impl FnOnce(&mut BatchTerms)) -> BatchId {
        let mut terms = build::terms(began());
        terms.account = self.account;
        change(&mut terms);
        write_terms(&self.state, terms, 1).await
    }

    async fn create(&self, format: Format, filter: Filter, purpose: Purpose) -> Export {
        self.create_of(Dataset::Messages, format, filter, purpose)
            .await
    }

    async fn create_of(
        &self,
        dataset: Dataset,
        format: Format,
        filter: Filter,
        purpose: Purpose,
    ) -> Export {
        let export = Export {
            id: build::id(),
            account: self.account,
            dataset,
            filter,
            format,
            numbers: Numbers::Full,
            purpose,
            test: true,
            created: Timestamp::now(),
        };
        self.state.exports.create(&export, None).await.unwrap();
        export
    }

    #[expect(clippy::unused_self, reason = "asked of a setup, as all else")]
    pub fn request(&self, export: &Export) -> ExportRequest {
        ExportRequest {
            export: export.id,
            account: export.account,
        }
    }

    pub async fn work(&self, export: &Export) -> Ended {
        let deadline = Timestamp::now() + SignedDuration::from_mins(15);
        self.work_until(export, deadline).await
    }

    pub async fn work_until(&self, export: &Export, deadline: Timestamp) -> Ended {
        work(&self.state, self.request(export), deadline)
            .await
            .unwrap()
    }

    /// Whether a worker breaks off, as one that can't read what it should.
    pub async fn breaks_off(&self, export: &Export) -> bool {
        let deadline = Timestamp::now() + SignedDuration::from_mins(15);
        let worked = work(&self.state, self.request(export), deadline).await;
        worked.is_err()
    }

    /// A batch with a tracked link in one chunk, and these clicks: chunk, slot, seconds after it began, whether by a program.
    pub async fn with_clicks(&self, clicks: &[(u32, u8, i64, bool)]) -> BatchId {
        let mut terms = build::terms(began());
        terms.account = self.account;
        terms.content.links = Some(Links {
            base: "https://example.com/l/".to_owned(),
            first: 0,
            stretch: 100,
            targets: vec!["https://example.com/table".to_owned()],
            valid_for: None,
        });
        let id = write_terms(&self.state, terms, 1).await;
        for (number, (chunk, slot, seconds, is_program)) in clicks.iter().enumerate() {
            let click = Click {
                message: MessageId {
                    batch: id,
                    chunk: *chunk,
                    slot: *slot,
                },
                link: 0,
                at: began() + SignedDuration::from_secs(*seconds),
                visitor: Visitor {
                    device: Device::Phone,
                    is_program: *is_program,
                },
                request: format!("request.{number}"),
            };
            self.state.ledger.record_click(&click).await.unwrap();
        }
        id
    }

    pub async fn export_clicks(&self, format: Format, filter: Filter) -> Export {
        let purpose = Purpose::Download;
        self.create_of(Dataset::Clicks, format, filter, purpose)
            .await
    }

    pub async fn export_of(&self, dataset: Dataset, filter: Filter) -> Export {
        let format = Format::Csv {
            cells: CsvCells::Raw,
            gzip: false,
        };
        self.create_of(dataset, format, filter, Purpose::Download)
            .await
    }

    /// Somebody writes, and somebody opts out.
    pub async fn hears(&self, at: Timestamp) {
        let message = QueuedInbound {
            account: self.account,
            gateway: None,
            from: Phone::from_digits(447_700_900_123).unwrap(),
            to: "12345".to_owned(),
            text: "Hi".to_owned(),
            provider_id: None,
            at,
        };
        let meaning = None;
        let logged = LoggedInbound { message, meaning };
        self.state.inbound.put(&logged, "a", at).await.unwrap();
        let word = Word::new(Consent::OptedOut, at, Cause::Request);
        let (hash, suppressions) = (at.to_string(), &self.state.suppressions);
        let taken = suppressions.take(self.account, &hash, &word, at).await;
        taken.unwrap();
    }

    /// A chunk of the batch that names a file that isn't there.
    pub async fn lose_a_frame(&self) {
        let terms = BatchTerms {
            account: self.account,
            ..build::terms(began())
        };
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        let created = self.state.batches.create(&batch, Activity::Passive).await;
        created.unwrap();
        let nowhere = Source::Frame(FrameAddress {
            run: 9,
            part: 9,
            offset: 0,
            length: 9,
        });
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk: 0,
        };
        let written = self
            .state
            .ledger
            .create_chunk(pointer, &done(nowhere))
            .await;
        assert!(written.unwrap());
    }

    pub async fn find(&self, export: &Export) -> (Export, Progress) {
        let found = self.state.exports.find(export.account, export.id).await;
        found.unwrap().unwrap()
    }

    /// Whether a worker died on its way, after so many calls to AWS. It says a word after each chunk, and its lease is over at once.
    pub async fn dies_after(&self, export: &Export, calls: u32) -> bool {
        let mut mortal = self.tables.state(&mortal::after(&self.aws, calls));
        mortal.limits = Limits {
            lease: SignedDuration::ZERO,
            note_every: Duration::ZERO,
            ..self.state.limits
        };
        let deadline = Timestamp::now() + SignedDuration::from_mins(15);
        let worked = work(&mortal, self.request(export), deadline).await;
        worked.is_err()
    }

    pub async fn manifest(&self, export: &Export) -> Value {
        let key = ExportFiles::manifest_key(export);
        let get = self.s3.get_object().bucket(&self.bucket).key(key);
        let body = get.send().await.unwrap().body.collect().await.unwrap();
        serde_json::from_slice(&body.into_bytes()).unwrap()
    }

    /// Files and uploads under an export's keys that its parts don't name, but for the manifest.
    pub async fn nobodys(&self, export: &Export) -> usize {
        let manifest = ExportFiles::manifest_key(export);
        let home = manifest.trim_end_matches("manifest.json");
        let list = self.s3.list_objects_v2().bucket(&self.bucket).prefix(home);
        let files = list.send().await.unwrap().contents().len();
        let uploads = self.s3.list_multipart_uploads().bucket(&self.bucket);
        let uploads = uploads.prefix(home).send().await.unwrap();
        let (_, progress) = self.find(export).await;
        files - 1 - progress.parts.len() + uploads.uploads().len()
    }

    /// What events say: kind and rows.
    pub async fn told(&self) -> Vec<(String, u64)> {
        let url = self.tables.hooks.as_ref().unwrap();
        let queued = stack::taken(&self.sqs, url).await.into_iter();
        let queued = queued.map(|body| serde_json::from_str::<QueuedEvents>(&body).unwrap());
        let rows = |event: Event| match event.data {
            EventData::Export(data) => (event.kind, data.rows),
            other => panic!("{other:?}"),
        };
        queued.flat_map(|queued| queued.events).map(rows).collect()
    }

    /// Returns when so many of its parts are there.
    pub async fn parts(&self, export: &Export, parts: usize) {
        while self.find(export).await.1.parts.len() < parts {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn cancel(&self, export: &Export) -> bool {
        let (_, mut progress) = self.find(export).await;
        progress.stage = Step::Cancelled;
        let request = self.request(export);
        self.state.exports.cancel(request, &progress).await.unwrap()
    }

    pub async fn files(&self, export: &Export) -> (Progress, Vec<String>) {
        let (progress, files) = self.files_of_bytes(export).await;
        let text = |file: Bytes| String::from_utf8(file.to_vec()).unwrap();
        (progress, files.into_iter().map(text).collect())
    }

    pub async fn files_of_bytes(&self, export: &Export) -> (Progress, Vec<Bytes>) {
        let (_, progress) = self.find(export).await;
        let mut files = Vec::new();
        for part in &progress.parts {
            let get = self.s3.get_object().bucket(&self.bucket).key(&part.key);
            let body = get.send().await.unwrap().body.collect().await.unwrap();
            files.push(body.into_bytes());
        }
        (progress, files)
    }
}

async fn write(state: &State, account: AccountId, chunks: u32) -> BatchId {
    let mut terms = build::terms(began());
    // Ids begin with the time at which they were drawn, and that is how batches of a time are found.
    terms.id = BatchId::at(began(), *build::token().last_chunk().unwrap());
    terms.account = account;
    write_terms(state, terms, chunks).await
}

async fn write_terms(state: &State, terms: BatchTerms, chunks: u32) -> BatchId {
    let id = terms.id;
    let batch = Batch::new(terms, Stage::Ready, Some(chunks));
    state
        .batches
        .create(&batch, Activity::Passive)
        .await
        .unwrap();
    let (mut part, mut frames) = (Vec::new(), Vec::new());
    for number in 0..chunks {
        let first = 447_700_900_000 + u64::from(number) * 100;
        let recipients: Vec<Recipient> = (first..first + 100)
            .map(|digits| {
                let number = Phone::from_digits(digits).unwrap();
                let vars = [("name".to_owned(), format!("Ann {digits}"))];
                let reference = Some(format!("customer-{digits}"));
                Recipient::new(number, vars.into(), reference).in_country(Country::parse("GB").ok())
            })
            .collect();
        let frame = frame::encode(&recipients);
        let address = FrameAddress {
            run: 1,
            part: 0,
            offset: part.len() as u64,
            length: u32::try_from(frame.len()).unwrap(),
        };
        part.extend(frame);
        frames.push((number, address));
    }
    let written = stream::iter(frames).map(async |(number, address)| {
        let pointer = Pointer {
            batch: id,
            chunk: number,
        };
        let chunk = done(Source::Frame(address));
        let written = state.ledger.create_chunk(pointer, &chunk).await;
        assert!(written.unwrap());
    });
    written.buffer_unordered(16).collect::<Vec<()>>().await;
    state.files.put_part(id, 1, 0, part.into()).await.unwrap();
    id
}

fn done(source: Source) -> Chunk {
    let mut chunk = Chunk::new(100, source);
    chunk.state = ChunkState::Done;
    chunk.done = Some(began());
    for slot in 0..100 {
        chunk.slots[slot] = Slot {
            outcome: SlotOutcome::Accepted,
            attempt: 1,
            ..Slot::default()
        };
        let delivered = Receipt {
            status: ReceiptStatus::Delivered,
            attempt: 1,
            proof: Proof::Handset,
            reason: None,
            seconds: 3,
        };
        chunk.receipts[slot] = slot.is_multiple_of(4).then_some(delivered);
    }
    chunk
}
