//! The recorded pointers of `events/`.

use aws_lambda_events::sqs::SqsEvent;
use carillon_core::{
    batch::{BatchTerms, Control},
    chunk::{
        ChunkState, Pointer,
        slot::{Slot, SlotOutcome},
    },
    phone::Phone,
    reason::Reason,
    suppression::{Cause, Consent, Word},
};
use carillon_testkit::build;
use jiff::Timestamp;

use super::Setup;

const RECORDED: &str = include_str!("../../../../events/send-sqs.json");
/// The batch of the recorded pointers, to its chunks 0 and 1.
const BATCH: &str = "bat_01h455vb4pex5vsknk084sn02q";
/// Test numbers: the first is delivered, the second refused.
const DELIVERED: u64 = 15_005_550_010;
const REFUSED: u64 = 15_005_550_001;

fn recorded() -> SqsEvent {
    serde_json::from_str(RECORDED).unwrap()
}

fn terms() -> BatchTerms {
    BatchTerms {
        id: BATCH.parse().unwrap(),
        ..build::terms(Timestamp::now())
    }
}

fn pointer(chunk: u32) -> Pointer {
    Pointer {
        batch: BATCH.parse().unwrap(),
        chunk,
    }
}

async fn slot(setup: &Setup, chunk: u32) -> (ChunkState, Slot) {
    let chunk = setup.chunk(pointer(chunk)).await;
    (chunk.state, chunk.slots[0])
}

#[tokio::test]
async fn each_pointer_is_worked_on_to_the_end_of_its_chunk() {
    let setup = Setup::new().await;
    setup.batch(terms(), &[DELIVERED, REFUSED]).await;

    let failed = setup.failed(recorded()).await;

    let ((first, accepted), (second, refused)) = (slot(&setup, 0).await, slot(&setup, 1).await);
    assert_eq!(failed, [""; 0]);
    assert_eq!((first, second), (ChunkState::Done, ChunkState::Done));
    assert_eq!(
        (accepted.outcome, accepted.attempt),
        (SlotOutcome::Accepted, 1)
    );
    assert_eq!(
        (refused.outcome, refused.reason),
        (SlotOutcome::Failed, Some(Reason::BadNumber))
    );
}

#[tokio::test]
async fn a_pointer_that_comes_twice_sends_once() {
    let setup = Setup::new().await;
    setup.batch(terms(), &[DELIVERED, DELIVERED]).await;
    setup.failed(recorded()).await;
    let once = setup.chunk(pointer(0)).await;

    let failed = setup.failed(recorded()).await;

    assert_eq!(failed, [""; 0]);
    assert_eq!(setup.chunk(pointer(0)).await, once);
}

#[tokio::test]
async fn pointers_to_nothing_are_done_with_and_garbage_goes_back_alone() {
    let setup = Setup::new().await;
    let mut event = recorded();
    event.records[1].body = Some(r#"{"batch":"bat_1","chunk":0}"#.to_owned());
    let garbage = event.records[1].message_id.clone().unwrap();

    let failed = setup.failed(event).await;

    assert_eq!(failed, [garbage]);
}

#[tokio::test]
async fn who_opted_out_after_the_batch_was_made_is_not_sent_to() {
    let setup = Setup::new().await;
    let terms = terms();
    let number = Phone::from_digits(DELIVERED).unwrap();
    let hash = setup.state.key.number(terms.account, number);
    setup.batch(terms.clone(), &[DELIVERED, REFUSED]).await;
    let now = Timestamp::now();
    let word = Word::new(Consent::OptedOut, now, Cause::Reply);
    let opt_out = setup.suppressions.take(terms.account, &hash, &word, now);
    opt_out.await.unwrap();

    setup.failed(recorded()).await;

    let (_, slot) = slot(&setup, 0).await;
    assert_eq!(
        (slot.outcome, slot.reason),
        (SlotOutcome::Suppressed, Some(Reason::OptedOut))
    );
}

#[tokio::test]
async fn an_empty_place_ends_as_an_opt_out_and_its_neighbour_is_sent_to() {
    let setup = Setup::new().await;
    let mut erased = super::recipient(REFUSED);
    erased.erase();
    let recipients = vec![erased, super::recipient(DELIVERED)];
    setup.batch_of(terms(), recipients).await;

    setup.failed(recorded()).await;

    let chunk = setup.chunk(pointer(0)).await;
    let outcomes: Vec<_> = chunk.slots.iter().map(|slot| slot.outcome).collect();
    assert_eq!(outcomes, [SlotOutcome::Suppressed, SlotOutcome::Accepted]);
    assert_eq!(chunk.slots[0].reason, Some(Reason::OptedOut));
}

#[tokio::test]
async fn a_batch_that_may_not_be_sent_is_not() {
    let hour = jiff::SignedDuration::from_hours(1);
    let (later, expired) = (Timestamp::now() + hour, Timestamp::now() - hour);
    let early = BatchTerms {
        not_before: Some(later),
        ..terms()
    };
    let late = BatchTerms {
        expires_at: expired,
        ..terms()
    };
    for (name, terms, control, state, outcome) in [
        (
            "before its time",
            early,
            Control::Running,
            ChunkState::Parked,
            SlotOutcome::Waiting,
        ),
        (
            "after its time",
            late,
            Control::Running,
            ChunkState::Done,
            SlotOutcome::Expired,
        ),
        (
            "paused",
            terms(),
            Control::Paused,
            ChunkState::Ready,
            SlotOutcome::Waiting,
        ),
        (
            "cancelled",
            terms(),
            Control::Cancelled,
            ChunkState::Done,
            SlotOutcome::Cancelled,
        ),
    ] {
        let setup = Setup::new().await;
        setup.batch(terms, &[DELIVERED, DELIVERED]).await;
        if control != Control::Running {
            let controlled = setup.batches.control(pointer(0).batch, control).await;
            assert!(controlled.unwrap(), "{name}");
        }

        let failed = setup.failed(recorded()).await;

        let (at, slot) = slot(&setup, 0).await;
        assert_eq!(failed, [""; 0], "{name}");
        assert_eq!((at, slot.outcome), (state, outcome), "{name}");
    }
}
