//! Tables and queues that fail while a window is open: what is known doesn't become doubt.

use carillon_core::{
    batch::DoubtPolicy,
    chunk::{ChunkState, slot::SlotOutcome},
};
use carillon_store::{
    queues::{QueueUrls, Queues},
    suppressions::Suppressions,
};
use carillon_testkit::stack;

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
