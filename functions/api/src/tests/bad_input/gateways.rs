//! `/v1/gateways`.

use serde_json::json;

use super::told;
use crate::tests::send;

#[tokio::test]
async fn a_gateway_that_can_not_be_called_is_refused_with_its_field() {
    for (name, body, status, pointer) in [
        (
            "an unknown kind",
            json!({"kind": "pigeon", "name": "a"}),
            422,
            "/kind",
        ),
        (
            "no configuration",
            json!({"kind": "generic", "name": "a", "config": {}}),
            422,
            "/config",
        ),
        (
            "a rate that is none",
            json!({"kind": "simulated", "name": "a", "parts_per_second": 0}),
            422,
            "/parts_per_second",
        ),
        (
            "a rate of a sender that is too fast",
            json!({"kind": "simulated", "name": "a", "sender_parts_per_second": 100_001}),
            422,
            "/sender_parts_per_second",
        ),
        (
            "credentials that are no texts",
            json!({"kind": "simulated", "name": "a", "credentials": {"token": 1}}),
            400,
            "/credentials/token",
        ),
    ] {
        let answer = send("POST", "/v1/gateways", body.to_string()).await;

        assert_eq!(answer.status.as_u16(), status, "{name}: {}", answer.body);
        let (_, found, _) = told(&answer.body);
        assert!(found.starts_with(pointer), "{name}: {}", answer.body);
    }
}
