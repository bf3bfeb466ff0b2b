//! The webhook suite: events against receivers that do what receivers do, in the tables of the local stack. Nothing is lost, nothing is told
//! to whom it isn't for, nobody waits for anybody.

mod again;
mod deaths;
mod judge;
mod receiver;
mod setup;
mod told;

use std::{collections::BTreeSet, time::Duration};

use carillon_core::{
    event::{CampaignEvent, CampaignTurn, EventData, MessageEvent, QueuedEvents},
    id::{EventId, WebhookId},
    message_id::MessageId,
    status::Status,
    webhook::{
        DeliveryState, Endpoint, EndpointSecret, EndpointState, Grouping, Trouble, Wanted, secret,
    },
};
use carillon_runtime::{
    dial::{Dialer, Guard},
    random,
};
use carillon_store::{
    alerts::AlertTopic,
    audit::{Actor, Audit, AuditLog},
    aws::Aws,
    credentials::Vault,
    dead_letter_queues::DeadLetterQueues,
    event_bus::EventBus,
    files::Files,
    queues::{QueueUrls, Queues},
    webhooks::{
        Backlogs, Deliveries, DeliveryCounts, Endpoints, KeptEndpoint, KeptSecret, Parked, Replay,
        ReplayState, Replays,
    },
};
use carillon_testkit::{build, mortal, stack};
use futures::{StreamExt, stream};
use serde_json::json;

use self::{
    receiver::{Receiver, Says},
    setup::{Setup, ids},
};
use super::*;
use crate::{
    alerting::Alerting, endpoints::EndpointCache, nudge::Nudge, standing::Standings, tally::Tally,
};

#[tokio::test]
async fn each_event_comes_once_to_each_endpoint_that_wants_it_signed_and_nothing_is_written() {
    let setup = Setup::new().await;
    let [all, other, none] = [
        Receiver::start(Says::Status(204)).await,
        Receiver::start(Says::Status(200)).await,
        Receiver::start(Says::Status(200)).await,
    ];
    let made = setup.endpoint(&all.url()).await;
    setup
        .endpoint_of(&other.url(), "message.delivered", Grouping::Single)
        .await;
    setup
        .endpoint_of(&none.url(), "campaign.*", Grouping::Single)
        .await;
    let events = setup.events(7);

    let failed = setup.deliver(events.clone()).await;

    assert_eq!(
        (failed, all.ids(), other.ids()),
        (0, ids(&events), ids(&events))
    );
    assert_eq!(none.ids(), []);
    for call in all.calls() {
        assert_eq!(
            call.header("webhook-signature"),
            made.secret.sign(call.id(), call.at(), &call.body)
        );
        assert_eq!(call.header("content-type"), "application/json");
    }
    assert_eq!(setup.log(made.id).await, []);
    assert_eq!(setup.state.backlogs.list().await.unwrap(), []);
}

#[tokio::test]
async fn what_an_endpoint_does_not_take_waits_and_comes_again_under_the_same_id() {
    let mut setup = Setup::new().await;
    for (name, says, trouble, code) in [
        ("500", Says::Status(500), Trouble::Broken, Some(500)),
        ("404", Says::Status(404), Trouble::Refused, Some(404)),
        ("429", Says::RetryAfter(429, 90), Trouble::Busy, Some(429)),
        (
            "a redirect to metadata",
            Says::Redirect("http://169.254.169.254/latest/"),
            Trouble::Redirected,
            Some(302),
        ),
        ("silence", Says::Nothing, Trouble::TimedOut, None),
        ("slow headers", Says::SlowHeaders, Trouble::TimedOut, None),
        (
            "a closed connection",
            Says::Close,
            Trouble::Unreachable,
            None,
        ),
        (
            "endless headers",
            Says::EndlessHeaders,
            Trouble::Unreachable,
            None,
        ),
        ("garbage", Says::Garbage, Trouble::Unreachable, None),
    ] {
        let receiver = Receiver::start(says).await;
        setup.account = build::id();
        let made = setup.endpoint(&receiver.url()).await;
        let event = setup.event(0);

        let failed = setup.deliver(vec![event.clone()]).await;

        let log = setup.log(made.id).await;
        let delivery = &log[0].delivery;
        let last = delivery.last.unwrap();
        assert_eq!((failed, log.len(), delivery.attempts), (0, 1, 1), "{name}");
        assert_eq!((last.trouble, last.code), (Some(trouble), code), "{name}");
        assert_eq!(delivery.state, DeliveryState::Waiting, "{name}");
        let wait = log[0].due.unwrap().duration_since(last.at).as_secs();
        let least = match trouble {
            Trouble::Busy => 89,
            Trouble::TimedOut => 60,
            _ => 3,
        };
        assert!((least..least + 10).contains(&wait), "{name}: {wait} s");

        receiver.says(Says::Status(200));
        setup.make_due(made.id).await;
        setup.restart();
        setup.sweep(5).await;

        let log = setup.log(made.id).await;
        assert_eq!(log[0].delivery.state, DeliveryState::Delivered, "{name}");
        assert_eq!(
            (log[0].delivery.attempts, log[0].event.as_ref()),
            (2, None),
            "{name}"
        );
        let taken = receiver.calls();
        assert!(taken.iter().all(|call| call.id() == event.id), "{name}");
        let bodies: Vec<_> = taken.iter().map(|call| &call.body).collect();
        assert!(bodies.windows(2).all(|two| two[0] == two[1]), "{name}");
    }
}

#[tokio::test]
async fn the_first_retry_is_asked_for_in_seconds_and_comes_without_the_minutes_look() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    let made = setup.endpoint(&receiver.url()).await;
    let failed = Timestamp::now();
    setup.deliver(setup.events(3)).await;
    receiver.says(Says::Status(200));

    let mut asked = Vec::new();
    while asked.is_empty() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        asked = stack::taken(&setup.aws.sqs(), &setup.queue).await;
        assert!(
            failed.duration_since(Timestamp::now()).abs().as_secs() < 30,
            "nobody asked"
        );
    }
    let records: Vec<_> = asked
        .iter()
        .map(|body| json!({"messageId": "m0", "body": body}))
        .collect();
    let deadline = Timestamp::now() + SignedDuration::from_secs(90);
    let looked = handle(&setup.state, json!({"Records": records}), "test", deadline).await;

    let waited = Timestamp::now().duration_since(failed).as_secs();
    assert_eq!(asked.len(), 1, "one for all three: {asked:?}");
    assert_eq!(looked.unwrap(), json!({"batchItemFailures": []}));
    let log = setup.log(made.id).await;
    let states: Vec<_> = log.iter().map(|parked| parked.delivery.state).collect();
    assert_eq!(states, [DeliveryState::Delivered; 3]);
    assert!((6..20).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn an_answer_that_never_ends_is_taken_by_its_first_line() {
    let mut setup = Setup::new().await;
    for says in [Says::HugeBody, Says::SlowBody] {
        let receiver = Receiver::start(says).await;
        setup.account = build::id();
        let made = setup.endpoint(&receiver.url()).await;
        let event = setup.event(0);
        let began = Timestamp::now();

        let failed = setup.deliver(vec![event.clone()]).await;

        let took = Timestamp::now().duration_since(began);
        assert_eq!((failed, setup.log(made.id).await), (0, vec![]));
        assert_eq!(receiver.taken(), [event.id]);
        assert!(took < SignedDuration::from_secs(5), "{took}");
        assert!(receiver.sent_at_most(16 * 1024 * 1024), "read to its end");
    }
}

#[tokio::test]
async fn private_addresses_are_not_called_whatever_their_name() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(200)).await;
    let port = receiver.port();
    for url in [
        // Resolves to 127.0.0.1, which only its literal form is allowed to be.
        format!("https://localhost:{port}/"),
        "https://localhost/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[::ffff:169.254.169.254]/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        "https://[64:ff9b::a9fe:a9fe]/".to_owned(),
        "https://[2002:7f00:1::]/".to_owned(),
        "http://example.com/".to_owned(),
        "https://user@example.com/".to_owned(),
        "https://example.com:9001/".to_owned(),
    ] {
        let made = setup.endpoint(&url).await;
        setup.state.endpoints.forget(setup.account);

        let failed = setup.deliver(setup.events(1)).await;

        let log = setup.log(made.id).await;
        let last = log[0].delivery.last.unwrap();
        assert_eq!(
            (failed, last.trouble),
            (0, Some(Trouble::Forbidden)),
            "{url}"
        );
        let kept = setup.found(made.id).await;
        let audit = setup.audit();
        let endpoints = &setup.state.endpoints.endpoints;
        endpoints.delete(&kept, &audit).await.unwrap().unwrap();
    }
    assert_eq!(receiver.ids(), []);
}

#[tokio::test]
async fn a_dead_endpoint_delays_nobody_and_is_asked_seldom() {
    let setup = Setup::new().await;
    let dead = Receiver::start(Says::Nothing).await;
    let alive = Receiver::start(Says::Status(200)).await;
    let made = setup.endpoint(&dead.url()).await;
    setup.endpoint(&alive.url()).await;
    let events = setup.events(100);
    let began = Timestamp::now();

    let failed = setup.deliver(events.clone()).await;

    let slowest = alive.calls().iter().map(|call| call.came).max().unwrap();
    assert_eq!((failed, alive.ids()), (0, ids(&events)));
    assert!(
        slowest.duration_since(began) < SignedDuration::from_secs(2),
        "{slowest}"
    );
    assert_eq!(setup.log(made.id).await.len(), 100, "nothing is lost");
    assert!(dead.calls().len() <= 20, "{} calls", dead.calls().len());

    let before = dead.calls().len();
    let again = Timestamp::now();
    let failed = setup.deliver(setup.events(100)).await;
    let took = Timestamp::now().duration_since(again);
    assert_eq!(
        (failed, dead.calls().len()),
        (0, before),
        "its breaker is open"
    );
    assert!(took < SignedDuration::from_secs(5), "{took}");
}

#[tokio::test]
async fn an_endpoint_that_comes_back_gets_all_that_waited() {
    let mut setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(503)).await;
    let made = setup.endpoint(&receiver.url()).await;
    let events = setup.events(60);
    assert_eq!(setup.deliver(events.clone()).await, 0);
    let refused = receiver.calls().len();
    assert!(refused < 40, "{refused} calls before the breaker opened");
    receiver.says(Says::Status(200));
    setup.restart();

    // Ten seconds until the breaker lets one through.
    setup.sweep(16).await;

    setup.make_due(made.id).await;
    setup.sweep(3).await;
    let log = setup.log(made.id).await;
    let done = |parked: &Parked| parked.delivery.state == DeliveryState::Delivered;
    assert_eq!(
        (log.len(), log.iter().filter(|parked| done(parked)).count()),
        (60, 60)
    );
    assert_eq!(receiver.taken(), ids(&events), "each once");
}

#[tokio::test]
async fn gone_is_gone_and_audited_and_told_and_what_waits_comes_when_it_is_switched_on() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(410)).await;
    let other = Receiver::start(Says::Status(200)).await;
    let made = setup.endpoint(&receiver.url()).await;
    setup
        .endpoint_of(&other.url(), "webhook.disabled", Grouping::Single)
        .await;
    let event = setup.event(0);

    assert_eq!(setup.deliver(vec![event.clone()]).await, 0);
    assert_eq!(setup.deliver(setup.events(3)).await, 0);

    let audits = AuditLog::new(setup.aws.dynamodb(), &setup.core);
    let audits = audits.list(setup.account, None, 10).await.unwrap();
    assert_eq!(setup.found(made.id).await.state, EndpointState::Gone);
    assert_eq!(receiver.calls().len(), 1);
    assert!(
        audits
            .iter()
            .any(|entry| entry.action == "webhook.disable" && entry.actor == Actor::System)
    );
    setup.sweep(3).await;
    let is_told =
        |call: &receiver::Call| String::from_utf8_lossy(&call.body).contains("webhook.disabled");
    let told: Vec<_> = other.calls().iter().map(is_told).collect();
    assert_eq!(told, [true]);

    receiver.says(Says::Status(200));
    let mut kept = setup
        .state
        .endpoints
        .endpoints
        .find(setup.account, made.id)
        .await
        .unwrap()
        .unwrap();
    kept.endpoint.state = EndpointState::Enabled;
    kept.endpoint.version += 1;
    setup
        .state
        .endpoints
        .endpoints
        .change(&kept, &setup.audit())
        .await
        .unwrap()
        .unwrap();
    setup.make_due(made.id).await;
    setup.sweep(3).await;
    assert_eq!(receiver.taken(), [event.id]);
}

#[tokio::test]
async fn batches_carry_a_hundred_and_each_event_keeps_its_own_state() {
    let mut setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    let made = setup
        .endpoint_of(&receiver.url(), "*", Grouping::Batches)
        .await;
    let events = setup.events(120);

    assert_eq!(setup.deliver(events.clone()).await, 0);

    assert_eq!(receiver.calls().len(), 2);
    assert_eq!(setup.log(made.id).await.len(), 120);
    receiver.says(Says::Status(200));
    setup.make_due(made.id).await;
    setup.restart();
    setup.sweep(5).await;
    assert_eq!(receiver.taken(), ids(&events));
    let log = setup.log(made.id).await;
    assert!(log.iter().all(|parked| parked.delivery.attempts == 2));
}

#[tokio::test]
async fn after_the_last_attempt_it_is_given_up_and_kept_for_who_wants_it_again() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    let made = setup.endpoint(&receiver.url()).await;
    assert_eq!(setup.deliver(setup.events(1)).await, 0);
    let mut parked = setup.log(made.id).await.remove(0);
    parked.delivery.attempts = 9;
    assert!(setup.state.deliveries.settle(&parked, 1).await.unwrap());
    setup.make_due(made.id).await;

    setup.sweep(3).await;

    let parked = setup.log(made.id).await.remove(0);
    assert_eq!(
        (parked.delivery.state, parked.delivery.attempts),
        (DeliveryState::GivenUp, 10)
    );
    assert!(parked.event.is_some() && parked.due.is_none());
}

#[tokio::test]
async fn after_its_time_it_is_given_up_without_a_call() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    let made = setup.endpoint(&receiver.url()).await;
    assert_eq!(setup.deliver(setup.events(1)).await, 0);
    let mut parked = setup.log(made.id).await.remove(0);
    parked.delivery.until = Timestamp::now();
    assert!(setup.state.deliveries.settle(&parked, 1).await.unwrap());
    setup.make_due(made.id).await;

    setup.sweep(3).await;

    let parked = setup.log(made.id).await.remove(0);
    assert_eq!(
        (parked.delivery.state, receiver.calls().len()),
        (DeliveryState::GivenUp, 1)
    );
}

#[tokio::test]
async fn a_replay_sends_what_was_asked_for_once_more_and_no_more_than_that() {
    let setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(200)).await;
    let made = setup.endpoint(&receiver.url()).await;
    let began = Timestamp::now();
    let (first, second) = (setup.events(3), setup.events(4));
    assert_eq!(setup.deliver(first.clone()).await, 0);
    assert_eq!(setup.deliver(first.clone()).await, 0);
    let until = Timestamp::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(setup.deliver(second).await, 0);
    let before = receiver.calls().len();
    let replay = Replay {
        id: build::id(),
        account: setup.account,
        endpoint: made.id,
        since: began,
        until,
        wanted: None,
        events: Vec::new(),
        created: until,
        state: ReplayState::Running,
        place: None,
        sent: 0,
    };
    setup
        .state
        .replays
        .create(&replay, &setup.audit())
        .await
        .unwrap();

    setup.sweep(5).await;

    let found = setup
        .state
        .replays
        .find(setup.account, made.id, replay.id)
        .await;
    let found = found.unwrap().unwrap();
    let mut again: Vec<_> = receiver.calls()[before..]
        .iter()
        .map(receiver::Call::id)
        .collect();
    again.sort();
    assert_eq!((found.state, found.sent), (ReplayState::Finished, 3));
    assert_eq!(again, ids(&first));
}

#[tokio::test]
async fn a_test_event_goes_to_its_endpoint_only_and_is_in_the_log() {
    let setup = Setup::new().await;
    let [tried, other] = [
        Receiver::start(Says::Status(200)).await,
        Receiver::start(Says::Status(200)).await,
    ];
    setup.endpoint(&other.url()).await;
    assert_eq!(setup.deliver(setup.events(1)).await, 0);
    let made = setup
        .endpoint_of(&tried.url(), "inbound.*", Grouping::Single)
        .await;
    let now = Timestamp::now();
    let event = Event::of_test(setup.account, made.id, random::id(now), now);

    assert_eq!(setup.deliver(vec![event.clone()]).await, 0);

    let log = setup.log(made.id).await;
    assert_eq!((tried.ids(), other.calls().len()), (vec![event.id], 1));
    assert_eq!(
        (log.len(), log[0].delivery.state),
        (1, DeliveryState::Delivered)
    );
}

#[tokio::test]
async fn the_recorded_events_are_read() {
    let setup = Setup::new().await;
    let event = serde_json::from_str(include_str!("../../../events/hooks-sqs.json")).unwrap();
    let deadline = Timestamp::now() + SignedDuration::from_secs(90);

    let answer = handle(&setup.state, event, "test", deadline).await.unwrap();

    assert_eq!(answer["batchItemFailures"], json!([]));
}
