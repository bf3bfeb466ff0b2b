//! Webhooks from outside: what happens arrives at the customer's URL, signed, each event once by its id; what fails comes later.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, json_body, send};

/// Longer than the minute that the first retry may wait for.
const PATIENCE: Duration = Duration::from_secs(150);

/// A customer's server.
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    status: AtomicU16,
    calls: Mutex<Vec<Call>>,
}

#[derive(Debug, Clone)]
struct Call {
    headers: BTreeMap<String, String>,
    body: String,
    status: u16,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            status: AtomicU16::new(204),
            calls: Mutex::default(),
        });
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = served.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self {
            url: format!("http://{address}/carillon"),
            shared,
        }
    }

    fn answer(&self, status: u16) {
        self.shared.status.store(status, Ordering::SeqCst);
    }

    fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().expect("calls").clone()
    }

    /// Of the calls that it took. One that came twice is one event, by its id.
    fn events(&self) -> Vec<Value> {
        let taken = self.calls().into_iter().filter(|call| call.status == 204);
        let bodies = taken.map(|call| serde_json::from_str::<Value>(&call.body).expect("JSON"));
        let events = |body: Value| match body["data"]["events"].as_array() {
            Some(events) => events.clone(),
            None => vec![body],
        };
        let mut known = std::collections::BTreeSet::new();
        let is_new = |event: &Value| known.insert(event["id"].as_str().map(str::to_owned));
        bodies.flat_map(events).filter(is_new).collect()
    }

    pub async fn wait_for(&self, ready: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let events = self.events();
            if ready(&events) {
                return events;
            }
            let types = counts(&events);
            assert!(began.elapsed() < PATIENCE, "still {types:?}");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// One call after the other, until somebody hangs up.
fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        loop {
            line.clear();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if line.trim().is_empty() => break,
                Ok(_) => {}
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.to_lowercase(), value.trim().to_owned());
            }
        }
        let length = headers.get("content-length");
        let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let status = shared.status.load(Ordering::SeqCst);
        let call = Call {
            headers,
            body: String::from_utf8(body).expect("UTF-8"),
            status,
        };
        shared.calls.lock().expect("calls").push(call);
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn counts(events: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        let kind = event["type"].as_str().expect("a type").to_owned();
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// By the reference library.
fn genuine(calls: &[Call], secret: &str) -> Vec<bool> {
    let asked: Vec<Value> = calls
        .iter()
        .map(|call| json!({"secret": secret, "headers": call.headers, "body": call.body}))
        .collect();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut judge = Command::new(format!("{root}/.local/judges/bin/python"))
        .arg(format!("{root}/tests/judges/verify.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("`make peers` installs the reference library");
    let mut input = judge.stdin.take().expect("piped above");
    input
        .write_all(json!(asked).to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = judge.wait_with_output().expect("it ends");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

async fn webhook(account: &Account, url: &str, rest: Value) -> Value {
    let mut webhook = json!({"url": url, "events": ["*"]});
    for (name, value) in rest.as_object().expect("fields") {
        webhook[name] = value.clone();
    }
    account.post("/v1/webhooks", &webhook).await
}

#[tokio::test]
async fn a_messages_events_arrive_signed_and_each_once() {
    let account = Account::new("Hooks").await;
    let receiver = Receiver::start();
    let made = webhook(&account, &receiver.url, json!({})).await;

    let taken = account
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900123", "text": "Hi"}),
        )
        .await;
    let delivered = |events: &[Value]| counts(events).contains_key("message.delivered");
    let events = receiver.wait_for(delivered).await;

    let message = &taken.body["messages"][0]["id"];
    assert_eq!(
        counts(&events),
        BTreeMap::from([
            ("message.delivered".to_owned(), 1),
            ("message.sent".to_owned(), 1)
        ])
    );
    assert!(
        events
            .iter()
            .all(|event| event["data"]["message"] == *message)
    );
    let secret = made["secret"].as_str().expect("shown once");
    assert_eq!(genuine(&receiver.calls(), secret), [true, true]);
    let id = made["id"].as_str().expect("an id");
    let read = account.get(&format!("/v1/webhooks/{id}")).await;
    assert_eq!(read["secret"], Value::Null);
}

#[tokio::test]
async fn a_campaigns_events_arrive_in_batches_and_each_once() {
    let account = Account::new("Hooked campaign").await;
    let receiver = Receiver::start();
    webhook(&account, &receiver.url, json!({"batches": true})).await;
    let to: Vec<String> = (0..250)
        .map(|row| format!("+447700{:06}", 900_000 + row))
        .collect();
    let campaign = json!({
        "name": "Hooked", "class": "transactional", "content": {"text": "Hi"},
        "audience": {"type": "inline", "recipients": to},
    });
    let made = account.try_post_as_test("/v1/campaigns", &campaign).await;
    let id = made.body["id"].as_str().expect("an id");

    let started = account
        .try_post_as_test(&format!("/v1/campaigns/{id}/start"), &json!({}))
        .await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
    let all = |events: &[Value]| {
        let counts = counts(events);
        counts.get("message.delivered") == Some(&250) && counts.contains_key("campaign.finished")
    };
    let events = receiver.wait_for(all).await;

    let expected = [
        ("campaign.finished", 1),
        ("campaign.started", 1),
        ("message.delivered", 250),
        ("message.sent", 250),
    ];
    let expected = expected.map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(counts(&events), BTreeMap::from(expected));
    assert!(
        receiver.calls().len() < 250,
        "{} calls",
        receiver.calls().len()
    );
}

#[tokio::test]
async fn what_fails_is_in_the_log_and_comes_when_the_server_is_back() {
    let account = Account::new("Hooks that fail").await;
    let receiver = Receiver::start();
    receiver.answer(500);
    let made = webhook(&account, &receiver.url, json!({})).await;
    let path = format!("/v1/webhooks/{}", made["id"].as_str().expect("an id"));
    let log = format!("{path}/deliveries");

    account
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900123", "text": "Hi"}),
        )
        .await;
    let listed = account
        .wait_for(&log, |page| {
            page["data"].as_array().is_some_and(|data| data.len() == 2)
        })
        .await;
    receiver.answer(204);
    let ids: Vec<_> = listed["data"]
        .as_array()
        .expect("data")
        .iter()
        .map(|it| it["id"].clone())
        .collect();
    let retried = account
        .post(&format!("{path}/retry"), &json!({"deliveries": ids}))
        .await;
    receiver.wait_for(|events| events.len() == 2).await;

    let first = &listed["data"][0];
    assert_eq!(first["last_attempt"]["response_code"], 500, "{first}");
    assert_eq!(first["last_attempt"]["trouble"], "broken", "{first}");
    assert_eq!(
        retried["retried"].as_array().map(Vec::len),
        Some(2),
        "{retried}"
    );
    account
        .wait_for(&log, |page| {
            page["data"]
                .as_array()
                .expect("data")
                .iter()
                .all(|it| it["status"] == "delivered")
        })
        .await;
}

#[tokio::test]
async fn a_webhook_is_tried_rotated_changed_replayed_and_deleted() {
    let account = Account::new("Hooks that change").await;
    let receiver = Receiver::start();
    let made = webhook(
        &account,
        &receiver.url,
        json!({"events": ["message.delivered"]}),
    )
    .await;
    let path = format!("/v1/webhooks/{}", made["id"].as_str().expect("an id"));
    let since = jiff::Timestamp::now();

    let tried = account.post(&format!("{path}/test"), &json!({})).await;
    let events = receiver.wait_for(|events| events.len() == 1).await;
    assert_eq!(
        (&events[0]["type"], &events[0]["id"]),
        (&json!("webhook.test"), &tried["event"])
    );
    let log = account
        .wait_for(&format!("{path}/deliveries"), |page| {
            page["data"] != json!([])
        })
        .await;
    assert_eq!(log["data"][0]["status"], "delivered");

    let rotated = account
        .post(&format!("{path}/rotate-secret"), &json!({}))
        .await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    account
        .try_post_as_test(
            "/v1/messages",
            &json!({"to": "+447700900123", "text": "Hi"}),
        )
        .await;
    receiver.wait_for(|events| events.len() == 2).await;
    let last = receiver.calls().split_off(1);
    for secret in [&made["secret"], &rotated["secret"]] {
        assert_eq!(genuine(&last, secret.as_str().expect("shown")), [true]);
    }

    let replay = account
        .post(&format!("{path}/replays"), &json!({"since": since}))
        .await;
    assert_eq!(replay["status"], "running");
    let replays = account
        .wait_for(&format!("{path}/replays"), |list| {
            list["data"][0]["status"] == "finished"
        })
        .await;
    assert_eq!(replays["data"][0]["sent"], 1);
    // A call that the emulator delivered twice would come before the replay's.
    let calls = receiver.calls();
    let (first, replayed) = (&calls[1], calls.last().expect("calls"));
    assert!(calls.len() > 2, "nothing was sent again");
    assert_eq!(first.body, replayed.body, "the same event, byte by byte");

    let stale = account
        .request(Method::PATCH, &path)
        .header("if-match", "\"1\"");
    let stale = send(json_body(stale, &json!({"enabled": false}))).await;
    let fresh = account
        .request(Method::PATCH, &path)
        .header("if-match", "\"2\"");
    let fresh = send(json_body(
        fresh,
        &json!({"enabled": false, "description": "Off"}),
    ))
    .await;
    let refused = account
        .try_post(&format!("{path}/replays"), &json!({"since": since}))
        .await;
    let deleted = send(account.request(Method::DELETE, &path)).await;
    assert_eq!(
        (stale.status, fresh.status),
        (StatusCode::PRECONDITION_FAILED, StatusCode::OK)
    );
    assert_eq!(fresh.body["enabled"], false);
    assert_eq!(
        (refused.status, deleted.status),
        (StatusCode::CONFLICT, StatusCode::NO_CONTENT)
    );
    assert_eq!(account.get("/v1/webhooks").await["data"], json!([]));
}

#[tokio::test]
async fn a_webhook_that_can_not_be_is_refused_with_its_field() {
    let account = Account::new("Hooks refused").await;
    for (name, webhook, pointer) in [
        (
            "no TLS",
            json!({"url": "http://example.com/", "events": ["*"]}),
            "/url",
        ),
        (
            "another port",
            json!({"url": "https://example.com:9001/", "events": ["*"]}),
            "/url",
        ),
        (
            "a user",
            json!({"url": "https://a@example.com/", "events": ["*"]}),
            "/url",
        ),
        (
            "metadata",
            json!({"url": "https://169.254.169.254/", "events": ["*"]}),
            "/url",
        ),
        ("no URL", json!({"url": "example", "events": ["*"]}), "/url"),
        (
            "no events",
            json!({"url": "https://example.com/", "events": []}),
            "/events",
        ),
        (
            "an unknown event",
            json!({"url": "https://example.com/", "events": ["message.read"]}),
            "/events",
        ),
    ] {
        let refused = account.try_post("/v1/webhooks", &webhook).await;

        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {}",
            refused.body
        );
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{name}");
    }
}
