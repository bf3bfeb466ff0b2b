//! What an environment may send, with an item of its own, against the local stack.

use carillon_core::{
    batch::Lane,
    breaker::Phase,
    id::GatewayAccountId,
    outcome::Outcome,
    rate::{Due, RateState},
    reason::Reason,
};
use carillon_store::{
    audit::{Actor, Audit},
    credentials::Sealed,
    gateway_accounts::GatewayRecord,
    rate::History,
};
use carillon_testkit::build;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Grant, Kind, Permit, Traffic, Want, Wanted, learn, permit};
use crate::tests::Setup;

struct Gateway {
    setup: Setup,
    record: GatewayRecord,
}

impl Gateway {
    async fn of(parts_per_second: Option<u32>) -> Self {
        let record = GatewayRecord {
            id: build::id(),
            account: build::id(),
            kind: "simulated".to_owned(),
            name: "A gateway".to_owned(),
            config: Value::Null,
            token: "token".to_owned(),
            parts_per_second,
            sender_parts_per_second: None,
            cost_per_part: None,
            enabled: true,
            created: Timestamp::now(),
            version: 1,
        };
        let setup = Setup::new().await;
        let (sealed, audit) = (sealed(), audit(&record));
        let created = setup.accounts.create(&record, &sealed, &audit);
        created.await.unwrap();
        Self { setup, record }
    }

    fn id(&self) -> GatewayAccountId {
        self.record.id
    }

    /// For so many messages of a campaign, a part each.
    async fn permit(&self, messages: usize) -> Permit {
        let want = Want {
            gateway: self.id(),
            lane: Lane::Low,
            messages: vec![
                Wanted {
                    parts: 1,
                    sender: None,
                };
                messages
            ],
        };
        permit(&self.setup.state, &want).await.unwrap()
    }

    async fn granted(&self, messages: usize) -> Grant {
        match self.permit(messages).await {
            Permit::Granted(grant) => grant,
            other => panic!("{other:?}"),
        }
    }

    async fn learn(&self, kind: Kind, outcomes: &[Outcome]) {
        let outcomes: Vec<&Outcome> = outcomes.iter().collect();
        learn(&self.setup.state, self.id(), kind, &outcomes).await;
    }

    async fn look(&self) -> RateState {
        let rate = &self.setup.state.traffic.rate;
        rate.look(self.id()).await.unwrap()
    }

    async fn change(&self, record: &GatewayRecord) {
        let (sealed, audit) = (sealed(), audit(record));
        let accounts = &self.setup.accounts;
        let changed = accounts.change(record, &sealed, History::Kept, &audit);
        changed.await.unwrap().unwrap();
    }

    /// As another environment, which knows nothing yet.
    fn forget(&mut self) {
        let rate = self.setup.state.traffic.rate.clone();
        self.setup.state.traffic = Traffic::new(rate);
    }

    /// Opened long enough ago for a probe.
    async fn half_open(&self) {
        let (known, rate) = (self.look().await, &self.setup.state.traffic.rate);
        let before = Timestamp::now() - SignedDuration::from_secs(11);
        let opened = known.breaker.opened(Reason::Unavailable, before);
        let turned = rate.turn(self.id(), &known, &opened, None).await;
        turned.unwrap().unwrap();
    }
}

fn sealed() -> Sealed {
    Sealed {
        data_key: vec![1],
        content: vec![2],
    }
}

fn audit(record: &GatewayRecord) -> Audit {
    Audit {
        id: build::id(),
        at: Timestamp::now(),
        account: record.account,
        actor: Actor::Operator,
        action: "gateway.change".to_owned(),
        target: record.id.to_string(),
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted { provider_id: None }
}

#[tokio::test]
async fn without_a_limit_everything_may_leave_at_once() {
    let gateway = Gateway::of(None).await;

    let grant = gateway.granted(25).await;

    assert_eq!(grant, Grant::unlimited(25));
}

#[tokio::test]
async fn a_window_gets_half_a_second_of_tokens_that_begin_when_it_is_open() {
    let gateway = Gateway::of(Some(40)).await;
    let before = Timestamp::now();

    let grant = gateway.granted(25).await;
    let after = gateway.look().await;

    let mut turns = grant.schedule.turns();
    let dues: Vec<Due> = (0..19).map(|_| turns.next(1, None)).collect();
    let (Due::At(first), Due::At(last)) = (dues[0], dues[18]) else {
        panic!("{grant:?}");
    };
    assert_eq!(grant.messages.len(), 19);
    assert!(first > before, "{first} {before}");
    assert!(last > first && after.taken > last);
}

#[tokio::test]
async fn tokens_that_are_spoken_for_are_waited_for() {
    let gateway = Gateway::of(Some(40)).await;
    gateway.granted(19).await;

    let second = gateway.permit(19).await;

    let Permit::Wait(until) = second else {
        panic!("{second:?}");
    };
    let ahead = until.duration_since(Timestamp::now());
    assert!(ahead < SignedDuration::from_millis(500), "{ahead}");
}

#[tokio::test]
async fn a_changed_limit_counts_for_the_next_window() {
    let gateway = Gateway::of(Some(40)).await;
    gateway.granted(1).await;
    let slower = GatewayRecord {
        parts_per_second: Some(10),
        version: 2,
        ..gateway.record.clone()
    };

    gateway.change(&slower).await;
    let grant = gateway.granted(25).await;

    assert_eq!(grant.messages.len(), 4);
    assert_eq!(gateway.setup.state.traffic.record(gateway.id()).await, 2);
}

#[tokio::test]
async fn nothing_leaves_by_an_account_that_is_switched_off() {
    let mut gateway = Gateway::of(Some(40)).await;
    gateway.granted(1).await;
    let off = GatewayRecord {
        enabled: false,
        version: 2,
        ..gateway.record.clone()
    };

    gateway.change(&off).await;
    let known = gateway.permit(1).await;
    gateway.forget();
    let unknown = gateway.permit(1).await;

    assert!(matches!(known, Permit::Closed(_)), "{known:?}");
    assert!(matches!(unknown, Permit::Closed(_)), "{unknown:?}");
}

#[tokio::test]
async fn too_fast_slows_down_all_and_lets_nothing_through_before_its_time() {
    let mut gateway = Gateway::of(Some(40)).await;
    gateway.granted(1).await;
    let after = Some(SignedDuration::from_secs(5));

    let told = [accepted(), Outcome::Throttled { after }];
    gateway.learn(Kind::Ordinary, &told).await;
    gateway.forget();
    let waits = gateway.permit(1).await;

    let state = gateway.look().await;
    let slowed = state.slowed.expect("a slowdown");
    assert_eq!(slowed.to.thousandths(), 19_500);
    let Permit::Wait(until) = waits else {
        panic!("{waits:?}");
    };
    let wait = until.duration_since(Timestamp::now());
    assert!(wait > SignedDuration::from_secs(3), "{wait}");
}

#[tokio::test]
async fn an_account_whose_calls_fail_is_closed_to_every_environment() {
    let mut gateway = Gateway::of(None).await;
    gateway.granted(4).await;

    gateway
        .learn(Kind::Ordinary, &vec![Outcome::Unavailable; 4])
        .await;
    let few = gateway.permit(1).await;
    gateway.learn(Kind::Ordinary, &[Outcome::Doubt]).await;
    let many = gateway.permit(1).await;
    gateway.forget();
    let elsewhere = gateway.permit(1).await;

    assert!(matches!(few, Permit::Granted(_)), "{few:?}");
    for permit in [many, elsewhere] {
        let Permit::Closed(until) = permit else {
            panic!("{permit:?}");
        };
        assert!(until <= Timestamp::now() + SignedDuration::from_secs(10));
    }
}

#[tokio::test]
async fn one_message_finds_out_whether_an_account_works_again() {
    for (name, outcome, expected) in [
        ("it does", accepted(), None),
        ("it refuses", Outcome::Refused(Reason::BadNumber), None),
        (
            "it doesn't",
            Outcome::Unavailable,
            Some(Reason::Unavailable),
        ),
        (
            "somebody has to repair it",
            Outcome::AccountTrouble(Reason::Auth),
            Some(Reason::Auth),
        ),
    ] {
        let mut gateway = Gateway::of(None).await;
        gateway.half_open().await;

        let probe = gateway.granted(25).await;
        gateway.forget();
        let another = gateway.permit(25).await;
        gateway.learn(Kind::Probe, &[outcome]).await;

        assert_eq!(
            (probe.kind, probe.messages),
            (Kind::Probe, vec![0]),
            "{name}"
        );
        assert!(matches!(another, Permit::Closed(_)), "{name}: {another:?}");
        let state = gateway.look().await;
        let now = Timestamp::now();
        assert_eq!(
            state.breaker.open.map(|open| open.reason),
            expected,
            "{name}"
        );
        match expected {
            None => assert!(state.is_slowed(now), "{name}"),
            Some(_) => assert!(matches!(state.breaker.phase(now), Phase::Open(_)), "{name}"),
        }
    }
}

#[tokio::test]
async fn a_closed_account_is_looked_at_again_soon_since_its_owner_may_repair_it() {
    let gateway = Gateway::of(None).await;
    let (known, rate) = (gateway.look().await, &gateway.setup.state.traffic.rate);
    let opened = known.breaker.opened(Reason::Auth, Timestamp::now());
    let turned = rate.turn(gateway.id(), &known, &opened, None).await;
    turned.unwrap().unwrap();

    let closed = gateway.permit(1).await;

    let Permit::Closed(until) = closed else {
        panic!("{closed:?}");
    };
    assert!(until < Timestamp::now() + SignedDuration::from_secs(16));
}

#[tokio::test]
async fn messages_whose_sender_is_busy_are_left_to_a_later_window() {
    let mut gateway = Gateway::of(Some(1_000)).await;
    let mut record = gateway.record.clone();
    (record.sender_parts_per_second, record.version) = (Some(2), 2);
    gateway.change(&record).await;
    let ask = async |gateway: &Gateway, senders: &[&'static str]| {
        let message = |sender: &&'static str| Wanted {
            parts: 1,
            sender: Some(*sender),
        };
        let want = Want {
            gateway: gateway.id(),
            lane: Lane::Low,
            messages: senders.iter().map(message).collect(),
        };
        permit(&gateway.setup.state, &want).await.unwrap()
    };

    // A second's worth of One's tokens.
    let first = ask(&gateway, &["One", "One", "Two"]).await;
    gateway.forget();
    let second = ask(&gateway, &["One", "Three"]).await;
    let third = ask(&gateway, &["One"]).await;

    let messages = |permit: Permit| match permit {
        Permit::Granted(grant) => grant.messages,
        other => panic!("{other:?}"),
    };
    assert_eq!(messages(first), [0, 2], "half a second of a sender at most");
    assert_eq!(messages(second), [1]);
    assert!(matches!(third, Permit::Wait(_)), "{third:?}");
}
