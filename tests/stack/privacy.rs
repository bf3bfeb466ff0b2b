//! A number is forgotten: by the deployed function, on its schedule, under its own role.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, RunningSimulator, send};

const NUMBER: &str = "+447700900123";
const FILE: &[u8] = b"phone,name,reference\n+447700900122,Ann,ref-1\n+447700900123,Zebulon,order-4711\n+447700900124,Rosalind,ref-3\n";

#[tokio::test]
async fn what_was_sent_to_an_erased_number_says_nothing_of_it_and_reports_stay() {
    let account = Account::new("Forgets").await;
    let simulator = RunningSimulator::start();
    account.with_gateway(&simulator).await;
    let contact = json!({"number": NUMBER, "attributes": {"name": "Zebulon"}});
    let contact = account.post("/v1/contacts", &contact).await;
    let single = json!({"to": [{"to": NUMBER, "reference": "order-4711"}], "text": "Hi"});
    let single = account.post("/v1/messages", &single).await;
    let upload = account.upload(FILE).await;
    let campaign = json!({
        "name": "Spring", "class": "transactional", "sender": "ACME",
        "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"},
    });
    let campaign = account.post("/v1/campaigns", &campaign).await;
    let campaign = format!("/v1/campaigns/{}", id(&campaign));
    account.post(&format!("{campaign}/start"), &json!({})).await;
    let report = format!("{campaign}/report");
    let settled = |report: &Value| report["in_flight"] == 0 && report["accepted"] == 3;
    let before = account.wait_for(&report, settled).await;

    let asked = account
        .post("/v1/privacy/erasures", &json!({"number": NUMBER}))
        .await;
    let erasure = format!("/v1/privacy/erasures/{}", id(&asked));
    let is = |status: &'static str| move |erasure: &Value| erasure["status"] == status;
    account.wait_for(&erasure, is("second_look")).await;
    let done = account.wait_for(&erasure, is("done")).await;

    let found = &done["found"];
    assert_eq!(
        (&found["contacts"], &found["messages"]),
        (&json!(1), &json!(2)),
        "{done}"
    );
    assert_eq!(found["rows"], 1, "{done}");
    let after = account.get(&report).await;
    assert_eq!(after["counts"], before["counts"]);
    let messages = account.all(&format!("{campaign}/messages")).await;
    let numbers: Vec<&Value> = messages.iter().map(|message| &message["to"]).collect();
    assert_eq!(
        numbers,
        [
            &json!("+447700900122"),
            &Value::Null,
            &json!("+447700900124")
        ]
    );
    let single = single["messages"][0]["id"].as_str().expect("an id");
    let single = account.get(&format!("/v1/messages/{single}")).await;
    for gone in ["447700900123", "Zebulon", "order-4711"] {
        assert!(
            !json!([messages, single, done]).to_string().contains(gone),
            "{gone}"
        );
    }
    let contact = format!("/v1/contacts/{}", id(&contact));
    let contact = send(account.request(Method::GET, &contact)).await;
    assert_eq!(contact.status, StatusCode::NOT_FOUND);
    let again = json!({"to": NUMBER, "text": "Hi again"});
    let again = account.post("/v1/messages", &again).await;
    let again = format!(
        "/v1/messages/{}",
        again["messages"][0]["id"].as_str().expect("an id")
    );
    account.wait_for(&again, is("suppressed")).await;
}

fn id(made: &Value) -> &str {
    made["id"].as_str().expect("an id")
}
