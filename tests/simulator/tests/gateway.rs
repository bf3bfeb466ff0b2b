//! A running simulator, and a caller of its `/send`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use carillon_tests::simulator::{Simulator, Summary};
use serde_json::{Value, json};

pub const SECRET: &str = "shared-secret";
const TOKEN: &str = "token";

/// Ends with the value.
pub struct Gateway {
    process: Child,
    pub control: Simulator,
    http: reqwest::Client,
}

impl Gateway {
    pub fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_gateway-simulator"))
            .args(["--port", "0", "--token", TOKEN, "--secret", SECRET])
            .args(["--lifetime", "120"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator was built with this test");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped above"))
            .read_line(&mut line)
            .expect("the simulator says where it listens");
        let url = line
            .trim()
            .strip_prefix("gateway-simulator listening on ")
            .expect("the line names the address");
        Self {
            control: Simulator::new(url),
            process,
            http: reqwest::Client::new(),
        }
    }

    pub async fn with_rules(document: &Value) -> Self {
        let gateway = Self::start();
        gateway.control.set_rules(document).await.expect("rules");
        gateway
    }

    /// Status and body, or the error of the connection.
    pub async fn send(&self, message: &Value) -> reqwest::Result<(u16, Value)> {
        let answer = self.submit(message, TOKEN).await?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await?;
        Ok((status, serde_json::from_slice(&body).expect("JSON")))
    }

    pub async fn submit(&self, message: &Value, token: &str) -> reqwest::Result<reqwest::Response> {
        self.http
            .post(self.control.url("/send"))
            .bearer_auth(token)
            .timeout(Duration::from_secs(2))
            .body(message.to_string())
            .send()
            .await
    }

    pub async fn inquire(&self, id: &str) -> (u16, Value) {
        let url = self.control.url(&format!("/message?id={id}"));
        let answer = self
            .http
            .get(url)
            .bearer_auth(TOKEN)
            .send()
            .await
            .expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.bytes().await.expect("a body");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    pub async fn summary(&self) -> Summary {
        self.control.summary().await.expect("a summary")
    }

    /// The summary once no receipt is to come.
    pub async fn settled(&self) -> Summary {
        for _ in 0..300 {
            let summary = self.summary().await;
            if summary.receipts.pending == 0 {
                return summary;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("receipts are still pending after 15 s");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.process.kill().expect("it runs until now");
        self.process.wait().expect("it was killed");
    }
}

/// A message without a callback.
pub fn message(to: &str, id: &str) -> Value {
    json!({"to": to, "from": "ACME", "text": "Hello", "id": id})
}
