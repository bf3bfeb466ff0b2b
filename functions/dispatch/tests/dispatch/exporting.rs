//! Exports that nobody writes are asked for again, and schedules of them make one for each of their times.

use carillon_core::{
    event::{Event, QueuedEvents},
    export::{
        CsvCells, Dataset, Export, Filter, Format, Numbers, Progress, Purpose, Stage,
        lake::LakeSchedule,
        schedule::{ExportSchedule, What, When},
    },
    recurrence::Every,
    zones::Zone,
};
use carillon_store::{
    audit::{Actor, Audit},
    queues::ExportRequest,
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Span, civil::Date};

use crate::setup::{Setup, at};

#[tokio::test]
async fn an_export_is_asked_for_while_nobody_holds_it_and_it_is_not_over() {
    let setup = Setup::new().await;
    let export = Export {
        id: build::id(),
        account: build::id(),
        dataset: Dataset::Messages,
        filter: Filter::default(),
        format: Format::Csv {
            cells: CsvCells::Raw,
            gzip: false,
        },
        numbers: Numbers::Full,
        purpose: Purpose::Download,
        test: false,
        created: at(0),
    };
    let request = ExportRequest {
        export: export.id,
        account: export.account,
    };
    let exports = &setup.state.exports;
    exports.create(&export, None).await.unwrap();
    let asked = async |seconds| {
        setup.dispatcher().tick(at(seconds)).await.unwrap();
        let url = setup.urls.exports.as_ref().unwrap();
        stack::taken(&setup.sqs, url).await.len()
    };

    let never_begun = asked(0).await;
    let token = build::token();
    let until = at(100) + SignedDuration::from_secs(90);
    let leased = exports.lease(request, token, at(100), until).await;
    let held = asked(100).await;
    let abandoned = asked(191).await;
    let over = Progress {
        stage: Stage::Finished,
        ..Progress::queued()
    };
    let noted = exports.note(request, token, &over, until).await;
    let finished = asked(300).await;
    asked(400).await;

    assert!(leased.unwrap().is_ok());
    assert_eq!(noted.unwrap(), Ok(()));
    assert_eq!((never_begun, held, abandoned, finished), (1, 0, 1, 0));
    // Its worker didn't live to tell.
    let event = Event::of_export(&export, &over).unwrap();
    assert_eq!(told(&setup).await, [event]);
}

async fn told(setup: &Setup) -> Vec<Event> {
    let url = setup.urls.hooks.as_ref().unwrap();
    let queued = stack::taken(&setup.sqs, url).await.into_iter();
    let queued = queued.map(|body| serde_json::from_str::<QueuedEvents>(&body).unwrap());
    queued.flat_map(|queued| queued.events).collect()
}

fn audit(setup: &ExportSchedule) -> Audit {
    Audit {
        id: build::id(),
        at: at(0),
        account: setup.account,
        actor: Actor::Operator,
        action: "test".to_owned(),
        target: setup.id.to_string(),
    }
}

/// Each day at six, in UTC.
fn daily() -> ExportSchedule {
    let when = When {
        every: Every::Day,
        time: "06:00".parse().unwrap(),
        zone: Zone::parse("UTC").unwrap(),
    };
    ExportSchedule {
        id: build::id(),
        account: build::id(),
        what: What {
            dataset: Dataset::Messages,
            format: Format::Parquet,
            numbers: Numbers::Masked,
            statuses: Vec::new(),
        },
        test: false,
        paused: false,
        next: when.next(None, at(0)).unwrap(),
        when,
        last: None,
        created: at(0),
        version: 1,
    }
}

async fn days(setup: &Setup, schedule: &ExportSchedule) -> Vec<Date> {
    let account = schedule.account;
    let exports = setup.state.exports.list(account, None, 50).await.unwrap();
    let day = |export: &Export| match export.purpose {
        Purpose::Schedule { on, schedule: by } if by == schedule.id => on,
        _ => panic!("{export:?}"),
    };
    exports
        .iter()
        .rev()
        .map(|(export, _)| day(export))
        .collect()
}

#[tokio::test]
async fn each_time_of_a_schedule_becomes_an_export_once_however_many_look() {
    let setup = Setup::new().await;
    let schedule = daily();
    let schedules = &setup.state.export_schedules;
    schedules
        .create(&schedule, &audit(&schedule))
        .await
        .unwrap();
    let first = schedule.next.at;
    let second = first + SignedDuration::from_hours(24);
    let look = async |time| {
        setup
            .dispatcher()
            .begin_scheduled_exports(time)
            .await
            .unwrap();
    };

    look(first - SignedDuration::from_secs(1)).await;
    let early = days(&setup, &schedule).await;
    tokio::join!(look(first), look(first), look(first));
    look(first + SignedDuration::from_mins(1)).await;
    let once = days(&setup, &schedule).await;
    // Nobody looked for nine days.
    look(second + SignedDuration::from_hours(24 * 8)).await;

    let on = schedule.next.on;
    let day = |number: i64| on.saturating_add(Span::new().days(number));
    assert_eq!((early, once), (Vec::new(), vec![on]));
    assert_eq!(days(&setup, &schedule).await, [on, day(7), day(8), day(9)]);
    let url = setup.urls.exports.as_ref().unwrap();
    assert_eq!(stack::taken(&setup.sqs, url).await.len(), 4);
    let found = schedules.find(schedule.account, schedule.id).await;
    assert_eq!(found.unwrap().unwrap().next.on, day(10));
}

#[tokio::test]
async fn what_was_paused_or_deleted_makes_nothing() {
    let setup = Setup::new().await;
    let schedules = &setup.state.export_schedules;
    let (mut paused, deleted) = (daily(), daily());
    for schedule in [&paused, &deleted] {
        schedules.create(schedule, &audit(schedule)).await.unwrap();
    }
    let due = paused.next.at;
    let (_, late) = deleted.due(due).unwrap();
    let (export, _) = deleted.due(due).unwrap();

    paused.paused = true;
    paused.version += 1;
    let changed = schedules.change(&paused, &audit(&paused)).await.unwrap();
    let gone = schedules.delete(&deleted, &audit(&deleted)).await.unwrap();
    let begun = schedules.begin(&export, &late).await.unwrap();
    let looked = schedules.due(due).await.unwrap();

    assert!(changed.is_ok() && gone.is_ok());
    assert!(begun.is_err(), "it was deleted since it was read");
    assert_eq!(looked, []);
    assert_eq!(days(&setup, &deleted).await, Vec::<Date>::new());
}

#[tokio::test]
async fn each_day_of_a_lake_is_asked_for_once_when_it_is_over() {
    let setup = Setup::new().await;
    let (account, lakes) = (build::id(), &setup.state.lakes);
    let schedule = LakeSchedule::new(Numbers::Masked, at(0));
    // An entry of its own for each change: one that is there already would refuse it.
    let set = async |before: Option<&LakeSchedule>, after: Option<&LakeSchedule>| {
        let audit = Audit {
            id: build::id(),
            at: at(0),
            account,
            actor: Actor::Operator,
            action: "lake.change".to_owned(),
            target: account.to_string(),
        };
        lakes.set(account, before, after, &audit).await.unwrap()
    };
    set(None, Some(&schedule)).await.unwrap();
    // As many hours after its beginning as bring it over the next midnight and an hour.
    let next_day = 26 * 3_600;

    setup.dispatcher().tick(at(60)).await.unwrap();
    let too_early = setup.state.exports.list(account, None, 10).await.unwrap();
    setup.dispatcher().tick(at(next_day)).await.unwrap();
    setup.dispatcher().tick(at(next_day + 60)).await.unwrap();

    let exports = setup.state.exports.list(account, None, 10).await.unwrap();
    assert_eq!(too_early, []);
    let asked: Vec<_> = exports
        .iter()
        .map(|(export, _)| (export.purpose, export.numbers, export.test))
        .collect();
    let day = schedule.since;
    assert_eq!(asked, [(Purpose::Lake { day }, Numbers::Masked, false)]);
    let url = setup.urls.exports.as_ref().unwrap();
    let requests = stack::taken(&setup.sqs, url).await;
    assert!(requests[0].contains(&exports[0].0.id.to_string()));
    let found = lakes.find(account).await.unwrap().unwrap();
    assert_eq!((found.done, found.again), (Some(day), None));
    // Whoever read it before that changes nothing, be it its owner or another dispatcher.
    let changed = LakeSchedule {
        numbers: Numbers::Full,
        ..schedule
    };
    let (twice, after) = schedule.due(account, at(next_day + 120)).unwrap();
    assert!(set(Some(&schedule), Some(&changed)).await.is_err());
    assert!(set(Some(&schedule), None).await.is_err());
    let begun = lakes.begin(&twice, &schedule, &after).await.unwrap();
    assert!(begun.is_err());
    assert_eq!(lakes.find(account).await.unwrap(), Some(found));
    assert!(set(Some(&found), Some(&changed)).await.is_ok());
}
