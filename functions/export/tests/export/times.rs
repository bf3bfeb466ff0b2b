//! Which batches are in the export of a time: what reports count, and each in one day of the lake.

use std::collections::BTreeSet;

use carillon_core::{
    batch::BatchTerms,
    digest,
    export::{CsvCells, Dataset, Filter, Format},
    id::BatchId,
};
use export::worker::Ended;
use jiff::{SignedDuration, Timestamp, civil::Date};

use crate::setup::{self, Setup};

const CSV: Format = Format::Csv {
    cells: CsvCells::Raw,
    gzip: false,
};

fn after(minutes: i64) -> Timestamp {
    setup::began() + SignedDuration::from_mins(minutes)
}

/// The end of what is exported.
const END: i64 = 24 * 60;

/// One of each kind that is made in the day from [`setup::began`] on, and some that aren't.
struct Made {
    within: Vec<BatchId>,
    planned: Vec<(BatchId, Timestamp)>,
}

async fn made(setup: &Setup) -> Made {
    let of_campaign = |id: i64, began: i64, at: Option<i64>| {
        move |terms: &mut BatchTerms| {
            terms.id = BatchId::at(after(id), *uuid().last_chunk().unwrap());
            terms.began = after(began);
            terms.not_before = at.map(after);
        }
    };
    let send = |made: i64, at: Option<i64>| {
        let change = of_campaign(made, made, at);
        move |terms: &mut BatchTerms| {
            change(terms);
            terms.campaign = None;
        }
    };
    let weeks = 7 * END;
    let unplanned = [
        // A campaign that was just started, and one that retries what failed a month ago.
        setup.made(of_campaign(5, 5, None)).await,
        setup.made(of_campaign(-30 * END, 6, None)).await,
        setup.made(send(7, None)).await,
    ];
    let planned = [
        // An occurrence after the end, made a quarter of an hour before it; plans far ahead.
        (
            setup
                .made(of_campaign(END + 5, END - 10, Some(END + 5)))
                .await,
            END + 5,
        ),
        (
            setup.made(of_campaign(8, 8, Some(5 * weeks))).await,
            5 * weeks,
        ),
        (setup.made(send(9, Some(52 * weeks))).await, 52 * weeks),
    ];
    // Before, and after.
    setup.made(of_campaign(-1, -1, Some(4))).await;
    setup.made(of_campaign(3, END, None)).await;
    setup.made(send(-1, Some(4))).await;
    setup.made(send(END, None)).await;
    let planned = planned.map(|(id, at)| (id, after(at)));
    let ids = planned.iter().map(|(id, _)| *id);
    Made {
        within: unplanned.into_iter().chain(ids).collect(),
        planned: planned.into(),
    }
}

fn uuid() -> [u8; 16] {
    carillon_testkit::build::token()
}

/// The batches of a file, each once.
fn batches(files: &[String]) -> BTreeSet<BatchId> {
    let text = files.concat();
    let lines = text.lines().filter(|line| line.starts_with("msg_"));
    let batch = |line: &str| line.split(',').nth(1).unwrap().parse().unwrap();
    lines.map(batch).collect()
}

/// What `GET /v1/reports` counts of a time: campaigns by when their batches were made, API sends by their ids.
async fn reported(setup: &Setup, from: Timestamp, until: Timestamp) -> BTreeSet<BatchId> {
    let (batches, account) = (&setup.state.batches, setup.account);
    let listed = batches.of_campaigns(account, from, until, 100).await;
    let campaigns = batches.find_all(&listed.unwrap()).await.unwrap();
    let in_time = campaigns.iter().map(|batch| &batch.terms);
    let campaigns = in_time.filter(|terms| terms.began >= from && terms.began < until);
    let (first, last) = digest::ids(from, until).unwrap();
    let sends = batches.between(account, first, last, 100).await.unwrap();
    let sends = sends.iter().map(|batch| &batch.terms);
    let sends = sends.filter(|terms| terms.campaign.is_none());
    campaigns.chain(sends).map(|terms| terms.id).collect()
}

#[tokio::test]
async fn an_export_of_a_time_has_what_its_report_counts_wherever_its_workers_die() {
    let mut setup = Setup::with_chunks(0).await;
    let Made { within, .. } = made(&setup).await;
    setup.state.limits.part_rows = 100;
    let filter = Filter {
        from: Some(after(0)),
        until: Some(after(END)),
        ..Filter::default()
    };
    let counted = reported(&setup, after(0), after(END)).await;

    for calls in 1.. {
        let export = setup.export(CSV, filter.clone()).await;
        let died = setup.dies_after(&export, calls).await;
        setup.work(&export).await;

        let (progress, files) = setup.files(&export).await;
        let found = batches(&files);
        let expected: BTreeSet<_> = [setup.batch].iter().chain(&within).copied().collect();
        assert_eq!(counted, expected);
        assert_eq!(
            found,
            within.iter().copied().collect(),
            "after {calls} calls"
        );
        assert_eq!(progress.rows, 600, "after {calls} calls");
        if !died {
            break;
        }
    }
}

#[tokio::test]
async fn every_message_is_in_one_day_of_the_lake_which_is_that_on_which_its_batch_begins() {
    let setup = Setup::with_chunks(0).await;
    let Made { within, planned } = made(&setup).await;
    let day = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let first: Date = day(after(0));
    let mut expected: Vec<_> = planned.iter().map(|(_, at)| (day(*at), 100)).collect();
    // Of that day: what leaves at once, and the two that were planned the minute before.
    expected.push((first, (within.len() - planned.len() + 2) as u64 * 100));
    // Of the next: an occurrence, and what was made after the end.
    expected[0].1 = 300;
    for (day, rows) in expected {
        let export = setup.lake(carillon_testkit::build::id(), day).await;

        let ended = setup.work(&export).await;

        let (_, progress) = setup.find(&export).await;
        assert_eq!((ended, progress.rows), (Ended::Finished, rows), "{day}");
    }
}

#[tokio::test]
async fn what_is_kept_one_by_one_is_read_from_the_end_of_the_time_to_its_beginning_and_no_further()
{
    let mut setup = Setup::with_chunks(0).await;
    setup.state.limits.page = 2;
    for minute in 0..10 {
        setup.hears(after(minute)).await;
    }
    let last = after(5) + SignedDuration::from_nanos(1);
    for (name, from, until, rows, pages) in [
        ("all", None, None, 10, 6),
        ("two", Some(after(4)), Some(after(6)), 2, 2),
        ("to the nanosecond", Some(after(4)), Some(last), 2, 2),
        ("none", Some(after(20)), None, 0, 1),
    ] {
        for dataset in [Dataset::Inbound, Dataset::OptOuts] {
            let filter = Filter {
                from,
                until,
                ..Filter::default()
            };
            let export = setup.export_of(dataset, filter).await;

            setup.work(&export).await;

            let (_, progress) = setup.find(&export).await;
            let found = (progress.rows, progress.done);
            assert_eq!(found, (rows, pages), "{name}, {dataset:?}");
        }
    }
}
