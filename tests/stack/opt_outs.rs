//! What a handset answers is obeyed: by the next message at the latest, and in the middle of a campaign. It is confirmed, once.

use std::{collections::BTreeMap, time::Duration};

use carillon_tests::simulator::Arrival;
use jiff::Timestamp;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator, json_body, send};

/// Answers STOP to every message.
const STOPS: &str = "+15005550017";

async fn sent(account: &Account, to: &str) -> Value {
    let message = json!({"to": to, "text": "Hello"});
    let taken = account.try_post_as_test("/v1/messages", &message).await;
    let id = taken.body["messages"][0]["id"].as_str().expect("an id");
    let ended = |message: &Value| {
        ["delivered", "suppressed"].contains(&message["status"].as_str().unwrap_or_default())
    };
    account.wait_for(&format!("/v1/messages/{id}"), ended).await
}

#[tokio::test]
async fn who_answers_stop_gets_no_more() {
    let account = Account::new("Opt-outs").await;
    let neighbour = Account::new("Another").await;

    let first = sent(&account, STOPS).await;
    let mut last = Value::Null;
    for _ in 0..15 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        last = sent(&account, STOPS).await;
        if last["status"] == "suppressed" {
            break;
        }
    }

    assert_eq!(first["status"], "delivered");
    assert_eq!(
        (&last["status"], &last["reason"]["code"]),
        (&json!("suppressed"), &json!("policy.opted_out"))
    );
    let unasked = sent(&neighbour, STOPS).await;
    assert_eq!(unasked["status"], "delivered", "another account's opt-out");
}

/// A call may begin for so long after the gateway heard that we have its message, which is before anybody has read it.
const BOUND_MS: i64 = 5_000;
/// Of the short confirmation: the rule says five minutes.
const CONFIRMED_MS: i64 = 60_000;
const SHORT_CODE: &str = "12345";
/// No keyword: gateways that answer STOP don't read it.
const ASKS: &str = "please stop texting me";

/// A gateway that brings what handsets write; its address for that.
async fn with_inbound(account: &Account, simulator: &RunningSimulator) -> String {
    let id = account
        .with_gateway_at(&simulator.url, |config| {
            config["dlr"]["auth"] = json!({"kind": "none"});
            config["mo"] =
                json!({"from": "form:from", "to": "form:to", "text": "form:text", "id": "form:id"});
        })
        .await;
    let path = format!("/v1/gateways/{id}");
    let paced = account
        .request(Method::PATCH, &path)
        .header("if-match", "*");
    let paced = send(json_body(paced, &json!({"parts_per_second": 400}))).await;
    assert_eq!(paced.status, StatusCode::OK, "{}", paced.body);
    let gateway = account.get(&path).await;
    gateway["hooks_url"]
        .as_str()
        .expect("an address")
        .to_owned()
}

/// A handset writes; when that was acknowledged, in ms.
async fn writes(hooks: &str, from: &str, text: &str, id: &str) -> i64 {
    let form = [
        ("from", from),
        ("to", SHORT_CODE),
        ("text", text),
        ("id", id),
    ];
    let form: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B").replace(' ', "+")))
        .collect();
    let call = reqwest::Client::new()
        .post(hooks)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.join("&"));
    let answer = call.send().await.expect("the webhook answers");
    assert!(answer.status().is_success(), "{}", answer.status());
    Timestamp::now().as_millisecond()
}

/// Rows between what is sent and those who write STOP: some of them are about to be sent to, some have seconds.
const AHEAD: [u32; 20] = [
    5, 25, 50, 100, 150, 200, 300, 400, 600, 800, 1_000, 1_300, 1_600, 2_000, 2_500, 3_000, 4_000,
    5_000, 6_000, 7_000,
];

fn row_of(number: &str) -> u32 {
    let row = number
        .strip_prefix("+4477009")
        .and_then(|row| row.parse().ok());
    row.expect("a number of the audience")
}

/// The arrivals of a number: from the campaign, and answers.
fn arrivals_of<'a>(arrivals: &'a [Arrival], to: &str) -> (Vec<&'a Arrival>, Vec<&'a Arrival>) {
    let of = arrivals.iter().filter(|arrival| arrival.to == to);
    of.partition(|arrival| arrival.from != SHORT_CODE)
}

#[tokio::test]
async fn a_stop_in_the_middle_of_ten_thousand_is_obeyed_and_confirmed_once() {
    let (account, simulator) = (
        Account::new("Ten thousand").await,
        RunningSimulator::start(),
    );
    let hooks = with_inbound(&account, &simulator).await;
    let quiet = json!({"rules": [{"latency_ms": [1, 2]}]});
    simulator.control.set_rules(&quiet).await.unwrap();
    let rows: Vec<String> = (30_000..40_000)
        .map(|row| format!("+4477009{row:05}\n"))
        .collect();
    let rows = rows.concat();
    let upload = account.upload(format!("phone\n{rows}").as_bytes()).await;
    let campaign = account
        .post(
            "/v1/campaigns",
            &json!({"name": "Ten thousand", "class": "transactional", "audience": {"type": "upload", "upload": upload},
                    "content": {"text": "Spring is here."}, "sender": "ACME"}),
        )
        .await;
    let path = format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap());
    account.post(&format!("{path}/start"), &json!({})).await;
    while simulator.control.summary().await.unwrap().accepted < 1_000 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let arrivals = simulator.control.arrivals().await.unwrap();
    let front = arrivals
        .iter()
        .map(|arrival| row_of(&arrival.to))
        .max()
        .unwrap();
    let mut acknowledged = BTreeMap::new();
    for (place, ahead) in AHEAD.into_iter().enumerate() {
        let number = format!("+4477009{:05}", front + ahead);
        let id = format!("mo-{place}");
        let at = writes(&hooks, &number, ASKS, &id).await;
        acknowledged.insert(number, at);
    }
    // Gateways bring again what they aren't sure of.
    for (place, number) in acknowledged.keys().enumerate() {
        writes(&hooks, number, ASKS, &format!("mo-{place}")).await;
    }
    let finished = |campaign: &Value| campaign["status"] == "finished";
    account.wait_for(&path, finished).await;
    tokio::time::sleep(Duration::from_secs(10)).await;

    let arrivals = simulator.control.arrivals().await.unwrap();
    let (mut latest, mut spared, mut waited, mut margin) = (i64::MIN, 0, 0, i64::MAX);
    for (number, at) in &acknowledged {
        let (sent, answers) = arrivals_of(&arrivals, number);
        let late = sent.iter().map(|arrival| arrival.ms - at).max();
        latest = latest.max(late.unwrap_or(i64::MIN));
        spared += usize::from(sent.is_empty());
        assert_eq!(answers.len(), 1, "{number} is answered once");
        let confirmed = answers[0].ms;
        assert!(
            sent.iter().all(|arrival| arrival.ms < confirmed),
            "{number} got a message after it was told that it gets no more"
        );
        margin = margin.min(late.map_or(i64::MAX, |late| confirmed - at - late));
        waited = waited.max(answers[0].ms - at);
    }
    println!(
        "{spared} of 20 got nothing; the latest call to the others began {latest} ms after its STOP was acknowledged, \
         the slowest confirmation {waited} ms; between the last call to a number and its confirmation were at least {margin} ms"
    );
    assert!(waited < CONFIRMED_MS, "a confirmation took {waited} ms");
    assert!(latest < BOUND_MS, "a call began {latest} ms after the STOP");
    assert!(
        spared >= 10,
        "the campaign was over before the STOPs: {spared} of 20 were spared"
    );
    let report = account.get(&format!("{path}/report")).await;
    let suppressed = report["counts"]["suppressed"]
        .as_u64()
        .or(report["suppressed"].as_u64());
    assert_eq!(suppressed, Some(spared as u64), "{report}");
    let listed = account.all("/v1/suppressions").await;
    assert_eq!(listed.len(), 20);
}

#[tokio::test]
async fn opt_outs_are_added_found_exported_imported_and_removed() {
    let (account, other) = (
        Account::new("Suppressions").await,
        Account::new("Another").await,
    );
    let number = |last: u32| format!("+4477009{last:05}");
    let added = account
        .post(
            "/v1/suppressions",
            &json!({"number": number(1), "reason": "asked by phone"}),
        )
        .await;
    assert_eq!(
        (&added["number"], &added["cause"]),
        (&json!(number(1)), &json!("request"))
    );

    let rows = json!({"suppressions": [
        {"number": number(2), "reason": "from the old system", "said": "2026-01-31T12:00:00Z"},
        {"number": "4.47701E+11"},
        {"number": number(3)},
    ]});
    let imported = account.post("/v1/suppressions/import", &rows).await;
    assert_eq!(
        (&imported["suppressed"], &imported["refused"]),
        (&json!(2), &json!(1)),
        "{imported}"
    );
    assert_eq!(imported["errors"][0]["pointer"], "/suppressions/1/number");

    let csv = format!("phone;reason\n'{};late\nnobody;x\n", number(4));
    let import = account
        .request(Method::POST, "/v1/suppressions/import")
        .header("content-type", "text/csv")
        .body(csv);
    let imported = send(import).await.body;
    assert_eq!(
        (&imported["suppressed"], &imported["errors"][0]["line"]),
        (&json!(1), &json!(3)),
        "{imported}"
    );

    let listed = account.all("/v1/suppressions").await;
    assert_eq!(listed.len(), 4);
    assert!(
        other.all("/v1/suppressions").await.is_empty(),
        "another account's"
    );

    let export = account.request(Method::GET, "/v1/suppressions/export");
    let export = export.send().await.unwrap().text().await.unwrap();
    assert_eq!(export.lines().count(), 5, "{export}");
    assert!(export.contains(&format!("\n'{}", number(1))), "{export}");
    let back = other
        .request(Method::POST, "/v1/suppressions/import")
        .header("content-type", "text/csv")
        .body(export);
    assert_eq!(
        send(back).await.body["suppressed"],
        4,
        "what is exported can be imported"
    );

    let body = json!({"number": number(1), "reason": "signed up again at the desk"});
    let removed = account.try_post("/v1/suppressions/remove", &body).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let again = account.try_post("/v1/suppressions/remove", &body).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let search = account
        .try_post("/v1/suppressions/search", &json!({"number": number(1)}))
        .await;
    assert_eq!(search.status, StatusCode::NOT_FOUND);
    let audit = account.get("/v1/audit?limit=10").await;
    let actions: Vec<&str> = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    for action in [
        "suppression.add",
        "suppression.import",
        "suppression.remove",
    ] {
        assert!(actions.contains(&action), "{action} is not in {actions:?}");
    }
    assert!(
        !audit.to_string().contains("4477009"),
        "no number in the log of acts"
    );
}
