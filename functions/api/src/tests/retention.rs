//! For how long an account keeps things, against the local stack.

use carillon_store::retention::Sweeps;
use http::Request;
use serde_json::{Value, json};

use super::{
    Answer,
    once::{Caller, World, in_time},
    opt_ins::named,
};
use crate::{services::Api, time};

async fn patch(api: &Api, caller: &Caller, body: &Value) -> Answer {
    let key = caller.key.secret.expose();
    let request = Request::patch("/v1/account")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .header("if-match", "*");
    caller.ask(api, request, body, in_time()).await
}

#[tokio::test]
async fn a_time_is_set_for_each_class_and_taken_back() {
    let world = World::new().await;
    let api = world.api();
    let caller = named(&api, "ACME").await;
    let usual = json!({"messages_days": 180, "inbound_days": 400, "files_days": 400});

    let first = patch(&api, &caller, &json!({})).await;
    let set = json!({"retention": {"messages_days": 30, "audit_days": 365}});
    let set = patch(&api, &caller, &set).await;
    let kept = patch(&api, &caller, &json!({"retention": {"inbound_days": 90}})).await;
    let due = is_listed(&world, &caller).await;
    let back =
        json!({"retention": {"messages_days": 180, "inbound_days": 400, "audit_days": null}});
    let back = patch(&api, &caller, &back).await;

    assert_eq!(first.body["retention"], usual, "{}", first.body);
    assert_eq!(
        set.body["retention"],
        json!({"messages_days": 30, "inbound_days": 400, "files_days": 400, "audit_days": 365})
    );
    assert_eq!(
        kept.body["retention"],
        json!({"messages_days": 30, "inbound_days": 90, "files_days": 400, "audit_days": 365})
    );
    assert!(due, "it is swept");
    assert_eq!(back.body["retention"], usual);
    assert!(
        !is_listed(&world, &caller).await,
        "it is not swept any more"
    );
}

/// Whether the account is on the list of those that are swept.
async fn is_listed(world: &World, caller: &Caller) -> bool {
    let sweeps = Sweeps::new(world.aws.dynamodb(), &world.settings.core_table);
    let due = sweeps.due(time::now());
    due.await
        .unwrap()
        .iter()
        .any(|it| it.account == caller.account)
}

#[tokio::test]
async fn a_time_that_is_too_short_or_too_long_is_refused_with_the_way_out() {
    let api = World::new().await.api();
    let caller = named(&api, "ACME").await;
    for (name, retention, pointer, words) in [
        (
            "messages, too short",
            json!({"messages_days": 29}),
            "messages_days",
            "30 to 180",
        ),
        (
            "messages, too long",
            json!({"messages_days": 181}),
            "messages_days",
            "30 to 180",
        ),
        (
            "what came in",
            json!({"inbound_days": 0}),
            "inbound_days",
            "1 to 400",
        ),
        (
            "files",
            json!({"files_days": 29}),
            "files_days",
            "30 to 400",
        ),
        (
            "acts",
            json!({"audit_days": 364}),
            "audit_days",
            "365 to 3650",
        ),
    ] {
        let answer = patch(&api, &caller, &json!({"retention": retention})).await;

        assert_eq!(answer.status.as_u16(), 422, "{name}: {}", answer.body);
        let error = &answer.body["errors"][0];
        assert_eq!(error["pointer"], format!("/retention/{pointer}"), "{name}");
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
    let long =
        json!({"frequency": [{"messages": 9, "hours": 744}], "retention": {"messages_days": 30}});
    let answer = patch(&api, &caller, &long).await;
    assert_eq!(
        answer.body["errors"][0]["pointer"], "/retention/messages_days",
        "{}",
        answer.body
    );
    assert!(
        answer.body.to_string().contains("31 days"),
        "{}",
        answer.body
    );
}
