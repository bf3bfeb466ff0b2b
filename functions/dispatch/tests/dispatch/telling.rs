//! Accounts are told of caps and of gateway accounts that fail: once each.

use carillon_core::{
    batch::{BatchTerms, RouteEntry},
    event::{Event, QueuedEvents},
    id::{AccountId, GatewayAccountId},
    limits::spend::{Period, SpendCaps},
    reason::Reason,
    routing::{Routing, shift::Deliveries},
    safeguards::{Safeguards, Spending},
};
use carillon_store::{
    audit::{Actor, Audit},
    batches::Activity,
    deliveries::Traffic,
    spending::Purse,
};
use carillon_testkit::{build, stack};
use jiff::{Timestamp, tz::TimeZone};

use crate::setup::{Setup, at};

impl Setup {
    /// A second of a new dispatcher, and the types of what it told.
    async fn told(&self, second: i64) -> Vec<Event> {
        self.dispatcher().tick(at(second)).await.unwrap();
        let mut events = Vec::new();
        for body in stack::taken(&self.sqs, self.urls.hooks.as_ref().unwrap()).await {
            let queued: QueuedEvents = serde_json::from_str(&body).unwrap();
            events.extend(queued.events);
        }
        events.retain(|event| !event.kind.starts_with("campaign."));
        events
    }

    /// Fifty cents a day.
    async fn capped(&self, account: AccountId) -> Purse {
        let caps = SpendCaps {
            day: Some(500_000),
            ..SpendCaps::default()
        };
        let safeguards = Safeguards {
            spend: Spending {
                account: caps,
                ..Spending::default()
            },
            version: 1,
            ..Safeguards::of(account)
        };
        let audit = Audit {
            id: build::id(),
            at: at(0),
            account,
            actor: Actor::Operator,
            action: "test".to_owned(),
            target: "test".to_owned(),
        };
        let changed = self.state.safeguards.change(&safeguards, &audit).await;
        changed.unwrap().unwrap();
        Purse {
            account,
            country: None,
            caps,
            clock: TimeZone::UTC,
        }
    }

    async fn reserved(&self, purse: &Purse, price: u64) {
        let reserved = self.state.spending.reserve(purse, price, at(0)).await;
        reserved.unwrap().unwrap();
    }

    async fn opened(&self, gateway: GatewayAccountId, reason: Reason, now: Timestamp) {
        let rate = &self.state.rate;
        let known = rate.look(gateway).await.unwrap();
        let open = known.breaker.opened(reason, now);
        let opened = rate.turn(gateway, &known, &open, None).await.unwrap();
        opened.unwrap();
    }
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

#[tokio::test]
async fn a_cap_that_is_near_and_one_that_is_reached_are_told_once_each() {
    let setup = Setup::new().await;
    let account = build::id();
    let terms = BatchTerms {
        account,
        test: false,
        ..build::terms(at(0))
    };
    setup.make(terms, 1, Activity::Active).await;
    let purse = setup.capped(account).await;
    setup.reserved(&purse, 300_000).await;

    let early = setup.told(1).await;
    setup.reserved(&purse, 110_000).await;
    let same_minute = setup.told(2).await;
    let near = setup.told(62).await;
    let again = setup.told(123).await;
    let noted = setup
        .state
        .spending
        .note_refusal(&purse, Period::Day, at(124))
        .await;
    noted.unwrap();
    let reached = setup.told(184).await;
    let last = setup.told(245).await;

    assert_eq!(kinds(&early), Vec::<&str>::new());
    assert_eq!(kinds(&same_minute), Vec::<&str>::new());
    assert_eq!(kinds(&near), ["account.cap_near"]);
    assert_eq!(near[0].account, account);
    assert_eq!(kinds(&again), Vec::<&str>::new());
    assert_eq!(kinds(&reached), ["account.cap_reached"]);
    assert_eq!(kinds(&last), Vec::<&str>::new());
}

#[tokio::test]
async fn a_gateway_account_that_fails_is_told_once_in_an_outage() {
    let setup = Setup::new().await;
    let (account, gateway): (AccountId, GatewayAccountId) = (build::id(), build::id());
    let route = RouteEntry {
        gateway,
        parts_per_second: Some(100),
        deduplicates_for: None,
        settles_after: None,
    };
    let terms = BatchTerms {
        account,
        test: false,
        routes: vec![route],
        routing: Routing::in_order([None]),
        ..build::terms(at(0))
    };
    setup.make(terms, 1, Activity::Active).await;

    setup.opened(gateway, Reason::Unavailable, at(0)).await;
    let hiccup = setup.told(1).await;
    setup.opened(gateway, Reason::Unavailable, at(11)).await;
    let lasts = setup.told(62).await;
    setup.opened(gateway, Reason::Unavailable, at(70)).await;
    let still = setup.told(123).await;
    let later = setup.told(3_700).await;
    setup.opened(gateway, Reason::Unavailable, at(3_701)).await;
    let much_later = setup.told(7_400).await;

    assert_eq!(kinds(&hiccup), Vec::<&str>::new());
    assert_eq!(kinds(&lasts), ["gateway.failing"]);
    assert_eq!(lasts[0].account, account);
    assert_eq!(kinds(&still), Vec::<&str>::new());
    assert_eq!(kinds(&later), Vec::<&str>::new(), "it never was well");
    assert_eq!(kinds(&much_later), ["gateway.failing"], "after an hour");
}

#[tokio::test]
async fn an_account_that_has_no_campaign_is_told_too() {
    let setup = Setup::new().await;
    let account = build::id();
    let purse = setup.capped(account).await;
    setup.reserved(&purse, 450_000).await;
    let traffic = Traffic {
        account,
        country: carillon_core::phone::Country::parse("GB").unwrap(),
        gateway: build::id(),
    };
    let counts = Deliveries {
        delivered: 1,
        failed: 0,
    };
    let added = setup.state.deliveries.add(traffic, counts, at(0)).await;
    added.unwrap();

    let told = setup.told(1).await;

    assert_eq!(kinds(&told), ["account.cap_near"]);
}
