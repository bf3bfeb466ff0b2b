//! Exports that nobody writes are asked for again.

use carillon_core::export::{
    CsvCells, Dataset, Export, Filter, Format, Numbers, Progress, Purpose, Stage,
};
use carillon_store::queues::ExportRequest;
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
