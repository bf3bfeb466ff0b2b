//! The conditions that keep a chunk from being sent twice, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use carillon_core::{
    batch::Control,
    chunk::{
        Chunk, ChunkState, Pointer,
        receipt::{Proof, Receipt, ReceiptStatus},
        slot::{Slot, SlotOutcome},
        source::Source,
        window::{OpenWindow, SlotSet, Window},
    },
    click::{Click, Device, Visitor},
    message_id::MessageId,
    session::{ChunkWrite, Then},
};
use carillon_store::ledger::{Consistency, Indexed, LeaseLost, Ledger};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

async fn ledger() -> Ledger {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "LEDGER_TABLE").await;
    Ledger::new(dynamodb, table)
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).unwrap()
}

async fn with_chunk(recipients: usize) -> (Ledger, Pointer) {
    let (ledger, pointer) = (ledger().await, build::pointer());
    assert!(
        ledger
            .create_chunk(pointer, &Chunk::new(recipients, Source::Sibling))
            .await
            .unwrap()
    );
    (ledger, pointer)
}

fn write(
    token: [u8; 16],
    before: Window,
    open: Option<OpenWindow>,
    slots: Vec<Slot>,
    then: Then,
) -> ChunkWrite {
    let window = Window {
        number: before.number + 1,
        doubt_since: None,
        open,
    };
    ChunkWrite {
        token,
        before,
        window,
        slots,
        then,
    }
}

#[tokio::test]
async fn a_chunk_is_written_once() {
    let (ledger, pointer) = with_chunk(3).await;

    let again = ledger
        .create_chunk(pointer, &Chunk::new(50, Source::Sibling))
        .await
        .unwrap();

    assert!(!again);
    assert_eq!(ledger.find(pointer).await.unwrap().unwrap().slots.len(), 3);
}

#[tokio::test]
async fn a_lease_is_for_one() {
    let (ledger, pointer) = with_chunk(3).await;
    let (mine, theirs) = (build::token(), build::token());
    let until = now() + MINUTE;
    let take = async |token, at| {
        ledger
            .lease(pointer, token, at, at + MINUTE, Control::Running)
            .await
            .unwrap()
            .is_some()
    };

    assert!(take(mine, now()).await, "a free chunk");
    assert!(
        take(mine, now()).await,
        "the same call, repeated because its answer was lost"
    );
    assert!(
        !take(theirs, until - SignedDuration::from_secs(1)).await,
        "another's, before its time is over"
    );
    assert!(take(theirs, until).await, "another's, after");
}

#[tokio::test]
async fn a_pointer_to_nothing_creates_nothing() {
    let (ledger, pointer) = (ledger().await, build::pointer());

    let leased = ledger
        .lease(
            pointer,
            build::token(),
            now(),
            now() + MINUTE,
            Control::Running,
        )
        .await
        .unwrap();
    let written = ledger
        .write_receipts(pointer, 0, &[None], SlotSet::EMPTY)
        .await
        .unwrap();

    assert_eq!((leased, written), (None, false));
    assert_eq!(ledger.find(pointer).await.unwrap(), None);
}

#[tokio::test]
async fn only_the_owner_writes_and_nothing_rolls_back() {
    let (ledger, pointer) = with_chunk(2).await;
    let token = build::token();
    let leased = ledger
        .lease(pointer, token, now(), now() + MINUTE, Control::Running)
        .await
        .unwrap()
        .unwrap();
    let open = OpenWindow {
        opener: token,
        route: 0,
        slots: (0..2).collect(),
        resent: SlotSet::EMPTY,
    };
    let accepted = Slot {
        outcome: SlotOutcome::Accepted,
        attempt: 1,
        ..Slot::default()
    };

    let first = write(
        token,
        leased.window,
        Some(open),
        leased.slots.clone(),
        Then::Keep,
    );
    let second = write(
        token,
        first.window,
        Some(open),
        vec![accepted; 2],
        Then::Keep,
    );
    let strangers = ChunkWrite {
        token: build::token(),
        ..first.clone()
    };

    assert_eq!(
        ledger.write(pointer, &strangers, now()).await.unwrap(),
        Err(LeaseLost),
        "without the lease"
    );
    assert!(
        ledger.write(pointer, &first, now()).await.unwrap().is_ok(),
        "the first window"
    );
    assert!(
        ledger.write(pointer, &first, now()).await.unwrap().is_ok(),
        "the same call, repeated"
    );
    assert!(
        ledger.write(pointer, &second, now()).await.unwrap().is_ok(),
        "the next window"
    );
    assert_eq!(
        ledger.write(pointer, &first, now()).await.unwrap(),
        Err(LeaseLost),
        "a late repeat of an earlier window"
    );
    assert_eq!(
        ledger.find(pointer).await.unwrap().unwrap().slots,
        [accepted; 2]
    );
}

#[tokio::test]
async fn letting_go_is_found_done_when_the_call_is_repeated() {
    for (name, then, state) in [
        ("parked", Then::Park(now() + MINUTE), ChunkState::Parked),
        ("given back", Then::GiveBack, ChunkState::Ready),
        ("done", Then::Finish, ChunkState::Done),
    ] {
        let (ledger, pointer) = with_chunk(1).await;
        let token = build::token();
        let leased = ledger
            .lease(pointer, token, now(), now() + MINUTE, Control::Running)
            .await
            .unwrap()
            .unwrap();
        let last = write(token, leased.window, None, leased.slots, then);

        let once = ledger.write(pointer, &last, now()).await.unwrap().unwrap();
        let again = ledger.write(pointer, &last, now()).await.unwrap().unwrap();

        assert_eq!(
            (once.state, again.state, once.lease),
            (state, state, None),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_parked_chunk_waits_for_its_time_and_is_found_when_it_has_come() {
    let (ledger, pointer) = with_chunk(1).await;
    let token = build::token();
    let leased = ledger
        .lease(pointer, token, now(), now() + MINUTE, Control::Running)
        .await
        .unwrap()
        .unwrap();
    let wake = now() + MINUTE;
    ledger
        .write(
            pointer,
            &write(token, leased.window, None, leased.slots, Then::Park(wake)),
            now(),
        )
        .await
        .unwrap()
        .unwrap();

    let early = ledger
        .lease(
            pointer,
            build::token(),
            wake - SignedDuration::from_secs(6),
            wake + MINUTE,
            Control::Running,
        )
        .await
        .unwrap();
    let due_early = ledger
        .due(wake - SignedDuration::from_millis(1), 10)
        .await
        .unwrap();
    let due = ledger.due(wake, 10).await.unwrap();
    let within_skew = ledger
        .lease(
            pointer,
            build::token(),
            wake - SignedDuration::from_secs(4),
            wake + MINUTE,
            Control::Running,
        )
        .await
        .unwrap();
    let due_when_leased = ledger.due(wake, 10).await.unwrap();

    assert_eq!((early, due_early, due), (None, vec![], vec![pointer]));
    assert_eq!(within_skew.unwrap().wake, Some(wake));
    assert_eq!(due_when_leased, vec![pointer], "its worker may die");
}

#[tokio::test]
async fn a_chunk_that_is_done_or_given_back_is_not_due_any_more() {
    for (name, then) in [("done", Then::Finish), ("given back", Then::GiveBack)] {
        let mut chunk = Chunk::new(1, Source::Sibling);
        chunk.wake = Some(now());
        let (ledger, pointer, token) = (ledger().await, build::pointer(), build::token());
        ledger.create_chunk(pointer, &chunk).await.unwrap();
        let leased = ledger
            .lease(pointer, token, now(), now() + MINUTE, Control::Running)
            .await
            .unwrap()
            .unwrap();

        let let_go = write(token, leased.window, None, leased.slots, then);
        let written = ledger.write(pointer, &let_go, now()).await;
        let written = written.unwrap().unwrap();

        assert_eq!(ledger.due(now() + MINUTE, 10).await.unwrap(), [], "{name}");
        let done = (then == Then::Finish).then(now);
        assert_eq!((written.wake, written.done), (None, done), "{name}");
    }
}

#[tokio::test]
async fn a_parked_chunk_of_a_cancelled_batch_is_taken_at_once() {
    let (ledger, pointer) = with_chunk(1).await;
    let token = build::token();
    let until = now() + MINUTE;
    let leased = ledger
        .lease(pointer, token, now(), until, Control::Running)
        .await
        .unwrap()
        .unwrap();
    let parked = write(
        token,
        leased.window,
        None,
        leased.slots,
        Then::Park(now() + MINUTE * 60),
    );
    ledger
        .write(pointer, &parked, now())
        .await
        .unwrap()
        .unwrap();

    let running = ledger
        .lease(pointer, build::token(), now(), until, Control::Running)
        .await
        .unwrap();
    let cancelled = ledger
        .lease(pointer, build::token(), now(), until, Control::Cancelled)
        .await
        .unwrap();

    assert_eq!(running, None);
    assert!(cancelled.is_some());
}

#[tokio::test]
async fn a_done_chunk_is_never_leased_again() {
    let (ledger, pointer) = with_chunk(1).await;
    let token = build::token();
    let leased = ledger
        .lease(pointer, token, now(), now() + MINUTE, Control::Running)
        .await
        .unwrap()
        .unwrap();
    ledger
        .write(
            pointer,
            &write(token, leased.window, None, leased.slots, Then::Finish),
            now(),
        )
        .await
        .unwrap()
        .unwrap();

    let again = ledger
        .lease(
            pointer,
            build::token(),
            now() + MINUTE * 60,
            now() + MINUTE * 61,
            Control::Running,
        )
        .await
        .unwrap();

    assert_eq!(again, None);
}

#[tokio::test]
async fn reports_and_outcomes_do_not_overwrite_each_other() {
    let (ledger, pointer) = with_chunk(2).await;
    let token = build::token();
    let leased = ledger
        .lease(pointer, token, now(), now() + MINUTE, Control::Running)
        .await
        .unwrap()
        .unwrap();
    let delivered = Receipt {
        status: ReceiptStatus::Delivered,
        attempt: 1,
        proof: Proof::Handset,
        reason: None,
        seconds: 7,
    };
    let reports = [Some(delivered), None];
    let accepted = vec![
        Slot {
            outcome: SlotOutcome::Accepted,
            attempt: 1,
            ..Slot::default()
        };
        2
    ];

    assert!(
        ledger
            .write_receipts(pointer, 0, &reports, SlotSet::EMPTY)
            .await
            .unwrap(),
        "under the version that was read"
    );
    assert!(
        !ledger
            .write_receipts(pointer, 0, &[None; 2], SlotSet::EMPTY)
            .await
            .unwrap(),
        "under an older version"
    );
    let written = ledger
        .write(
            pointer,
            &write(token, leased.window, None, accepted.clone(), Then::Keep),
            now(),
        )
        .await;

    let chunk = written.unwrap().unwrap();
    assert_eq!(
        chunk.receipts, reports,
        "the answer brings the reports along"
    );
    assert_eq!((chunk.slots, chunk.receipts_version), (accepted, 1));
}

#[tokio::test]
async fn counting_reads_every_chunk_and_nothing_beside_it() {
    let (ledger, batch) = (ledger().await, build::pointer().batch);
    for chunk in 0..40 {
        let pointer = Pointer { batch, chunk };
        ledger
            .put_recipients(pointer, vec![1, 2, 3], now())
            .await
            .unwrap();
        ledger
            .create_chunk(pointer, &Chunk::new(2, Source::Sibling))
            .await
            .unwrap();
        ledger
            .put_provider_ids(pointer, 1, &[(0, "SM1".to_owned())], now())
            .await
            .unwrap();
    }
    let mut found = Vec::new();

    ledger
        .each_chunk(batch, Consistency::Strong, |pointer, _| {
            found.push(pointer.chunk);
        })
        .await
        .unwrap();

    found.sort_unstable();
    assert_eq!(found, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn clicks_are_read_in_the_order_of_time_page_by_page() {
    let (ledger, batch) = (ledger().await, build::pointer().batch);
    let click = |second: i64, chunk: u32| Click {
        message: MessageId {
            batch,
            chunk,
            slot: 1,
        },
        link: 0,
        at: now() + SignedDuration::from_secs(second),
        visitor: Visitor {
            device: Device::Tablet,
            is_program: second == 3,
        },
        request: "0adb69d8".to_owned(),
    };
    let all = [
        click(0, 3),
        click(1, 0),
        click(2, 1),
        click(3, 3),
        click(4, 2),
    ];
    for click in all.iter().rev().chain([&all[0]]) {
        ledger.record_click(click).await.unwrap();
    }

    let first = ledger.clicks(batch, None, 2).await.unwrap();
    let rest = ledger.clicks(batch, Some(&first[1].0), 9).await.unwrap();
    let mut each = Vec::new();
    ledger
        .each_click(batch, |click| each.push(click))
        .await
        .unwrap();

    let paged: Vec<Click> = first
        .into_iter()
        .chain(rest)
        .map(|(_, click)| click)
        .collect();
    assert_eq!(paged, all);
    each.sort_by_key(|click| click.at);
    assert_eq!(each, all);
}

#[tokio::test]
async fn a_click_marks_a_recipient_once_and_makes_no_chunk() {
    let (ledger, pointer) = with_chunk(3).await;
    let missing = build::pointer();

    let first = ledger
        .mark_clicked(pointer, 2, SlotSet::EMPTY)
        .await
        .unwrap();
    let stale = ledger
        .mark_clicked(pointer, 0, SlotSet::EMPTY)
        .await
        .unwrap();
    let again = ledger
        .mark_clicked(pointer, 2, SlotSet::EMPTY)
        .await
        .unwrap();
    let none = ledger
        .mark_clicked(missing, 2, SlotSet::EMPTY)
        .await
        .unwrap();

    assert_eq!(
        (first, stale, again, none),
        (Some(true), Some(true), Some(false), None)
    );
    let chunk = ledger.find(pointer).await.unwrap().unwrap();
    assert_eq!(chunk.clicked, SlotSet::from_iter([0, 2]));
    assert_eq!(ledger.find(missing).await.unwrap(), None);
}

#[tokio::test]
async fn what_was_sent_to_a_number_is_found_as_long_as_its_chunk_is_there() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "LEDGER_TABLE").await;
    let ledger = Ledger::new(dynamodb.clone(), &table);
    let (account, message) = (
        build::id(),
        MessageId {
            batch: build::id(),
            chunk: 0,
            slot: 0,
        },
    );
    let begins = now() + SignedDuration::from_hours(24 * 300);
    let indexed = ledger.index_recipient(account, "hash", message, Indexed::Other, begins);
    indexed.await.unwrap();

    let stored = dynamodb.scan().table_name(&table).send().await.unwrap();

    // It waited for a week, and was done then.
    let chunk_ends = begins + SignedDuration::from_hours(24 * (7 + 180));
    let ttl = stored.items()[0]["ttl"].as_n().unwrap();
    assert!(
        ttl.parse::<i64>().unwrap() >= chunk_ends.as_second(),
        "{ttl}"
    );
    let found = ledger.sent_to(account, "hash", begins, 10).await.unwrap();
    assert_eq!(found, [message], "by when it begins");
}
