//! Templates from their first version to the phone, and the link in a text that its recipient opts out by.

use axum::{Json, Router, routing::post};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use crate::account::{Account, json_body, send};

const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";

/// A gateway that keeps the texts that it gets.
struct Gateway {
    url: String,
    texts: UnboundedReceiver<String>,
}

impl Gateway {
    async fn start() -> Self {
        let (got, texts) = unbounded_channel();
        let take = async move |Json(message): Json<Value>| {
            let text = message["text"].as_str().expect("a text").to_owned();
            got.send(text).expect("the test still runs");
            Json(json!({"status": "ok", "id": message["id"]}))
        };
        let router = Router::new().route("/send", post(take));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        #[expect(clippy::disallowed_methods, reason = "a test's server, not a function")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, texts }
    }
}

/// An account whose messages go to a gateway of its own.
async fn with_gateway(name: &str) -> (Account, Gateway) {
    let (account, gateway) = (Account::new(name).await, Gateway::start().await);
    account.with_gateway_at(&gateway.url, |_| {}).await;
    (account, gateway)
}

async fn template(account: &Account) -> String {
    let template = account
        .post(
            "/v1/templates",
            &json!({
                "name": "Tables",
                "text": "Hi {{name|there}}, your table is free.",
                "languages": {"de": "Hallo {{name|du}}, dein Tisch ist frei."},
            }),
        )
        .await;
    template["id"].as_str().expect("an id").to_owned()
}

/// The status in which a message leaves.
async fn sent(account: &Account, body: &Value) -> Value {
    let taken = account.post("/v1/messages", body).await;
    let id = taken["messages"][0]["id"].as_str().expect("an id");
    let has_left = |message: &Value| {
        ["sent", "suppressed"].contains(&message["status"].as_str().unwrap_or_default())
    };
    let message = account
        .wait_for(&format!("/v1/messages/{id}"), has_left)
        .await;
    message["status"].clone()
}

#[tokio::test]
async fn a_message_takes_the_version_and_the_language_that_it_is_told() {
    let (account, mut gateway) = with_gateway("Templates").await;
    let id = template(&account).await;
    let change = account
        .request(Method::PATCH, &format!("/v1/templates/{id}"))
        .header("if-match", "\"1\"");
    let change = json_body(change, &json!({"text": "Hi {{name|there}}: now!"}));
    let second = send(change).await;
    assert_eq!(
        (second.status, &second.body["version"]),
        (StatusCode::OK, &json!(2))
    );
    for (name, template, vars, expected) in [
        (
            "newest",
            json!({"id": id}),
            json!({"name": "Ann"}),
            "Hi Ann: now!",
        ),
        (
            "first",
            json!({"id": id, "version": 1}),
            json!({"name": "Ann"}),
            "Hi Ann, your table is free.",
        ),
        (
            "language",
            json!({"id": id}),
            json!({"language": "de-AT"}),
            "Hallo du, dein Tisch ist frei.",
        ),
    ] {
        let to = json!([{"to": "+447700900123", "vars": vars}]);

        sent(&account, &json!({"to": to, "template": template})).await;

        let text = gateway.texts.recv().await;
        assert_eq!(text.as_deref(), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn who_opens_the_link_is_asked_and_who_answers_gets_no_more() {
    let (account, mut gateway) = with_gateway("Links").await;
    let message = json!({"to": "+447700900124", "text": "Sale! Stop: {{opt_out_link}}"});
    let neighbour = json!({"to": "+447700900125", "text": "Sale! Stop: {{opt_out_link}}"});
    sent(&account, &message).await;
    let text = gateway.texts.recv().await.expect("a text");
    let (_, link) = text.split_once("Stop: ").expect("a link");
    let http = reqwest::Client::new();

    let asked = http.get(link).send().await.expect("the door answers");
    let before = sent(&account, &message).await;
    let answered = http.post(link).send().await.expect("the door answers");
    let after = sent(&account, &message).await;

    assert_eq!(
        (asked.status(), answered.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    assert_eq!((before, after), (json!("sent"), json!("suppressed")));
    assert_eq!(sent(&account, &neighbour).await, "sent", "somebody else");
}

#[tokio::test]
async fn a_tracked_link_leads_there_and_is_counted_once_for_a_person_and_never_for_a_program() {
    let (account, mut gateway) = with_gateway("Clicks").await;
    let request = json!({
        "to": [{"to": "+447700900126", "vars": {"id": "a b"}}, {"to": "+447700900127", "vars": {"id": "c"}}],
        "text": "Sale: https://shop.example/sale?u={{id}}",
        "links": {"track": true},
    });
    let keyed = account
        .request(Method::POST, "/v1/messages")
        .header("idempotency-key", "clicks");
    let taken = send(json_body(keyed, &request)).await;
    let batch = taken.body["batch"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", taken.body))
        .to_owned();
    let mut links = Vec::new();
    for _ in 0..2 {
        let text = gateway.texts.recv().await.expect("a text");
        let (_, link) = text.split_once("Sale: ").expect("a link");
        links.push(link.to_owned());
    }
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().expect("a client");
    let open = async |link: &str, agent: &str| {
        let call = http.get(link).header("user-agent", agent);
        let answer = call.send().await.expect("the door answers");
        let to = answer
            .headers()
            .get("location")
            .map(|to| to.to_str().expect("ASCII").to_owned());
        (answer.status(), to.expect("a redirect"))
    };

    let mut led = Vec::new();
    for agent in [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        PHONE,
        PHONE,
    ] {
        let (status, to) = open(&links[0], agent).await;
        assert_eq!(status, StatusCode::FOUND);
        led.push(to);
    }

    let own = [
        "https://shop.example/sale?u=a%20b",
        "https://shop.example/sale?u=c",
    ];
    assert!(own.contains(&led[0].as_str()), "{led:?}");
    assert!(led.iter().all(|to| *to == led[0]), "{led:?}");
    let report = account.get(&format!("/v1/batches/{batch}/links")).await;
    assert_eq!(
        report["links"],
        json!([{
            "link": 1, "address": "https://shop.example/sale?u={{id}}",
            "recipients": 1, "clicks": 2, "devices": {"phone": 2}, "programs": 1,
        }])
    );
    let clicks = account
        .get(&format!("/v1/batches/{batch}/clicks?limit=2"))
        .await;
    assert_eq!(clicks["data"][0]["program"], true, "the first of all");
    assert!(clicks["next_cursor"].is_string(), "{clicks}");
}

#[tokio::test]
async fn a_preview_tells_the_parts_what_made_them_dear_and_what_is_risky() {
    let account = Account::new("Previews").await;

    let preview = account
        .post(
            "/v1/templates/preview",
            &json!({"text": "It’s beer o’clock, {{name}}", "vars": {"name": "Ann"}}),
        )
        .await;

    assert_eq!(preview["encoding"], "UCS-2");
    assert_eq!(preview["outside_gsm"][0]["code_point"], "U+2019");
    assert_eq!(preview["smart"]["encoding"], "GSM-7");
    let rules: Vec<&str> = preview["warnings"]
        .as_array()
        .expect("warnings")
        .iter()
        .filter_map(|warning| warning["rule"].as_str())
        .collect();
    assert_eq!(
        rules,
        ["shaft.alcohol", "opt_out.missing", "sender.unnamed"]
    );
}

#[tokio::test]
async fn the_same_to_the_same_people_within_a_day_is_told() {
    let account = Account::new("Repeats").await;
    let campaign = json!({
        "name": "Spring",
        "audience": {"type": "inline", "recipients": ["+447700900123"]},
        "content": {"text": "Previews: spring is here. Reply STOP to end"},
    });

    let mut warnings = Vec::new();
    for _ in 0..2 {
        let made = account.try_post_as_test("/v1/campaigns", &campaign).await;
        let id = made.body["id"].as_str().expect("an id");
        let path = format!("/v1/campaigns/{id}/start");
        let started = account.try_post_as_test(&path, &json!({})).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
        warnings.push(started.body["warnings"][0]["rule"].clone());
    }

    assert_eq!(warnings, [json!(null), json!("repeat.same_audience")]);
}
