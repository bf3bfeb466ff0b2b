//! Functions that die over their work, and tables that are down: whoever follows loses nothing.

use super::*;

#[tokio::test]
async fn who_dies_with_a_backlog_is_followed_and_nothing_is_missing() {
    let mut setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    let made = setup.endpoint(&receiver.url()).await;
    let events = setup.events(3);
    assert_eq!(setup.deliver(events.clone()).await, 0);
    setup.make_due(made.id).await;
    let backlog = setup.state.backlogs.list().await.unwrap().remove(0);
    let now = Timestamp::now();
    let held = setup
        .state
        .backlogs
        .hold(&backlog, "dead", now, now + SignedDuration::from_secs(3));
    assert!(held.await.unwrap());
    receiver.says(Says::Status(200));
    setup.restart();

    setup.sweep(1).await;
    let early = receiver.taken();
    setup.sweep(6).await;

    assert_eq!((early, receiver.taken()), (vec![], ids(&events)));
}

/// How a life of `hooks` ended, first with events of the queue, then with what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Deaths {
    delivering: bool,
    sweeping: bool,
}

/// Events for an endpoint that is well and for one that takes nothing until they have come. Whoever delivers them dies after so many calls,
/// and so does whoever tries again; each is followed by one that lives.
async fn two_lives(calls: u32) -> Deaths {
    let mut setup = Setup::new().await;
    let well = Receiver::start(Says::Status(200)).await;
    let ill = Receiver::start(Says::Status(500)).await;
    setup.endpoint(&well.url()).await;
    let waits = setup.endpoint(&ill.url()).await;
    let events = setup.events(3);
    let expected: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
    let taken = |by: &Receiver| by.taken().into_iter().collect::<BTreeSet<_>>();

    let first = setup.mortal(calls);
    let delivering = setup.deliver_by(&first, events.clone()).await > 0;
    if delivering {
        assert_eq!(
            setup.deliver(events.clone()).await,
            0,
            "after {calls} calls"
        );
    }
    assert_eq!(taken(&well), expected, "after {calls} calls");
    ill.says(Says::Status(200));
    setup.make_due(waits.id).await;
    let second = setup.mortal(calls);
    let (stop, end) = (SignedDuration::from_secs(5), SignedDuration::from_secs(1));
    let now = Timestamp::now();
    // What is not looked up is an error; what fails with one endpoint is only written to the log.
    sweep::once(&second, "dead", now + stop, now + end)
        .await
        .unwrap_or_default();
    let sweeping = taken(&ill) != expected || !setup.log(waits.id).await.iter().all(is_delivered);
    // What it held is free again.
    tokio::time::sleep(Duration::from_secs(1)).await;
    setup.restart();
    let now = Timestamp::now();
    sweep::once(&setup.state, "alive", now + stop, now + stop)
        .await
        .unwrap();

    assert_eq!(taken(&ill), expected, "after {calls} calls");
    let log = setup.log(waits.id).await;
    assert_eq!(log.len(), 3, "after {calls} calls");
    assert!(log.iter().all(is_delivered), "after {calls} calls: {log:?}");
    Deaths {
        delivering,
        sweeping,
    }
}

fn is_delivered(parked: &Parked) -> bool {
    parked.delivery.state == DeliveryState::Delivered
}

#[tokio::test]
async fn whoever_dies_after_any_of_its_calls_is_followed_and_every_event_comes_under_its_id() {
    let lives: Vec<Deaths> = stream::iter(0..36)
        .map(two_lives)
        .buffered(6)
        .collect()
        .await;

    let delivering = lives.iter().filter(|deaths| deaths.delivering).count();
    let sweeping = lives.iter().filter(|deaths| deaths.sweeping).count();
    println!("{delivering} deaths over events of the queue, {sweeping} over what waits");
    assert!(delivering >= 5 && sweeping >= 5, "{lives:?}");
    let last = lives.last().unwrap();
    assert!(
        !last.delivering && !last.sweeping,
        "it still dies: {lives:?}"
    );
}

#[tokio::test]
async fn a_table_that_is_down_hands_the_events_back() {
    let mut setup = Setup::new().await;
    let receiver = Receiver::start(Says::Status(500)).await;
    setup.endpoint(&receiver.url()).await;
    assert_eq!(setup.deliver(setup.events(1)).await, 0);
    let nowhere = mortal::after(&setup.aws, 0);
    setup.state.deliveries = Deliveries::new(nowhere.dynamodb(), &setup.core);

    let failed = setup.deliver(setup.events(1)).await;

    assert_eq!(failed, 1);
}
