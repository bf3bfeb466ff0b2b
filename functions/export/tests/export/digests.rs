//! Hours of API sends are counted as a whole, whoever dies on the way.

use carillon_core::{
    batch::{Batch, BatchTerms, Lane, Prepared, Stage},
    breakdown::Breakdown,
    chunk::{
        Chunk, ChunkState, Pointer,
        receipt::{Proof, Receipt, ReceiptStatus},
        slot::{Slot, SlotOutcome},
        source::Source,
    },
    digest::{Digest, Hour},
    id::BatchId,
    phone::Country,
    status::{Status, Totals},
};
use carillon_store::{aws::Aws, batches::Activity, digests::Lost, queues::DigestRequest};
use carillon_testkit::{build, mortal, stack};
use export::{Limits, State, digest::work, worker::Ended};
use jiff::{SignedDuration, Timestamp};

use crate::setup::Setup;

fn hour() -> Hour {
    Hour::of("2026-09-21T14:00:00Z".parse().unwrap())
}

fn after(minutes: i64) -> Timestamp {
    hour().begins() + SignedDuration::from_mins(minutes)
}

fn never() -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(15)
}

/// To one number in Britain, or to many.
async fn send(setup: &Setup, minutes: i64, drawn: u8, recipients: usize) -> Batch {
    let made = after(minutes);
    let terms = BatchTerms {
        id: BatchId::at(made, [drawn; 10]),
        account: setup.account,
        campaign: None,
        test: false,
        lane: if recipients == 1 {
            Lane::High
        } else {
            Lane::Normal
        },
        ..build::terms(made)
    };
    let chunks = u32::try_from(recipients.div_ceil(100)).unwrap();
    let mut batch = Batch::new(terms, Stage::Ready, Some(chunks));
    batch.progress.prepared = Some(Prepared {
        rows: recipients as u64,
        accepted: recipients as u64,
        parts: recipients as u64,
        ..Prepared::default()
    });
    let created = setup.state.batches.create(&batch, Activity::Passive).await;
    created.unwrap();
    for number in 0..chunks {
        let slots = (recipients - 100 * usize::try_from(number).unwrap()).min(100);
        let mut chunk = Chunk::new(slots, Source::Sibling).in_country(Country::parse("GB").ok());
        chunk.state = ChunkState::Done;
        chunk.done = Some(made);
        for slot in 0..slots {
            chunk.slots[slot] = Slot {
                outcome: SlotOutcome::Accepted,
                attempt: 1,
                ..Slot::default()
            };
        }
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk: number,
        };
        let written = setup.state.ledger.create_chunk(pointer, &chunk).await;
        assert!(written.unwrap());
    }
    batch
}

/// A report for the first slot of a batch.
async fn delivered(setup: &Setup, batch: &Batch) {
    let pointer = Pointer {
        batch: batch.terms.id,
        chunk: 0,
    };
    let chunk = setup.state.ledger.find(pointer).await.unwrap().unwrap();
    let mut receipts = chunk.receipts.clone();
    receipts[0] = Some(Receipt {
        status: ReceiptStatus::Delivered,
        attempt: 1,
        proof: Proof::Handset,
        reason: None,
        seconds: 3,
    });
    let written = setup
        .state
        .ledger
        .write_receipts(pointer, chunk.receipts_version, &receipts, chunk.read)
        .await;
    assert!(written.unwrap());
}

fn request(setup: &Setup) -> DigestRequest {
    DigestRequest {
        digest: hour(),
        account: setup.account,
    }
}

async fn kept(setup: &Setup) -> Option<Digest> {
    let (digests, mut kept) = (&setup.state.digests, None);
    let hours = digests.between(setup.account, hour()..=hour(), 10, |_, digest| {
        kept = digest;
    });
    assert_eq!(hours.await.unwrap(), 1, "it is expected");
    kept
}

/// When the hour is to be counted next.
async fn due(setup: &Setup, by: Timestamp) -> bool {
    let due = setup.state.digests.due(by, 10).await.unwrap();
    due.iter()
        .any(|due| due.account == setup.account && due.hour == hour())
}

fn counts(digest: &Digest, status: Status) -> u64 {
    let mut all = Breakdown::default();
    for sum in digest.sums.values() {
        all.add(&sum.breakdown);
    }
    all.by(|place| place.status)
        .get(&status)
        .map_or(0, |tally| tally.messages)
}

fn batches(digest: &Digest) -> (u64, u64) {
    let sums = digest.sums.values();
    sums.fold((0, 0), |(batches, closed), sum| {
        (batches + sum.batches, closed + sum.closed)
    })
}

#[tokio::test]
async fn an_hour_is_counted_when_it_is_over_and_again_until_all_of_it_is_closed() {
    let setup = Setup::with_chunks(0).await;
    let one = send(&setup, 5, 1, 1).await;
    let many = send(&setup, 50, 2, 250).await;
    // Neither is of this hour.
    send(&setup, -1, 3, 1).await;
    send(&setup, 60, 4, 1).await;
    let day = 24 * 60;

    let early = due(&setup, after(74)).await;
    let first = work(&setup.state, request(&setup), after(75), never()).await;
    let open = kept(&setup).await.unwrap();
    delivered(&setup, &one).await;
    let a_day_later = (
        due(&setup, after(60 + day - 1)).await,
        due(&setup, after(60 + day)).await,
    );
    work(&setup.state, request(&setup), after(60 + day), never())
        .await
        .unwrap();
    let second = kept(&setup).await.unwrap();
    for batch in [&one, &many] {
        let mut closed = Breakdown::default();
        for sum in second.sums.values().filter(|sum| sum.batches == 1) {
            if sum.audience == batch.progress.prepared.unwrap().rows {
                closed = sum.breakdown.clone();
            }
        }
        let id = batch.terms.id;
        setup
            .state
            .batches
            .close(id, &Totals::default(), &closed)
            .await
            .unwrap();
    }
    work(&setup.state, request(&setup), after(60 + 4 * day), never())
        .await
        .unwrap();
    let last = kept(&setup).await.unwrap();

    assert!(!early);
    assert_eq!(first.unwrap(), Ended::Finished);
    assert_eq!((batches(&open), batches(&last)), ((2, 0), (2, 2)));
    assert_eq!(counts(&open, Status::Sent), 251);
    assert_eq!(a_day_later, (false, true));
    assert_eq!(
        (
            counts(&second, Status::Sent),
            counts(&second, Status::Delivered)
        ),
        (250, 1)
    );
    assert_eq!(
        (
            counts(&last, Status::Sent),
            counts(&last, Status::Delivered)
        ),
        (250, 1)
    );
    assert!(!due(&setup, Timestamp::MAX).await, "it is what it came to");
    let again = work(&setup.state, request(&setup), after(60 + 5 * day), never()).await;
    assert_eq!(
        again.unwrap(),
        Ended::Lost,
        "a message that comes twice changes nothing"
    );
}

#[tokio::test]
async fn a_count_that_dies_after_any_of_its_calls_ends_at_the_same_digest() {
    let setup = Setup::with_chunks(0).await;
    for drawn in 0..9 {
        send(
            &setup,
            i64::from(drawn) * 6,
            drawn,
            if drawn == 4 { 150 } else { 1 },
        )
        .await;
    }
    let aws = stack::aws().await;
    let state = |aws: &Aws| State {
        // Three pages.
        limits: Limits {
            digest_batches: 4,
            ..Limits::USUAL
        },
        ..setup.tables.state(aws)
    };
    let mut died = 0;

    loop {
        let mortal = mortal::after(&aws, died);
        let mortal = state(&mortal);
        let worked = work(&mortal, request(&setup), after(75), never()).await;
        if worked.is_ok() {
            break;
        }
        assert!(
            due(&setup, after(75)).await,
            "after {died} calls nobody would count it"
        );
        died += 1;
    }

    // What is to be counted, three pages and the end of them, the chunks of each page, the digest.
    assert_eq!(died, 9);
    let digest = kept(&setup).await.unwrap();
    assert_eq!(batches(&digest), (9, 0));
    assert_eq!(counts(&digest, Status::Sent), 158);
}

#[tokio::test]
async fn what_does_not_fit_into_one_invocation_is_gone_on_with_by_the_next() {
    let mut setup = Setup::with_chunks(0).await;
    setup.state.limits = Limits {
        digest_batches: 1,
        reserve: SignedDuration::ZERO,
        ..Limits::USUAL
    };
    for drawn in 0..30 {
        send(&setup, 10, drawn, 1).await;
    }
    let mut invocations = 0;

    loop {
        let soon = Timestamp::now() + SignedDuration::from_millis(25);
        invocations += 1;
        match work(&setup.state, request(&setup), after(75), soon)
            .await
            .unwrap()
        {
            Ended::OutOfTime => assert!(due(&setup, after(75)).await, "it is asked for at once"),
            ended => {
                assert_eq!(ended, Ended::Finished);
                break;
            }
        }
        assert!(invocations < 200, "none of them came any further");
    }

    assert!(invocations > 1, "one of them had time for all");
    assert_eq!(batches(&kept(&setup).await.unwrap()), (30, 0));
}

#[tokio::test]
async fn an_hour_is_expected_once_while_it_lasts_and_later_by_each_batch() {
    let setup = Setup::with_chunks(0).await;
    let digests = &setup.state.digests;
    let expect = async |now| digests.expect(setup.account, after(5), now).await.unwrap();
    let is_due = async || due(&setup, after(80)).await;
    let count = async || {
        let (found, _) = digests
            .begin(request(&setup), after(75))
            .await
            .unwrap()
            .unwrap();
        let nothing = Digest::default();
        let kept = digests.keep(&found, &nothing, Some(after(2_000)));
        kept.await.unwrap().unwrap();
    };
    expect(after(6)).await;
    count().await;

    expect(after(7)).await;
    let meanwhile = is_due().await;
    expect(after(60)).await;
    let late = is_due().await;
    count().await;
    expect(after(61)).await;
    let as_late = is_due().await;

    assert_eq!((meanwhile, late, as_late), (false, true, true));
}

#[tokio::test]
async fn a_count_is_lost_when_another_environment_expects_the_same_hour_meanwhile() {
    let setup = Setup::with_chunks(0).await;
    let other = setup.tables.state(&stack::aws().await);
    let (account, digests) = (setup.account, &setup.state.digests);
    digests.expect(account, after(5), after(6)).await.unwrap();
    let begun = digests.begin(request(&setup), after(75)).await;
    let (begun, _) = begun.unwrap().unwrap();

    let expected = other.digests.expect(account, after(5), after(76));
    expected.await.unwrap();
    let kept = digests.keep(&begun, &Digest::default(), None).await;

    assert_eq!(kept.unwrap(), Err(Lost));
    assert!(due(&setup, after(80)).await, "it is counted again");
}

#[tokio::test]
async fn of_two_counts_at_the_same_time_one_is_kept_and_none_where_more_came_meanwhile() {
    let setup = Setup::with_chunks(0).await;
    send(&setup, 5, 1, 1).await;
    let (digests, empty) = (&setup.state.digests, Digest::default());
    let begin = async || {
        digests
            .begin(request(&setup), after(75))
            .await
            .unwrap()
            .unwrap()
            .0
    };
    let found = digests.due(after(75), 10).await.unwrap();

    let asked = digests.ask_again(&found[0], after(105)).await.unwrap();
    let asked_twice = digests.ask_again(&found[0], after(105)).await.unwrap();
    let outrun = begin().await;
    // A request from long ago is repeated, by an environment that knows nothing of the hour.
    let late = setup.tables.state(&stack::aws().await);
    let expected = late.digests.expect(setup.account, after(6), after(90));
    expected.await.unwrap();
    let outrun = digests.keep(&outrun, &empty, None).await.unwrap();
    let (first, second) = (begin().await, begin().await);
    let first = digests
        .keep(&first, &empty, Some(after(2_000)))
        .await
        .unwrap();
    let second = digests.keep(&second, &empty, None).await.unwrap();

    assert_eq!((asked, asked_twice), (true, false));
    assert_eq!(
        outrun,
        Err(Lost),
        "more was expected after that count had begun"
    );
    assert_eq!((first, second), (Ok(()), Err(Lost)));
    assert!(due(&setup, after(2_000)).await);
}

#[tokio::test]
async fn the_queue_tells_digests_from_exports() {
    let setup = Setup::with_chunks(0).await;
    send(&setup, 5, 1, 1).await;
    let body = serde_json::to_string(&request(&setup)).unwrap();
    let event = serde_json::json!({"Records": [{"messageId": "1", "body": body, "attributes": {}, "messageAttributes": {}}]});
    let event = serde_json::from_value(event).unwrap();

    let answer = export::worker::handle(&setup.state, event, never()).await;

    assert!(answer.batch_item_failures.is_empty());
    assert!(kept(&setup).await.is_some());
    let unreadable = serde_json::from_str::<carillon_store::queues::ExportTask>("{}");
    assert!(unreadable.is_err());
}
