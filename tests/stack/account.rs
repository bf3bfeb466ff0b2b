//! A tenant of the stack: a new account with its keys, and what a test does through them.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use carillon_tests::simulator::Simulator;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Whatever a test waits for comes within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(90);
/// The emulator looks at whose key signed a call, not at the signature.
const SIGNED_BY_ROOT: &str = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=none";
/// Seconds until a simulator ends by itself.
const LIFETIME: &str = "600";
const GATEWAY: &str = include_str!("../../infra/local/simulator-gateway.json");

pub struct Account {
    http: reqwest::Client,
    url: String,
    pub id: String,
    pub key: String,
    pub test_key: String,
}

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Account {
    /// Makes an account as `make account` does: by invoking `api` itself. It may send everywhere.
    pub async fn new(name: &str) -> Self {
        let http = reqwest::Client::new();
        let made = invoke_api(
            &http,
            &json!({"create_account": {"name": name, "countries": "all"}}),
        )
        .await;
        let text = |field: &str| {
            made[field]
                .as_str()
                .unwrap_or_else(|| panic!("no `{field}` in {made}"))
                .to_owned()
        };
        Self {
            http,
            url: variable("API_URL"),
            id: text("account"),
            key: text("key"),
            test_key: text("test_key"),
        }
    }

    /// What the operator allows it in ten seconds.
    pub async fn set_quotas(&self, quotas: &Value) {
        let request = json!({"set_quotas": {"account": self.id, "quotas": quotas}});
        let set = invoke_api(&self.http, &request).await;
        assert_eq!(set["quotas"], *quotas, "{set}");
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.key)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Changes a thing, whatever its version.
    pub async fn change(&self, path: &str, change: &Value) -> Value {
        let request = self.request(Method::PATCH, path).header("if-match", "*");
        let answer = send(json_body(request, change)).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "PATCH {path}: {}",
            answer.body
        );
        answer.body
    }

    pub async fn remove(&self, path: &str) {
        let answer = send(self.request(Method::DELETE, path)).await;
        assert_eq!(
            answer.status,
            StatusCode::NO_CONTENT,
            "DELETE {path}: {}",
            answer.body
        );
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = send(self.request(Method::GET, path)).await;
        assert_eq!(answer.status, StatusCode::OK, "GET {path}: {}", answer.body);
        answer.body
    }

    /// A POST that must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.try_post(path, body).await;
        assert!(
            answer.status.is_success(),
            "POST {path}: {} {}",
            answer.status,
            answer.body
        );
        answer.body
    }

    pub async fn try_post(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", unique());
        send(json_body(request, body)).await
    }

    /// The same with the account's test key.
    pub async fn try_post_as_test(&self, path: &str, body: &Value) -> Answer {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.test_key);
        send(json_body(request.header("idempotency-key", unique()), body)).await
    }

    /// Puts a file to S3 as a browser would, and returns the upload's id.
    pub async fn upload(&self, file: &[u8]) -> String {
        let upload = self.post("/v1/uploads", &json!({})).await;
        self.put(&upload, file).await;
        upload["id"].as_str().expect("an id").to_owned()
    }

    /// Puts a file by the form that an upload was given.
    pub async fn put(&self, upload: &Value, file: &[u8]) {
        let boundary = "a-boundary-of-a-test";
        let mut form = Vec::new();
        for (name, value) in upload["fields"].as_object().expect("fields") {
            let value = value.as_str().expect("text");
            form.extend_from_slice(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").as_bytes(),
            );
        }
        form.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"r.csv\"\r\nContent-Type: text/csv\r\n\r\n").as_bytes(),
        );
        form.extend_from_slice(file);
        form.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let url = upload["url"].as_str().expect("a URL");
        let put = self
            .http
            .post(url)
            .header(
                "content-type",
                format!("multipart/form-data; boundary={boundary}"),
            )
            .body(form)
            .send()
            .await
            .expect("S3 answers");
        assert!(
            put.status().is_success(),
            "the upload was refused: {}",
            put.text().await.unwrap_or_default()
        );
    }

    /// A gateway of the account that speaks to a simulator.
    pub async fn with_gateway(&self, simulator: &RunningSimulator) -> String {
        self.with_gateway_at(&simulator.url, |_| {}).await
    }

    /// The same at an address, with its configuration changed.
    pub async fn with_gateway_at(&self, url: &str, change: impl FnOnce(&mut Value)) -> String {
        let gateway = GATEWAY.replace("http://127.0.0.1:9900", url);
        let mut gateway: Value = serde_json::from_str(&gateway).expect("JSON");
        change(&mut gateway["config"]);
        let made = self.post("/v1/gateways", &gateway).await;
        made["id"].as_str().expect("an id").to_owned()
    }

    /// Asks until `ready` says so.
    pub async fn wait_for(&self, path: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let body = self.get(path).await;
            if ready(&body) {
                return body;
            }
            assert!(began.elapsed() < PATIENCE, "{path} is still {body}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// All items of a list, page by page.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = None;
        loop {
            let query = next.map_or(String::new(), |cursor: String| format!("&cursor={cursor}"));
            let page = self.get(&format!("{path}?limit=200{query}")).await;
            items.extend(page["data"].as_array().expect("data").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = Some(cursor.to_owned()),
                None => return items,
            }
        }
    }
}

/// Invokes the function `api` with the operator's permissions.
pub async fn invoke_api(http: &reqwest::Client, request: &Value) -> Value {
    let emulator = variable("AWS_ENDPOINT_URL");
    let function = variable("API_FUNCTION");
    let answer = http
        .post(format!(
            "{emulator}/2015-03-31/functions/{function}/invocations"
        ))
        .header("authorization", SIGNED_BY_ROOT)
        .body(request.to_string())
        .send()
        .await
        .expect("the emulator answers");
    serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
}

/// Puts a body beside a queue, as SQS does with what failed every try.
pub async fn bury(queue: &str, body: &str) {
    let url = format!("{}-dead", variable(queue));
    let sent = reqwest::Client::new()
        .post(variable("AWS_ENDPOINT_URL"))
        .header("authorization", SIGNED_BY_ROOT.replace("lambda", "sqs"))
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .header("content-type", "application/x-amz-json-1.0")
        .body(json!({"QueueUrl": url, "MessageBody": body}).to_string())
        .send()
        .await
        .expect("the emulator answers");
    assert!(sent.status().is_success(), "{:?}", sent.text().await);
}

pub async fn send(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("the API answers");
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.expect("a body");
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Answer {
        status,
        headers,
        body,
    }
}

pub fn json_body(request: RequestBuilder, body: &Value) -> RequestBuilder {
    request
        .header("content-type", "application/json")
        .body(body.to_string())
}

/// Something that no other call has.
pub fn unique() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = jiff::Timestamp::now().as_nanosecond();
    format!("{now}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Ends with the value.
pub struct RunningSimulator {
    process: Child,
    pub url: String,
    pub control: Simulator,
}

impl RunningSimulator {
    pub fn start() -> Self {
        Self::on_port("0")
    }

    /// Where one was that is gone; it knows nothing of what that one got.
    pub fn start_again(url: &str) -> Self {
        let (_, port) = url.rsplit_once(':').expect("a port");
        Self::on_port(port)
    }

    fn on_port(port: &str) -> Self {
        let secrets: Value = serde_json::from_str(GATEWAY).expect("JSON");
        let secret = |name: &str| {
            secrets["credentials"][name]
                .as_str()
                .expect("a secret")
                .to_owned()
        };
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway-simulator"))
            .args([
                "--port",
                port,
                "--token",
                &secret("token"),
                "--secret",
                &secret("signing"),
            ])
            .args(["--lifetime", LIFETIME])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator was built with this test");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped above"))
            .read_line(&mut line)
            .expect("a line");
        let url = line
            .trim()
            .strip_prefix("gateway-simulator listening on ")
            .expect("an address")
            .to_owned();
        Self {
            process,
            control: Simulator::new(&url),
            url,
        }
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it ends");
    }
}

fn variable(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured by `make test`"
    )]
    let value = std::env::var(name);
    value.unwrap_or_else(|_| panic!("`{name}` is not set: this test needs the local stack. Run `make test`, which starts one"))
}
