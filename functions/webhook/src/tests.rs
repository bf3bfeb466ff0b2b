//! The recorded call of `events/`, and what becomes of a call that is signed, changed, or can't be kept.

use aws_lambda_events::{apigw::ApiGatewayV2httpRequest, encodings::Body};
use carillon_core::{
    keyed_hash::DeploymentKey,
    queued_report::{About, QueuedReports},
    report::ReportWord,
};
use carillon_gateways::{
    callback::{Attempt, Claim, PathToken},
    signature::hmac_sha256,
};
use carillon_runtime::gateways::GatewayCache;
use carillon_store::{
    audit::{Actor, Audit},
    aws::Aws,
    credentials::Vault,
    gateway_accounts::{GatewayAccounts, GatewayRecord},
    queues::{QueueUrls, Queues},
    rate::History,
};
use carillon_testkit::{build, stack};
use jiff::Timestamp;
use serde_json::Value;

use crate::{State, handle};

mod judges;

const RECORDED: &str = include_str!("../../../events/webhook-url.json");
const GATEWAY: &str = include_str!("../../../infra/local/simulator-gateway.json");
const MESSAGE: &str = "msg_064gmqdcjsvmqf6epc10k6m0aw000000.1";

struct Setup {
    state: State,
    aws: Aws,
    receipts: String,
    accounts: GatewayAccounts,
    gateway: GatewayRecord,
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn key() -> DeploymentKey {
    DeploymentKey::from_secret("a secret of a test")
}

impl Setup {
    /// A gateway account as the demo makes it, in a table of its own.
    async fn new() -> Self {
        let sample: Value = serde_json::from_str(GATEWAY).unwrap();
        Self::of("generic", &sample["config"], &sample["credentials"]).await
    }

    async fn of(kind: &str, config: &Value, credentials: &Value) -> Self {
        let aws = stack::aws().await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let receipts = stack::queue(&aws.sqs(), "receipts").await;
        let accounts = GatewayAccounts::new(aws.dynamodb(), core);
        let vault = Vault::new(aws.kms(), stack::variable("CREDENTIALS_KEY_ARN"));
        let gateway = GatewayRecord {
            kind: kind.to_owned(),
            config: config.clone(),
            ..record()
        };
        keep(&accounts, &vault, &gateway, credentials).await;
        let urls = QueueUrls {
            receipts: Some(receipts.clone()),
            ..QueueUrls::default()
        };
        let hooks_url = "https://hooks.example.com".to_owned();
        let state = State {
            key: key(),
            gateways: GatewayCache::new(accounts.clone(), vault, hooks_url.clone()),
            queues: Queues::new(aws.sqs(), urls),
            hooks_url: Some(hooks_url),
        };
        Self {
            state,
            aws,
            receipts,
            accounts,
            gateway,
        }
    }

    /// The recorded call, as this gateway would make it.
    fn call(&self) -> ApiGatewayV2httpRequest {
        let attempt: Attempt = MESSAGE.parse().unwrap();
        let claim = Claim::new(&key(), self.gateway.id, attempt);
        let body = r#"{"id":"sim-1","status":"DELIVRD","error":"000"}"#;
        let seconds = now().as_second().to_string();
        let signed = hmac_sha256(
            "local-simulator-secret",
            &[seconds.as_bytes(), b".", body.as_bytes()],
        );
        let hex = |text: String, byte: &u8| format!("{text}{byte:02x}");
        let signature = signed.iter().fold(String::new(), hex);
        let mut call = recorded();
        call.raw_path = Some(format!("/hooks/generic/{}", self.gateway.token));
        call.raw_query_string = Some(format!("m={claim}"));
        call.headers
            .insert("x-signature", signature.parse().unwrap());
        call.headers.insert("x-timestamp", seconds.parse().unwrap());
        call.body = Some(body.to_owned());
        call.is_base64_encoded = false;
        call
    }

    async fn answer(&self, call: ApiGatewayV2httpRequest) -> (i64, String) {
        let answer = handle(&self.state, call, now()).await;
        let Some(Body::Text(body)) = answer.body else {
            panic!("an answer without a text");
        };
        (answer.status_code, body)
    }

    async fn queued(&self) -> Vec<String> {
        stack::received(&self.aws.sqs(), &self.receipts).await
    }
}

fn recorded() -> ApiGatewayV2httpRequest {
    serde_json::from_str(RECORDED).unwrap()
}

fn record() -> GatewayRecord {
    let token = PathToken::from_random(build::token()[..12].try_into().unwrap());
    GatewayRecord {
        id: build::id(),
        account: build::id(),
        kind: String::new(),
        name: "A gateway".to_owned(),
        config: Value::Null,
        token: token.as_str().to_owned(),
        parts_per_second: None,
        sender_parts_per_second: None,
        cost_per_part: None,
        enabled: true,
        created: now(),
        version: 1,
    }
}

async fn keep(
    accounts: &GatewayAccounts,
    vault: &Vault,
    gateway: &GatewayRecord,
    credentials: &Value,
) {
    let credentials = credentials.to_string();
    let sealed = vault
        .seal(gateway.account, gateway.id, credentials.as_bytes())
        .await
        .unwrap();
    let audit = audit(gateway);
    accounts.create(gateway, &sealed, &audit).await.unwrap();
}

fn audit(gateway: &GatewayRecord) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account: gateway.account,
        actor: Actor::Operator,
        action: "gateway.change".to_owned(),
        target: gateway.id.to_string(),
    }
}

#[tokio::test]
async fn the_recorded_call_is_of_nobody_here() {
    let setup = Setup::new().await;

    let (status, _) = setup.answer(recorded()).await;

    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_signed_report_is_queued_before_it_is_answered() {
    let setup = Setup::new().await;

    let answer = setup.answer(setup.call()).await;

    assert_eq!(answer, (200, "OK".to_owned()));
    let queued = setup.queued().await;
    let queued: QueuedReports = serde_json::from_str(&queued[0]).unwrap();
    let [report] = &queued.reports[..] else {
        panic!("{queued:?}");
    };
    let attempt: Attempt = MESSAGE.parse().unwrap();
    let about = About::Message {
        message: attempt.message,
        attempt: 1,
        via: None,
    };
    assert_eq!(
        (&report.about, report.word),
        (&about, ReportWord::Delivered)
    );
}

#[tokio::test]
async fn reports_of_what_left_by_a_gateway_that_is_switched_off_are_taken() {
    let setup = Setup::new().await;
    let off = GatewayRecord {
        enabled: false,
        version: 2,
        ..setup.gateway.clone()
    };
    let found = setup.accounts.find(off.account, off.id).await.unwrap();
    let (_, sealed) = found.unwrap();
    let audit = audit(&off);
    let changed = setup
        .accounts
        .change(&off, &sealed, History::Forgotten, &audit);
    changed.await.unwrap().unwrap();

    let (status, _) = setup.answer(setup.call()).await;

    assert_eq!((status, setup.queued().await.len()), (200, 1));
}

#[tokio::test]
async fn a_changed_call_is_refused_and_nothing_is_queued() {
    let setup = Setup::new().await;
    let mut other_body = setup.call();
    other_body.body = other_body
        .body
        .map(|body| body.replace("DELIVRD", "UNDELIV"));
    let mut other_kind = setup.call();
    other_kind.raw_path = Some(format!("/hooks/simulated/{}", setup.gateway.token));
    let mut old = setup.call();
    old.headers
        .insert("x-timestamp", "1789000000".parse().unwrap());

    for (name, call, expected) in [
        ("a byte of the body", other_body, 401),
        ("the kind in the path", other_kind, 404),
        ("the time", old, 401),
    ] {
        let (status, _) = setup.answer(call).await;

        assert_eq!(status, expected, "{name}");
    }
    assert_eq!(setup.queued().await, [""; 0]);
}

#[tokio::test]
async fn a_report_of_a_message_that_it_never_had_is_left_out() {
    let setup = Setup::new().await;
    let mut call = setup.call();
    call.raw_query_string = Some(format!("m={MESSAGE}.aaaaaaaa"));

    let (status, _) = setup.answer(call).await;

    assert_eq!(status, 200);
    assert_eq!(setup.queued().await, [""; 0]);
}

#[tokio::test]
async fn what_could_not_be_queued_is_asked_for_again() {
    let setup = Setup::new().await;
    let sqs = setup.aws.sqs();
    let delete = sqs.delete_queue().queue_url(&setup.receipts).send().await;
    delete.unwrap();

    let (status, _) = setup.answer(setup.call()).await;

    assert_eq!(status, 503);
}
