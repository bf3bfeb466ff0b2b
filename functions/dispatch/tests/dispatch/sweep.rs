//! What is found again when the main path fails.

use carillon_core::{
    batch::{Batch, BatchTerms, Control, Lane, Stage},
    chunk::{Chunk, Pointer, source::Source},
    id::BatchId,
    session::Then,
};
use carillon_store::{batches::Activity, queues::PrepareRequest};
use carillon_testkit::{build, stack};
use jiff::Timestamp;

use crate::setup::{Setup, at, chunks};

/// The dispatcher looks once a second.
async fn ticks(setup: &Setup, seconds: impl Iterator<Item = i64>) {
    let mut dispatcher = setup.dispatcher();
    for second in seconds {
        dispatcher.tick(at(second)).await.unwrap();
    }
}

/// The chunk of an API send, and its pointer is not on any lane.
async fn api_send(setup: &Setup, wake: Timestamp) -> Pointer {
    let terms = BatchTerms {
        campaign: None,
        lane: Lane::High,
        ..build::terms(at(0))
    };
    let batch = Batch::new(terms, Stage::Ready, Some(1));
    let pointer = Pointer {
        batch: batch.terms.id,
        chunk: 0,
    };
    let mut chunk = Chunk::new(1, Source::Sibling);
    chunk.wake = Some(wake);
    setup
        .state
        .batches
        .create(&batch, Activity::Passive)
        .await
        .unwrap();
    setup
        .state
        .ledger
        .create_chunk(pointer, &chunk)
        .await
        .unwrap();
    pointer
}

#[tokio::test]
async fn lost_pointers_of_a_campaign_are_sent_again_after_a_period_and_once_in_one() {
    let setup = Setup::new().await;
    let batch = setup.ready(3).await;
    ticks(&setup, 1..=2).await;
    assert_eq!(chunks(&setup.lost(Lane::Low).await), [0, 1, 2]);
    setup
        .work(Pointer { batch, chunk: 1 }, Then::Finish, at(3))
        .await;

    ticks(&setup, [30, 61, 62, 64].into_iter()).await;
    let too_early = setup.lost(Lane::Low).await;
    ticks(&setup, [122, 124, 126, 160].into_iter()).await;
    let again = setup.lost(Lane::Low).await;
    ticks(&setup, [190].into_iter()).await;
    let and_again = setup.lost(Lane::Low).await;

    assert_eq!(too_early, []);
    assert_eq!(chunks(&again), [0, 2]);
    assert_eq!(chunks(&and_again), [0, 2]);
}

#[tokio::test]
async fn a_chunk_whose_worker_died_is_released_again_when_its_lease_is_over() {
    let setup = Setup::new().await;
    let batch = setup.ready(1).await;
    let pointer = Pointer { batch, chunk: 0 };
    ticks(&setup, 1..=2).await;
    setup.lost(Lane::Low).await;
    let lease = setup
        .state
        .ledger
        .lease(pointer, build::token(), at(2), at(150), Control::Running);
    lease.await.unwrap().unwrap();

    ticks(&setup, [62, 124].into_iter()).await;
    let held = setup.lost(Lane::Low).await;
    ticks(&setup, [186].into_iter()).await;

    assert_eq!(held, []);
    assert_eq!(setup.lost(Lane::Low).await, [pointer]);
}

#[tokio::test]
async fn the_lost_pointer_of_an_api_send_is_sent_again_by_its_wake() {
    let setup = Setup::new().await;
    let pointer = api_send(&setup, at(60)).await;

    ticks(&setup, [59].into_iter()).await;
    let early = setup.lost(Lane::High).await;
    ticks(&setup, [60, 61, 62].into_iter()).await;

    assert_eq!(early, []);
    assert_eq!(setup.lost(Lane::High).await, [pointer], "once, for a while");
}

#[tokio::test]
async fn an_api_send_whose_worker_died_is_found_by_its_wake_too() {
    let setup = Setup::new().await;
    let pointer = api_send(&setup, at(60)).await;
    let ledger = &setup.state.ledger;
    let lease = ledger.lease(pointer, build::token(), at(1), at(61), Control::Running);
    lease.await.unwrap().unwrap();

    ticks(&setup, [70].into_iter()).await;

    assert_eq!(setup.lost(Lane::High).await, [pointer]);
    setup.work(pointer, Then::Finish, at(71)).await;
    ticks(&setup, [200].into_iter()).await;
    assert_eq!(setup.lost(Lane::High).await, [], "nothing is left to find");
}

async fn preparing(setup: &Setup) -> BatchId {
    let batch = Batch::new(build::terms(at(0)), Stage::Preparing, None);
    setup
        .state
        .batches
        .create(&batch, Activity::Active)
        .await
        .unwrap();
    batch.terms.id
}

async fn asked(setup: &Setup) -> Vec<BatchId> {
    let bodies = stack::taken(&setup.sqs, setup.urls.prepare.as_ref().unwrap()).await;
    let request = |body: &String| serde_json::from_str::<PrepareRequest>(body).unwrap().batch;
    bodies.iter().map(request).collect()
}

#[tokio::test]
async fn a_preparation_that_nobody_works_on_is_asked_for_again_once_in_a_period() {
    let setup = Setup::new().await;
    let batch = preparing(&setup).await;

    ticks(&setup, [299].into_iter()).await;
    let early = asked(&setup).await;
    ticks(&setup, [300, 301, 302].into_iter()).await;
    let due = asked(&setup).await;
    setup
        .state
        .batches
        .preparing_until(batch, at(900))
        .await
        .unwrap();
    ticks(&setup, [1_100].into_iter()).await;

    assert_eq!(early, []);
    assert_eq!(due, [batch]);
    assert_eq!(asked(&setup).await, [], "somebody works on it");
}

#[tokio::test]
async fn a_batch_finishes_when_every_chunk_is_done() {
    let setup = Setup::new().await;
    let batch = setup.ready(2).await;
    ticks(&setup, 1..=2).await;
    for pointer in setup.lost(Lane::Low).await {
        setup.work(pointer, Then::Finish, at(3)).await;
    }

    ticks(&setup, [5].into_iter()).await;

    assert_eq!(setup.batch(batch).await.progress.stage, Stage::Finished);
    assert_eq!(setup.state.batches.active().await.unwrap(), []);
}
