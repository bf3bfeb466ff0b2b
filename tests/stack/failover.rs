//! A gateway that dies in the middle of a campaign while another is healthy: the rest goes by the other, nothing is lost, and nothing
//! is sent by both.

use std::{
    collections::BTreeMap,
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator};

const RECIPIENTS: u32 = 900;
/// Parts a second: what it has left when it dies takes it seconds.
const PACE: u32 = 90;

/// The way to a gateway, which can be cut: connections end, and no other is made. What the gateway took, it remembers.
struct Wire {
    url: String,
    port: u16,
    cut: Arc<AtomicBool>,
    links: Arc<Mutex<Vec<TcpStream>>>,
    listens: Option<thread::JoinHandle<()>>,
}

impl Wire {
    fn to(url: &str) -> Self {
        let gateway = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (cut, links) = (
            Arc::<AtomicBool>::default(),
            Arc::<Mutex<Vec<_>>>::default(),
        );
        let (is_cut, kept) = (Arc::clone(&cut), Arc::clone(&links));
        let listens = thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if is_cut.load(Ordering::SeqCst) {
                    return;
                }
                let far = TcpStream::connect(&gateway).expect("the simulator listens");
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let (from, to) = (copy_of(from), copy_of(to));
                    kept.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(copy_of(&from));
                    thread::spawn(move || pass(from, to));
                }
            }
        });
        Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            cut,
            links,
            listens: Some(listens),
        }
    }

    fn cut(&mut self) {
        self.cut.store(true, Ordering::SeqCst);
        // It is woken by a last connection, and lets go of the port.
        let last = TcpStream::connect(("127.0.0.1", self.port));
        let listens = self.listens.take().expect("it is cut once");
        listens.join().expect("it ends");
        drop(last);
        for link in self
            .links
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            end(link);
        }
        let refused = TcpStream::connect(("127.0.0.1", self.port));
        assert!(refused.is_err(), "somebody still listens");
    }
}

fn copy_of(link: &TcpStream) -> TcpStream {
    link.try_clone().expect("a handle")
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    // However it ends, both ends hear of it.
    drop(io::copy(&mut from, &mut to));
    end(&from);
    end(&to);
}

fn end(link: &TcpStream) {
    // It may have ended by itself.
    drop(link.shutdown(Shutdown::Both));
}

/// Number by number, how often a gateway took a message for it.
async fn accepted(simulator: &RunningSimulator) -> BTreeMap<String, u32> {
    let seen = simulator.control.recipients().await.expect("recipients");
    seen.into_iter()
        .map(|seen| (seen.to, seen.accepted))
        .collect()
}

async fn gateway(account: &Account, url: &str, change: Value) -> String {
    let id = account
        .with_gateway_at(url, |config| config["capabilities"] = json!({}))
        .await;
    let path = format!("/v1/gateways/{id}");
    let request = account
        .request(reqwest::Method::PATCH, &path)
        .header("if-match", "*");
    let answer = crate::account::send(crate::account::json_body(request, &change)).await;
    assert!(answer.status.is_success(), "{}", answer.body);
    id
}

#[tokio::test]
async fn the_rest_of_a_campaign_goes_by_another_gateway_when_one_dies() {
    let account = Account::new("Failover").await;
    let (first, second) = (RunningSimulator::start(), RunningSimulator::start());
    for simulator in [&first, &second] {
        let rules = json!({"rules": [{"latency_ms": [30, 120], "delay_ms": [100, 500]}]});
        simulator.control.set_rules(&rules).await.expect("rules");
    }
    let mut wire = Wire::to(&first.url);
    let primary = gateway(&account, &wire.url, json!({"parts_per_second": PACE})).await;
    let secondary = gateway(&account, &second.url, json!({"name": "The other"})).await;
    let exits = json!([{"gateway": primary}, {"gateway": secondary}]);
    let route = json!({"name": "One, then the other", "gateways": exits});
    account.post("/v1/routes", &route).await;
    let recipients: Vec<_> = (0..RECIPIENTS)
        .map(|n| format!("+4477009{:05}", 70_000 + n))
        .collect();
    let campaign = json!({
        "name": "Half by each",
        "class": "transactional",
        "audience": {"type": "inline", "recipients": recipients},
        "content": {"text": "Hi"},
        "sender": "ACME",
    });
    let campaign = account.post("/v1/campaigns", &campaign).await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().expect("an id"));
    account.post(&format!("{path}/start"), &json!({})).await;
    while first.control.summary().await.expect("a summary").accepted < 150 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    wire.cut();

    let health = format!("/v1/gateways/{primary}");
    let dead = |gateway: &Value| gateway["health"]["state"] == "open";
    account.wait_for(&health, dead).await;
    let settled = |report: &Value| report["accepted"] == RECIPIENTS && report["in_flight"] == 0;
    let report = account.wait_for(&format!("{path}/report"), settled).await;
    let messages = account.all(&format!("{path}/messages")).await;
    let (first, second) = (accepted(&first).await, accepted(&second).await);
    let got = |seen: &BTreeMap<String, u32>, to: &str| seen.get(to).copied().unwrap_or(0);
    assert_eq!(messages.len(), recipients.len());
    for message in &messages {
        let to = message["to"].as_str().expect("a number");
        let expected = match message["status"].as_str() {
            Some("delivered") => 1,
            // It had left when the line was cut, and never arrived.
            Some("unknown") => 0,
            _ => panic!("{message}"),
        };
        let by = (got(&first, to), got(&second, to));
        assert_eq!(by.0 + by.1, expected, "{message} went by {by:?}");
    }
    let total = |seen: &BTreeMap<String, u32>| seen.values().sum::<u32>();
    let unknown = report["counts"]["unknown"].as_u64().expect("a count");
    assert!(
        total(&first) >= 150 && total(&second) > RECIPIENTS / 3,
        "{report}"
    );
    assert_eq!(
        u64::from(total(&first) + total(&second)) + unknown,
        u64::from(RECIPIENTS),
        "{report}"
    );
    assert!(unknown <= 50, "more than was on the line: {report}");
}
