//! A real Kannel as a gateway: what the API was given is what a handset would show, what the carrier reports is what the API tells,
//! and what a handset writes is obeyed.

mod alphabet;
mod boxes;
mod smsc;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::account::Account;
use boxes::{Kannel, Ports};
use smsc::{MessageCentre, Shown};

const SENDER: &str = "12345";
/// In all alphabets and lengths that messages have.
const NAMES: [(&str, usize); 4] = [
    ("Ann @ {€5} ~ [Ø]", 1),
    ("Łucja 😀", 1),
    ("Zoë çà", 1),
    (LONG, 2),
];
/// The euro sign takes two septets, the 153rd and the 154th: who cuts after 153 breaks it.
const LONG: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa€ and then something more";

struct Setup {
    account: Account,
    centre: MessageCentre,
    kannel: Kannel,
}

impl Setup {
    async fn new(name: &str, fate: fn(&str) -> &'static str) -> Self {
        let (account, centre) = (Account::new(name).await, MessageCentre::start(fate));
        let ports = Ports::free();
        let gateway = json!({
            "kind": "kannel",
            "name": "Our Kannel",
            "config": {"base_url": format!("http://127.0.0.1:{}", ports.send), "username": "carillon"},
            "credentials": {"password": "only-in-a-test"},
        });
        let gateway = account.post("/v1/gateways", &gateway).await;
        let hooks_url = gateway["hooks_url"].as_str().expect("a URL");
        let kannel = Kannel::start(&ports, centre.port, hooks_url);
        Self {
            account,
            centre,
            kannel,
        }
    }

    /// Its report and its messages, once no more are in flight than those of which nothing is ever heard.
    async fn campaign(
        &self,
        recipients: &[Value],
        text: &str,
        unheard: u64,
    ) -> (Value, Vec<Value>) {
        let campaign = json!({
            "name": "By Kannel",
            "class": "transactional",
            "audience": {"type": "inline", "recipients": recipients},
            "content": {"text": text},
            "sender": SENDER,
        });
        let campaign = self.account.post("/v1/campaigns", &campaign).await;
        let path = format!("/v1/campaigns/{}", campaign["id"].as_str().expect("an id"));
        let (start, report) = (format!("{path}/start"), format!("{path}/report"));
        self.account.post(&start, &json!({})).await;
        let settled = |report: &Value| {
            report["accepted"] == recipients.len() && report["in_flight"] == unheard
        };
        let report = self.account.wait_for(&report, settled).await;
        let messages = self.account.all(&format!("{path}/messages")).await;
        (report, messages)
    }
}

fn number(n: usize) -> String {
    format!("+4477009{:05}", 60_000 + n)
}

#[tokio::test]
async fn a_campaign_arrives_as_it_was_written_and_every_slot_is_delivered() {
    let setup = Setup::new("Kannel", |_| "DELIVRD").await;
    let of = |n: usize| NAMES[n % NAMES.len()];
    let recipient = |n| json!({"to": number(n), "vars": {"name": of(n).0}});
    let recipients: Vec<Value> = (0..120).map(recipient).collect();

    let (report, messages) = setup.campaign(&recipients, "{{name}}!", 0).await;

    let shown = setup.centre.shown();
    for n in 0..120 {
        let (name, parts) = of(n);
        let to = number(n);
        let expected = Shown {
            from: SENDER.to_owned(),
            text: format!("{name}!"),
            parts,
        };
        assert_eq!(shown.get(&to[1..]), Some(&vec![expected]), "{to}");
    }
    assert_eq!(shown.len(), 120);
    let told = |message: &Value| message["status"] == "delivered";
    assert!(messages.iter().all(told), "{messages:?}");
    assert_eq!(
        (report["counts"]["delivered"].as_u64(), messages.len()),
        (Some(120), 120),
        "{report}"
    );
    let warnings = setup.kannel.log("smsbox");
    assert!(!warnings.contains("ERROR"), "{warnings}");
}

/// By the last digit of a number.
fn by_last_digit(to: &str) -> &'static str {
    match to.as_bytes().last() {
        Some(b'1') => "UNDELIV",
        Some(b'2') => "EXPIRED",
        Some(b'3') => "REJECTD",
        Some(b'4') => "REFUSED",
        Some(b'5') => "",
        _ => "DELIVRD",
    }
}

#[tokio::test]
async fn what_the_carrier_says_of_each_message_is_what_its_account_is_told() {
    let setup = Setup::new("Kannel's reports", by_last_digit).await;
    let recipients: Vec<Value> = (200..220).map(|n| json!(number(n))).collect();

    let (_, messages) = setup.campaign(&recipients, "Hi", 2).await;

    let mut told: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for message in &messages {
        let text = |field: &str| message[field].as_str().expect("text");
        let seen = (by_last_digit(text("to")), text("status"));
        *told.entry(seen).or_default() += 1;
    }
    let expected = [
        (("", "sent"), 2),
        (("DELIVRD", "delivered"), 10),
        (("EXPIRED", "expired"), 2),
        (("REFUSED", "failed"), 2),
        (("REJECTD", "failed"), 2),
        (("UNDELIV", "undelivered"), 2),
    ];
    assert_eq!(told, BTreeMap::from(expected));
}

#[tokio::test]
async fn what_handsets_write_is_listed_for_its_account_only_and_stop_is_obeyed() {
    let setup = Setup::new("Kannel's handsets", |_| "DELIVRD").await;
    let stranger = Account::new("Another").await;
    let account = &setup.account;
    let (first, second) = (number(300), number(301));
    for (n, (from, text)) in [
        (&first, "Ça marche 😀 & more"),
        (&second, "@ {€5}"),
        (&first, "STOP"),
    ]
    .into_iter()
    .enumerate()
    {
        setup.centre.write(&from[1..], SENDER, text);
        let arrived = |list: &Value| list["data"].as_array().is_some_and(|data| data.len() > n);
        account.wait_for("/v1/inbound", arrived).await;
    }

    let listed = account.all("/v1/inbound").await;
    let page = account.get("/v1/inbound?limit=2").await;
    let next = page["next_cursor"].as_str().expect("a cursor");
    let next = account
        .get(&format!("/v1/inbound?limit=2&cursor={next}"))
        .await;
    let search = json!({"from": first});
    let found = account.post("/v1/inbound/search", &search).await;
    let refused = json!({"to": first, "text": "Hi", "sender": SENDER});
    let sent = account.post("/v1/messages", &refused).await;

    let told = |message: &Value| {
        ["from", "to", "text", "meaning"].map(|field| message[field].as_str().map(str::to_owned))
    };
    let told = |messages: &[Value]| messages.iter().map(told).collect::<Vec<_>>();
    let expect = |from: &str, text: &str, meaning: Option<&str>| {
        [Some(from), Some(SENDER), Some(text), meaning].map(|field| field.map(str::to_owned))
    };
    let expected = [
        expect(&first, "STOP", Some("stop")),
        expect(&second, "@ {€5}", None),
        expect(&first, "Ça marche 😀 & more", None),
    ];
    assert_eq!(told(&listed), expected);
    assert_eq!(page["data"], json!(listed[..2]));
    assert_eq!(next["data"], json!(listed[2..]));
    assert_eq!(found["data"], json!([listed[0], listed[2]]));
    let id = sent["messages"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/messages/{id}");
    let ended = |message: &Value| message["status"] == "suppressed";
    account.wait_for(&path, ended).await;
    assert_eq!(stranger.get("/v1/inbound").await["data"], json!([]));
    let found = stranger.post("/v1/inbound/search", &search).await;
    assert_eq!(found["data"], json!([]));
}
