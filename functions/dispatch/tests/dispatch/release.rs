//! What is released in a second.

use std::collections::BTreeMap;

use carillon_core::{
    batch::{BatchTerms, Control, Lane, RouteEntry},
    id::{BatchId, GatewayAccountId},
    reason::Reason,
    routing::Routing,
    session::Then,
};
use carillon_store::{batches::Activity, queues::Queues};
use carillon_testkit::build;
use dispatch::State;

use crate::setup::{Setup, at, chunks};

/// Of 100 parts a second, by the campaigns that are sent through it.
fn terms_by(gateway: GatewayAccountId) -> BatchTerms {
    let route = RouteEntry {
        gateway,
        parts_per_second: Some(100),
        deduplicates_for: None,
        settles_after: None,
    };
    BatchTerms {
        test: false,
        routes: vec![route],
        routing: Routing::in_order([None]),
        ..build::terms(at(0))
    }
}

async fn released(setup: &Setup) -> BTreeMap<BatchId, usize> {
    let mut released = BTreeMap::new();
    for pointer in setup.lost(Lane::Low).await {
        *released.entry(pointer.batch).or_default() += 1;
    }
    released
}

#[tokio::test]
async fn pointers_leave_before_the_cursor_moves_and_one_batchs_trouble_is_its_own() {
    let mut setup = Setup::new().await;
    let stuck = setup.ready(3).await;
    let high = BatchTerms {
        lane: Lane::High,
        ..build::terms(at(0))
    };
    let other = setup.make(high, 2, Activity::Active).await;
    let mut urls = setup.urls.clone();
    urls.low = None;
    let broken = State {
        queues: Queues::new(setup.sqs.clone(), urls),
        ..setup.state
    };
    setup.state = broken;

    let stays = setup.dispatcher().tick(at(1)).await.unwrap();

    assert!(stays);
    assert_eq!(
        setup.batch(stuck).await.progress.cursor,
        0,
        "no pointer left"
    );
    assert_eq!(setup.batch(other).await.progress.cursor, 2);
    assert_eq!(chunks(&setup.lost(Lane::High).await), [0, 1]);
}

#[tokio::test]
async fn the_batches_of_a_gateway_account_share_its_pace() {
    let setup = Setup::new().await;
    let gateway = build::id();
    let first = setup.make(terms_by(gateway), 20, Activity::Active).await;
    let second = BatchTerms {
        account: build::id(),
        ..terms_by(gateway)
    };
    let second = setup.make(second, 20, Activity::Active).await;
    let other = setup
        .make(terms_by(build::id()), 20, Activity::Active)
        .await;
    let mut dispatcher = setup.dispatcher();

    for second in 1..=4 {
        dispatcher.tick(at(second)).await.unwrap();
    }

    let released = released(&setup).await;
    assert_eq!(
        released[&first] + released[&second],
        5,
        "two ahead, and one a second"
    );
    assert_eq!(released[&other], 5);
}

#[tokio::test]
async fn a_gateway_account_in_trouble_gets_a_trickle() {
    let setup = Setup::new().await;
    let gateway = build::id();
    let batch = setup.make(terms_by(gateway), 20, Activity::Active).await;
    let rate = &setup.state.rate;
    let known = rate.look(gateway).await.unwrap();
    let open = known.breaker.opened(Reason::Unavailable, at(0));
    let opened = rate.turn(gateway, &known, &open, None).await.unwrap();
    opened.unwrap();
    let mut dispatcher = setup.dispatcher();

    for second in 1..=5 {
        dispatcher.tick(at(second)).await.unwrap();
    }

    assert_eq!(released(&setup).await, BTreeMap::from([(batch, 1)]));
}

#[tokio::test]
async fn chunks_that_a_rate_parked_come_back_at_the_rate_and_not_as_a_herd() {
    let setup = Setup::new().await;
    let batch = setup
        .make(terms_by(build::id()), 40, Activity::Active)
        .await;
    setup.state.batches.advance(batch, 40).await.unwrap();
    for chunk in 0..40 {
        let pointer = carillon_core::chunk::Pointer { batch, chunk };
        setup.work(pointer, Then::Park(at(10)), at(0)).await;
    }
    let mut dispatcher = setup.dispatcher();

    dispatcher.tick(at(9)).await.unwrap();
    let early = released(&setup).await;
    dispatcher.tick(at(10)).await.unwrap();
    let due = released(&setup).await;
    dispatcher.tick(at(11)).await.unwrap();
    let later = released(&setup).await;

    assert_eq!(early, BTreeMap::new());
    // A window of 25 each: two seconds of the pace ahead, then one a second.
    assert_eq!((due[&batch], later[&batch]), (8, 4));
}

#[tokio::test]
async fn an_account_with_many_chunks_waiting_does_not_delay_one_with_few() {
    let setup = Setup::new().await;
    let (large, small) = (
        setup.ready_of(build::id(), 300).await,
        setup.ready_of(build::id(), 3).await,
    );

    setup.dispatcher().tick(at(1)).await.unwrap();

    let released = released(&setup).await;
    assert_eq!(released[&small], 3);
    assert!(
        released[&large] < 100,
        "the lane is kept short: {released:?}"
    );
}

#[tokio::test]
async fn what_was_cancelled_or_held_since_it_was_read_does_not_leave() {
    let setup = Setup::new().await;
    for control in [Control::Cancelled, Control::Paused] {
        let id = setup.ready(2).await;
        let read = setup.batch(id).await;
        setup.state.batches.control(id, control).await.unwrap();

        let mut batches = [read];
        let mut dispatcher = setup.dispatcher();
        dispatcher.release(&mut batches, Vec::new(), at(1)).await;

        assert_eq!(released(&setup).await.get(&id), None, "{control:?}");
        assert_eq!(batches[0].progress.cursor, 0, "{control:?}");
    }
}

#[tokio::test]
async fn a_batch_says_that_it_begins_before_anything_of_it_leaves() {
    let setup = Setup::new().await;
    let (id, early) = (setup.ready(2).await, at(60));
    let later = BatchTerms {
        not_before: Some(early),
        ..build::terms(at(0))
    };
    let later = setup.make(later, 2, Activity::Active).await;
    let mut dispatcher = setup.dispatcher();

    dispatcher.tick(at(1)).await.unwrap();

    assert_eq!(setup.batch(id).await.progress.begun, Some(at(1)));
    assert!(!setup.batch(later).await.has_begun());
}
