//! Posting receipts: a message's one after the other, a bounded number of messages at once, five tries each.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use crate::receipt::{self, Receipt};
use crate::state::Simulator;

/// Before the second to the fifth try.
const BACKOFF: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
];

pub struct Post {
    client: reqwest::Client,
    key: hmac::Key,
    forger: hmac::Key,
    desks: Semaphore,
}

/// The receipts of one message. They keep their order, and so may be late.
pub struct Errand {
    pub run: u64,
    pub message: u32,
    pub reference: String,
    pub callback: String,
    pub receipts: Vec<Receipt>,
    pub delay: Duration,
}

impl Post {
    pub fn new(secret: &str, concurrency: usize) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(15))
            .pool_idle_timeout(Duration::from_secs(5))
            .build()
            .expect("nothing in this configuration depends on the machine");
        Self {
            client,
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
            forger: hmac::Key::new(hmac::HMAC_SHA256, b"someone who doesn't know the secret"),
            desks: Semaphore::new(concurrency),
        }
    }

    /// Whether it was acknowledged.
    async fn once(&self, url: &str, body: &[u8], forged: bool) -> bool {
        let key = if forged { &self.forger } else { &self.key };
        let seconds = Timestamp::now().as_second();
        let _desk = self.desks.acquire().await.expect("never closed");
        let call = self
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .header("X-Timestamp", seconds)
            .header("X-Signature", receipt::signature(key, seconds, body))
            .body(body.to_vec())
            .send();
        match call.await {
            // Read to its end, or the connection isn't kept.
            Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
            Err(_) => false,
        }
    }
}

/// `first_tried` hears when the first receipt was tried once.
pub async fn deliver(
    simulator: Arc<Simulator>,
    errand: Errand,
    mut first_tried: Option<oneshot::Sender<()>>,
) {
    sleep(errand.delay).await;
    for receipt in &errand.receipts {
        if simulator.run() != errand.run {
            return;
        }
        if receipt.forged {
            forge(&simulator, &errand, *receipt).await;
            hear(&mut first_tried);
        } else {
            report(&simulator, &errand, *receipt, &mut first_tried).await;
        }
    }
}

async fn report(
    simulator: &Simulator,
    errand: &Errand,
    receipt: Receipt,
    first_tried: &mut Option<oneshot::Sender<()>>,
) {
    let body = errand.body(receipt);
    if let Some(mut truth) = simulator.truth_of(errand.run) {
        truth.receipt_posted();
    }
    for pause in BACKOFF.iter().map(Some).chain([None]) {
        let acknowledged = simulator.post.once(&errand.callback, &body, false).await;
        hear(first_tried);
        if acknowledged {
            if let Some(mut truth) = simulator.truth_of(errand.run) {
                truth.receipt_acknowledged(errand.message, receipt.status);
            }
            return;
        }
        if let Some(pause) = pause {
            sleep(*pause).await;
            match simulator.truth_of(errand.run) {
                Some(mut truth) => truth.receipt_retried(),
                None => return,
            }
        }
    }
    if let Some(mut truth) = simulator.truth_of(errand.run) {
        truth.receipt_failed();
    }
}

async fn forge(simulator: &Simulator, errand: &Errand, receipt: Receipt) {
    if let Some(mut truth) = simulator.truth_of(errand.run) {
        truth.forged_posted();
    }
    let body = errand.body(receipt);
    let believed = simulator.post.once(&errand.callback, &body, true).await;
    if believed && let Some(mut truth) = simulator.truth_of(errand.run) {
        truth.forged_acknowledged();
    }
}

fn hear(first_tried: &mut Option<oneshot::Sender<()>>) {
    if let Some(listener) = first_tried.take() {
        // The caller of /send may be gone: then nobody waits.
        listener.send(()).ok();
    }
}

impl Errand {
    fn body(&self, receipt: Receipt) -> Vec<u8> {
        let id = format!("sim-{}", self.message);
        receipt::body(&id, &self.reference, receipt.status, Timestamp::now())
    }
}
