//! A dispatcher with tables and queues of its own, at whatever time a test says.

use aws_sdk_sqs::Client;
use carillon_core::{
    batch::{Batch, BatchTerms, Control, Lane, Prepared, Stage},
    chunk::{Chunk, Pointer, slot::SlotOutcome, source::Source},
    id::{AccountId, BatchId},
    session::{ChunkWrite, Then},
};
use carillon_store::{
    batches::{Activity, Batches},
    deliveries::Deliveries,
    digests::Digests,
    dispatcher_lock::DispatcherLock,
    export_schedules::ExportSchedules,
    exports::Exports,
    gateway_accounts::GatewayAccounts,
    lakes::Lakes,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
    rate::Rate,
    safeguards::SafeguardStore,
    spending::Spending,
    told::Told,
};
use carillon_testkit::{build, stack};
use dispatch::{State, dispatcher::Dispatcher};
use jiff::{SignedDuration, Timestamp};

pub struct Setup {
    pub state: State,
    pub gateways: GatewayAccounts,
    pub sqs: Client,
    pub urls: QueueUrls,
}

pub const UNKNOWN_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// Seconds after the start of a test.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

impl Setup {
    pub async fn new() -> Self {
        let aws = stack::aws().await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let ledger = stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await;
        let urls = QueueUrls {
            prepare: Some(stack::queue(&aws.sqs(), "prepare").await),
            exports: Some(stack::queue(&aws.sqs(), "exports").await),
            high: Some(stack::queue(&aws.sqs(), "high").await),
            receipts: Some(stack::queue(&aws.sqs(), "receipts").await),
            low: Some(stack::queue(&aws.sqs(), "low").await),
            hooks: Some(stack::queue(&aws.sqs(), "hooks").await),
            ..QueueUrls::default()
        };
        let state = State {
            batches: Batches::new(aws.dynamodb(), &core),
            exports: Exports::new(aws.dynamodb(), &core),
            export_schedules: ExportSchedules::new(aws.dynamodb(), &core),
            lakes: Lakes::new(aws.dynamodb(), &core),
            digests: Digests::new(aws.dynamodb(), &core),
            ledger: Ledger::new(aws.dynamodb(), ledger),
            queues: Queues::new(aws.sqs(), urls.clone()),
            rate: Rate::new(aws.dynamodb(), &core),
            deliveries: Deliveries::new(aws.dynamodb(), &core),
            safeguards: SafeguardStore::new(aws.dynamodb(), &core),
            spending: Spending::new(aws.dynamodb(), &core),
            told: Told::new(aws.dynamodb(), &core),
            lock: DispatcherLock::new(aws.dynamodb(), &core),
            sweep_after: SignedDuration::from_secs(60),
            prepare_again: SignedDuration::from_secs(300),
            unknown_after: UNKNOWN_AFTER,
        };
        Self {
            state,
            gateways: GatewayAccounts::new(aws.dynamodb(), &core),
            sqs: aws.sqs(),
            urls,
        }
    }

    pub fn dispatcher(&self) -> Dispatcher<'_> {
        Dispatcher::new(&self.state, "test", Timestamp::MAX)
    }

    /// A batch of full chunks that is ready to be sent.
    pub async fn ready(&self, chunks: u32) -> BatchId {
        self.ready_of(build::id(), chunks).await
    }

    pub async fn ready_of(&self, account: AccountId, chunks: u32) -> BatchId {
        let terms = BatchTerms {
            account,
            ..build::terms(at(0))
        };
        self.make(terms, chunks, Activity::Active).await
    }

    pub async fn make(&self, terms: BatchTerms, chunks: u32, activity: Activity) -> BatchId {
        let mut batch = Batch::new(terms, Stage::Ready, Some(chunks));
        let accepted = u64::from(chunks) * 100;
        batch.progress.prepared = Some(Prepared {
            rows: accepted,
            accepted,
            parts: accepted,
            ..Prepared::default()
        });
        let id = batch.terms.id;
        for chunk in 0..chunks {
            let (pointer, chunk) = (
                Pointer { batch: id, chunk },
                Chunk::new(100, Source::Sibling),
            );
            self.state
                .ledger
                .create_chunk(pointer, &chunk)
                .await
                .unwrap();
        }
        self.state.batches.create(&batch, activity).await.unwrap();
        id
    }

    pub async fn batch(&self, id: BatchId) -> Batch {
        self.state.batches.find(id).await.unwrap().unwrap()
    }

    /// The pointers that are on a lane now: they are gone afterwards, as if they had been lost.
    pub async fn lost(&self, lane: Lane) -> Vec<Pointer> {
        let url = match lane {
            Lane::High => &self.urls.high,
            Lane::Normal => &self.urls.normal,
            Lane::Low => &self.urls.low,
        };
        let mut pointers: Vec<Pointer> = Vec::new();
        loop {
            let bodies = stack::taken(&self.sqs, url.as_ref().unwrap()).await;
            if bodies.is_empty() {
                pointers.sort();
                return pointers;
            }
            pointers.extend(
                bodies
                    .iter()
                    .map(|body| serde_json::from_str::<Pointer>(body).unwrap()),
            );
        }
    }

    /// Does with a chunk what a worker does that sends nothing.
    pub async fn work(&self, pointer: Pointer, then: Then, now: Timestamp) {
        self.work_as(pointer, SlotOutcome::Waiting, then, now).await;
    }

    /// Does with a chunk what a worker does whose gateway takes all of it.
    pub async fn send(&self, pointer: Pointer, now: Timestamp) {
        let accepted = SlotOutcome::Accepted;
        self.work_as(pointer, accepted, Then::Finish, now).await;
    }

    async fn work_as(&self, pointer: Pointer, outcome: SlotOutcome, then: Then, now: Timestamp) {
        let (token, until) = (build::token(), now + SignedDuration::from_secs(30));
        let ledger = &self.state.ledger;
        let leased = ledger
            .lease(pointer, token, now, until, Control::Running)
            .await;
        let chunk = leased.unwrap().expect("it is free");
        let mut window = chunk.window;
        window.number += 1;
        let mut slots = chunk.slots;
        for slot in &mut slots {
            (slot.outcome, slot.attempt) = (outcome, 1);
        }
        let write = ChunkWrite {
            token,
            before: chunk.window,
            window,
            slots,
            then,
        };
        ledger.write(pointer, &write, now).await.unwrap().unwrap();
    }
}

pub fn chunks(pointers: &[Pointer]) -> Vec<u32> {
    pointers.iter().map(|pointer| pointer.chunk).collect()
}
