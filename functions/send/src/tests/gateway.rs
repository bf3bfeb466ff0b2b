//! Gateways that do as they are told, on loopback, and batches that leave by them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use carillon_core::{
    batch::{BatchTerms, DoubtPolicy, RouteEntry},
    chunk::{Chunk, Pointer, slot::Slot},
    id::AccountId,
    routing::{PinnedSender, Routing},
};
use carillon_gateways::{GatewayKind, callback::PathToken};
use carillon_store::{
    audit::{Actor, Audit},
    gateway_accounts::GatewayRecord,
};
use carillon_testkit::build;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Setup;
use crate::worker::work;

const CONFIG: &str = include_str!("../../../../infra/local/simulator-gateway.json");

/// What it does with one request.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    Accepted,
    NoRoute,
    /// With a `Retry-After` of so many seconds.
    SlowDown(u32),
    /// The connection is closed when the request was read.
    Nothing,
    NeverHeardOf,
    SomethingElse,
}

pub struct FakeGateway {
    url: String,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl FakeGateway {
    /// Submissions are answered by these in turn, questions by the last argument.
    pub fn new(submissions: &[Says], questions: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let submissions = submissions.to_vec();
        let log = seen.clone();
        thread::spawn(move || {
            let mut left = submissions.into_iter();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let says = match read(&stream) {
                    Some(submission) => {
                        log.lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(submission);
                        left.next().expect("no more submissions than foreseen")
                    }
                    None => questions,
                };
                stream.write_all(answer(says).as_bytes()).unwrap();
            }
        });
        Self { url, seen }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The ids it was given.
    pub fn ids(&self) -> Vec<String> {
        self.given("id")
    }

    /// Whom it was to send to.
    pub fn numbers(&self) -> Vec<String> {
        self.given("to")
    }

    fn given(&self, field: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let values = seen.iter().map(|body| body[field].as_str().unwrap());
        values.map(str::to_owned).collect()
    }
}

/// The body of a submission; `None` is a question.
fn read(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).ok()
}

fn answer(says: Says) -> String {
    let (head, body) = match says {
        Says::Accepted => ("200 OK".to_owned(), r#"{"status":"ok","id":"sim-7"}"#),
        Says::NoRoute => ("400 No".to_owned(), r#"{"code":"NO_ROUTE"}"#),
        Says::SlowDown(seconds) => (format!("429 Slow\r\nretry-after: {seconds}"), "{}"),
        Says::NeverHeardOf => ("404 No".to_owned(), r#"{"code":"UNKNOWN_MESSAGE"}"#),
        Says::SomethingElse => ("500 Oh".to_owned(), "oh"),
        Says::Nothing => return String::new(),
    };
    let length = body.len();
    format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// What an account's gateway can do about doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    Nothing,
    /// And has settled at once.
    Answers,
    Deduplicates,
}

/// A batch of one chunk that leaves by these gateways, in this order.
pub struct Sending {
    pub setup: Setup,
    pub pointer: Pointer,
}

impl Sending {
    pub async fn by(
        gateways: &[(&FakeGateway, Ability)],
        policy: DoubtPolicy,
        numbers: u64,
    ) -> Self {
        let urls: Vec<_> = gateways
            .iter()
            .map(|(gateway, ability)| (gateway.url(), *ability))
            .collect();
        Self::to(&urls, policy, numbers).await
    }

    pub async fn to(gateways: &[(&str, Ability)], policy: DoubtPolicy, numbers: u64) -> Self {
        let setup = Setup::new().await;
        let mut terms = BatchTerms {
            test: false,
            policy,
            ..build::terms(Timestamp::now())
        };
        for (url, ability) in gateways {
            let route = setup.route(terms.account, url, *ability).await;
            terms.routes.push(route);
        }
        terms.routing = routing(gateways.len());
        Self::in_hand(setup, terms, numbers).await
    }

    /// By the routes of these terms.
    pub async fn in_hand(setup: Setup, terms: BatchTerms, numbers: u64) -> Self {
        setup.allow(terms.account, |_| {}).await;
        let pointer = Pointer {
            batch: terms.id,
            chunk: 0,
        };
        let first = 447_700_900_000;
        setup
            .batch_of_one_chunk(terms, first..first + numbers)
            .await;
        Self { setup, pointer }
    }

    /// An invocation for its pointer.
    pub async fn work(&self) -> (Chunk, Slot) {
        self.try_work().await.unwrap();
        self.chunk().await
    }

    pub async fn try_work(&self) -> Result<(), carillon_store::StoreError> {
        let deadline = Timestamp::now() + SignedDuration::from_secs(60);
        work(&self.setup.state, self.pointer, deadline).await
    }

    /// The chunk and its first slot.
    pub async fn chunk(&self) -> (Chunk, Slot) {
        let chunk = self.setup.chunk(self.pointer).await;
        let first = chunk.slots[0];
        (chunk, first)
    }
}

impl Setup {
    pub async fn route(&self, account: AccountId, url: &str, ability: Ability) -> RouteEntry {
        let config = CONFIG.replace("http://127.0.0.1:9900", url);
        let mut document: Value = serde_json::from_str(&config).unwrap();
        let config = &mut document["config"];
        config["send"]["errors"][2] =
            json!({"when": {"json": {"$.code": "NO_ROUTE"}}, "class": "gateway.no_route"});
        match ability {
            Ability::Nothing => config["capabilities"] = json!({}),
            Ability::Answers => {
                config["capabilities"]["inquiry"]["settles_after_seconds"] = json!(0);
            }
            Ability::Deduplicates => {
                config["capabilities"] = json!({"deduplicates_for_seconds": 3_600});
            }
        }
        let (config, credentials) = (config.take(), document["credentials"].to_string());
        let kind = GatewayKind::Generic;
        self.route_of(account, kind, config, &credentials).await
    }

    pub async fn route_of(
        &self,
        account: AccountId,
        kind: GatewayKind,
        config: Value,
        credentials: &str,
    ) -> RouteEntry {
        let record = GatewayRecord {
            id: build::id(),
            account,
            kind: kind.to_string(),
            name: "Fake".to_owned(),
            config,
            token: PathToken::from_random(build::token()[4..].try_into().unwrap())
                .as_str()
                .to_owned(),
            parts_per_second: None,
            sender_parts_per_second: None,
            cost_per_part: None,
            enabled: true,
            created: Timestamp::now(),
            version: 1,
        };
        let sealed = self
            .vault
            .seal(account, record.id, credentials.as_bytes())
            .await
            .unwrap();
        let audit = audit(account);
        let created = self.accounts.create(&record, &sealed, &audit);
        created.await.unwrap();
        let adapter = kind.open(&record.config).unwrap();
        RouteEntry {
            gateway: record.id,
            parts_per_second: None,
            deduplicates_for: None,
            settles_after: None,
        }
        .with_capabilities(adapter.capabilities())
    }
}

/// By all of them in their order, under one name.
pub fn routing(gateways: usize) -> Routing {
    let mut routing = Routing::in_order(vec![None; gateways]);
    let sender = PinnedSender {
        originator: "ACME".parse().unwrap(),
        standing: None,
    };
    routing.named = Some(routing.pin(sender));
    routing
}

pub fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: Timestamp::now(),
        account,
        actor: Actor::Operator,
        action: "test".to_owned(),
        target: "test".to_owned(),
    }
}
