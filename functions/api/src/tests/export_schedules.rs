//! Schedules of exports, against the local stack: what is refused, what a change makes of them, and whose they are.

use carillon_core::api_key::{Mode, Scope};
use carillon_store::export_schedules::MOST;
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Answer,
    once::{Caller, World, in_time},
};
use crate::{bootstrap, services::Api, time};

const PATH: &str = "/v1/export-schedules";

struct Schedules {
    api: Api,
    caller: Caller,
}

impl Schedules {
    async fn new(mode: Mode) -> Self {
        let world = World::new().await;
        let (api, caller) = (world.api(), world.caller(mode).await);
        Self { api, caller }
    }

    async fn post(&self, body: &Value) -> Answer {
        let key = carillon_runtime::random::token();
        let request = self.caller.post_under(&key, PATH);
        self.caller.ask(&self.api, request, body, in_time()).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let key = self.caller.key.secret.expose();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .header("if-match", "*");
        self.caller.ask(&self.api, request, body, in_time()).await
    }

    /// Its path.
    async fn make(&self, body: &Value) -> String {
        let made = self.post(body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        format!("{PATH}/{}", made.body["id"].as_str().unwrap())
    }
}

/// A day with a change to it; `null` leaves a field out.
fn daily(change: &Value) -> Value {
    let mut body = json!({"dataset": "messages", "every": "day", "time": "06:00"});
    let fields = body.as_object_mut().unwrap();
    fields.extend(change.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_schedule_is_made_once_changed_paused_and_deleted() {
    let schedules = Schedules::new(Mode::Live).await;
    let weekly = daily(&json!({
        "every": "week", "weekday": "monday", "time_zone": "Europe/Paris", "format": "parquet",
        "numbers": "masked", "statuses": ["failed"],
    }));

    let first = schedules.caller.send(&schedules.api, PATH, &weekly).await;
    let again = schedules.caller.send(&schedules.api, PATH, &weekly).await;
    let path = format!("{PATH}/{}", first.body["id"].as_str().unwrap());
    let monthly = json!({"every": "month", "day": 31, "format": "csv", "numbers": "full"});
    let monthly = schedules.ask("PATCH", &path, &monthly).await;
    let paused = schedules
        .ask("PATCH", &path, &json!({"paused": true}))
        .await;
    let resumed = schedules
        .ask("PATCH", &path, &json!({"paused": false}))
        .await;
    let listed = schedules.ask("GET", PATH, &Value::Null).await;
    let deleted = schedules.ask("DELETE", &path, &Value::Null).await;
    let gone = schedules.ask("GET", &path, &Value::Null).await;

    let id = &first.body["id"];
    assert_eq!((first.status.as_u16(), &again.body["id"]), (201, id));
    assert_eq!(listed.body["data"], json!([resumed.body]));
    let (created, next) = (&first.body["created"], &first.body["next"]);
    let expected = json!({
        "id": id, "dataset": "messages", "format": "parquet", "gzip": false, "numbers": "masked", "statuses": ["failed"],
        "every": "week", "weekday": "monday", "time": "06:00:00", "time_zone": "Europe/Paris", "paused": false,
        "next": next, "created": created,
    });
    assert_eq!(first.body, expected);
    let next = &monthly.body["next"];
    let expected = json!({
        "id": id, "dataset": "messages", "format": "csv", "csv": "spreadsheet_safe", "gzip": false, "numbers": "full",
        "statuses": ["failed"], "every": "month", "day": 31, "time": "06:00:00", "time_zone": "Europe/Paris", "paused": false,
        "next": next, "created": created,
    });
    assert_eq!(monthly.body, expected);
    assert_eq!(
        (&paused.body["paused"], paused.body.get("next")),
        (&json!(true), None)
    );
    assert_eq!(&resumed.body["next"], next);
    assert_eq!((deleted.status.as_u16(), gone.status.as_u16()), (204, 404));
}

#[tokio::test]
async fn what_a_pause_left_out_is_not_made_up() {
    let schedules = Schedules::new(Mode::Live).await;
    let path = schedules.make(&daily(&json!({}))).await;
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let store = &schedules.api.export_schedules;
    schedules
        .ask("PATCH", &path, &json!({"paused": true}))
        .await;
    // As if it had been paused for days.
    let found = store.find(schedules.caller.account, id).await;
    let mut schedule = found.unwrap().unwrap();
    schedule.next.at -= SignedDuration::from_hours(24 * 5);
    schedule.version += 1;
    let audit = bootstrap::entry(schedule.account, "test", "test".to_owned(), time::now());
    store.change(&schedule, &audit).await.unwrap().unwrap();

    schedules
        .ask("PATCH", &path, &json!({"paused": false}))
        .await;

    let found = store.find(schedules.caller.account, id).await;
    assert!(found.unwrap().unwrap().next.at > time::now());
    assert_eq!(store.due(time::now()).await.unwrap(), []);
}

#[tokio::test]
async fn what_makes_no_schedule_says_why() {
    let schedules = Schedules::new(Mode::Live).await;
    for (change, pointer, words) in [
        (json!({"every": "week"}), "/weekday", "needs its day"),
        (json!({"every": "month"}), "/day", "1 to 31"),
        (json!({"every": "month", "day": 32}), "/day", "1 to 31"),
        (json!({"weekday": "monday"}), "/weekday", "leave it out"),
        (json!({"day": 1}), "/day", "leave it out"),
        (json!({"time": "25:00"}), "/time", "such as"),
        (json!({"time": "06:00+01:00"}), "/time", "without an offset"),
        (json!({"time_zone": "Paris"}), "/time_zone", "IANA"),
        (
            json!({"format": "parquet", "csv": "raw"}),
            "/csv",
            "leave it out",
        ),
        (
            json!({"format": "parquet", "gzip": true}),
            "/gzip",
            "leave it out",
        ),
        (
            json!({"dataset": "contacts", "statuses": ["sent"]}),
            "/statuses",
            "leave it out",
        ),
    ] {
        let refused = schedules.post(&daily(&change)).await;

        let error = &refused.body["errors"][0];
        let found = (refused.status.as_u16(), error["pointer"].as_str());
        assert_eq!(found, (422, Some(pointer)), "{change}: {}", refused.body);
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{change}: {detail}");
    }
}

#[tokio::test]
async fn an_account_has_a_few_of_them() {
    let schedules = Schedules::new(Mode::Live).await;
    for _ in 0..MOST {
        schedules.make(&daily(&json!({}))).await;
    }

    let refused = schedules.post(&daily(&json!({}))).await;

    assert_eq!(refused.body["code"], "limit_reached", "{}", refused.body);
}

#[tokio::test]
async fn who_may_not_read_a_dataset_may_not_have_it_exported_each_day() {
    let schedules = Schedules::new(Mode::Live).await;
    let contacts = daily(&json!({"dataset": "contacts"}));
    let path = schedules.make(&contacts).await;
    let scopes = [Scope::ExportsWrite, Scope::MessagesRead];
    let (api, account) = (&schedules.api, schedules.caller.account);
    let key = bootstrap::draw(
        api,
        account,
        "test",
        Mode::Live,
        scopes.to_vec(),
        time::now(),
    );
    let narrow = Caller { account, key };
    let ask = async |method: &str, path: &str, body: &Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(
                "authorization",
                format!("Bearer {}", narrow.key.secret.expose()),
            )
            .header("content-type", "application/json")
            .header("if-match", "*");
        narrow.ask(api, request, body, in_time()).await
    };

    let refused = ask("POST", PATH, &contacts).await;
    let widened = ask("PATCH", &path, &json!({"numbers": "full"})).await;
    let deleted = ask("DELETE", &path, &Value::Null).await;

    assert_eq!(refused.body["code"], "forbidden_scope", "{}", refused.body);
    assert_eq!(widened.body["code"], "forbidden_scope", "{}", widened.body);
    // Who may not have it made may still end it.
    assert_eq!(deleted.status.as_u16(), 204);
}

#[tokio::test]
async fn a_test_keys_schedule_exports_what_test_keys_made() {
    let schedules = Schedules::new(Mode::Test).await;

    let path = schedules.make(&daily(&json!({}))).await;

    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let store = &schedules.api.export_schedules;
    let found = store.find(schedules.caller.account, id).await;
    let schedule = found.unwrap().unwrap();
    let (export, _) = schedule.due(schedule.next.at).unwrap();
    assert!(export.test);
}
