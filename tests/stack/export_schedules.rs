//! A schedule of exports, from the request to the file that it made and the event that tells of it.

use jiff::{SignedDuration, Timestamp, Unit, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    account::{Account, json_body, send, unique},
    webhooks::Receiver,
};

#[tokio::test]
async fn what_is_scheduled_is_exported_at_its_time_once_and_told() {
    let account = Account::new("Each day").await;
    let receiver = Receiver::start();
    let hook = json!({"url": receiver.url, "events": ["export.*"]});
    account.post("/v1/webhooks", &hook).await;
    let at = Timestamp::now() + SignedDuration::from_secs(10);
    let at = at.round(Unit::Second).expect("a second");
    let local = at.to_zoned(TimeZone::get("Asia/Kolkata").expect("a zone"));
    let asked = json!({
        "dataset": "contacts", "every": "day", "time": local.strftime("%H:%M:%S").to_string(), "time_zone": "Asia/Kolkata",
        "numbers": "masked", "csv": "raw",
    });

    let schedule = account.post("/v1/export-schedules", &asked).await;
    let id = schedule["id"].as_str().expect("an id");
    let events = receiver.wait_for(|events| !events.is_empty()).await;

    assert_eq!(schedule["next"], json!(at), "{schedule}");
    assert!(Timestamp::now() >= at, "it was made before its time");
    let path = format!("/v1/export-schedules/{id}");
    let after = account.get(&path).await;
    let listed = account.get("/v1/exports").await;
    let exports = listed["data"].as_array().expect("exports");
    assert_eq!(exports.len(), 1, "{listed}");
    let export = &exports[0];
    assert_eq!(after["last_export"], export["id"]);
    let (today, midnight) = (local.date(), |day: Date| {
        let midnight = day.to_zoned(local.time_zone().clone());
        midnight.expect("a midnight").timestamp()
    });
    let yesterday = today.yesterday().expect("a day before");
    let tomorrow = today.tomorrow().expect("a day after");
    let next = tomorrow.to_datetime(local.time());
    let next = next.to_zoned(local.time_zone().clone());
    assert_eq!(after["next"], json!(next.expect("a time").timestamp()));
    let told = |export: &Value| {
        let fields = ["status", "schedule", "dataset", "numbers", "from", "until"];
        fields.map(|field| export[field].clone())
    };
    let expected = [
        json!("finished"),
        json!(id),
        json!("contacts"),
        json!("masked"),
        json!(midnight(yesterday)),
        json!(midnight(today)),
    ];
    assert_eq!(told(export), expected, "{export}");
    let kinds: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["export.finished"]);
    let data = json!({"export": export["id"], "schedule": id, "rows": export["progress"]["rows"]});
    assert_eq!(events[0]["data"], data);
    let download = format!(
        "/v1/exports/{}/download",
        export["id"].as_str().expect("an id")
    );
    let download = account
        .request(reqwest::Method::POST, &download)
        .header("idempotency-key", unique());
    let files = send(json_body(download, &json!({}))).await.body;
    let manifest = files["manifest"]["url"].as_str().expect("a link");
    let stable = format!("/{id}/{today}/manifest.json");
    assert!(manifest.contains(&stable), "{manifest}");
    account.remove(&path).await;
}
