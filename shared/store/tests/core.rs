//! Batches, the dispatcher's lock and opt-outs, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use carillon_core::{
    batch::{Batch, Control, Prepared, Snapshot, Stage, Sweep},
    breakdown::{Breakdown, Place, Tally},
    closing::Look,
    inbound::QueuedInbound,
    phone::Phone,
    status::{Status, Totals},
    suppression::{Cause, Word},
};
use carillon_store::{
    batches::{Activity, Batches, Closing},
    dispatcher_lock::{DispatcherLock, Held},
    inbound_log::{InboundLog, LoggedInbound},
    suppressions::{Consent, Listed, OptedOut, Suppressions},
};
use carillon_testkit::{build, stack};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).unwrap()
}

async fn batches() -> Batches {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    Batches::new(dynamodb, table)
}

async fn preparing() -> (Batches, Batch) {
    let (batches, batch) = (
        batches().await,
        Batch::new(build::terms(now()), Stage::Preparing, None),
    );
    batches.create(&batch, Activity::Active).await.unwrap();
    (batches, batch)
}

#[tokio::test]
async fn a_batch_is_made_once_and_found_as_it_was_made() {
    let (batches, batch) = preparing().await;
    let mut other = batch.clone();
    other.terms.content.text = "Something else".to_owned();

    batches.create(&other, Activity::Active).await.unwrap();

    assert_eq!(
        batches.find(batch.terms.id).await.unwrap(),
        Some(batch.clone())
    );
    assert_eq!(batches.active().await.unwrap(), [batch.terms.id]);
    assert_eq!(
        batches.list(batch.terms.account, None, 10).await.unwrap(),
        [batch]
    );
}

#[tokio::test]
async fn becoming_ready_does_not_undo_a_cancel() {
    let (batches, batch) = preparing().await;
    let prepared = Prepared {
        rows: 5,
        accepted: 3,
        rejected: 1,
        duplicates: 1,
        ..Prepared::default()
    };

    assert!(
        batches
            .control(batch.terms.id, Control::Cancelled)
            .await
            .unwrap()
    );
    batches.ready(batch.terms.id, 1, &prepared).await.unwrap();
    let resumed = batches
        .control(batch.terms.id, Control::Running)
        .await
        .unwrap();

    let progress = batches
        .find(batch.terms.id)
        .await
        .unwrap()
        .unwrap()
        .progress;
    assert_eq!(
        (progress.stage, progress.control, progress.chunks),
        (Stage::Ready, Control::Cancelled, Some(1))
    );
    assert_eq!(progress.prepared, Some(prepared));
    assert!(!resumed, "a cancel is for good");
}

#[tokio::test]
async fn the_cursor_only_moves_forward_and_a_resume_asks_for_a_sweep() {
    let (batches, batch) = preparing().await;
    let id = batch.terms.id;
    batches.ready(id, 10, &Prepared::default()).await.unwrap();

    batches.advance(id, 7).await.unwrap();
    batches.advance(id, 3).await.unwrap();
    batches
        .swept(
            id,
            (Control::Running, None),
            Sweep {
                at: now(),
                below: 7,
            },
        )
        .await
        .unwrap();
    let before = batches.find(id).await.unwrap().unwrap().progress;
    batches.control(id, Control::Paused).await.unwrap();
    batches.control(id, Control::Running).await.unwrap();
    let after = batches.find(id).await.unwrap().unwrap().progress;

    assert_eq!(
        (before.cursor, before.swept),
        (
            7,
            Some(Sweep {
                at: now(),
                below: 7
            })
        )
    );
    assert_eq!((after.cursor, after.swept), (7, None));
}

#[tokio::test]
async fn a_sweep_that_a_cancel_or_a_resume_overtakes_leaves_what_they_asked_for() {
    let (batches, batch) = preparing().await;
    let id = batch.terms.id;
    batches.ready(id, 10, &Prepared::default()).await.unwrap();
    let sweep = |below| Sweep { at: now(), below };
    let noted = async |seen, below| {
        batches.swept(id, seen, sweep(below)).await.unwrap();
        batches.find(id).await.unwrap().unwrap().progress.swept
    };
    let running = Control::Running;

    let first = noted((running, None), 1).await;
    let next = noted((running, Some(sweep(1))), 2).await;
    batches.control(id, Control::Paused).await.unwrap();
    batches.control(id, running).await.unwrap();
    let resumed = noted((running, Some(sweep(2))), 3).await;
    batches.control(id, Control::Cancelled).await.unwrap();
    let cancelled = noted((running, None), 4).await;
    let last = noted((Control::Cancelled, None), 5).await;

    assert_eq!((first, next), (Some(sweep(1)), Some(sweep(2))));
    assert_eq!((resumed, cancelled), (None, None));
    assert_eq!(last, Some(sweep(5)));
}

#[tokio::test]
async fn a_finished_batch_is_out_of_the_dispatchers_way() {
    let (batches, batch) = preparing().await;
    let id = batch.terms.id;
    let totals = Totals {
        accepted: 3,
        delivered: 3,
        chunks: 1,
        chunks_done: 1,
        ..Totals::default()
    };
    batches.ready(id, 1, &Prepared::default()).await.unwrap();

    batches.finish(id, &totals, now()).await.unwrap();

    let progress = batches.find(id).await.unwrap().unwrap().progress;
    assert_eq!(
        (progress.stage, progress.totals),
        (Stage::Finished, Some(totals))
    );
    assert_eq!(batches.active().await.unwrap(), []);
    assert!(!batches.control(id, Control::Paused).await.unwrap());
    assert_eq!(
        batches.active().await.unwrap(),
        [],
        "nor does a late pause bring it back"
    );
}

#[tokio::test]
async fn one_dispatches_at_a_time() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    let lock = DispatcherLock::new(dynamodb, table);
    let until = now() + SignedDuration::from_mins(1);

    assert!(lock.take("one", now(), until).await.unwrap(), "free");
    assert!(
        lock.take("one", now(), until).await.unwrap(),
        "the same call, repeated"
    );
    assert!(!lock.take("two", now(), until).await.unwrap(), "held");
    lock.release("two").await.unwrap();
    assert!(!lock.take("two", now(), until).await.unwrap(), "still held");
    assert!(
        lock.take("two", until, until + SignedDuration::from_mins(1))
            .await
            .unwrap(),
        "over"
    );
    lock.release("two").await.unwrap();
    assert!(
        lock.take("three", now(), until).await.unwrap(),
        "given back"
    );
}

#[tokio::test]
async fn who_dispatches_learns_that_somebody_waits_or_took_over() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    let lock = DispatcherLock::new(dynamodb, table);
    let until = |seconds| now() + SignedDuration::from_secs(seconds);
    let renew = async |owner, seconds| lock.renew(owner, until(seconds)).await.unwrap();

    lock.want("two").await.unwrap();
    assert!(lock.take("one", now(), until(15)).await.unwrap());
    assert_eq!(renew("one", 30).await, Held::Ours, "nobody waited for it");
    assert!(!lock.take("two", until(20), until(35)).await.unwrap());
    lock.want("two").await.unwrap();
    assert_eq!(renew("one", 45).await, Held::Wanted);
    assert!(lock.take("two", until(45), until(60)).await.unwrap());
    assert_eq!(renew("one", 60).await, Held::Lost);
    assert_eq!(renew("two", 60).await, Held::Ours, "the wish is fulfilled");
}

#[tokio::test]
async fn a_batch_to_close_is_found_when_its_time_has_come_until_it_is_closed() {
    let batches = batches().await;
    let closing = |since| Closing {
        batch: build::id(),
        since,
        look: Look::Silence,
    };
    let due = closing(now());
    let last = Closing {
        look: Look::Last,
        ..closing(now() - SignedDuration::from_hours(1))
    };
    let later = closing(now() + SignedDuration::from_millis(1));
    for closing in [due, last, later] {
        batches.close_later(closing).await.unwrap();
    }

    let mut found = batches.closings(now(), 10).await.unwrap();
    batches.closed(due).await.unwrap();
    let left = batches.closings(now(), 10).await.unwrap();

    found.sort_by_key(|closing| closing.since);
    assert_eq!((found, left), (vec![last, due], vec![last]));
}

#[tokio::test]
async fn a_batch_of_the_api_is_made_once_and_is_on_the_list_of_what_is_to_be_closed() {
    let batches = batches().await;
    let batch = Batch::new(build::terms(now()), Stage::Ready, Some(1));
    let mut other = batch.clone();
    other.terms.content.text = "Something else".to_owned();

    batches.create(&batch, Activity::Passive).await.unwrap();
    batches.create(&other, Activity::Passive).await.unwrap();

    let found = batches.find(batch.terms.id).await.unwrap();
    let closing = batches.closings(now(), 10).await.unwrap();
    assert_eq!(found, Some(batch.clone()));
    assert_eq!(closing.len(), 1);
    assert_eq!(
        (closing[0].batch, closing[0].since),
        (batch.terms.id, now())
    );
    assert_eq!(batches.active().await.unwrap(), []);
}

#[tokio::test]
async fn totals_are_frozen_for_a_batch_that_is_ready_or_over_and_for_no_other() {
    let (batches, batch) = preparing().await;
    let id = batch.terms.id;
    let totals = |delivered| Totals {
        delivered,
        ..Totals::default()
    };
    let progress = async || batches.find(id).await.unwrap().unwrap().progress;

    batches.freeze(id, &totals(1)).await.unwrap();
    let preparing = progress().await;
    batches.ready(id, 1, &Prepared::default()).await.unwrap();
    batches.freeze(id, &totals(2)).await.unwrap();
    let frozen = progress().await;
    batches.freeze(id, &totals(3)).await.unwrap();

    assert_eq!(
        (preparing.stage, preparing.totals),
        (Stage::Preparing, None)
    );
    assert_eq!(
        (frozen.stage, frozen.totals),
        (Stage::Finished, Some(totals(2)))
    );
    assert_eq!(progress().await.totals, Some(totals(3)));
}

#[tokio::test]
async fn a_closed_batch_has_its_breakdown_with_it_or_beside_it() {
    for senders in [1, 2_000] {
        let (batches, batch) = preparing().await;
        let id = batch.terms.id;
        batches.ready(id, 1, &Prepared::default()).await.unwrap();
        let mut breakdown = Breakdown::default();
        for sender in 0..senders {
            let place = Place {
                country: None,
                gateway: None,
                sender: Some(format!("SENDER{:x}", sender * 7_919 % 65_521)),
                status: Status::Delivered,
                reason: None,
            };
            let tally = Tally {
                messages: sender * 31 + 1,
                ..Tally::default()
            };
            breakdown.cells.insert(place, tally);
        }
        let before = batches.snapshot(&batch).await.unwrap();

        let closed = batches.close(id, &Totals::default(), &breakdown).await;

        closed.unwrap();
        let batch = batches.find(id).await.unwrap().unwrap();
        let beside = batch.progress.snapshot == Some(Snapshot::Beside);
        assert_eq!(before, None);
        assert_eq!(beside, senders > 1, "{senders} cells");
        assert_eq!(batch.progress.stage, Stage::Finished);
        assert_eq!(batches.snapshot(&batch).await.unwrap(), Some(breakdown));
    }
}

#[tokio::test]
async fn an_opt_out_is_found_by_number_and_in_the_log() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    let (suppressions, account, other) =
        (Suppressions::new(dynamodb, table), build::id(), build::id());

    let later = now() + SignedDuration::from_secs(9);
    let record = async |hash, consent, said, at| {
        let word = Word::new(consent, said, Cause::Reply);
        suppressions.take(account, hash, &word, at).await.unwrap()
    };
    record("hash1", Consent::OptedOut, now(), now()).await;
    record("hash2", Consent::OptedOut, later, later).await;

    assert!(suppressions.holds(account, "hash1").await.unwrap());
    assert!(
        !suppressions.holds(other, "hash1").await.unwrap(),
        "another account's"
    );
    let among = suppressions.among(account, &["hash1", "nobody"]).await;
    assert_eq!(among.unwrap(), ["hash1"]);
    let hashes = async |since| {
        let lines = suppressions.since(account, since).await.unwrap();
        lines
            .into_iter()
            .map(|line| line.number_hash)
            .collect::<Vec<_>>()
    };
    assert_eq!(hashes(None).await, ["hash1", "hash2"]);
    assert_eq!(
        hashes(Some(now() + SignedDuration::from_secs(1))).await,
        ["hash2"]
    );
}

#[tokio::test]
async fn what_was_said_later_wins_in_whatever_order_it_comes() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    let (suppressions, account) = (Suppressions::new(dynamodb, table), build::id());
    let second = |second| now() + SignedDuration::from_secs(second);
    let record = async |consent, said, at| {
        let word = Word::new(consent, second(said), Cause::Reply);
        let taken = suppressions.take(account, "hash", &word, second(at));
        taken.await.unwrap().consent == consent
    };

    assert!(record(Consent::OptedOut, 0, 10).await);
    assert!(record(Consent::OptedIn, 5, 11).await);
    assert!(!record(Consent::OptedOut, 3, 12).await, "said before");

    assert!(!suppressions.holds(account, "hash").await.unwrap());
    let lines = suppressions.since(account, None).await.unwrap();
    assert_eq!(lines.len(), 2, "what did not count is not in the log");
    assert!(OptedOut::from_iter(lines).is_empty());
    assert!(record(Consent::OptedOut, 6, 13).await);
    assert!(record(Consent::OptedOut, 7, 14).await);
    let lines = suppressions.since(account, None).await.unwrap();
    assert_eq!(lines.len(), 3, "a repetition is no line");
    assert!(suppressions.holds(account, "hash").await.unwrap());
}

#[tokio::test]
async fn who_is_opted_out_is_listed_once_by_pages_the_newest_first() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    let (suppressions, account) = (Suppressions::new(dynamodb, table), build::id());
    let second = |second| now() + SignedDuration::from_secs(second);
    for (hash, consent, at) in [
        ("stays", Consent::OptedOut, 1),
        ("returns", Consent::OptedOut, 2),
        ("goes again", Consent::OptedOut, 3),
        ("returns", Consent::OptedIn, 4),
        ("goes again", Consent::OptedIn, 5),
        ("goes again", Consent::OptedOut, 6),
        ("late", Consent::OptedOut, 7),
    ] {
        let word = Word::new(consent, second(at), Cause::Reply);
        suppressions
            .take(account, hash, &word, second(at))
            .await
            .unwrap();
    }

    let first = suppressions.page(account, None, 2).await.unwrap();
    let rest = suppressions
        .page(account, Some(&first[1].place), 2)
        .await
        .unwrap();

    let hashes = |page: &[Listed]| {
        page.iter()
            .map(|listed| listed.number_hash.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(hashes(&first), ["late", "goes again"]);
    assert_eq!(hashes(&rest), ["stays"]);
}

#[tokio::test]
async fn what_is_left_of_a_forgotten_number_still_holds() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    let (suppressions, account) = (Suppressions::new(dynamodb, table), build::id());
    let word = Word {
        number: Phone::from_e164("+447700900123").ok(),
        ..Word::new(Consent::OptedOut, now(), Cause::Request)
    };
    suppressions
        .take(account, "hash", &word, now())
        .await
        .unwrap();

    suppressions.forget_number(account, "hash").await.unwrap();

    let left = suppressions.find(account, "hash").await.unwrap().unwrap();
    assert_eq!((left.number, left.holds()), (None, true));
}

#[tokio::test]
async fn what_handsets_wrote_is_forgotten_page_by_page_as_long_as_there_is_time() {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    let (log, account) = (InboundLog::new(dynamodb, table), build::id());
    let hash = |number: Phone| number.e164();
    let from = Phone::from_e164("+447700900123").unwrap();
    let wrote = |second| LoggedInbound {
        message: QueuedInbound {
            account,
            gateway: None,
            from,
            to: "12345".to_owned(),
            text: "Hi".to_owned(),
            provider_id: None,
            at: now() + SignedDuration::from_secs(second),
        },
        meaning: None,
    };
    // A page, and two more.
    stream::iter(0..502)
        .map(async |second| log.put(&wrote(second), &hash(from), now()).await.unwrap())
        .buffer_unordered(16)
        .collect::<()>()
        .await;
    let left = async || {
        let all = log.newest(account, None, 1_000).await.unwrap().len();
        let of = log.newest_of(account, &hash(from), None, 1_000).await;
        (all, of.unwrap().len())
    };
    let before = now() + SignedDuration::from_secs(501);
    let mut pages = 0;

    let once = || {
        pages += 1;
        pages == 1
    };
    let half = log
        .forget_before(account, before, hash, once)
        .await
        .unwrap();
    let first = left().await;
    let whole = log
        .forget_before(account, before, hash, || true)
        .await
        .unwrap();

    assert_eq!((half, first), (false, (2, 2)));
    assert_eq!((whole, left().await), (true, (1, 1)), "one is too young");
}
