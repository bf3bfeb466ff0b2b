//! The recorded events of `events/`: a minute's tick and a wake ask for the same.

use aws_sdk_sqs::Client;
use carillon_core::{
    batch::{Batch, Lane, Stage},
    chunk::{Chunk, Pointer, source::Source},
};
use carillon_store::{
    batches::{Activity, Batches},
    dispatcher_lock::DispatcherLock,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{State, handle, woken_for};

const TICK: &str = include_str!("../../../events/dispatch-schedule.json");
const WAKE: &str = include_str!("../../../events/dispatch-sqs.json");

struct Setup {
    state: State,
    sqs: Client,
    lane: String,
}

impl Setup {
    async fn new() -> Self {
        let aws = stack::aws().await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let ledger = stack::table_like(&aws.dynamodb(), "LEDGER_TABLE").await;
        let lane = stack::queue(&aws.sqs(), "lane-low").await;
        let urls = QueueUrls {
            low: Some(lane.clone()),
            ..QueueUrls::default()
        };
        let state = State {
            batches: Batches::new(aws.dynamodb(), &core),
            ledger: Ledger::new(aws.dynamodb(), ledger),
            queues: Queues::new(aws.sqs(), urls),
            lock: DispatcherLock::new(aws.dynamodb(), &core),
            sweep_after: SignedDuration::from_mins(15),
        };
        Self {
            state,
            sqs: aws.sqs(),
            lane,
        }
    }

    /// A batch of two chunks that is ready to be sent.
    async fn ready(&self) -> Batch {
        let terms = build::terms(Timestamp::now());
        let batch = Batch::new(terms, Stage::Ready, Some(2));
        for chunk in 0..2 {
            let pointer = Pointer {
                batch: batch.terms.id,
                chunk,
            };
            let chunk = Chunk::new(1, Source::Sibling);
            self.state
                .ledger
                .create_chunk(pointer, &chunk)
                .await
                .unwrap();
        }
        let created = self.state.batches.create(&batch, Activity::Active);
        created.await.unwrap();
        batch
    }

    /// Long enough for one look.
    async fn handled(&self, event: &str) -> Value {
        let event = serde_json::from_str(event).unwrap();
        let deadline = Timestamp::now() + SignedDuration::from_millis(8_500);
        let owner = format!("{:?}", build::token());
        let handled = handle(&self.state, &event, &owner, deadline).await;
        handled.unwrap()
    }
}

#[tokio::test]
async fn a_tick_and_a_wake_release_what_is_ready() {
    for (name, event) in [("a tick", TICK), ("a wake", WAKE)] {
        let setup = Setup::new().await;
        let batch = setup.ready().await;

        let answer = setup.handled(event).await;

        assert_eq!(answer["batchItemFailures"], serde_json::json!([]), "{name}");
        let pointers = stack::received(&setup.sqs, &setup.lane).await;
        let mut chunks: Vec<Pointer> = pointers
            .iter()
            .map(|body| serde_json::from_str(body).unwrap())
            .collect();
        chunks.sort_by_key(|pointer| pointer.chunk);
        let expected = [0, 1].map(|chunk| Pointer {
            batch: batch.terms.id,
            chunk,
        });
        assert_eq!(chunks, expected, "{name}");
        assert_eq!(batch.terms.lane, Lane::Low);
    }
}

#[tokio::test]
async fn while_one_dispatches_another_does_not() {
    let setup = Setup::new().await;
    setup.ready().await;
    let now = Timestamp::now();
    let until = now + SignedDuration::from_mins(1);
    assert!(setup.state.lock.take("another", now, until).await.unwrap());

    setup.handled(TICK).await;

    assert_eq!(stack::received(&setup.sqs, &setup.lane).await, [""; 0]);
}

#[test]
fn the_recorded_wake_names_its_batch() {
    let event = serde_json::from_str(WAKE).unwrap();

    let batch = woken_for(&event).unwrap();

    assert_eq!(batch.to_string(), "bat_01h455vb4pex5vsknk084sn02q");
}
