//! An account that has sent to two numbers by every path.

use std::{collections::BTreeMap, io::Write};

use aws_sdk_dynamodb::types::AttributeValue;
use carillon_core::{
    batch::{Batch, BatchTerms, Prepared, Stage},
    chunk::{Chunk, ChunkState, Pointer, source::Source},
    closing::CHUNKS_KEPT,
    consent::{ConsentRecord, ConsentScope, Method},
    contact::{Contact, Value},
    content::Content,
    dead_letter::{DeadLetter, DeadQueue, Subject, Why},
    event::Event,
    frame::{self, Recipient},
    id::{AccountId, BatchId, GatewayAccountId, PrivacyRequestId, UploadId},
    inbound::QueuedInbound,
    keyed_hash::DeploymentKey,
    limits::velocity::{NUMBER, Pause},
    link::Links,
    manifest::{Frame, Group, Manifest},
    message_id::MessageId,
    opt_in::{ANSWERED_WITHIN, Asked},
    phone::Phone,
    privacy::{Act, Found, Place, Progress, Request},
    retention::Retention,
    safeguards::Safeguards,
    status::Totals,
    suppression::{Cause, Consent, Suppression, Word},
    webhook::{Delivery, DeliveryState, Endpoint, EndpointState, Grouping, archive},
};
use carillon_runtime::recipients;
use carillon_store::{
    audit::{Actor, Audit},
    aws::Aws,
    batches::Activity,
    consents::Proved,
    dead_letters::Kept,
    import_files::{Group as ImportGroup, RejectedRow},
    inbound_log::LoggedInbound,
    keys,
    ledger::Indexed,
    retention::Sweep,
    uploads::{Upload, UploadFormat},
    webhooks::{KeptEndpoint, Parked},
};
use carillon_testkit::{build, stack};
use flate2::{Compression, write::GzEncoder};
use jiff::{SignedDuration, Timestamp};

use crate::{
    Names, State,
    retention::{self, Pass},
    rewrite::parquet::tests as parquet,
    round,
};

pub const ERASED: u64 = 447_700_900_123;
pub const OTHER: u64 = 447_700_900_124;
const RUN: u64 = 7;
/// What its batches came to.
pub const TOTALS: Totals = Totals {
    accepted: 2,
    submitted: 2,
    in_flight: 0,
    waiting: 0,
    delivered: 2,
    undelivered: 0,
    failed: 0,
    expired: 0,
    suppressed: 0,
    cancelled: 0,
    unknown: 0,
    doubted: 0,
    resent: 0,
    clicked: 0,
    read: 0,
    chunks: 1,
    chunks_done: 1,
};

pub struct World {
    pub aws: Aws,
    pub names: Names,
    state: State,
    account: AccountId,
    gateway: GatewayAccountId,
    erasure: PrivacyRequestId,
    report: PrivacyRequestId,
    /// Of the API: short and long; of a campaign.
    batches: [BatchId; 3],
}

impl World {
    pub async fn new() -> Self {
        let aws = stack::aws().await;
        let dynamodb = aws.dynamodb();
        let names = Names {
            ledger: stack::table_like(&dynamodb, "LEDGER_TABLE").await,
            core: stack::table_like(&dynamodb, "CORE_TABLE").await,
            contacts: stack::table_like(&dynamodb, "CONTACTS_TABLE").await,
            bucket: stack::variable("FILES_BUCKET"),
        };
        let key = DeploymentKey::from_secret("a secret of a test");
        let state = State::new(&aws, key, &names, SignedDuration::ZERO);
        let world = Self {
            aws,
            names,
            state,
            account: build::id(),
            gateway: build::id(),
            erasure: build::id(),
            report: build::id(),
            batches: [build::id(), build::id(), build::id()],
        };
        world.records().await;
        world.api_sends().await;
        world.campaign().await;
        world.files().await;
        world.exports().await;
        world.events().await;
        world
    }

    pub fn pointers(&self) -> [Pointer; 3] {
        self.batches.map(|batch| Pointer { batch, chunk: 0 })
    }

    /// Where its files are.
    pub fn prefixes(&self) -> Vec<String> {
        let account = self.account;
        let mut prefixes = vec![format!("recipients/{}/", self.batches[2])];
        prefixes.push(format!("exports/lake/account={account}/"));
        let own = ["uploads", "rejected", "exports", "events"];
        prefixes.extend(own.map(|it| format!("{it}/{account}/")));
        prefixes
    }

    pub async fn chunks(&self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for pointer in self.pointers() {
            let mut chunk = self.state.ledger.find(pointer).await.unwrap().unwrap();
            // Of the same length; what is in it is looked at elsewhere.
            if let Source::Inline(frame) = &mut chunk.source {
                frame.fill(0);
            }
            chunks.push(chunk);
        }
        chunks
    }

    pub async fn recipients(&self, pointer: Pointer) -> Vec<Recipient> {
        let State { ledger, files, .. } = &self.state;
        let chunk = ledger.find(pointer).await.unwrap().unwrap();
        let recipients = recipients::of_chunk(ledger, files, pointer, &chunk);
        recipients.await.unwrap()
    }

    pub async fn suppression(&self, digits: u64) -> Option<Suppression> {
        let hash = self.hash(digits);
        let stands = self.state.suppressions.find(self.account, &hash);
        stands.await.unwrap()
    }

    pub async fn consents(&self, digits: u64) -> Vec<Proved> {
        let page = self
            .state
            .consents
            .page(self.account, phone(digits), None, 9);
        page.await.unwrap()
    }

    pub async fn manifest(&self) -> Manifest {
        let found = self.state.files.find_manifest(self.batches[2]).await;
        found.unwrap().unwrap()
    }

    pub async fn ask(&self, act: Act, digits: u64) {
        let now = Timestamp::now();
        let request = Request {
            id: self.request(act),
            account: self.account,
            act,
            number: Some(phone(digits)),
            number_hash: self.hash(digits),
            asked: now,
            progress: Progress::Round {
                round: 1,
                due: now,
                place: Place::default(),
            },
            found: Found::default(),
            version: 1,
        };
        let audit = self.audit();
        let created = self.state.requests.create(&request, &audit);
        created.await.unwrap();
    }

    fn request(&self, act: Act) -> PrivacyRequestId {
        match act {
            Act::Erasure => self.erasure,
            Act::Report => self.report,
        }
    }

    /// A minute of the function.
    pub async fn round(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let deadline = Timestamp::now() + SignedDuration::from_secs(120);
        round::make(&self.state, deadline).await.unwrap();
    }

    /// What a sweep does so many days from now.
    pub async fn sweep(&self, days: i64) {
        self.sweep_at(SignedDuration::from_hours(24 * days)).await;
    }

    pub async fn sweep_at(&self, later: SignedDuration) {
        let now = Timestamp::now();
        let until = now + SignedDuration::from_mins(2);
        retention::sweep(&self.state, now + later, until)
            .await
            .unwrap();
    }

    pub async fn keep(&self, retention: Retention) {
        let safeguards = self.state.safeguards.find(self.account).await.unwrap();
        let safeguards = Safeguards {
            retention,
            version: safeguards.version + 1,
            ..safeguards
        };
        let audit = self.audit();
        let changed = self.state.safeguards.change(&safeguards, &audit);
        changed.await.unwrap().unwrap();
    }

    /// A sweep of messages after a hundred days, with time for so many batches.
    pub async fn sweep_some(&self, retention: Retention, batches: u32) {
        let before = self.is_listed().await.expect("it keeps less than usual");
        let mut left = batches;
        let has_time = || {
            let has = left > 0;
            left = left.saturating_sub(1);
            has
        };
        let now = Timestamp::now() + SignedDuration::from_hours(24 * 100);
        let pass = retention::messages(&self.state, &before, retention, now, has_time);
        let Pass { swept, reached } = pass.await.unwrap();
        let after = Sweep {
            swept,
            reached,
            ..before
        };
        let changed = self.state.sweeps.change(&before, &after).await;
        changed.unwrap().unwrap();
    }

    pub async fn is_listed(&self) -> Option<Sweep> {
        let far = Timestamp::now() + SignedDuration::from_hours(24 * 9_999);
        let listed = self.state.sweeps.due(far).await.unwrap();
        listed.into_iter().find(|it| it.account == self.account)
    }

    pub async fn inbox(&self) -> usize {
        let wrote = self.state.inbound.newest(self.account, None, 100).await;
        wrote.unwrap().len()
    }

    pub async fn acts(&self) -> usize {
        let acts = self.state.audit.list(self.account, None, 100).await;
        acts.unwrap().len()
    }

    pub async fn batches(&self) -> Vec<Batch> {
        let mut batches = Vec::new();
        for id in self.batches {
            batches.push(self.state.batches.find(id).await.unwrap().unwrap());
        }
        // A campaign's text names nobody.
        batches.truncate(2);
        batches
    }

    /// Of each batch, whether anything is left in the ledger.
    pub async fn left(&self) -> [bool; 3] {
        let mut left = [false; 3];
        for (there, pointer) in left.iter_mut().zip(self.pointers()) {
            *there = self.state.ledger.find(pointer).await.unwrap().is_some();
        }
        left
    }

    /// Every chunk is done, and the totals are frozen.
    pub async fn finish(&self) {
        self.finish_some(&self.batches).await;
    }

    pub async fn finish_but_the_first(&self) {
        self.finish_some(&self.batches[1..]).await;
    }

    async fn finish_some(&self, batches: &[BatchId]) {
        for batch in batches {
            for chunk in 0..2 {
                self.done(Pointer {
                    batch: *batch,
                    chunk,
                })
                .await;
            }
            let frozen = self.state.batches.freeze(*batch, &TOTALS);
            frozen.await.unwrap();
        }
    }

    /// As `send` leaves a chunk; one that isn't there isn't made.
    async fn done(&self, pointer: Pointer) {
        let ends = Timestamp::now() + CHUNKS_KEPT;
        let update = self
            .aws
            .dynamodb()
            .update_item()
            .table_name(&self.names.ledger)
            .set_key(Some(keys::chunk(pointer).item()))
            .update_expression("SET st = :done, #ttl = :ends")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(
                ":done",
                AttributeValue::N((ChunkState::Done as u8).to_string()),
            )
            .expression_attribute_values(":ends", AttributeValue::N(ends.as_second().to_string()));
        drop(update.send().await);
    }

    pub async fn is_done(&self) -> bool {
        self.found(Act::Erasure).await.due().is_none()
    }

    pub async fn erase(&self, digits: u64) -> Request {
        self.make(Act::Erasure, digits).await
    }

    pub async fn make(&self, act: Act, digits: u64) -> Request {
        self.ask(act, digits).await;
        for _ in 0..5 {
            self.round().await;
        }
        let request = self.found(act).await;
        assert_eq!((request.due(), request.number), (None, None));
        request
    }

    /// The files of reports, by their keys.
    pub async fn reports(&self) -> Vec<(String, String)> {
        let prefix = format!("reports/{}/", self.account);
        let files = &self.state.files;
        let mut reports = Vec::new();
        for key in files.keys(&prefix, None).await.unwrap() {
            let (body, _) = files.open(&key).await.unwrap().unwrap();
            let body = body.collect().await.unwrap().to_vec();
            reports.push((key, String::from_utf8(body).unwrap()));
        }
        reports
    }

    /// Of a window that was open meanwhile.
    pub async fn late_provider_id(&self, pointer: Pointer) {
        let ids = [(0, "GW-ZEB-LATE".to_owned())];
        let put = self
            .state
            .ledger
            .put_provider_ids(pointer, 2, &ids, Timestamp::now());
        put.await.unwrap();
    }

    async fn found(&self, act: Act) -> Request {
        let id = self.request(act);
        let found = self.state.requests.find(self.account, act, id).await;
        found.unwrap().unwrap()
    }

    fn hash(&self, digits: u64) -> String {
        self.state.key.number(self.account, phone(digits))
    }

    fn audit(&self) -> Audit {
        Audit {
            id: build::id(),
            at: Timestamp::now(),
            account: self.account,
            actor: Actor::Operator,
            action: "test".to_owned(),
            target: "test".to_owned(),
        }
    }

    async fn records(&self) {
        let now = Timestamp::now();
        for (digits, name) in [(ERASED, "Zebulon"), (OTHER, "Rosalind")] {
            let number = phone(digits);
            let id = self.state.key.contact(self.account, number);
            let mut contact = Contact::new(self.account, id, number, number.country(), now);
            contact.lists.insert(build::id());
            let value = Value::Text(name.to_owned());
            contact.attributes.insert("name".parse().unwrap(), value);
            self.state
                .contacts
                .save(None, &contact)
                .await
                .unwrap()
                .unwrap();
            for _ in 0..2 {
                let record = consent(name, now);
                let recorded = self.state.consents.record(self.account, number, &record);
                recorded.await.unwrap();
            }
            let asked = Asked {
                message: MessageId {
                    batch: self.batches[0],
                    chunk: 0,
                    slot: 0,
                },
                scope: ConsentScope::Marketing,
                text: format!("{name}, reply YES for offers"),
                at: now,
                expires: now + ANSWERED_WITHIN,
                answered: None,
            };
            self.state
                .consents
                .ask(self.account, number, &asked)
                .await
                .unwrap();
            let message = self.inbound(number, name);
            let body = serde_json::to_string(&message).unwrap();
            let logged = LoggedInbound {
                message,
                meaning: None,
            };
            let hash = self.hash(digits);
            let put = self.state.inbound.put(&logged, &hash, now);
            put.await.unwrap();
            let letter = DeadLetter {
                id: build::id(),
                account: self.account,
                test: false,
                queue: DeadQueue::Inbound,
                subject: Subject::default(),
                why: Why::Failed,
                receives: 3,
                since: now,
                died: now,
            };
            self.state
                .dead_letters
                .keep(&Kept { letter, body })
                .await
                .unwrap();
            let counted = self
                .state
                .velocity
                .count(self.account, &hash, &NUMBER, Pause::Room, now);
            counted.await.unwrap().unwrap();
        }
        let word = Word {
            number: Some(phone(ERASED)),
            reason: Some("Zebulon asked".to_owned()),
            ..Word::new(Consent::OptedOut, now, Cause::Request)
        };
        let hash = self.hash(ERASED);
        let taken = self
            .state
            .suppressions
            .take(self.account, &hash, &word, now);
        taken.await.unwrap();
    }

    fn inbound(&self, number: Phone, name: &str) -> QueuedInbound {
        QueuedInbound {
            account: self.account,
            gateway: Some(self.gateway),
            from: number,
            to: "12345".to_owned(),
            text: format!("{name} here"),
            provider_id: Some(format!("in-{name}")),
            at: Timestamp::now(),
        }
    }

    async fn api_sends(&self) {
        let now = Timestamp::now();
        let [short, long, _] = self.pointers();
        let frame = frame::encode(&recipients());
        let ledger = &self.state.ledger;
        ledger
            .put_recipients(long, frame.clone(), now)
            .await
            .unwrap();
        for (pointer, source) in [(short, Source::Inline(frame)), (long, Source::Sibling)] {
            self.batch(pointer.batch, false).await;
            ledger
                .create_chunk(pointer, &Chunk::new(2, source))
                .await
                .unwrap();
            for (slot, digits) in [(0, ERASED), (1, OTHER)] {
                let message = MessageId {
                    batch: pointer.batch,
                    chunk: 0,
                    slot,
                };
                let hash = self.hash(digits);
                let index =
                    ledger.index_recipient(self.account, &hash, message, Indexed::Other, now);
                index.await.unwrap();
            }
            self.provider_ids(pointer).await;
        }
    }

    /// By the API, to these alone, in words about them.
    pub async fn sent_alone(&self, digits: &[u64]) -> BatchId {
        let (id, now) = (build::id(), Timestamp::now());
        let words = |language: &str| format!("Zebulon-{id}-{language}");
        let links = Links {
            targets: vec![words("link")],
            ..Links::at("https://example.com/l/")
        };
        let content = Content {
            text: words("en"),
            languages: BTreeMap::from([("de".parse().unwrap(), words("de"))]),
            links: Some(links),
            ..Content::default()
        };
        let terms = BatchTerms {
            id,
            account: self.account,
            campaign: None,
            content,
            ..build::terms(now)
        };
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        let created = self.state.batches.create(&batch, Activity::Passive);
        created.await.unwrap();
        let alone = digits.iter().map(|digits| recipient(*digits, "", ""));
        let frame = frame::encode(&alone.collect::<Vec<_>>());
        let chunk = Chunk::new(digits.len(), Source::Inline(frame));
        let pointer = Pointer {
            batch: id,
            chunk: 0,
        };
        let ledger = &self.state.ledger;
        ledger.create_chunk(pointer, &chunk).await.unwrap();
        for (slot, digits) in (0..).zip(digits) {
            let message = MessageId {
                batch: id,
                chunk: 0,
                slot,
            };
            let hash = self.hash(*digits);
            let index = ledger.index_recipient(self.account, &hash, message, Indexed::Other, now);
            index.await.unwrap();
        }
        id
    }

    async fn campaign(&self) {
        let [_, _, batch] = self.batches;
        self.batch(batch, true).await;
        let first = frame::encode(&recipients());
        let second = frame::encode(&[recipient(447_700_900_200, "Xavier", "order-1")]);
        let part = [first.clone(), second.clone()].concat();
        let files = &self.state.files;
        // The first is of a preparation that died.
        for run in [RUN - 1, RUN] {
            files
                .put_part(batch, run, 0, part.clone().into())
                .await
                .unwrap();
        }
        let length = |frame: &[u8]| u32::try_from(frame.len()).unwrap();
        let offset = u64::from(length(&first));
        let manifest = Manifest {
            version: Manifest::VERSION,
            batch,
            run: RUN,
            parts: 1,
            groups: vec![Group {
                hours: "GB".to_owned(),
                country: phone(ERASED).country(),
                first: phone(ERASED),
                last: phone(447_700_900_200),
                chunk: 0,
                chunks: 2,
            }],
            frames: vec![
                Frame(0, 0, length(&first), 2, ERASED),
                Frame(0, offset, length(&second), 1, 447_700_900_200),
            ],
            prepared: Prepared::default(),
        };
        files.settle_manifest(&manifest).await.unwrap();
        for (chunk, frame) in (0..).zip(&manifest.frames) {
            let pointer = Pointer { batch, chunk };
            let chunk = Chunk::new(frame.3.into(), Source::Frame(manifest.address(frame)));
            self.state
                .ledger
                .create_chunk(pointer, &chunk)
                .await
                .unwrap();
        }
        self.provider_ids(Pointer { batch, chunk: 0 }).await;
    }

    async fn provider_ids(&self, pointer: Pointer) {
        let now = Timestamp::now();
        let ledger = &self.state.ledger;
        let name = |what: &str| format!("{what}-{}", pointer.batch);
        let ids = [(0, name("GW-ZEB")), (1, name("GW-ROS"))];
        ledger
            .put_provider_ids(pointer, 1, &ids, now)
            .await
            .unwrap();
        for (slot, id) in ids {
            let slot = u8::try_from(slot).unwrap();
            let message = MessageId {
                batch: pointer.batch,
                chunk: 0,
                slot,
            };
            let mapped = ledger.map_provider_id(self.gateway, &id, message, 1, now);
            mapped.await.unwrap();
        }
    }

    async fn batch(&self, id: BatchId, of_campaign: bool) {
        let route = carillon_core::batch::RouteEntry {
            gateway: self.gateway,
            parts_per_second: None,
            deduplicates_for: None,
            settles_after: None,
        };
        let terms = build::terms(Timestamp::now());
        let terms = BatchTerms {
            id,
            account: self.account,
            campaign: terms.campaign.filter(|_| of_campaign),
            routes: vec![route],
            ..terms
        };
        let chunks = if of_campaign { 2 } else { 1 };
        let batch = Batch::new(terms, Stage::Ready, Some(chunks));
        let created = self.state.batches.create(&batch, Activity::Passive);
        created.await.unwrap();
    }

    async fn files(&self) {
        let csv = "name,mobile,order\nZebulon,07700 900123,order-4711\nRosalind,07700 900124,order-4712\n";
        let lines = recipients().map(|it| serde_json::to_string(&it).unwrap());
        for (format, body) in [
            (UploadFormat::Csv, csv.to_owned()),
            (UploadFormat::Ndjson, lines.join("\n")),
        ] {
            let id: UploadId = build::id();
            let upload = Upload {
                id,
                account: self.account,
                format,
                created: Timestamp::now(),
            };
            self.state
                .uploads
                .create(&upload, &self.audit())
                .await
                .unwrap();
            let put = self.state.files.put_upload(self.account, id, body.into());
            put.await.unwrap();
        }
        let [_, _, batch] = self.batches;
        let put = self
            .state
            .files
            .put_rejected(self.account, batch, csv.into());
        put.await.unwrap();
        let row = |number: &str, name: &str| RejectedRow {
            line: 2,
            code: "duplicate".to_owned(),
            column: None,
            reason: "It is there already.".to_owned(),
            cells: vec![name.to_owned(), number.to_owned()],
        };
        let group = ImportGroup {
            outcomes: "rr".to_owned(),
            rejected: vec![
                row("07700 900123", "Zebulon"),
                row("07700 900124", "Rosalind"),
            ],
        };
        let put = self
            .state
            .files
            .put_group(self.account, build::id(), 0, &group);
        put.await.unwrap();
    }

    async fn exports(&self) {
        let account = self.account;
        let rows = [
            (Some("+447700900123"), Some("Zebulon"), 1),
            (Some("+447700900124"), Some("Rosalind"), 2),
        ];
        let parquet = parquet::file(&[&rows]);
        let csv = "to,name\n+447700900123,Zebulon\n+447700900124,Rosalind\n";
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(csv.as_bytes()).unwrap();
        for (key, body) in [
            (
                format!("exports/{account}/exp_1/part-00000-a.csv"),
                csv.as_bytes().to_vec(),
            ),
            (
                format!("exports/{account}/exp_1/part-00001-a.csv.gz"),
                gzip.finish().unwrap(),
            ),
            (
                format!("exports/{account}/exp_1/part-00002-a.parquet"),
                parquet.clone(),
            ),
            (
                format!("exports/lake/account={account}/dt=2026-03-01/part-00000.parquet"),
                parquet,
            ),
        ] {
            let put = self.aws.s3().put_object().bucket(&self.names.bucket);
            put.key(key).body(body.into()).send().await.unwrap();
        }
    }

    /// One was delivered and is stored; one waits for an endpoint that is dead.
    async fn events(&self) {
        let now = Timestamp::now();
        let endpoint = Endpoint {
            id: build::id(),
            account: self.account,
            url: "https://example.net/hooks".to_owned(),
            events: "*".parse().unwrap(),
            description: None,
            grouping: Grouping::Single,
            state: EndpointState::Enabled,
            created: now,
            version: 1,
        };
        let id = endpoint.id;
        let secrets = Vec::new();
        let kept = KeptEndpoint { endpoint, secrets };
        let audit = self.audit();
        self.state.endpoints.create(&kept, &audit).await.unwrap();
        let events = [(ERASED, "Zebulon"), (OTHER, "Rosalind")]
            .map(|(digits, name)| Event::of_inbound(&self.inbound(phone(digits), name), None));
        let file = archive::pack(&events).unwrap();
        let archived = self
            .state
            .files
            .archive_events(self.account, now, "a", file);
        archived.await.unwrap();
        for event in events {
            let delivery = Delivery {
                endpoint: id,
                account: self.account,
                event: event.id,
                kind: event.kind.clone(),
                at: now,
                state: DeliveryState::Waiting,
                attempts: 1,
                until: now + SignedDuration::from_hours(72),
                last: None,
            };
            let parked = Parked {
                delivery,
                event: Some(event),
                due: Some(now),
            };
            self.state.deliveries.park(&parked).await.unwrap();
        }
    }
}

fn recipients() -> [Recipient; 2] {
    [
        recipient(ERASED, "Zebulon", "order-4711"),
        recipient(OTHER, "Rosalind", "order-4712"),
    ]
}

fn recipient(digits: u64, name: &str, reference: &str) -> Recipient {
    let vars = BTreeMap::from([("name".to_owned(), name.to_owned())]);
    Recipient::new(phone(digits), vars, Some(reference.to_owned()))
}

fn consent(name: &str, now: Timestamp) -> ConsentRecord {
    ConsentRecord {
        id: build::id(),
        scope: ConsentScope::Marketing,
        method: Method::WebForm,
        given: now,
        recorded: now,
        expires: None,
        source: "https://shop.example".to_owned(),
        text: "Send me offers".to_owned(),
        language: None,
        evidence: Some(format!("{name} signed")),
        identity: Some(name.to_owned()),
        ip: (name == "Zebulon").then(|| [192, 0, 2, 77].into()),
        user_agent: None,
        inbound: None,
        redacted: None,
    }
}

fn phone(digits: u64) -> Phone {
    Phone::from_digits(digits).unwrap()
}
