//! Exports against the emulator, with a ledger that is written directly.

#![expect(clippy::unwrap_used, reason = "a test")]

mod digests;
mod lake;
mod setup;
mod times;

use std::{collections::BTreeSet, time::Duration};

use carillon_core::{
    export::{CsvCells, Filter, Format, Progress, Stage, progress},
    status::Status,
};
use carillon_store::exports::Unattended;
use export::worker::Ended;
use jiff::Timestamp;
use setup::Setup;

const CSV: Format = Format::Csv {
    cells: CsvCells::Raw,
    gzip: false,
};

fn ids(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with("msg_"));
    let first = |line: &str| line.split(',').next().unwrap_or_default().to_owned();
    lines.map(first).collect()
}

#[tokio::test]
async fn an_export_whose_worker_dies_is_gone_on_with_and_has_every_message_once() {
    let setup = Setup::with_chunks(40).await;
    let batch = Some(setup.batch);
    let filter = Filter {
        batch,
        ..Filter::default()
    };
    let export = setup.export(CSV, filter).await;

    // Killed as soon as its first part is there.
    let killed = tokio::time::timeout(Duration::from_mins(1), async {
        tokio::select! {
            ended = setup.work(&export) => panic!("it was over before it was killed: {ended:?}"),
            () = setup.parts(&export, 1) => {}
        }
    });
    killed.await.unwrap();
    let taken = setup.work(&export).await;
    tokio::time::sleep(setup::LEASE).await;
    let ended = setup.work(&export).await;

    assert_eq!(taken, Ended::Lost, "its lease had not ended");
    assert_eq!(ended, Ended::Finished);
    let (progress, files) = setup.files(&export).await;
    let found = ids(&files.concat());
    assert_eq!(found.len(), 4_000);
    assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 4_000);
    assert!(found.is_sorted(), "in the order of their ids, across files");
    assert_eq!(progress.parts.len(), 4);
    assert_eq!((progress.rows, progress.of), (4_000, Some(40)));
    let bytes: Vec<u64> = files.iter().map(|file| file.len() as u64).collect();
    assert_eq!(
        progress
            .parts
            .iter()
            .map(|part| part.bytes)
            .collect::<Vec<_>>(),
        bytes
    );
}

#[tokio::test]
async fn no_chunk_is_left_out_where_blocks_do_not_fill_what_is_read_together() {
    let mut setup = Setup::with_chunks(23).await;
    setup.state.limits.window = 8;
    for block in [1, 3, 5, 8, 10] {
        setup.state.limits.part_rows = block * 100;
        let export = setup.export(CSV, Filter::default()).await;

        setup.work(&export).await;

        let (progress, files) = setup.files(&export).await;
        let found: BTreeSet<_> = ids(&files.concat()).into_iter().collect();
        assert_eq!((progress.rows, found.len()), (2_300, 2_300), "{block}");
    }
}

#[tokio::test]
async fn what_does_not_fit_into_one_invocation_is_asked_for_again_and_finished_by_the_next() {
    let setup = Setup::with_chunks(20).await;
    let export = setup.export(CSV, Filter::default()).await;

    let out_of_time = setup.work_until(&export, Timestamp::now()).await;
    let idle = setup
        .state
        .exports
        .unattended(Timestamp::now())
        .await
        .unwrap();
    let ended = setup.work(&export).await;
    let after = setup
        .state
        .exports
        .unattended(Timestamp::now())
        .await
        .unwrap();

    assert_eq!(out_of_time, Ended::OutOfTime);
    assert_eq!(idle.idle, [setup.request(&export)]);
    assert_eq!((ended, after), (Ended::Finished, Unattended::default()));
}

#[tokio::test]
async fn a_cancelled_export_ends_with_the_next_word_of_its_worker() {
    let setup = Setup::with_chunks(40).await;
    let export = setup.export(CSV, Filter::default()).await;

    let (ended, cancelled) = tokio::join!(setup.work(&export), async {
        setup.parts(&export, 1).await;
        setup.cancel(&export).await
    });

    assert!(cancelled);
    assert_eq!(ended, Ended::Lost);
    let (_, progress) = setup.find(&export).await;
    assert_eq!(
        (progress.stage, progress.manifest),
        (Stage::Cancelled, None)
    );
    assert_eq!(setup.work(&export).await, Ended::Lost);
}

#[tokio::test]
async fn an_export_has_what_its_filter_asks_for_and_nothing_of_another_account() {
    let setup = Setup::with_chunks(2).await;
    let before = Some(setup::began());
    let delivered = vec![Status::Delivered];
    for (name, filter, rows) in [
        ("all", Filter::default(), 200),
        (
            "made before",
            Filter {
                until: before,
                ..Filter::default()
            },
            0,
        ),
        (
            "made then or later",
            Filter {
                from: before,
                ..Filter::default()
            },
            200,
        ),
        (
            "one batch",
            Filter {
                batch: Some(setup.batch),
                ..Filter::default()
            },
            200,
        ),
        (
            "another account's",
            Filter {
                batch: Some(setup.foreign),
                ..Filter::default()
            },
            0,
        ),
        (
            "every fourth",
            Filter {
                statuses: delivered,
                ..Filter::default()
            },
            50,
        ),
    ] {
        for format in [CSV, Format::Parquet] {
            let export = setup.export(format, filter.clone()).await;

            let ended = setup.work(&export).await;

            let (progress, files) = setup.files_of_bytes(&export).await;
            assert_eq!((ended, progress.rows), (Ended::Finished, rows), "{name}");
            assert_eq!(files.len(), 1, "{name}: an empty export is a file too");
        }
    }
}

#[tokio::test]
async fn clicks_are_told_each_with_its_time_its_device_and_whether_a_program_made_it() {
    let setup = Setup::with_chunks(1).await;
    let clicks = [
        (0, 7, 65, false),
        (0, 7, 60, true),
        (0, 12, 300, false),
        (9, 3, 400, false),
    ];
    let batch = setup.with_clicks(&clicks).await;
    let export = setup.export_clicks(CSV, Filter::default()).await;

    let ended = setup.work(&export).await;

    let (progress, files) = setup.files(&export).await;
    assert_eq!((ended, progress.rows), (Ended::Finished, 4));
    let file = files.concat();
    let mut rows = file.lines();
    let columns = "message_id,batch_id,campaign_id,to,country,reference,link,address,clicked_at,device,program,test";
    assert_eq!(rows.next(), Some(columns));
    let told: Vec<Vec<&str>> = rows.map(|row| row.split(',').skip(3).collect()).collect();
    let link = ["1", "https://example.com/table"];
    let row = |to: &'static str, reference: &'static str, at, program| {
        let country = if to.is_empty() { "" } else { "GB" };
        [
            to, country, reference, link[0], link[1], at, "phone", program, "true",
        ]
        .to_vec()
    };
    let (seventh, twelfth) = ("+447700900007", "+447700900012");
    let expected = [
        row(
            seventh,
            "customer-447700900007",
            "2026-09-21T14:14:20Z",
            "true",
        ),
        row(
            seventh,
            "customer-447700900007",
            "2026-09-21T14:14:25Z",
            "false",
        ),
        row(
            twelfth,
            "customer-447700900012",
            "2026-09-21T14:18:20Z",
            "false",
        ),
        // Of a chunk that the ledger has forgotten: clicks are kept for longer.
        row("", "", "2026-09-21T14:20:00Z", "false"),
    ];
    assert_eq!(told, expected);
    assert!(file.contains(&batch.to_string()));
}

#[tokio::test]
async fn what_can_not_be_read_fails_after_a_while_and_says_so() {
    let setup = Setup::with_chunks(2).await;
    setup.lose_a_frame().await;
    let export = setup.export(CSV, Filter::default()).await;

    let mut broken_off = 0;
    while setup.breaks_off(&export).await {
        broken_off += 1;
    }

    let (_, progress) = setup.find(&export).await;
    assert_eq!(broken_off, progress::TRIES - 1);
    assert_eq!(progress.stage, Stage::Failed);
    assert!(progress.problem.is_some());
    let unattended = setup.state.exports.unattended(Timestamp::now()).await;
    let nothing = Unattended::default();
    assert_eq!(unattended.unwrap(), nothing, "nobody asks for it again");
    assert_eq!(setup.told().await, [("export.failed".to_owned(), 0)]);
}

#[tokio::test]
async fn what_kills_its_workers_fails_after_a_while() {
    let setup = Setup::with_chunks(2).await;
    let export = setup.export(CSV, Filter::default()).await;

    let mut died = 0;
    // The export is leased, its batches are read, and that is all.
    while died < 20 && setup.dies_after(&export, 2).await {
        died += 1;
    }

    let (_, progress) = setup.find(&export).await;
    // One more, who died over telling of it.
    assert_eq!((died, progress.stage), (progress::TRIES + 1, Stage::Failed));
    let unattended = setup.state.exports.unattended(Timestamp::now()).await;
    assert_eq!(unattended.unwrap().idle, []);
}

#[tokio::test]
async fn a_scheduled_export_lies_where_who_knows_schedule_and_day_finds_it() {
    let setup = Setup::with_chunks(2).await;
    let (export, schedule) = setup.scheduled("2026-11-28".parse().unwrap()).await;

    setup.work(&export).await;

    let (_, progress) = setup.find(&export).await;
    let home = format!("exports/{}/{schedule}/2026-11-28/", setup.account);
    assert_eq!(progress.manifest, Some(format!("{home}manifest.json")));
    assert!(progress.parts[0].key.starts_with(&home), "{progress:?}");
    assert_eq!(setup.told().await, [("export.finished".to_owned(), 200)]);
}

#[tokio::test]
async fn a_worker_that_dies_after_any_of_its_calls_is_followed_by_one_who_comes_to_the_same() {
    // Two parts, and a word between the blocks of the first.
    let mut setup = Setup::with_chunks(150).await;
    setup.state.limits.part_rows = 10_000;
    let batch = Some(setup.batch);
    let filter = || Filter {
        batch,
        ..Filter::default()
    };
    let whole = setup.export(CSV, filter()).await;
    setup.work(&whole).await;
    let (expected, whole_files) = setup.files(&whole).await;
    let whole_files = whole_files.concat();
    setup.told().await;
    let mut deaths = 0;
    for calls in 1.. {
        let export = setup.export(CSV, filter()).await;

        let died = setup.dies_after(&export, calls).await;
        let unattended = setup.state.exports.unattended(Timestamp::now()).await;
        let Unattended { idle, over } = unattended.unwrap();
        for _ in idle {
            setup.work(&export).await;
        }

        let (progress, files) = setup.files(&export).await;
        let counted = |progress: &Progress| {
            let Progress {
                stage, rows, done, ..
            } = *progress;
            (stage, rows, done, progress.of)
        };
        // That of the dead one, until a part was finished.
        assert!(progress.failures <= 1, "after {calls} calls");
        assert_eq!(
            counted(&progress),
            counted(&expected),
            "after {calls} calls"
        );
        assert_eq!(
            ids(&files.concat()),
            ids(&whole_files),
            "after {calls} calls"
        );
        let manifest = setup.manifest(&export).await;
        assert_eq!(manifest["rows"], 15_000, "after {calls} calls: {manifest}");
        let listed = manifest["parts"].as_array().unwrap().iter();
        let listed = listed.map(|part| part["sha256"].as_str().unwrap());
        let noted = progress.parts.iter().map(|part| part.sha256.as_str());
        assert!(listed.eq(noted), "after {calls} calls: {manifest}");
        // It was told, or the dispatcher will.
        let told = setup.told().await;
        let finished = ("export.finished".to_owned(), 15_000);
        assert!(told.iter().all(|event| *event == finished), "{told:?}");
        assert!(!told.is_empty() || !over.is_empty(), "after {calls} calls");
        // What nobody names: the file that it died over, whole or in pieces.
        assert!(setup.nobodys(&export).await <= 1, "after {calls} calls");
        if !died {
            break;
        }
        deaths += 1;
    }
    assert!(deaths >= 20, "{deaths} deaths");
}

/// What a worker leaves that dies over a file, the bucket removes by itself.
#[test]
fn what_nobody_names_does_not_stay_in_the_bucket() {
    let template = include_str!("../../../../infra/data.yaml");

    for rule in [
        "{ Id: unfinished, Status: Enabled, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } }",
        "{ Id: exports, Status: Enabled, Prefix: exports/acc_, ExpirationInDays: 7 }",
    ] {
        assert!(template.contains(rule), "{rule}");
    }
}
