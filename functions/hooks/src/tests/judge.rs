//! The reference library of Standard Webhooks as a judge: it takes what we sign, with either secret during a rotation, and nothing else.

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use carillon_core::{
    click::Device,
    event::{
        CampaignEvent, CampaignTurn, CapEvent, ClickedEvent, DisabledEvent, Event, GatewayEvent,
        MessageEvent, WhyDisabled,
    },
    export::{Dataset, Export, Filter, Format, Numbers, Progress, Purpose, Stage},
    id::AccountId,
    inbound::QueuedInbound,
    keyword::{Match, Meaning, Wish},
    limits::spend::{Period, Standing},
    message_id::MessageId,
    phone::{Country, Phone},
    reason::Reason,
    status::Status,
    webhook::{EndpointSecret, Envelope, Grouping, secret, wanted::TYPES},
};
use carillon_runtime::random;
use carillon_store::webhooks::KeptSecret;
use carillon_testkit::build;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Setup,
    receiver::{Call, Receiver, Says},
};

/// By the reference library.
fn judged(calls: &Value) -> Vec<bool> {
    asked(".local/judges/bin/python", "tests/judges/verify.py", calls)
}

fn asked(python: &str, judge: &str, calls: &Value) -> Vec<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(python);
    assert!(
        python.exists(),
        "this test needs the judges in .local/: run `make setup` and `make peers`, which install them"
    );
    let mut judge = Command::new(python)
        .arg(root.join(judge))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = judge.stdin.take().expect("piped above");
    input
        .write_all(calls.to_string().as_bytes())
        .expect("it reads");
    drop(input);
    let output = judge.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the judge failed, see above");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn as_asked(call: &Call, secret: &str) -> Value {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<_, _> = names
        .iter()
        .map(|name| ((*name).to_owned(), json!(call.header(name))))
        .collect();
    json!({"secret": secret, "headers": headers, "body": String::from_utf8_lossy(&call.body)})
}

#[tokio::test]
async fn the_reference_library_takes_what_is_signed_and_nothing_that_was_changed() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(200)).await;
    let made = setup
        .endpoint_of(&receiver.url(), "*", Grouping::Single)
        .await;
    let endpoints = &setup.state.endpoints.endpoints;
    let mut kept = endpoints
        .find(setup.account, made.id)
        .await
        .unwrap()
        .unwrap();
    let [new, over] =
        [0; 2].map(|_| EndpointSecret::from_random(random::bytes::<{ secret::BYTES }>()));
    let now = Timestamp::now();
    for (secret, until) in [(&new, now + SignedDuration::from_hours(1)), (&over, now)] {
        let shown = secret.expose();
        let sealed = setup.vault.seal(setup.account, made.id, shown.as_bytes());
        let secret = KeptSecret {
            sealed: sealed.await.unwrap(),
            until: Some(until),
        };
        kept.secrets.push(secret);
    }
    kept.endpoint.version += 1;
    endpoints
        .change(&kept, &setup.audit())
        .await
        .unwrap()
        .unwrap();

    assert_eq!(setup.deliver(setup.events(1)).await, 0);

    let call = receiver.calls().remove(0);
    let own = made.secret.expose();
    let with = |change: fn(&mut Value)| {
        let mut asked = as_asked(&call, &own);
        change(&mut asked);
        asked
    };
    let asked = json!([
        as_asked(&call, &own),
        as_asked(&call, &new.expose()),
        as_asked(&call, &over.expose()),
        with(|asked| asked["body"] = json!(format!("{} ", asked["body"].as_str().unwrap()))),
        with(|asked| asked["headers"]["webhook-id"] = json!("evt_01h455vb4pex5vsknk084sn02q")),
        with(|asked| asked["headers"]["webhook-timestamp"] = json!("1790000000")),
    ]);
    assert_eq!(judged(&asked), [true, true, false, false, false, false]);
}

/// One of each type, with all of their fields and without those that may be missing.
fn one_of_each() -> Vec<Event> {
    let (account, now) = (build::id(), Timestamp::now());
    let message = MessageId {
        batch: build::id(),
        chunk: 0,
        slot: 1,
    };
    let inbound = QueuedInbound {
        account,
        gateway: Some(build::id()),
        from: Phone::from_e164("+447700900123").unwrap(),
        to: "12345".to_owned(),
        text: "STOP".to_owned(),
        provider_id: None,
        at: now,
    };
    let meaning = |wish| Meaning {
        wish,
        by: Match::Intent,
    };
    let statuses = [
        Status::Sent,
        Status::Delivered,
        Status::Undelivered,
        Status::Failed,
        Status::Expired,
        Status::Suppressed,
        Status::Cancelled,
        Status::Unknown,
    ];
    let mut events: Vec<Event> = Vec::new();
    for (place, status) in statuses.into_iter().enumerate() {
        let data = MessageEvent {
            message,
            batch: message.batch,
            status,
            reason: (place % 2 == 0).then_some(Reason::BadNumber),
        };
        events.push(Event::of_message(account, 1, data, now));
    }
    for turn in [
        CampaignTurn::Scheduled,
        CampaignTurn::Started,
        CampaignTurn::Paused,
        CampaignTurn::Resumed,
        CampaignTurn::Cancelled,
        CampaignTurn::Finished,
        CampaignTurn::Failed,
    ] {
        let data = CampaignEvent {
            campaign: build::id(),
            batch: build::id(),
        };
        events.push(Event::of_campaign(account, turn, data, now));
    }
    events.push(Event::of_inbound(&inbound, Some(meaning(Wish::Help))));
    events.push(Event::of_inbound(&inbound, None));
    events.extend(Event::of_consent(&inbound, meaning(Wish::Stop)));
    events.extend(Event::of_consent(&inbound, meaning(Wish::Start)));
    events.push(Event::of_opt_out_link(account, inbound.from, message, now));
    let click = ClickedEvent {
        message,
        batch: message.batch,
        link: 1,
        device: Device::Phone,
    };
    events.push(Event::of_click(account, click, now));
    let cap = CapEvent {
        period: Period::Month,
        country: Country::parse("FR").ok(),
        cap: 50_000_000,
        reserved: 42_000_000,
        until: now,
    };
    events.push(Event::of_cap(account, Standing::Near, cap, now));
    let cap = CapEvent {
        country: None,
        ..cap
    };
    events.push(Event::of_cap(account, Standing::Reached, cap, now));
    let failing = GatewayEvent {
        gateway: build::id(),
        reason: Reason::Auth,
    };
    events.push(Event::of_failing(account, failing, now, now));
    events.extend(of_exports(account, now));
    let disabled = DisabledEvent {
        webhook: build::id(),
        why: WhyDisabled::Gone,
    };
    events.push(Event::of_disabled(account, disabled, now));
    events.push(Event::of_test(account, build::id(), random::id(now), now));
    events
}

/// Of one that failed, and of one that came by a schedule.
fn of_exports(account: AccountId, now: Timestamp) -> Vec<Event> {
    let mut export = Export {
        id: build::id(),
        account,
        dataset: Dataset::Messages,
        filter: Filter::default(),
        format: Format::Parquet,
        numbers: Numbers::Full,
        purpose: Purpose::Download,
        test: false,
        created: now,
    };
    let mut over = Progress {
        stage: Stage::Failed,
        ..Progress::queued()
    };
    let failed = Event::of_export(&export, &over);
    export.purpose = Purpose::Schedule {
        schedule: build::id(),
        on: "2026-11-28".parse().unwrap(),
    };
    over.stage = Stage::Finished;
    let finished = Event::of_export(&export, &over);
    failed.into_iter().chain(finished).collect()
}

#[test]
fn each_event_is_as_its_documented_schema_says() {
    let events = one_of_each();
    let all: Vec<&Event> = events.iter().collect();
    let mut bodies: Vec<Value> =
        vec![serde_json::from_str(&Envelope::batch(&all).unwrap().body).unwrap()];
    bodies.extend(
        events
            .iter()
            .map(|event| serde_json::from_str(&Envelope::single(event).body).unwrap()),
    );
    let mut wrong = bodies[1].clone();
    wrong["data"]["number"] = json!("+447700900123");

    let judge = |bodies: &[Value]| {
        asked(
            ".local/tools/bin/python",
            "tests/judges/events.py",
            &json!(bodies),
        )
    };
    let judged = judge(&bodies);

    for (body, judged) in bodies.iter().zip(judged) {
        assert!(judged, "{body}");
    }
    assert_eq!(judge(&[wrong]), [false], "a field that is not documented");
    let types: BTreeSet<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(types, BTreeSet::from(TYPES));
}
