//! What a gateway did not take, from the socket to the ledger.

use carillon_core::{
    batch::DoubtPolicy,
    chunk::{ChunkState, slot::SlotOutcome},
    reason::Reason,
};
use jiff::Timestamp;

use super::gateway::{Ability, FakeGateway, Says, Sending};

/// Nobody listens there.
fn unused() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_refused_connection_fails_over_and_is_no_try() {
    let (down, second) = (unused(), FakeGateway::new(&[Says::Accepted], Says::Nothing));
    let gateways = [
        (down.as_str(), Ability::Nothing),
        (second.url(), Ability::Nothing),
    ];
    let sending = Sending::to(&gateways, DoubtPolicy::AtMostOnce, 1).await;

    let (chunk, slot) = sending.work().await;

    assert_eq!(
        (chunk.state, slot.outcome),
        (ChunkState::Done, SlotOutcome::Accepted)
    );
    assert_eq!((slot.route, slot.attempt, slot.doubted), (1, 1, false));
}

#[tokio::test]
async fn a_gateway_without_a_route_fails_over_and_is_a_try() {
    let (first, second) = (
        FakeGateway::new(&[Says::NoRoute], Says::Nothing),
        FakeGateway::new(&[Says::Accepted], Says::Nothing),
    );
    let gateways = [(&first, Ability::Nothing), (&second, Ability::Nothing)];
    let sending = Sending::by(&gateways, DoubtPolicy::AtMostOnce, 1).await;

    let (_, slot) = sending.work().await;

    assert_eq!(
        (slot.outcome, slot.route, slot.attempt),
        (SlotOutcome::Accepted, 1, 2)
    );
}

#[tokio::test]
async fn a_throttled_chunk_is_parked_for_as_long_as_it_says_and_spends_no_try() {
    let gateway = FakeGateway::new(&[Says::SlowDown(40); 25], Says::Nothing);
    let sending = Sending::by(&[(&gateway, Ability::Nothing)], DoubtPolicy::AtMostOnce, 60).await;
    let before = Timestamp::now();

    let (chunk, slot) = sending.work().await;

    let waits = chunk.wake.unwrap().duration_since(before).as_secs();
    assert_eq!(chunk.state, ChunkState::Parked);
    assert!((40..=55).contains(&waits), "{waits}");
    assert_eq!((slot.outcome, slot.attempt), (SlotOutcome::Waiting, 0));
    assert_eq!(slot.reason, Some(Reason::Throttled));
    assert_eq!(gateway.ids().len(), 25, "the rest of the chunk waits too");
}
