//! From a campaign to its ledger items, against the local stack.

mod contacts;
mod retried;
mod setup;

use std::{collections::BTreeSet, ops::Range, time::Duration};

use aws_lambda_events::sqs::SqsEvent;
use carillon_core::{
    batch::{BatchTerms, Control, Prepared, Stage},
    chunk::{Chunk, Pointer, source::Source},
    consent::{ConsentRecord, ConsentScope, Method},
    frame,
    limits::{destinations::Destinations, frequency::FrequencyCap},
    manifest::{Frame, Manifest},
    phone::{Country, Phone},
    rules::Class,
    safeguards::{NeedsConsent, Safeguards},
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::sqs;
use carillon_store::{queues::PrepareRequest, uploads::UploadFormat};
use carillon_testkit::build;
use jiff::SignedDuration;
use prepare::preparation::handle;
use setup::{Setup, csv_of, deadline, now};

#[tokio::test]
async fn an_upload_becomes_frames_and_chunks_and_the_dispatcher_is_woken() {
    let setup = Setup::new().await;
    let csv = csv_of(447_700_900_000..447_700_900_250) + "+447700900007,Zoe\n+1,Bad\n";
    setup.give(UploadFormat::Csv, &csv).await;
    let opted_out = Phone::from_digits(447_700_900_042).unwrap();
    let hash = setup
        .preparation
        .key
        .number(setup.request.account, opted_out);
    let suppressions = &setup.preparation.suppressions;
    let account = setup.request.account;
    let word = Word::new(Consent::OptedOut, now(), Cause::Reply);
    suppressions
        .take(account, &hash, &word, now())
        .await
        .unwrap();

    setup.prepare().await;

    let progress = setup.batch().await.progress;
    assert_eq!((progress.stage, progress.chunks), (Stage::Ready, Some(3)));
    let expected = Prepared {
        rows: 252,
        accepted: 249,
        rejected: 1,
        duplicates: 1,
        opted_out: 1,
        capped: 0,
        no_consent: 0,
        parts: 249,
    };
    assert_eq!(progress.prepared, Some(expected));
    let mut numbers = BTreeSet::new();
    for chunk in 0..3 {
        let chunk = setup.chunk(chunk).await.unwrap();
        let Source::Frame(address) = chunk.source else {
            panic!("no frame");
        };
        let files = &setup.preparation.files;
        let bytes = files
            .read_frame(setup.request.batch, address)
            .await
            .unwrap();
        let recipients = frame::decode(&bytes).unwrap();
        assert_eq!(recipients.len(), chunk.slots.len());
        numbers.extend(recipients.iter().map(|it| it.number.digits()));
    }
    let accepted = (447_700_900_000..447_700_900_250).filter(|number| *number != 447_700_900_042);
    assert_eq!(numbers, accepted.collect());
    let rejected = setup.rejected().await;
    let codes: Vec<_> = rejected
        .lines()
        .map(|line| line.split(',').take(3).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(
        codes,
        [
            "line,column,code",
            "252,phone,duplicate",
            "253,phone,invalid_phone"
        ]
    );
    assert_eq!(setup.wakes().await, 1);
}

#[tokio::test]
async fn a_record_of_the_queue_is_a_batch_and_garbage_is_handed_back() {
    let setup = Setup::new().await;
    let csv = csv_of(447_700_900_000..447_700_900_001);
    setup.give(UploadFormat::Csv, &csv).await;
    let sample = include_str!("../../../../events/prepare-sqs.json");
    let mut event: SqsEvent = serde_json::from_str(sample).unwrap();
    let mut garbage = event.records[0].clone();
    garbage.message_id = Some("garbage".to_owned());
    garbage.body = Some("{}".to_owned());
    event.records[0].body = Some(serde_json::to_string(&setup.request).unwrap());
    event.records.push(garbage);

    let answer = handle(&setup.preparation, event, deadline()).await;

    let failed = answer.batch_item_failures.iter();
    let failed: Vec<_> = failed.map(|it| it.item_identifier.as_str()).collect();
    assert_eq!(failed, ["garbage"]);
    assert_eq!(setup.batch().await.progress.stage, Stage::Ready);
}

#[test]
fn the_sample_event_is_a_request() {
    let sample = include_str!("../../../../events/prepare-sqs.json");
    let event: SqsEvent = serde_json::from_str(sample).unwrap();

    let request: PrepareRequest = sqs::body(&event.records[0]).unwrap();

    assert_eq!(request.batch.to_string(), "bat_01h455vb4pex5vsknk084sn02q");
}

#[tokio::test]
async fn an_inline_audience_becomes_chunks() {
    let setup = Setup::new().await;
    let lines = "{\"v\":1,\"to\":\"+447700900001\"}\n{\"v\":1,\"to\":\"+4915123456789\"}\n";
    setup.give(UploadFormat::Ndjson, lines).await;

    setup.prepare().await;

    assert_eq!(setup.batch().await.progress.chunks, Some(2));
}

#[tokio::test]
async fn who_finds_a_manifest_goes_on_from_it() {
    // There is no upload any more.
    let setup = Setup::new().await;
    let manifest = Manifest {
        version: Manifest::VERSION,
        batch: setup.request.batch,
        run: 7,
        parts: 1,
        groups: Vec::new(),
        frames: vec![
            Frame(0, 0, 50, 100, 447_700_900_000),
            Frame(0, 50, 9, 3, 447_700_900_100),
        ],
        prepared: Prepared {
            rows: 103,
            accepted: 103,
            parts: 103,
            ..Prepared::default()
        },
    };
    setup
        .preparation
        .files
        .settle_manifest(&manifest)
        .await
        .unwrap();
    let there = Chunk::new(42, Source::Sibling);
    let pointer = Pointer {
        batch: setup.request.batch,
        chunk: 0,
    };
    setup
        .preparation
        .ledger
        .create_chunk(pointer, &there)
        .await
        .unwrap();

    setup.prepare().await;

    assert_eq!(setup.chunk(0).await, Some(there), "what was there stays");
    let missing = setup.chunk(1).await.unwrap();
    assert_eq!(missing.slots.len(), 3);
    assert_eq!(
        missing.source,
        Source::Frame(manifest.address(&manifest.frames[1]))
    );
    let progress = setup.batch().await.progress;
    assert_eq!((progress.stage, progress.chunks), (Stage::Ready, Some(2)));
    assert_eq!(progress.prepared, Some(manifest.prepared));
    assert_eq!(setup.wakes().await, 1);
}

#[tokio::test]
async fn who_comes_second_goes_on_from_the_manifest_of_the_first() {
    let setup = Setup::new().await;
    let csv = csv_of(447_700_900_000..447_700_900_150);
    setup.give(UploadFormat::Csv, &csv).await;
    let (preparation, request) = (&setup.preparation, &setup.request);
    let batch = setup.batch().await;

    let first = preparation.make_manifest(request, &batch).await.unwrap();
    let second = preparation.make_manifest(request, &batch).await.unwrap();

    assert_eq!(second, first);
}

#[tokio::test]
async fn of_two_at_the_same_time_one_manifest_counts() {
    let setup = Setup::new().await;
    let csv = csv_of(447_700_900_000..447_700_900_150);
    setup.give(UploadFormat::Csv, &csv).await;

    let prepare = || setup.preparation.prepare(&setup.request, deadline());
    let (one, other) = tokio::join!(prepare(), prepare());

    one.unwrap();
    other.unwrap();
    let files = &setup.preparation.files;
    let manifest = files
        .find_manifest(setup.request.batch)
        .await
        .unwrap()
        .unwrap();
    for (chunk, frame) in (0..).zip(&manifest.frames) {
        let source = setup.chunk(chunk).await.unwrap().source;
        assert_eq!(source, Source::Frame(manifest.address(frame)));
    }
    assert_eq!(setup.batch().await.progress.chunks, Some(2));
    assert_eq!(setup.chunk(2).await, None);
}

#[tokio::test]
async fn a_batch_cancelled_before_it_was_prepared_has_no_chunks() {
    let setup = Setup::new().await;
    setup
        .give(UploadFormat::Csv, &csv_of(447_700_900_000..447_700_900_150))
        .await;
    let batches = &setup.preparation.batches;
    batches
        .control(setup.request.batch, Control::Cancelled)
        .await
        .unwrap();

    setup.prepare().await;

    let progress = setup.batch().await.progress;
    assert_eq!((progress.stage, progress.chunks), (Stage::Ready, Some(0)));
    assert_eq!(progress.control, Control::Cancelled);
    assert_eq!(setup.chunk(0).await, None);
    assert_eq!(setup.wakes().await, 1);
}

#[tokio::test]
async fn a_batch_that_was_prepared_before_only_wakes_the_dispatcher() {
    let setup = Setup::new().await;
    let batches = &setup.preparation.batches;
    batches
        .ready(setup.request.batch, 5, &Prepared::default())
        .await
        .unwrap();

    setup.prepare().await;

    assert_eq!(setup.batch().await.progress.chunks, Some(5));
    assert_eq!(setup.wakes().await, 1);
}

#[tokio::test]
async fn an_audience_that_is_no_use_fails_the_batch_and_says_why() {
    for (name, csv, expected) in [
        (
            "no header",
            Some("+447700900001\n"),
            "line 1: the first line must name the columns",
        ),
        (
            "no phone column",
            Some("name,city\nAnn,Bath\n"),
            "no phone column among `name`, `city`",
        ),
        ("no rows", Some("phone\n"), "the audience has no recipients"),
        (
            "nobody",
            Some("phone\n+447700\n"),
            "none of the rows can be sent to: of 1, 1 were rejected",
        ),
        ("no file", None, "there is no file in the upload"),
    ] {
        let setup = Setup::new().await;
        if let Some(csv) = csv {
            setup.give(UploadFormat::Csv, csv).await;
        }

        setup.prepare().await;

        let progress = setup.batch().await.progress;
        let problem = progress.problem.unwrap_or_default();
        assert_eq!(progress.stage, Stage::Failed, "{name}");
        assert!(problem.starts_with(expected), "{name}: {problem}");
        assert_eq!(setup.wakes().await, 0, "{name}");
    }
}

#[tokio::test]
async fn a_request_in_the_name_of_another_account_is_refused() {
    let mut setup = Setup::new().await;
    setup.request.account = build::id();

    let refused = setup.preparation.prepare(&setup.request, deadline()).await;

    assert!(refused.is_err());
    assert_eq!(setup.batch().await.progress.stage, Stage::Preparing);
}

/// Everything may leave, and so much marketing.
async fn allow(setup: &Setup, destinations: Destinations, frequency: &[(u32, u32)]) {
    let account = setup.request.account;
    let cap = |(messages, hours): &(u32, u32)| FrequencyCap {
        messages: *messages,
        hours: *hours,
    };
    let safeguards = Safeguards {
        destinations,
        frequency: frequency.iter().map(cap).collect(),
        version: 1,
        ..Safeguards::of(account)
    };
    let store = &setup.preparation.safeguards;
    let changed = store.change(&safeguards, &setup::audit(account)).await;
    changed
        .expect("it is written")
        .expect("nobody else changed it");
}

fn marketing(hours_ago: i64) -> BatchTerms {
    BatchTerms {
        test: false,
        class: Class::Marketing,
        ..build::terms(now() - SignedDuration::from_hours(hours_ago))
    }
}

#[tokio::test]
async fn who_got_enough_marketing_is_left_out() {
    let setup = Setup::new().await;
    allow(&setup, Destinations::ALL, &[(2, 24), (3, 48)]).await;
    let numbers =
        |range: Range<u64>| csv_of(447_700_900_000 + range.start..447_700_900_000 + range.end);
    let mut cancelled = marketing(4);
    cancelled.campaign = Some(build::id());
    let cancelled_id = cancelled.id;
    let transactional = || BatchTerms {
        class: Class::Transactional,
        ..marketing(3)
    };
    for (terms, range) in [
        (marketing(60), 0..50),
        (marketing(30), 0..10),
        (marketing(5), 5..15),
        (cancelled, 0..50),
        (transactional(), 0..50),
    ] {
        setup.another(terms, &numbers(range)).await;
    }
    let batches = &setup.preparation.batches;
    batches
        .control(cancelled_id, Control::Cancelled)
        .await
        .unwrap();
    setup.another(marketing(2), &numbers(8..20)).await;

    let capped = setup.another(marketing(0), &numbers(0..25)).await;
    let transactional = setup.another(transactional(), &numbers(0..25)).await;

    // Twice within a day: 8 to 14. Thrice within two days: 8 and 9, which are among them.
    assert_eq!((capped.rows, capped.capped, capped.accepted), (25, 7, 18));
    assert_eq!((transactional.capped, transactional.accepted), (0, 25));
}

#[tokio::test]
async fn of_two_that_begin_at_the_same_instant_the_later_one_looks_back_at_the_other() {
    let setup = Setup::new().await;
    allow(&setup, Destinations::ALL, &[(1, 24)]).await;
    let mut rivals = [marketing(0), marketing(0)];
    rivals.sort_by_key(|terms| terms.id);
    let csv = |count: u64| csv_of(447_700_900_000..447_700_900_000 + count);
    let [first, second] = &rivals;
    let (first, second) = (
        setup.planned(first.clone(), &csv(9)).await,
        setup.planned(second.clone(), &csv(10)).await,
    );

    // The later one begins its preparation while the other's is still to come.
    let late = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        first.prepare().await;
    };
    futures::join!(second.prepare(), late);

    let prepared = async |rival: &Setup| {
        let prepared = rival.batch().await.progress.prepared.unwrap();
        (prepared.capped, prepared.accepted)
    };
    assert_eq!(prepared(&first).await, (0, 9));
    assert_eq!(prepared(&second).await, (9, 1));
}

#[tokio::test]
async fn florida_allows_less_than_an_account_may() {
    let setup = Setup::new().await;
    allow(&setup, Destinations::ALL, &[(9, 24)]).await;
    // Miami and New York.
    let csv = "phone\n+13052345678\n+12122345678\n";
    for hours_ago in [3, 2, 1] {
        setup.another(marketing(hours_ago), csv).await;
    }

    let fourth = setup.another(marketing(0), csv).await;

    assert_eq!((fourth.capped, fourth.accepted), (1, 1));
}

#[tokio::test]
async fn what_is_spread_has_chunks_small_enough_for_each_minute() {
    let setup = Setup::new().await;
    let spread = BatchTerms {
        spread_over: Some(600),
        ..build::terms(now())
    };
    let csv = csv_of(447_700_900_000..447_700_900_025);

    let spread = setup.campaign(spread, &csv).await;

    assert_eq!(spread.batch().await.progress.chunks, Some(13));
    let mut recipients = Vec::new();
    for chunk in 0..13 {
        recipients.push(spread.chunk(chunk).await.unwrap().slots.len());
    }
    assert_eq!(recipients, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1]);
}

#[tokio::test]
async fn rows_of_countries_that_are_not_allowed_are_rejected() {
    let setup = Setup::new().await;
    let british = Destinations::only(Country::parse("GB"));
    allow(&setup, british, &[]).await;
    let csv = "phone\n+447700900001\n+33612345678\n+447700900002\n";
    let test = BatchTerms {
        test: true,
        ..marketing(0)
    };

    let live = setup.another(marketing(0), csv).await;
    let test = setup.another(test, csv).await;

    assert_eq!((live.accepted, live.rejected), (2, 1));
    assert_eq!(
        (test.accepted, test.rejected),
        (3, 0),
        "nothing of it leaves"
    );
}

#[tokio::test]
async fn where_it_is_asked_for_marketing_goes_to_those_only_who_agreed() {
    let setup = Setup::new().await;
    let account = setup.request.account;
    let safeguards = Safeguards {
        destinations: Destinations::ALL,
        marketing_needs_consent: NeedsConsent::Skip,
        version: 1,
        ..Safeguards::of(account)
    };
    let store = &setup.preparation.safeguards;
    let changed = store.change(&safeguards, &setup::audit(account)).await;
    changed.unwrap().unwrap();
    let agreed = Phone::from_digits(447_700_900_001).unwrap();
    let record = ConsentRecord {
        id: build::id(),
        scope: ConsentScope::All,
        method: Method::Paper,
        given: now(),
        recorded: now(),
        // It holds until the campaign begins, and no longer.
        expires: Some(now() + SignedDuration::from_hours(1)),
        source: "the shop".to_owned(),
        text: "Send me offers".to_owned(),
        language: None,
        evidence: None,
        identity: None,
        ip: None,
        user_agent: None,
        inbound: None,
        redacted: None,
    };
    let consents = &setup.preparation.consents;
    consents.record(account, agreed, &record).await.unwrap();
    let csv = csv_of(447_700_900_000..447_700_900_003);
    let transactional = BatchTerms {
        class: Class::Transactional,
        ..marketing(0)
    };
    let later = BatchTerms {
        not_before: Some(now() + SignedDuration::from_hours(1)),
        ..marketing(0)
    };

    let marketed = setup.another(marketing(0), &csv).await;
    let transactional = setup.another(transactional, &csv).await;
    let later = setup.campaign(later, &csv).await.batch().await.progress;

    assert_eq!(
        (marketed.rows, marketed.no_consent, marketed.accepted),
        (3, 2, 1)
    );
    assert_eq!((transactional.no_consent, transactional.accepted), (0, 3));
    assert_eq!(later.stage, Stage::Failed);
    let problem = later.problem.unwrap();
    assert!(problem.contains("3 have no consent record"), "{problem}");
}
