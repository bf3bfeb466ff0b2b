//! The lake's settings, while its days are asked for.

use carillon_core::{
    api_key::Mode,
    export::{Numbers, lake::LakeSchedule},
};
use carillon_store::audit::{Actor, Audit};
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Answer,
    once::{Caller, World, in_time},
};
use crate::{services::Api, time};

async fn patch(api: &Api, caller: &Caller, body: &Value) -> Answer {
    let key = caller.key.secret.expose();
    let request = Request::patch("/v1/lake")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json");
    caller.ask(api, request, body, in_time()).await
}

#[tokio::test]
async fn a_change_and_a_day_that_is_noted_meanwhile_are_both_kept() {
    let world = World::new().await;
    let (api, caller) = (world.api(), world.caller(Mode::Live).await);
    let (lakes, account, now) = (&api.lakes, caller.account, time::now());
    let weeks_ago = now - SignedDuration::from_hours(24 * 30);
    let schedule = LakeSchedule::new(Numbers::Full, weeks_ago);
    let audit = Audit {
        id: carillon_testkit::build::id(),
        at: now,
        account,
        actor: Actor::Operator,
        action: "lake.change".to_owned(),
        target: account.to_string(),
    };
    let set = lakes.set(account, None, Some(&schedule), &audit).await;
    set.unwrap().unwrap();

    for numbers in ["masked", "full"].into_iter().cycle().take(20) {
        let before = lakes.find(account).await.unwrap().unwrap();
        let (export, after) = before.due(account, now).unwrap();
        let body = json!({"numbers": numbers});
        let (changed, begun) = tokio::join!(
            patch(&api, &caller, &body),
            lakes.begin(&export, &before, &after)
        );

        assert_eq!(changed.status, 200, "{}", changed.body);
        let found = lakes.find(account).await.unwrap().unwrap();
        let begun = begun.unwrap().is_ok();
        assert_eq!(found.done, if begun { after.done } else { before.done });
        assert_eq!(found.numbers == Numbers::Masked, numbers == "masked");
    }
}
