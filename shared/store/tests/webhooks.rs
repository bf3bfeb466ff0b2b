//! Webhook endpoints, what waits for them and the archive of events, against the local stack.

use carillon_core::{
    event::Event,
    id::{AccountId, EventId, WebhookId},
    webhook::{Delivery, DeliveryState, Endpoint, EndpointState, Grouping, Health, archive},
};
use carillon_store::{
    audit::{Actor, Audit},
    aws::Aws,
    credentials::Sealed,
    files::Files,
    records::Stale,
    webhooks::{
        Backlogs, Counts, Deliveries, DeliveryCounts, Endpoints, KeptEndpoint, KeptSecret, Parked,
        Replay, ReplayState, Replays,
    },
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};

async fn table() -> (Aws, String) {
    let aws = stack::aws().await;
    let table = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
    (aws, table)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("a time")
}

fn kept(account: AccountId) -> KeptEndpoint {
    let endpoint = Endpoint {
        id: build::id(),
        account,
        url: "https://example.net/hooks".to_owned(),
        events: "message.*".parse().expect("a family"),
        description: None,
        grouping: Grouping::Single,
        state: EndpointState::Enabled,
        created: at(0),
        version: 1,
    };
    let sealed = Sealed {
        data_key: vec![1, 2],
        content: vec![3, 255],
    };
    let secret = KeptSecret {
        sealed,
        until: Some(at(60)),
    };
    KeptEndpoint {
        endpoint,
        secrets: vec![secret],
    }
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: at(0),
        account,
        actor: Actor::Operator,
        action: "test".to_owned(),
        target: account.to_string(),
    }
}

fn parked(endpoint: WebhookId, name: &str, second: i64) -> Parked {
    let account = build::id();
    let event = Event::of_test(account, endpoint, EventId::of_text(name), at(second));
    let delivery = Delivery {
        endpoint,
        account,
        event: event.id,
        kind: event.kind.clone(),
        at: event.timestamp,
        state: DeliveryState::Waiting,
        attempts: 1,
        until: at(1_000),
        last: None,
    };
    Parked {
        delivery,
        event: Some(event),
        due: Some(at(second + 5)),
    }
}

#[tokio::test]
async fn an_endpoint_is_changed_under_the_version_that_was_read_and_seen_by_its_account_only() {
    let (aws, table) = table().await;
    let endpoints = Endpoints::new(aws.dynamodb(), table);
    let account = build::id();
    let first = kept(account);
    endpoints.create(&first, &audit(account)).await.unwrap();
    let mut second = first.clone();
    second.endpoint.version = 2;
    second.endpoint.state = EndpointState::Gone;

    let changed = endpoints.change(&second, &audit(account)).await.unwrap();
    let again = endpoints.change(&second, &audit(account)).await.unwrap();
    let of_another = endpoints
        .find(build::id(), first.endpoint.id)
        .await
        .unwrap();
    let listed = endpoints.list(account).await.unwrap();
    let stale = endpoints
        .delete(&first.endpoint, &audit(account))
        .await
        .unwrap();
    let deleted = endpoints
        .delete(&second.endpoint, &audit(account))
        .await
        .unwrap();

    assert_eq!((changed, again), (Ok(()), Err(Stale)));
    assert_eq!((of_another, listed), (None, vec![second]));
    assert_eq!((stale, deleted), (Err(Stale), Ok(())));
    assert_eq!(endpoints.list(account).await.unwrap(), []);
}

#[tokio::test]
async fn a_delivery_waits_until_it_is_due_and_is_in_the_log_when_it_is_done() {
    let (aws, table) = table().await;
    let deliveries = Deliveries::new(aws.dynamodb(), table);
    let endpoint = build::id();
    let (first, second) = (parked(endpoint, "a", 0), parked(endpoint, "b", 10));
    deliveries.park(&first).await.unwrap();
    deliveries.park(&second).await.unwrap();
    let other = parked(build::id(), "a", 0);
    deliveries.park(&other).await.unwrap();

    let before = deliveries.due(endpoint, at(4), 10).await.unwrap();
    let due = deliveries.due(endpoint, at(5), 10).await.unwrap();
    let mut done = first.clone();
    done.delivery.state = DeliveryState::Delivered;
    done.delivery.attempts = 2;
    done.event = None;
    let settled = deliveries.settle(&done, 1).await.unwrap();
    let late = deliveries.settle(&done, 1).await.unwrap();

    done.due = None;
    assert_eq!((before, due), (vec![], vec![first]));
    assert_eq!(
        (settled, late),
        (true, false),
        "the attempt of another counts"
    );
    assert_eq!(deliveries.next_due(endpoint).await.unwrap(), Some(at(15)));
    assert_eq!(
        deliveries.list(endpoint, None, 10).await.unwrap(),
        [second.clone(), done.clone()]
    );
    let page = deliveries.list(endpoint, Some(&second.place()), 10).await;
    assert_eq!(page.unwrap(), [done]);
}

#[tokio::test]
async fn an_event_that_comes_twice_keeps_the_state_of_its_delivery() {
    let (aws, table) = table().await;
    let deliveries = Deliveries::new(aws.dynamodb(), table);
    let first = parked(build::id(), "a", 0);
    deliveries.park(&first).await.unwrap();
    let mut tried = first.clone();
    tried.delivery.attempts = 7;
    assert!(deliveries.settle(&tried, 1).await.unwrap());

    deliveries.park(&first).await.unwrap();

    let delivery = &first.delivery;
    let found = deliveries
        .find(delivery.endpoint, delivery.at, delivery.event)
        .await;
    assert_eq!(found.unwrap().unwrap().delivery.attempts, 7);
}

#[tokio::test]
async fn a_backlog_has_one_worker_and_is_not_forgotten_while_something_is_parked() {
    let (aws, table) = table().await;
    let backlogs = Backlogs::new(aws.dynamodb(), table);
    let (account, endpoint) = (build::id(), build::id());
    backlogs.touch(account, endpoint, at(0)).await.unwrap();
    let backlog = backlogs.list().await.unwrap().remove(0);

    let first = backlogs.hold(&backlog, "one", at(1), at(60)).await.unwrap();
    let second = backlogs.hold(&backlog, "two", at(2), at(60)).await.unwrap();
    backlogs.touch(account, endpoint, at(3)).await.unwrap();
    backlogs.forget(&backlog, "one").await.unwrap();
    backlogs.let_go(&backlog, "one", at(999)).await.unwrap();

    let found = backlogs.of_account(account).await.unwrap().remove(0);
    assert_eq!((first, second), (true, false));
    assert_eq!((found.look_at, found.held_until), (at(3), None));
    assert_eq!(backlogs.of_account(build::id()).await.unwrap(), []);
    assert!(backlogs.hold(&found, "two", at(4), at(60)).await.unwrap());
    backlogs.forget(&found, "two").await.unwrap();
    assert_eq!(backlogs.list().await.unwrap(), []);
}

#[tokio::test]
async fn who_holds_a_backlog_and_dies_is_followed_by_another() {
    let (aws, table) = table().await;
    let backlogs = Backlogs::new(aws.dynamodb(), table);
    backlogs
        .touch(build::id(), build::id(), at(0))
        .await
        .unwrap();
    let backlog = backlogs.list().await.unwrap().remove(0);
    assert!(backlogs.hold(&backlog, "one", at(1), at(60)).await.unwrap());

    let early = backlogs
        .hold(&backlog, "two", at(59), at(99))
        .await
        .unwrap();
    let late = backlogs
        .hold(&backlog, "two", at(60), at(99))
        .await
        .unwrap();

    assert_eq!((early, late), (false, true));
}

#[tokio::test]
async fn a_breaker_opens_once_in_its_time_and_closes() {
    let (aws, table) = table().await;
    let backlogs = Backlogs::new(aws.dynamodb(), table);
    let (account, endpoint) = (build::id(), build::id());
    let health = Health::default().opened(at(0));
    let health_now = async || backlogs.of_account(account).await.unwrap().remove(0).health;

    backlogs
        .open(account, endpoint, &health, at(0))
        .await
        .unwrap();
    let twice = health.opened(at(1));
    backlogs
        .open(account, endpoint, &twice, at(1))
        .await
        .unwrap();
    let open = health_now().await;
    backlogs.close(account, endpoint, at(2)).await.unwrap();
    let closed = health_now().await;

    assert_eq!(open, health, "those who see the same failure open it once");
    assert_eq!(closed, Health::default());
}

#[tokio::test]
async fn counts_of_hours_add_up() {
    let (aws, table) = table().await;
    let counts = DeliveryCounts::new(aws.dynamodb(), table);
    let endpoint = build::id();
    let of = |delivered| Counts {
        delivered,
        failed: 1,
        calls: 2,
        milliseconds: 30,
    };

    for (delivered, second) in [(5, 0), (7, 1), (100, 7_200)] {
        counts
            .add(endpoint, of(delivered), at(second))
            .await
            .unwrap();
    }

    let all = counts.since(endpoint, at(0)).await.unwrap();
    let late = counts.since(endpoint, at(7_200)).await.unwrap();
    assert_eq!(
        (all.delivered, all.failed, all.calls, all.milliseconds),
        (112, 3, 6, 90)
    );
    assert_eq!(late, of(100));
}

#[tokio::test]
async fn a_replay_has_one_worker_and_is_over_when_it_says_so() {
    let (aws, table) = table().await;
    let replays = Replays::new(aws.dynamodb(), table);
    let account = build::id();
    let mut replay = Replay {
        id: build::id(),
        account,
        endpoint: build::id(),
        since: at(0),
        until: at(60),
        wanted: None,
        events: Vec::new(),
        created: at(100),
        state: ReplayState::Running,
        place: None,
        sent: 0,
    };
    replays.create(&replay, &audit(account)).await.unwrap();

    let first = replays.hold(&replay, "one", at(0), at(60)).await.unwrap();
    let second = replays.hold(&replay, "two", at(1), at(60)).await.unwrap();
    let running = replays.running(10).await.unwrap();
    replay.state = ReplayState::Finished;
    replay.sent = 5;
    assert!(!replays.write(&replay, "two", None).await.unwrap());
    let not_his = replays
        .find(account, replay.endpoint, replay.id)
        .await
        .unwrap();
    assert!(replays.write(&replay, "one", Some(at(90))).await.unwrap());
    assert!(replays.write(&replay, "one", None).await.unwrap());

    assert_eq!((first, second, running.len()), (true, false, 1));
    assert_eq!(not_his.unwrap().sent, 0);
    assert_eq!(replays.running(10).await.unwrap(), []);
    assert_eq!(
        replays.list(account, replay.endpoint, 10).await.unwrap(),
        [replay]
    );
}

#[tokio::test]
async fn archived_events_are_found_by_when_they_were_written() {
    let aws = stack::aws().await;
    let files = Files::new(aws.s3(), stack::variable("FILES_BUCKET"));
    let (account, webhook) = (build::id(), build::id());
    let event = Event::of_test(account, webhook, EventId::of_text("a"), at(0));
    let packed = archive::pack(std::slice::from_ref(&event)).unwrap();
    for second in [0, 60, 120] {
        let written = files.archive_events(account, at(second), "token", packed.clone());
        written.await.unwrap();
    }

    let span = (at(0) - SignedDuration::from_millis(1), at(60));
    let all = files.archived(account, span, None, 10).await.unwrap();
    let rest = files
        .archived(account, span, Some(&all[0]), 10)
        .await
        .unwrap();
    let of_another = files.archived(build::id(), span, None, 10).await.unwrap();
    let read = files.read_archived(&all[0]).await.unwrap().unwrap();

    assert_eq!((all.len(), rest), (2, vec![all[1].clone()]));
    assert_eq!(of_another, Vec::<String>::new());
    assert_eq!(archive::unpack(&read).unwrap(), [event]);
}
