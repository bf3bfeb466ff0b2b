//! Tables and queues that fail while a window is open: what is known doesn't become doubt.

use carillon_core::{
    batch::DoubtPolicy,
    chunk::{ChunkState, slot::SlotOutcome},
};
use carillon_store::{
    ledger::Ledger,
    queues::{QueueUrls, Queues},
    suppressions::Suppressions,
};
use carillon_testkit::{stack, watched::Watch};

use super::gateway::{Ability, FakeGateway, Says, Sending};
use crate::opt_outs::OptOuts;

#[tokio::test]
async fn a_look_at_the_opt_outs_that_fails_sends_nothing_and_leaves_no_doubt() {
    let gateway = FakeGateway::new(&[], Says::Nothing);
    let mut sending =
        Sending::by(&[(&gateway, Ability::Nothing)], DoubtPolicy::AtMostOnce, 3).await;
    let state = &mut sending.setup.state;
    let nowhere = Suppressions::new(stack::aws().await.dynamodb(), "no-such-table");
    state.opt_outs = OptOuts::new(nowhere, state.key.clone());

    let done = sending.try_work().await;

    let (chunk, slot) = sending.chunk().await;
    assert!(done.is_err(), "the pointer goes back");
    assert_eq!((chunk.state, chunk.window.open), (ChunkState::Parked, None));
    assert_eq!((slot.outcome, slot.doubted), (SlotOutcome::Waiting, false));
    assert_eq!(gateway.ids(), [""; 0]);
}

#[tokio::test]
async fn ids_that_could_not_be_written_are_there_before_the_outcomes_all_the_same() {
    let gateway = FakeGateway::new(&[Says::Accepted], Says::Nothing);
    let mut sending =
        Sending::by(&[(&gateway, Ability::Nothing)], DoubtPolicy::AtMostOnce, 1).await;
    let watch = Watch::default();
    let aws = watch.over(&stack::aws().await);
    sending.setup.state.ledger = Ledger::new(aws.dynamodb(), &sending.setup.ledger);
    // All that the client tries for one write.
    watch.lose("PutItem", 3);

    let done = sending.try_work().await;

    let (chunk, slot) = sending.chunk().await;
    assert!(done.is_err(), "the pointer goes back");
    assert_eq!((chunk.state, chunk.window.open), (ChunkState::Parked, None));
    assert_eq!((slot.outcome, slot.doubted), (SlotOutcome::Accepted, false));
    let dynamodb = stack::aws().await.dynamodb();
    let scan = dynamodb.scan().table_name(&sending.setup.ledger);
    let stored = scan.send().await.unwrap();
    let ids = stored.items().iter().filter_map(|item| item.get("ids"));
    let ids: Vec<_> = ids.map(|ids| ids.as_s().unwrap().as_str()).collect();
    assert_eq!(ids, [r#"[[0,"sim-7"]]"#]);
}

#[tokio::test]
async fn an_event_that_can_not_be_enqueued_keeps_the_window_open_until_it_can() {
    let gateway = FakeGateway::new(&[Says::Accepted; 3], Says::Nothing);
    let mut sending =
        Sending::by(&[(&gateway, Ability::Nothing)], DoubtPolicy::AtMostOnce, 3).await;
    let hooks = Some("http://127.0.0.1:1/no-such-queue".to_owned());
    let urls = QueueUrls {
        hooks,
        ..QueueUrls::default()
    };
    sending.setup.state.queues = Queues::new(stack::aws().await.sqs(), urls);

    let done = sending.try_work().await;

    let (chunk, slot) = sending.chunk().await;
    assert!(done.is_err(), "the pointer goes back");
    assert_eq!(chunk.window.open.unwrap().slots.len(), 3);
    assert_eq!(slot.outcome, SlotOutcome::Waiting);
}
