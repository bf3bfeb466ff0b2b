//! What becomes of a batch after its last chunk is done.

use carillon_core::{
    batch::{BatchTerms, Lane, Stage},
    breakdown::Breakdown,
    chunk::{
        Pointer,
        receipt::{Proof, Receipt, ReceiptStatus},
        window::SlotSet,
    },
    closing::Look,
    id::BatchId,
    queued_report::{About, QueuedReport, QueuedReports},
    report::ReportWord,
};
use carillon_store::batches::{Activity, Closing};
use carillon_testkit::{build, stack};

use crate::setup::{Setup, at};

const HOUR: i64 = 3_600;

/// What a closed batch keeps: messages, and those of them that were delivered.
async fn kept(setup: &Setup, batch: BatchId) -> Option<(u64, u64)> {
    let batch = setup.batch(batch).await;
    let kept = setup.state.batches.snapshot(&batch).await.unwrap();
    let total = kept.map(|breakdown| breakdown.total());
    total.map(|total| (total.messages, total.delivered))
}

async fn look(setup: &Setup, seconds: i64) {
    setup.dispatcher().tick(at(seconds)).await.unwrap();
}

/// The reports of our own that wait to be applied.
async fn reports(setup: &Setup) -> Vec<QueuedReport> {
    let bodies = stack::taken(&setup.sqs, setup.urls.receipts.as_ref().unwrap()).await;
    let reports = bodies
        .iter()
        .map(|body| serde_json::from_str::<QueuedReports>(body).unwrap());
    reports.flat_map(|queued| queued.reports).collect()
}

/// What `receipts` makes of them: each slot from `first` on has a receipt.
async fn receipts(
    setup: &Setup,
    batch: BatchId,
    status: ReceiptStatus,
    slots: std::ops::Range<usize>,
) {
    let pointer = Pointer { batch, chunk: 0 };
    let mut chunk = setup.state.ledger.find(pointer).await.unwrap().unwrap();
    for slot in slots {
        chunk.receipts[slot] = Some(Receipt {
            status,
            attempt: 1,
            proof: Proof::Gateway,
            reason: None,
            seconds: 1,
        });
    }
    let (version, ledger) = (chunk.receipts_version, &setup.state.ledger);
    let written = ledger.write_receipts(pointer, version, &chunk.receipts, SlotSet::EMPTY);
    assert!(written.await.unwrap());
}

#[tokio::test]
async fn messages_of_which_nothing_is_heard_become_unknown_and_the_totals_are_frozen() {
    let setup = Setup::new().await;
    let batch = setup.ready(1).await;
    look(&setup, 1).await;
    setup.lost(Lane::Low).await;
    setup.send(Pointer { batch, chunk: 0 }, at(2)).await;
    look(&setup, 5).await;
    assert_eq!(setup.batch(batch).await.progress.stage, Stage::Finished);
    assert_eq!(kept(&setup, batch).await, None, "its reports still come");
    receipts(&setup, batch, ReceiptStatus::Delivered, 0..97).await;

    look(&setup, 72 * HOUR + 4).await;
    let early = reports(&setup).await;
    look(&setup, 72 * HOUR + 5).await;
    let due = reports(&setup).await;
    look(&setup, 72 * HOUR + 6).await;
    let at_once = reports(&setup).await;

    assert_eq!(early, []);
    let slots = due.iter().map(|report| match &report.about {
        About::Message {
            message, attempt, ..
        } => (message.slot, *attempt),
        other => panic!("{other:?}"),
    });
    assert_eq!(slots.collect::<Vec<_>>(), [(97, 1), (98, 1), (99, 1)]);
    assert!(
        due.iter()
            .all(|report| (report.word, report.proof) == (ReportWord::Unknown, Proof::Sweeper))
    );
    assert_eq!(at_once, []);

    receipts(&setup, batch, ReceiptStatus::Unknown, 97..100).await;
    look(&setup, 72 * HOUR + 6 + 900).await;

    let totals = setup.batch(batch).await.progress.totals.unwrap();
    assert_eq!(
        (totals.delivered, totals.unknown, totals.in_flight),
        (97, 3, 0)
    );
    assert_eq!(kept(&setup, batch).await, Some((100, 97)));
    let list = async |hours: i64| {
        setup
            .state
            .batches
            .closings(at(hours * HOUR), 10)
            .await
            .unwrap()
    };
    assert_eq!(list(0).await, [], "nothing is due");
    assert_eq!(list(24 * 180).await.len(), 1, "but a last look");

    receipts(&setup, batch, ReceiptStatus::Delivered, 97..98).await;
    look(&setup, 24 * 174 * HOUR).await;

    let totals = setup.batch(batch).await.progress.totals.unwrap();
    assert_eq!(
        (totals.delivered, totals.unknown),
        (98, 2),
        "a late report wins"
    );
    assert_eq!(kept(&setup, batch).await, Some((100, 98)));
    assert_eq!(list(24 * 400).await, []);
}

#[tokio::test]
async fn an_api_send_is_finished_too_and_keeps_its_totals() {
    let setup = Setup::new().await;
    let terms = BatchTerms {
        campaign: None,
        lane: Lane::High,
        ..build::terms(at(0))
    };
    let batch = setup.make(terms, 1, Activity::Passive).await;
    setup.send(Pointer { batch, chunk: 0 }, at(1)).await;
    receipts(&setup, batch, ReceiptStatus::Delivered, 0..100).await;

    look(&setup, 72 * HOUR - 1).await;
    let before = setup.batch(batch).await.progress;
    look(&setup, 72 * HOUR).await;

    let after = setup.batch(batch).await.progress;
    assert_eq!((before.stage, after.stage), (Stage::Ready, Stage::Finished));
    assert_eq!(after.totals.unwrap().delivered, 100);
    assert_eq!(kept(&setup, batch).await, Some((100, 100)));
    let left = setup
        .state
        .batches
        .closings(at(9_999 * HOUR), 10)
        .await
        .unwrap();
    assert_eq!(left, [], "and that is all");
}

#[tokio::test]
async fn a_campaign_is_counted_while_its_reports_come_in_until_it_is_closed() {
    let setup = Setup::new().await;
    let batch = setup.ready(1).await;
    look(&setup, 1).await;
    setup.send(Pointer { batch, chunk: 0 }, at(2)).await;
    look(&setup, 5).await;
    let delivered = async || {
        let progress = setup.batch(batch).await.progress;
        progress.totals.unwrap().delivered
    };

    for (seconds, reported, expected) in [
        (15 * 60, 0..50, 0),
        (15 * 60 + 5, 0..50, 50),
        (2 * HOUR, 50..70, 50),
        (2 * HOUR + 2, 50..70, 70),
        (24 * HOUR, 70..80, 70),
        (24 * HOUR + 2, 70..80, 80),
        (71 * HOUR, 80..90, 80),
    ] {
        receipts(&setup, batch, ReceiptStatus::Delivered, reported).await;

        look(&setup, seconds).await;

        assert_eq!(delivered().await, expected, "after {seconds} s");
        assert_eq!(kept(&setup, batch).await, None, "it isn't closed");
    }
    assert_eq!(reports(&setup).await, [], "nothing is silent yet");
    let breakdown = Breakdown::default();
    let totals = setup.batch(batch).await.progress.totals.unwrap();
    let batches = &setup.state.batches;
    batches.close(batch, &totals, &breakdown).await.unwrap();

    let late = Closing {
        batch,
        since: at(73 * HOUR - 72 * HOUR),
        look: Look::Early,
    };
    batches.close_later(late).await.unwrap();
    look(&setup, 73 * HOUR).await;

    let progress = setup.batch(batch).await.progress;
    assert_eq!(
        progress.totals,
        Some(totals),
        "what it was closed with stands"
    );
}
