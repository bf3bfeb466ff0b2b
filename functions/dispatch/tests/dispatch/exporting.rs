//! Exports that nobody writes are asked for again.

use carillon_core::export::{
    CsvCells, Dataset, Export, Filter, Format, Numbers, Progress, Purpose, Stage,
    lake::LakeSchedule,
};
use carillon_store::{
    audit::{Actor, Audit},
    queues::ExportRequest,
};
use carillon_testkit::{build, stack};
use jiff::SignedDuration;

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

    assert!(leased.unwrap().is_ok());
    assert_eq!(noted.unwrap(), Ok(()));
    assert_eq!((never_begun, held, abandoned, finished), (1, 0, 1, 0));
}

#[tokio::test]
async fn each_day_of_a_lake_is_asked_for_once_when_it_is_over() {
    let setup = Setup::new().await;
    let (account, lakes) = (build::id(), &setup.state.lakes);
    let schedule = LakeSchedule::new(Numbers::Masked, at(0));
    let audit = Audit {
        id: build::id(),
        at: at(0),
        account,
        actor: Actor::Operator,
        action: "lake.change".to_owned(),
        target: account.to_string(),
    };
    lakes.set(account, Some(&schedule), &audit).await.unwrap();
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
}
