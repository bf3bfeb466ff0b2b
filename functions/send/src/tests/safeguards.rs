//! What an account lets leave, at the moment of sending, by a clock of the test's own.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use carillon_core::{
    batch::{BatchTerms, DoubtPolicy, Lane, QuietHours},
    chunk::{Chunk, ChunkState, Pointer, slot::SlotOutcome},
    frame::Recipient,
    hours::hours_key,
    limits::{destinations::Destinations, spend::SpendCaps},
    phone::{Country, Phone},
    reason::Reason,
    rules::Class,
    safeguards::Safeguards,
};
use carillon_testkit::build;
use jiff::{SignedDuration, Timestamp};

use super::{
    Setup,
    gateway::{Ability, FakeGateway, Says, routing},
};
use crate::worker::work;

/// Seconds since 1970.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub fn set(&self, time: &str) {
        self.go_to(time.parse().unwrap());
    }

    pub fn go_to(&self, time: Timestamp) {
        self.0.store(time.as_second(), Ordering::Relaxed);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A live batch of one chunk, by one gateway.
struct Case {
    setup: Setup,
    gateway: FakeGateway,
    clock: TestClock,
    pointer: Pointer,
    account: carillon_core::id::AccountId,
}

impl Case {
    async fn of(numbers: &[u64], now: &str, change: impl FnOnce(&mut BatchTerms)) -> Self {
        let (mut setup, gateway) = (
            Setup::new().await,
            FakeGateway::new(&[Says::Accepted; 80], Says::Nothing),
        );
        let clock = TestClock::default();
        clock.set(now);
        let read = clock.clone();
        setup.state.clock = Box::new(move || read.now());
        let mut terms = BatchTerms {
            test: false,
            policy: DoubtPolicy::AtMostOnce,
            routing: routing(1),
            ..build::terms(clock.now())
        };
        // A number may be the sender everywhere.
        terms.routing.senders[0].originator = "+447700900000".parse().unwrap();
        change(&mut terms);
        let route = setup
            .route(terms.account, gateway.url(), Ability::Nothing)
            .await;
        terms.routes.push(route);
        let (pointer, account) = (
            Pointer {
                batch: terms.id,
                chunk: 0,
            },
            terms.account,
        );
        let recipient = |digits: &u64| {
            let number = Phone::from_digits(*digits).unwrap();
            let hours = hours_key(number, number.country(), None);
            Recipient::new(number, [].into(), None).located(hours)
        };
        let recipients = numbers.iter().map(recipient).collect();
        setup.batch_of(terms, recipients).await;
        Self {
            setup,
            gateway,
            clock,
            pointer,
            account,
        }
    }

    async fn allow(&self, change: impl FnOnce(&mut Safeguards)) {
        self.setup.allow(self.account, change).await;
    }

    /// An invocation at a time; the chunk afterwards.
    async fn at(&self, now: &str) -> Chunk {
        self.clock.set(now);
        let deadline = self.clock.now() + SignedDuration::from_secs(60);
        work(&self.setup.state, self.pointer, deadline)
            .await
            .unwrap();
        self.setup.chunk(self.pointer).await
    }
}

const LONDON: u64 = 447_700_900_001;
const NEW_YORK: u64 = 12_122_345_678;
const LOS_ANGELES: u64 = 13_102_345_678;
const KATHMANDU: u64 = 9_779_841_234_567;

fn marketing(terms: &mut BatchTerms) {
    terms.class = Class::Marketing;
}

fn sent(chunk: &Chunk) -> Vec<bool> {
    let slots = chunk.slots.iter();
    slots
        .map(|slot| slot.outcome == SlotOutcome::Accepted)
        .collect()
}

#[tokio::test]
async fn each_is_sent_to_when_its_hours_begin() {
    let numbers = [LONDON, NEW_YORK, LOS_ANGELES];
    // A Wednesday; the clocks of all three are on winter time.
    let case = Case::of(&numbers, "2026-12-02T06:30:00Z", marketing).await;
    case.allow(|_| {}).await;

    let night = case.at("2026-12-02T06:30:00Z").await;
    let too_early = case.at("2026-12-02T07:59:00Z").await;
    let london = case.at("2026-12-02T08:00:00Z").await;
    let new_york = case.at("2026-12-02T14:00:00Z").await;
    let los_angeles = case.at("2026-12-02T17:00:00Z").await;

    let at = |time: &str| Some(time.parse::<Timestamp>().unwrap());
    assert_eq!(sent(&night), [false, false, false]);
    assert_eq!(night.slots[0].reason, Some(Reason::QuietHours));
    assert_eq!(
        (night.state, night.wake),
        (ChunkState::Parked, at("2026-12-02T08:00:00Z"))
    );
    assert_eq!(sent(&too_early), [false, false, false]);
    assert_eq!(sent(&london), [true, false, false]);
    assert_eq!(london.wake, at("2026-12-02T14:00:00Z"));
    assert_eq!(sent(&new_york), [true, true, false]);
    assert_eq!(new_york.wake, at("2026-12-02T17:00:00Z"));
    assert_eq!(sent(&los_angeles), [true, true, true]);
    assert_eq!(los_angeles.state, ChunkState::Done);
    assert_eq!(case.gateway.ids().len(), 3);
}

#[tokio::test]
async fn hours_that_come_too_late_or_are_not_waited_for_end_it() {
    let night = "2026-12-02T22:00:00Z";
    let short = |terms: &mut BatchTerms| {
        marketing(terms);
        terms.expires_at = terms.began + SignedDuration::from_hours(3);
    };
    let skips = |terms: &mut BatchTerms| {
        marketing(terms);
        terms.quiet_hours = QuietHours::Skip;
    };
    let too_late = Case::of(&[LONDON], night, short).await;
    let skipped = Case::of(&[LONDON], night, skips).await;
    for case in [&too_late, &skipped] {
        case.allow(|_| {}).await;
    }

    let waits = too_late.at(night).await;
    let over = too_late.at("2026-12-03T01:00:00Z").await;
    let at_once = skipped.at(night).await;

    let expired = (SlotOutcome::Expired, Some(Reason::QuietExpired));
    assert_eq!(waits.slots[0].outcome, SlotOutcome::Waiting);
    for chunk in [over, at_once] {
        assert_eq!((chunk.slots[0].outcome, chunk.slots[0].reason), expired);
        assert_eq!(chunk.state, ChunkState::Done);
    }
    assert_eq!(
        too_late.gateway.ids().len() + skipped.gateway.ids().len(),
        0
    );
}

#[tokio::test]
async fn a_time_by_their_own_clock_is_kept_by_what_is_no_marketing_too() {
    let local = |terms: &mut BatchTerms| terms.local = Some("2026-12-02T06:00".parse().unwrap());
    let numbers = [LONDON, NEW_YORK];
    let case = Case::of(&numbers, "2026-12-01T16:00:00Z", local).await;
    case.allow(|_| {}).await;

    let first = case.at("2026-12-01T16:00:00Z").await;
    let london = case.at("2026-12-02T06:00:00Z").await;
    let new_york = case.at("2026-12-02T11:00:00Z").await;

    let at = |time: &str| Some(time.parse::<Timestamp>().unwrap());
    assert_eq!(sent(&first), [false, false]);
    assert_eq!(first.slots[0].reason, Some(Reason::LocalTime));
    assert_eq!(first.wake, at("2026-12-02T06:00:00Z"));
    assert_eq!(
        (sent(&london), london.wake),
        (vec![true, false], at("2026-12-02T11:00:00Z"))
    );
    assert_eq!(sent(&new_york), [true, true]);
}

#[tokio::test]
async fn half_an_hour_is_kept_too() {
    // Nepal is 5:45 ahead.
    let case = Case::of(&[KATHMANDU], "2026-12-02T00:00:00Z", marketing).await;
    case.allow(|_| {}).await;

    let night = case.at("2026-12-02T00:00:00Z").await;
    let opens = night.wake.unwrap();
    let before = case
        .at(&(opens - SignedDuration::from_mins(1)).to_string())
        .await;
    let open = case.at(&opens.to_string()).await;

    assert_eq!(opens.as_second() % 3_600, 900, "at a quarter past");
    assert_eq!((sent(&before), sent(&open)), (vec![false], vec![true]));
}

type Changing<'a> = (&'a str, &'a dyn Fn(&mut Safeguards), Reason);

#[tokio::test]
async fn a_switch_and_a_country_act_within_seconds() {
    let noon = "2026-12-02T12:00:00Z";
    let stop_all = |it: &mut Safeguards| it.switches.account = true;
    let stop_sender =
        |it: &mut Safeguards| it.switches.senders = ["+447700900000".to_owned()].into();
    let only_france = |it: &mut Safeguards| {
        it.destinations = Destinations::only(Country::parse("FR"));
    };
    let changes: [Changing; 3] = [
        ("all", &stop_all, Reason::KillSwitch),
        ("its sender", &stop_sender, Reason::KillSwitch),
        ("its country", &only_france, Reason::GeoBlocked),
    ];
    for (name, change, reason) in changes {
        let case = Case::of(&[LONDON], noon, |_| {}).await;
        // Known as everything being allowed, until two seconds are over.
        case.allow(|_| {}).await;
        let known = case
            .setup
            .state
            .safeguards
            .look(case.account, case.clock.now());
        known.await.unwrap();
        case.allow(change).await;

        let chunk = case.at("2026-12-02T12:00:02Z").await;

        let end = (chunk.slots[0].outcome, chunk.slots[0].reason);
        assert_eq!(end, (SlotOutcome::Suppressed, Some(reason)), "{name}");
        assert_eq!(case.gateway.ids().len(), 0, "{name}");
    }
}

#[tokio::test]
async fn what_there_is_no_money_for_waits_until_the_period_ends() {
    let noon = "2026-12-02T12:00:00Z";
    let numbers: Vec<u64> = (LONDON..LONDON + 30).collect();
    let priced = |terms: &mut BatchTerms| {
        // A window is 25 messages of one part.
        terms.routing.rules[0].exits[0].cost = Some(10);
    };
    let case = Case::of(&numbers, noon, priced).await;
    case.allow(|it| {
        it.spend.account = SpendCaps {
            hour: Some(260),
            ..SpendCaps::default()
        };
    })
    .await;
    let unpriced = Case::of(&[LONDON], noon, |_| {}).await;
    unpriced
        .allow(|it| {
            it.spend.countries = [(
                Country::parse("GB").unwrap(),
                SpendCaps {
                    day: Some(1_000),
                    ..SpendCaps::default()
                },
            )]
            .into();
        })
        .await;

    let first = case.at(noon).await;
    let next_hour = case.at("2026-12-02T13:00:00Z").await;
    let without_price = unpriced.at(noon).await;

    let at = |time: &str| Some(time.parse::<Timestamp>().unwrap());
    let count = |chunk: &Chunk| sent(chunk).iter().filter(|sent| **sent).count();
    assert_eq!(
        (count(&first), first.wake),
        (26, at("2026-12-02T13:00:00Z"))
    );
    assert_eq!(first.slots[29].reason, Some(Reason::Budget));
    assert_eq!((count(&next_hour), next_hour.state), (30, ChunkState::Done));
    assert_eq!(without_price.slots[0].reason, Some(Reason::Budget));
    assert_eq!(without_price.wake, at("2026-12-02T12:01:00Z"));
    assert_eq!(unpriced.gateway.ids().len(), 0);
}

#[tokio::test]
async fn passwords_to_one_number_or_to_numbers_in_a_row_come_to_an_end() {
    let noon = "2026-12-02T12:00:00Z";
    let password = |terms: &mut BatchTerms| terms.lane = Lane::High;
    let first = Case::of(&[LONDON], noon, password).await;
    first.allow(|_| {}).await;
    let again = async |number: u64| {
        let terms = first
            .setup
            .batches
            .find(first.pointer.batch)
            .await
            .unwrap()
            .unwrap()
            .terms;
        let terms = BatchTerms {
            id: build::id(),
            ..terms
        };
        let pointer = Pointer {
            batch: terms.id,
            chunk: 0,
        };
        let number = Phone::from_digits(number).unwrap();
        let recipient = Recipient::new(number, [].into(), None).in_country(number.country());
        first.setup.batch_of(terms, vec![recipient]).await;
        let deadline = first.clock.now() + SignedDuration::from_secs(60);
        work(&first.setup.state, pointer, deadline).await.unwrap();
        let slot = first.setup.chunk(pointer).await.slots[0];
        (slot.outcome, slot.reason)
    };

    let mut same = Vec::new();
    for _ in 0..6 {
        same.push(again(LONDON).await);
    }
    let mut row = Vec::new();
    for number in 0..50 {
        row.push(again(LONDON + 100 + number).await);
    }
    let elsewhere = again(LONDON + 1_000).await;

    let ok = (SlotOutcome::Accepted, None);
    assert_eq!(same[..5], [ok; 5]);
    assert_eq!(same[5], (SlotOutcome::Suppressed, Some(Reason::Flood)));
    assert_eq!(row[0], ok);
    assert_eq!(
        row[49],
        (SlotOutcome::Suppressed, Some(Reason::FraudSuspected))
    );
    assert_eq!(elsewhere, ok, "another block");
}
