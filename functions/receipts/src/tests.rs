//! The recorded records of `events/`, and what goes back to the queue.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use carillon_core::{
    batch::{Batch, BatchTerms, RouteEntry, Stage},
    chunk::{
        Chunk, Pointer,
        receipt::ReceiptStatus,
        slot::{Slot, SlotOutcome},
        source::Source,
    },
    frame::{self, Recipient},
    id::AccountId,
    phone::{Country, Phone},
    routing::shift::Deliveries,
};
use carillon_store::{
    batches::{Activity, Batches},
    dead_letter_queues::DeadLetterQueues,
    deliveries::{Deliveries as DeliveryStore, Traffic},
    files::Files,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};

use crate::{State, batch_terms::BatchTermsCache, handle, tally::Tally};

const RECORDED: &str = include_str!("../../../events/receipts-sqs.json");
/// The batch of the recorded messages; its first two slots are reported.
const BATCH: &str = "bat_01h455vb4pex5vsknk084sn02q";
/// An account that nothing was reported to.
const OTHER: &str = "acc_01h455vb4pex5vsknk084sn02q";
const GATEWAY: &str = "gwa_01h455vb4pex5vsknk084sn02q";

struct Setup {
    state: State,
    deliveries: DeliveryStore,
    account: AccountId,
    pointer: Pointer,
}

fn now() -> Timestamp {
    "2026-11-23T10:30:03Z".parse().unwrap()
}

impl Setup {
    /// The batch in tables of its own, its two messages accepted by a gateway.
    async fn new() -> Self {
        let aws = stack::aws().await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let ledger = stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await;
        let batches = Batches::new(aws.dynamodb(), &core);
        let route = RouteEntry {
            gateway: GATEWAY.parse().unwrap(),
            parts_per_second: None,
            deduplicates_for: None,
            settles_after: None,
        };
        let terms = BatchTerms {
            id: BATCH.parse().unwrap(),
            test: false,
            routes: vec![route],
            ..build::terms("2026-11-23T10:00:00Z".parse().unwrap())
        };
        let pointer = Pointer {
            batch: terms.id,
            chunk: 0,
        };
        let account = terms.account;
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        batches.create(&batch, Activity::Passive).await.unwrap();
        let deliveries = DeliveryStore::new(aws.dynamodb(), &core);
        let state = State {
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 5),
            queues: Queues::new(aws.sqs(), QueueUrls::default()),
            ledger: Ledger::new(aws.dynamodb(), ledger),
            files: Files::new(aws.s3(), stack::variable("FILES_BUCKET")),
            batches: BatchTermsCache::new(batches),
            tally: Tally::new(deliveries.clone()),
        };
        state.ledger.create_chunk(pointer, &chunk()).await.unwrap();
        Self {
            state,
            deliveries,
            account,
            pointer,
        }
    }

    async fn failed(&self, event: SqsEvent) -> Vec<String> {
        let SqsBatchResponse {
            batch_item_failures,
            ..
        } = handle(&self.state, event, now()).await;
        let ids = batch_item_failures.into_iter();
        ids.map(|failure| failure.item_identifier).collect()
    }

    async fn chunk(&self) -> Chunk {
        let found = self.state.ledger.find(self.pointer).await;
        found.unwrap().unwrap()
    }
}

fn recorded() -> SqsEvent {
    serde_json::from_str(RECORDED).unwrap()
}

fn chunk() -> Chunk {
    let recipients = [447_700_900_001, 447_700_900_002].map(|digits| {
        let number = Phone::from_digits(digits).unwrap();
        Recipient::new(number, BTreeMap::new(), None)
    });
    let accepted = Slot {
        outcome: SlotOutcome::Accepted,
        attempt: 1,
        ..Slot::default()
    };
    let mut chunk = Chunk::new(2, Source::Inline(frame::encode(&recipients)));
    chunk.slots = vec![accepted; 2];
    chunk.in_country(Country::parse("GB").ok())
}

fn statuses(chunk: &Chunk) -> Vec<Option<ReceiptStatus>> {
    let receipts = chunk.receipts.iter();
    receipts.map(|it| it.map(|it| it.status)).collect()
}

#[tokio::test]
async fn the_recorded_reports_are_one_write_to_their_chunk() {
    let setup = Setup::new().await;

    let failed = setup.failed(recorded()).await;

    let chunk = setup.chunk().await;
    assert_eq!(failed, [""; 0]);
    assert_eq!(
        statuses(&chunk),
        [
            Some(ReceiptStatus::Delivered),
            Some(ReceiptStatus::Undelivered)
        ]
    );
    assert_eq!(chunk.receipts_version, 1);
}

#[tokio::test]
async fn verdicts_are_counted_for_the_gateway_account_and_the_country_once() {
    let setup = Setup::new().await;
    let later = now() + SignedDuration::from_secs(30);
    setup.failed(recorded()).await;
    setup.failed(recorded()).await;
    let early = setup.deliveries.since(now()).await.unwrap();

    handle(&setup.state, recorded(), later).await;

    let traffic = Traffic {
        account: setup.account,
        country: Country::parse("GB").unwrap(),
        gateway: GATEWAY.parse().unwrap(),
    };
    let counts = Deliveries {
        delivered: 1,
        failed: 1,
    };
    assert_eq!(early, []);
    let counted = [(traffic, counts)];
    assert_eq!(setup.deliveries.since(now()).await.unwrap(), counted);
    let own = setup.deliveries.of(setup.account, now()).await;
    assert_eq!(own.unwrap(), counted);
    let others = setup.deliveries.of(OTHER.parse().unwrap(), now()).await;
    assert_eq!(others.unwrap(), []);
}

#[tokio::test]
async fn what_comes_again_changes_nothing() {
    let setup = Setup::new().await;
    setup.failed(recorded()).await;
    let once = setup.chunk().await;

    let failed = setup.failed(recorded()).await;

    assert_eq!(failed, [""; 0]);
    assert_eq!(setup.chunk().await, once);
}

#[tokio::test]
async fn garbage_goes_back_alone() {
    let setup = Setup::new().await;
    let mut event = recorded();
    event.records[1].body = Some("{".to_owned());
    let garbage = event.records[1].message_id.clone();

    let failed = setup.failed(event).await;

    assert_eq!(failed, [garbage.unwrap()]);
    assert_eq!(
        statuses(&setup.chunk().await),
        [Some(ReceiptStatus::Delivered), None]
    );
}

#[tokio::test]
async fn a_report_by_an_id_that_is_not_known_yet_waits_and_then_is_let_go() {
    let setup = Setup::new().await;
    let event = |at: &str| {
        let mut event = recorded();
        let about = r#"{"provider_id":{"gateway":"gwa_01h455vb4pex5vsknk084sn02q","id":"sim-1"}}"#;
        let body = format!(
            r#"{{"reports":[{{"about":{about},"word":"delivered","proof":"operator","at":"{at}"}}]}}"#
        );
        event.records.truncate(1);
        event.records[0].body = Some(body);
        event
    };
    let fresh = event("2026-11-23T10:30:00Z");
    let id = fresh.records[0].message_id.clone().unwrap();

    let early = setup.failed(fresh).await;
    let late = setup.failed(event("2026-11-23T10:10:00Z")).await;

    assert_eq!((early, late), (vec![id], vec![]));
}
