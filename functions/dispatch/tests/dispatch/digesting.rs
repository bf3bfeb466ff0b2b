//! Hours of API sends are asked for when they are over, and again if nobody counts them.

use carillon_core::{batch::BatchTerms, digest::Hour, id::BatchId};
use carillon_store::{batches::Activity, queues::DigestRequest};
use carillon_testkit::{build, stack};

use crate::setup::{Setup, at};

#[tokio::test]
async fn an_hour_with_api_sends_is_asked_for_when_it_is_over_and_again_while_nobody_counts_it() {
    let setup = Setup::new().await;
    let hour = Hour::of(at(0));
    let terms = BatchTerms {
        id: BatchId::at(at(0), [1; 10]),
        campaign: None,
        ..build::terms(at(0))
    };
    let account = terms.account;
    setup.make(terms, 1, Activity::Passive).await;
    // Those of a campaign are told batch by batch.
    setup.make(build::terms(at(1)), 1, Activity::Passive).await;
    let asked = async |minutes: i64| {
        let now = hour.ends() + jiff::SignedDuration::from_mins(minutes);
        setup.dispatcher().tick(now).await.unwrap();
        let url = setup.urls.exports.as_ref().unwrap();
        let bodies = stack::taken(&setup.sqs, url).await;
        let read = |body: &String| serde_json::from_str::<DigestRequest>(body).unwrap();
        bodies.iter().map(read).collect::<Vec<_>>()
    };

    let too_early = asked(14).await;
    let first = asked(15).await;
    let soon_after = asked(16).await;
    let again = asked(45).await;

    let request = DigestRequest {
        digest: hour,
        account,
    };
    assert_eq!((too_early, soon_after), (vec![], vec![]));
    assert_eq!((first, again), (vec![request], vec![request]));
}
