//! A campaign that comes again, to whoever is on its list at the time.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::account::Account;

/// A campaign to a list with one contact, each day at the time of this moment, twice. Its path.
async fn daily(account: &Account, first: Timestamp) -> String {
    let list = account.post("/v1/lists", &json!({"name": "Friends"})).await;
    let list = list["id"].as_str().expect("an id").to_owned();
    let contact = json!({"number": "+447700900401", "lists": [list]});
    account.post("/v1/contacts", &contact).await;
    let campaign = json!({
        "name": "Daily",
        "class": "transactional",
        "audience": {"type": "contacts", "lists": [list]},
        "content": {"text": "Good morning"},
    });
    let made = account.try_post_as_test("/v1/campaigns", &campaign).await;
    let path = format!("/v1/campaigns/{}", made.body["id"].as_str().expect("an id"));
    let at = first.to_zoned(TimeZone::UTC);
    let recurrence = json!({"recurrence": {
        "every": "day",
        "time": at.strftime("%H:%M:%S").to_string(),
        "time_zone": "UTC",
        "from": at.date(),
        "count": 2,
    }});
    let planned = account
        .try_post_as_test(&format!("{path}/schedule"), &recurrence)
        .await;
    assert_eq!(planned.body["status"], "recurring", "{}", planned.body);
    path
}

fn soon(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

async fn first_is(account: &Account, path: &str, state: &str) -> Value {
    let occurrences = format!("{path}/occurrences");
    let listed = account
        .wait_for(&occurrences, |listed| listed["data"][0]["state"] == state)
        .await;
    listed["data"][0].clone()
}

#[tokio::test]
async fn what_recurs_is_sent_at_its_time_by_a_campaign_of_its_own() {
    let account = Account::new("Daily").await;
    let at = soon(20);

    let path = daily(&account, at).await;
    let made = first_is(&account, &path, "made").await;
    let occurrence = format!(
        "/v1/campaigns/{}",
        made["campaign"].as_str().expect("an id")
    );
    let sent = account
        .wait_for(&occurrence, |campaign| campaign["status"] == "finished")
        .await;

    assert!(soon(1) >= at, "it was sent before its time");
    assert_eq!(
        path,
        format!(
            "/v1/campaigns/{}",
            sent["occurrence_of"].as_str().expect("an id")
        )
    );
    let report = account.get(&format!("{occurrence}/report")).await;
    assert_eq!(report["accepted"], 1, "{report}");
    let skipped = account.get(&format!("{path}/occurrences")).await["data"][1]["on"].clone();
    let skip = json!({"on": skipped});
    let skip = account
        .post(&format!("{path}/occurrences/skip"), &skip)
        .await;
    assert_eq!(skip["state"], "skipped");
    assert_eq!(account.get(&path).await["status"], "finished");
}

#[tokio::test]
async fn the_minute_makes_what_is_due_and_a_stop_takes_it_back() {
    let account = Account::new("By the minute").await;
    // Made 15 minutes early: so it isn't yet.
    let path = daily(&account, soon(15 * 60 + 20)).await;
    let planned = account.get(&format!("{path}/occurrences")).await;

    let made = first_is(&account, &path, "made").await;
    let stopped = account.post(&format!("{path}/cancel"), &json!({})).await;

    assert_eq!(planned["data"][0]["state"], "planned", "{planned}");
    assert_eq!(stopped["status"], "cancelled");
    let occurrence = made["campaign"].as_str().expect("an id");
    let occurrence = account.get(&format!("/v1/campaigns/{occurrence}")).await;
    assert_eq!(occurrence["status"], "cancelled");
}
