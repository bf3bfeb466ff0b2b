//! Asking that a number is forgotten, or for all that is known of it, against the local stack.

use std::time::Duration;

use carillon_core::{
    phone::Phone,
    privacy::{Act, Progress, Request},
    suppression::{Cause, Consent},
};
use carillon_testkit::{mortal, stack};
use jiff::SignedDuration;
use serde_json::json;

use super::{
    Answer, api_of,
    once::{Caller, World, in_time, long_over},
    opt_ins::named,
};
use crate::{
    services::{Api, Settings},
    time,
};

const ERASURES: &str = "/v1/privacy/erasures";
/// More calls than such a request makes.
const ENOUGH: u32 = 40;
const REPORTS: &str = "/v1/privacy/reports";

async fn world() -> (Api, Caller) {
    let api = contacts_world().await.api();
    let caller = named(&api, "ACME").await;
    (api, caller)
}

async fn contacts_world() -> World {
    let mut world = World::new().await;
    let contacts_table = stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
    world.settings = Settings {
        contacts_table,
        ..world.settings
    };
    world
}

fn phone() -> Phone {
    Phone::from_e164("+447700900123").unwrap()
}

async fn asked(api: &Api, caller: &Caller, act: Act, answer: &Answer) -> Request {
    assert_eq!(answer.status.as_u16(), 202, "{}", answer.body);
    let id = answer.body["id"].as_str().unwrap().parse().unwrap();
    let found = api.privacy.find(caller.account, act, id).await.unwrap();
    found.unwrap()
}

#[tokio::test]
async fn nothing_is_sent_to_a_number_from_when_its_erasure_is_asked_for() {
    let (api, caller) = world().await;
    let body = json!({"number": "+447700900123"});

    let made = caller.send(&api, ERASURES, &body).await;
    let again = caller.send(&api, ERASURES, &body).await;

    assert_eq!(again.body, made.body, "one erasure");
    let erasure = asked(&api, &caller, Act::Erasure, &made).await;
    assert_eq!(erasure.number, Some(phone()));
    assert_eq!(made.body["status"], "waiting");
    assert!(
        !made.body.to_string().contains("447700900123"),
        "{}",
        made.body
    );
    let stands = api.suppressions.find(caller.account, &erasure.number_hash);
    let stands = stands.await.unwrap().unwrap();
    assert_eq!(
        (stands.consent, stands.cause, stands.number),
        (Consent::OptedOut, Cause::Erasure, None)
    );
}

#[tokio::test]
async fn an_erasure_that_is_asked_for_again_stands_in_the_log_where_it_is_written() {
    let world = contacts_world().await;
    let body = json!({"number": "+447700900123"});
    let mut died = 0;

    for calls in 0..ENOUGH {
        let caller = named(&world.api(), "ACME").await;
        let mortal = api_of(&mortal::after(&world.aws, calls), world.settings.clone());
        let request = caller.post(ERASURES);
        let first = caller.ask(&mortal, request, &body, long_over()).await;
        let api = world.api();
        let stood = api.suppressions.since(caller.account, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let again_at = time::now();
        caller.send(&api, ERASURES, &body).await;

        let lines = api.suppressions.since(caller.account, None).await.unwrap();
        assert_eq!(lines.len(), 1, "after {calls} calls");
        if first.status == 202 {
            break;
        }
        if stood.is_empty() {
            died += 1;
            assert!(lines[0].at >= again_at, "after {calls} calls");
        }
    }

    assert!(died > 2, "it died before the line {died} times");
}

#[tokio::test]
async fn a_report_is_downloaded_when_it_is_done_and_as_long_as_it_is_kept() {
    let (api, caller) = world().await;
    let body = json!({"number": "+447700900123"});
    let made = caller.send(&api, REPORTS, &body).await;
    let report = asked(&api, &caller, Act::Report, &made).await;
    let path = format!("{REPORTS}/{}/download", report.id);
    let download = async || {
        caller
            .ask(&api, caller.post(&path), &json!({}), in_time())
            .await
    };

    let early = download().await;
    let now = time::now();
    let done = report.clone().ended_round(now, now);
    let done = api.privacy.change(&report, done).await.unwrap().unwrap();
    let kept = download().await;
    let long_ago = now - SignedDuration::from_hours(24 * 7);
    let old = Request {
        progress: Progress::Done { at: long_ago },
        ..done.clone()
    };
    api.privacy.change(&done, old).await.unwrap().unwrap();
    let late = download().await;

    assert_eq!(early.body["code"], "invalid_state", "{}", early.body);
    assert_eq!(kept.status.as_u16(), 200, "{}", kept.body);
    let url = kept.body["url"].as_str().unwrap();
    assert!(url.contains(&format!("{}.json", report.id)), "{url}");
    assert!(url.contains("X-Amz-Expires=900"), "{url}");
    assert_eq!(late.body["code"], "invalid_state", "{}", late.body);
    let stands = api.suppressions.find(caller.account, &report.number_hash);
    assert_eq!(stands.await.unwrap(), None, "a report is no opt-out");
}
