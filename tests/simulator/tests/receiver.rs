//! Where receipts arrive: keeps them, and answers as it was told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

#[derive(Clone, Default)]
pub struct Receiver {
    kept: Arc<Mutex<Vec<Kept>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    address: String,
}

#[derive(Debug, Clone)]
pub struct Kept {
    pub at: Instant,
    pub uri: String,
    pub timestamp: String,
    pub signature: String,
    pub raw: Bytes,
}

impl Receiver {
    /// Gives these answers first, then 200.
    pub async fn start(answers: &[StatusCode]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let receiver = Self {
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            address: listener.local_addr().expect("it is bound").to_string(),
            ..Self::default()
        };
        let app = Router::new().fallback(keep).with_state(receiver.clone());
        #[expect(clippy::disallowed_methods, reason = "a test's server, not a function")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        receiver
    }

    /// A callback like the product's.
    pub fn callback(&self) -> String {
        format!("http://{}/hooks/generic/abc?m=msg_x.1.tag", self.address)
    }

    pub fn kept(&self) -> Vec<Kept> {
        self.kept
            .lock()
            .expect("no test panics while it holds this")
            .clone()
    }

    pub fn statuses(&self) -> Vec<String> {
        self.kept().iter().map(Kept::status).collect()
    }
}

impl Kept {
    pub fn body(&self) -> Value {
        serde_json::from_slice(&self.raw).expect("a receipt is JSON")
    }

    pub fn status(&self) -> String {
        self.body()["status"].as_str().expect("a word").to_owned()
    }
}

async fn keep(
    State(receiver): State<Receiver>,
    uri: Uri,
    headers: HeaderMap,
    raw: Bytes,
) -> StatusCode {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let kept = Kept {
        at: Instant::now(),
        uri: uri.to_string(),
        timestamp: header("x-timestamp"),
        signature: header("x-signature"),
        raw,
    };
    receiver.kept.lock().expect("not poisoned").push(kept);
    let mut answers = receiver.answers.lock().expect("not poisoned");
    answers.pop_front().unwrap_or(StatusCode::OK)
}
