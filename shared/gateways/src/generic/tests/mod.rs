//! Tests with whole configurations. The one that is shipped for the gateway simulator is the usual one.

mod receiving;
mod rendering;
mod sending;
mod validating;

use carillon_core::report::ReportWord;
use serde_json::{Value, json};

use crate::{
    GatewayAccount, GatewayKind, WebhookCall,
    conformance::{GenuineCall, Sample},
    fixtures::{SECRET, account, attempt, call, now},
    signature,
};

const SIMULATOR: &str = include_str!("../../../../../infra/local/simulator-gateway.json");

/// The configuration that is shipped for the gateway simulator.
pub(super) fn simulator() -> Value {
    serde_json::from_str::<Value>(SIMULATOR).unwrap()["config"].take()
}

fn credentials() -> Value {
    json!({"token": format!("{SECRET} token"), "signing": format!("{SECRET} signing")})
}

pub(super) fn of(config: &Value) -> GatewayAccount {
    account(GatewayKind::Generic, config, &credentials())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// As the simulator signs: at `NOW`.
pub(super) fn signed(query: &str, body: &str) -> WebhookCall {
    let seconds = now().as_second().to_string();
    let secret = format!("{SECRET} signing");
    let parts: [&[u8]; 3] = [seconds.as_bytes(), b".", body.as_bytes()];
    let signature = hex(&signature::hmac_sha256(&secret, &parts));
    call(
        query,
        &[("x-timestamp", &seconds), ("x-signature", &signature)],
        body.to_owned(),
    )
}

/// For the conformance list: the simulator, if it posted several receipts at once.
pub(crate) fn sample() -> Sample {
    let mut config = simulator();
    config["dlr"]["batch"] = "json:$.reports".into();
    let reports = ["DELIVRD", "WEIRD", "EXPIRED"].map(|status| {
        json!({"id": "sim-1", "ref": attempt().to_string(), "status": status, "error": "000"})
    });
    let call = signed("", &json!({"reports": reports}).to_string());
    let words = vec![ReportWord::Delivered, ReportWord::Expired];
    Sample {
        account: of(&config),
        call: Some(GenuineCall {
            call,
            at: now(),
            words,
        }),
    }
}
