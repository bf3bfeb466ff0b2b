//! A day of an account's lake is replaced as a whole.

use carillon_core::{export::Export, id::ExportId};
use carillon_store::lake_days::Turn;
use export::worker::Ended;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::setup::{self, Setup};

fn day() -> Date {
    setup::began().to_zoned(TimeZone::UTC).date()
}

/// Of two thousand messages in two parts.
async fn setup() -> Setup {
    let mut setup = Setup::with_chunks(20).await;
    setup.state.limits.part_rows = 1_000;
    setup
}

fn soon(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

/// As if asked for at that time.
async fn asked(setup: &Setup, at: Timestamp) -> Export {
    setup.lake(ExportId::at(at, [0; 10]), day()).await
}

#[tokio::test]
async fn a_day_that_became_smaller_has_nothing_left_of_the_one_before() {
    let mut setup = setup().await;
    let first = asked(&setup, soon(0)).await;
    setup.work(&first).await;
    let before = setup.in_lake(day()).await;
    setup.state.limits.part_rows = 10_000;
    let second = asked(&setup, soon(1)).await;

    let ended = setup.work(&second).await;

    let (progress, files) = setup.files_of_bytes(&second).await;
    assert_eq!((ended, progress.rows), (Ended::Finished, 2_000));
    assert_eq!(before.len(), 2);
    let now = setup.in_lake(day()).await;
    assert_eq!(now, [("part-00000.parquet".to_owned(), files[0].clone())]);
}

#[tokio::test]
async fn while_a_day_is_written_it_is_as_it_was_and_also_where_that_fails() {
    let mut setup = setup().await;
    let first = asked(&setup, soon(0)).await;
    setup.work(&first).await;
    let before = setup.in_lake(day()).await;
    setup.state.limits.part_rows = 300;
    let second = asked(&setup, soon(1)).await;

    let killed = tokio::select! {
        _ = setup.work(&second) => false,
        () = setup.parts(&second, 3) => true,
    };

    assert!(killed);
    assert_eq!(setup.in_lake(day()).await, before);
}

#[tokio::test]
async fn a_day_that_its_worker_dies_over_becomes_the_same_as_without() {
    let setup = setup().await;
    for calls in 1.. {
        let export = asked(&setup, soon(i64::from(calls))).await;

        let died = setup.dies_after(&export, calls).await;
        let ended = setup.work(&export).await;

        let (_, files) = setup.files_of_bytes(&export).await;
        let lake = setup.in_lake(day()).await;
        let lake: Vec<_> = lake.into_iter().map(|(_, file)| file).collect();
        assert!(matches!(ended, Ended::Finished | Ended::Lost), "{ended:?}");
        assert_eq!(lake, files, "after {calls} calls");
        if !died {
            break;
        }
    }
}

#[tokio::test]
async fn one_export_at_a_time_puts_its_files_into_a_day_and_the_last_that_was_asked_for_stays() {
    let setup = setup().await;
    let (earlier, later) = (asked(&setup, soon(0)).await, asked(&setup, soon(1)).await);
    let (days, now) = (&setup.state.lake_days, Timestamp::now());
    let take = async |export, now, until| days.take(export, day(), now, until).await.unwrap();

    let first = take(&earlier, now, soon(60)).await;
    let meanwhile = setup.work(&later).await;
    let longer = take(&earlier, now, soon(60)).await;
    days.release(&earlier, day(), soon(-1)).await.unwrap();
    let then = setup.work(&later).await;
    let too_late = setup.work(&earlier).await;

    assert_eq!((first, longer), (Turn::Mine, Turn::Mine));
    assert_eq!(
        meanwhile,
        Ended::OutOfTime,
        "the dispatcher asks for it again"
    );
    assert_eq!((then, too_late), (Ended::Finished, Ended::Finished));
    let (_, files) = setup.files_of_bytes(&later).await;
    let lake = setup.in_lake(day()).await;
    assert!(lake.iter().map(|(_, file)| file).eq(&files));
    assert_eq!(take(&earlier, soon(600), soon(660)).await, Turn::Over);
    let dead = take(&later, now, soon(-1)).await;
    let after_it = asked(&setup, soon(2)).await;
    assert_eq!(
        (dead, take(&after_it, now, soon(60)).await),
        (Turn::Mine, Turn::Mine)
    );
}
