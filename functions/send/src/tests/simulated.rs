//! The gateway that answers by itself, as one of an account's own.

use carillon_core::{
    batch::{BatchTerms, DoubtPolicy},
    chunk::{ChunkState, slot::SlotOutcome},
};
use carillon_gateways::GatewayKind;
use carillon_testkit::build;
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Setup,
    gateway::{Sending, routing},
};

#[tokio::test]
async fn a_live_message_by_a_simulated_gateway_is_answered_here() {
    let setup = Setup::new().await;
    let mut terms = BatchTerms {
        test: false,
        policy: DoubtPolicy::AtMostOnce,
        ..build::terms(Timestamp::now())
    };
    let kind = GatewayKind::Simulated;
    let route = setup.route_of(terms.account, kind, Value::Null, "{}").await;
    terms.routes.push(route);
    terms.routing = routing(1);
    let sending = Sending::in_hand(setup, terms, 1).await;

    let (chunk, slot) = sending.work().await;

    assert_eq!(
        (chunk.state, slot.outcome),
        (ChunkState::Done, SlotOutcome::Accepted)
    );
}
