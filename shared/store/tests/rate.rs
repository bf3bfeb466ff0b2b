//! The rate item of a gateway account: what each condition keeps, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use carillon_core::{
    batch::Lane,
    breaker::{Breaker, Phase},
    id::{AccountId, GatewayAccountId},
    rate::{Ask, Decision, Due, Limits, Moves, Pace, RateState, Slowed, Slowing},
    reason::Reason,
};
use carillon_store::{
    audit::{Actor, Audit},
    credentials::Sealed,
    gateway_accounts::{GatewayAccounts, GatewayRecord, Stale as StaleRecord},
    rate::{History, Rate, Stale},
};
use carillon_testkit::{build, stack};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// Milliseconds after a time.
fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000 + milliseconds).unwrap()
}

struct Setup {
    rate: Rate,
    gateways: GatewayAccounts,
    record: GatewayRecord,
}

impl Setup {
    /// A gateway account of 40 parts a second: 39, so that a second never holds 41.
    async fn new(sender_parts_per_second: Option<u32>) -> Self {
        let dynamodb = stack::aws().await.dynamodb();
        let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
        let gateways = GatewayAccounts::new(dynamodb.clone(), &table);
        let record = GatewayRecord {
            id: build::id(),
            account: build::id(),
            kind: "generic".to_owned(),
            name: "A gateway".to_owned(),
            config: json!({}),
            token: "token".to_owned(),
            parts_per_second: Some(40),
            sender_parts_per_second,
            cost_per_part: None,
            enabled: true,
            created: at(0),
            version: 1,
        };
        let (sealed, audit) = (sealed(), audit(record.account));
        let created = gateways.create(&record, &sealed, &audit);
        created.await.unwrap();
        let rate = Rate::new(dynamodb, table);
        Self {
            rate,
            gateways,
            record,
        }
    }

    fn id(&self) -> GatewayAccountId {
        self.record.id
    }

    async fn look(&self) -> RateState {
        self.rate.look(self.id()).await.unwrap()
    }

    async fn take(&self, known: &RateState, ask: &Ask<'_>) -> Result<RateState, Stale> {
        let moves = moves(known, ask);
        let taken = self.rate.take(self.id(), known, &moves).await;
        taken.unwrap()
    }

    async fn turn(&self, known: &RateState, breaker: &Breaker) -> Result<RateState, Stale> {
        let turned = self.rate.turn(self.id(), known, breaker, None).await;
        turned.unwrap()
    }

    /// Tokens as a worker gets them that believes `known`, however often it must ask.
    async fn first(&self, mut known: RateState, ask: Ask<'_>) -> Timestamp {
        loop {
            let moves = moves(&known, &ask);
            match self.take(&known, &ask).await {
                Ok(after) => match moves.schedule(&after).turns().next(ask.parts, sender(&ask)) {
                    Due::At(first) => return first,
                    Due::AtOnce => panic!("there is a limit"),
                },
                Err(Stale(there)) => known = *there,
            }
        }
    }

    async fn change(&self, record: &GatewayRecord, history: History) -> Result<(), StaleRecord> {
        let (sealed, audit) = (sealed(), audit(record.account));
        let changed = self.gateways.change(record, &sealed, history, &audit);
        changed.await.unwrap()
    }
}

fn sealed() -> Sealed {
    Sealed {
        data_key: vec![1],
        content: vec![2],
    }
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: at(0),
        account,
        actor: Actor::Operator,
        action: "gateway.change".to_owned(),
        target: "a gateway".to_owned(),
    }
}

fn sender<'a>(ask: &Ask<'a>) -> Option<&'a str> {
    ask.senders.first().map(|(name, _)| *name)
}

fn ask(parts: u32, lane: Lane) -> Ask<'static> {
    Ask {
        parts,
        lane,
        senders: Vec::new(),
        now: at(0),
        ready: at(0),
    }
}

fn moves(known: &RateState, ask: &Ask<'_>) -> Moves {
    match known.decide(ask) {
        Decision::Take(moves) => moves,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_new_gateway_account_has_its_limits_and_an_unknown_one_has_none() {
    let setup = Setup::new(Some(10)).await;

    let state = setup.look().await;
    let unknown = setup.rate.look(build::id()).await.unwrap();

    let limits = Limits {
        parts_per_second: Some(40),
        sender_parts_per_second: Some(10),
    };
    assert_eq!((state.limits, state.version, state.record), (limits, 1, 1));
    assert_eq!(unknown, RateState::default());
}

#[tokio::test]
async fn no_token_is_handed_out_twice_however_many_ask_at_once() {
    let setup = Setup::new(None).await;
    let known = setup.look().await;

    let asking = (0..10).map(|_| setup.first(known.clone(), ask(1, Lane::High)));
    let mut firsts = join_all(asking).await;

    firsts.sort();
    // One of them jumped the queue; behind the others, each token follows the one before.
    let part = Pace::of_thousandths(39_000).time_of(1);
    let distinct: std::collections::BTreeSet<_> = firsts.iter().collect();
    assert!(distinct.len() >= 9, "{firsts:?}");
    let last = at(0) + part * 9;
    assert_eq!(firsts.last(), Some(&last), "{firsts:?}");
}

#[tokio::test]
async fn what_was_not_used_is_not_saved_up() {
    let setup = Setup::new(None).await;
    let known = setup.look().await;
    let after = setup.take(&known, &ask(4, Lane::Low)).await.unwrap();
    let later = Ask {
        now: at(60_000),
        ready: at(60_000),
        ..ask(1, Lane::Low)
    };

    let first = setup.first(after, later).await;

    assert_eq!(first, at(60_000));
}

#[tokio::test]
async fn who_thinks_that_it_is_idle_learns_that_it_is_not() {
    let setup = Setup::new(None).await;
    let idle = setup.look().await;
    let after = setup.take(&idle, &ask(4, Lane::Low)).await.unwrap();

    let again = setup.take(&idle, &ask(4, Lane::Low)).await;

    assert_eq!(again, Err(Stale(after.into())));
}

#[tokio::test]
async fn who_thinks_that_it_is_busy_learns_that_it_is_idle() {
    let setup = Setup::new(None).await;
    let idle = setup.look().await;
    let busy = RateState {
        taken: at(100),
        ..idle.clone()
    };

    let taken = setup.take(&busy, &ask(4, Lane::Low)).await;

    assert_eq!(taken, Err(Stale(idle.into())));
}

#[tokio::test]
async fn nobody_takes_tokens_further_ahead_than_its_lane_may() {
    let setup = Setup::new(None).await;
    let idle = setup.look().await;
    let after = setup.take(&idle, &ask(19, Lane::Low)).await.unwrap();
    // Somebody whose knowledge is old believes that there is room.
    let believed = RateState {
        taken: at(200),
        ..after.clone()
    };

    let campaign = setup.take(&believed, &ask(1, Lane::Low)).await;
    let password = setup.first(after.clone(), ask(4, Lane::High)).await;

    assert_eq!(campaign, Err(Stale(after.clone().into())));
    assert_eq!(password, after.taken);
}

#[tokio::test]
async fn a_one_time_password_overtakes_once_in_its_share() {
    let setup = Setup::new(None).await;
    let idle = setup.look().await;
    let busy = setup.take(&idle, &ask(19, Lane::Low)).await.unwrap();

    let first = setup.first(busy.clone(), ask(1, Lane::High)).await;
    let second = setup.first(busy.clone(), ask(1, Lane::High)).await;

    let part = Pace::of_thousandths(39_000).time_of(1);
    assert_eq!(first, at(0), "at once");
    assert_eq!(second, busy.taken + part, "behind what is taken");
}

#[tokio::test]
async fn a_senders_tokens_are_its_own() {
    let setup = Setup::new(Some(10)).await;
    let idle = setup.look().await;
    let by = |sender| Ask {
        senders: vec![(sender, 2)],
        ..ask(2, Lane::High)
    };
    let after = setup.take(&idle, &by("ACME")).await.unwrap();

    // Somebody whose knowledge is old believes that there is room.
    let believed = RateState {
        senders: [("ACME".to_owned(), at(50))].into(),
        ..after.clone()
    };

    let other = setup.first(after.clone(), by("+447700900000")).await;
    let too_far = setup.take(&believed, &by("ACME")).await;
    let as_if_idle = setup.take(&idle, &by("ACME")).await;

    let two = Pace::of_thousandths(9_750).time_of(2);
    assert_eq!(after.senders["ACME"], at(0) + two);
    assert!(other < at(100), "it waits for the account only");
    assert!(too_far.is_err() && as_if_idle.is_err());
    assert_eq!(setup.look().await.senders["ACME"], at(0) + two);
}

#[tokio::test]
async fn senders_are_forgotten_unless_they_are_used_again() {
    let setup = Setup::new(Some(10)).await;
    let idle = setup.look().await;
    let by = |now| Ask {
        senders: vec![("ACME", 1)],
        now,
        ready: now,
        ..ask(1, Lane::Low)
    };
    let old = setup.take(&idle, &by(at(0))).await.unwrap();
    let used = setup.take(&old, &by(at(60_000))).await.unwrap();
    let forget = async |known: &RateState, now| {
        let forgotten = setup.rate.forget_senders(setup.id(), known, now).await;
        forgotten.unwrap().map(|state| state.senders.len())
    };

    let too_late = forget(&old, at(60_000)).await;
    let in_time = forget(&used, at(120_000)).await;

    assert_eq!(too_late, Err(Stale(used.into())));
    assert_eq!(in_time, Ok(0));
}

#[tokio::test]
async fn a_new_limit_is_learned_with_the_next_tokens() {
    let setup = Setup::new(None).await;
    let known = setup.look().await;
    let record = GatewayRecord {
        parts_per_second: Some(80),
        sender_parts_per_second: Some(20),
        version: 2,
        ..setup.record.clone()
    };

    let changed = setup.change(&record, History::Kept).await;
    let late = setup.change(&record, History::Kept).await;
    let Err(Stale(learned)) = setup.take(&known, &ask(1, Lane::Low)).await else {
        panic!("tokens at a rate that is over");
    };

    assert_eq!((changed, late), (Ok(()), Err(StaleRecord)));
    assert_eq!(learned.limits.parts_per_second, Some(80));
    assert_eq!(learned.limits.sender_parts_per_second, Some(20));
    assert_eq!((learned.version, learned.record), (2, 2));
    assert!(setup.take(&learned, &ask(1, Lane::Low)).await.is_ok());
}

#[tokio::test]
async fn an_account_that_is_switched_off_is_closed_and_one_without_limit_has_none() {
    let setup = Setup::new(Some(10)).await;
    let off = GatewayRecord {
        parts_per_second: None,
        sender_parts_per_second: None,
        enabled: false,
        version: 2,
        ..setup.record.clone()
    };
    let on = GatewayRecord {
        enabled: true,
        version: 3,
        ..off.clone()
    };

    setup.change(&off, History::Forgotten).await.unwrap();
    let closed = setup.look().await;
    setup.change(&on, History::Forgotten).await.unwrap();
    let open = setup.look().await;

    assert!(closed.closed_until(at(0)).is_some());
    assert_eq!(open.closed_until(at(0)), None);
    assert_eq!(open.limits, Limits::default());
    assert_eq!(open.pace(at(0)), None);
}

#[tokio::test]
async fn one_of_those_who_are_told_to_slow_down_slows_down_all() {
    let setup = Setup::new(None).await;
    let known = setup.look().await;
    let slowing = known.slowing(None, at(0)).unwrap();
    let slow = async |known| setup.rate.slow(setup.id(), known, &slowing).await.unwrap();

    let slowed = slow(&known).await.unwrap();
    let again = slow(&known).await;

    assert_eq!(slowed.pace(at(0)), Some(Pace::of_thousandths(19_500)));
    assert_eq!(again, Err(Stale(slowed.clone().into())));
    assert_eq!(slowed.slowing(None, at(500)), None);
    assert!(setup.take(&known, &ask(1, Lane::Low)).await.is_err());
}

#[tokio::test]
async fn a_pause_that_a_gateway_asked_for_is_never_shortened() {
    let setup = Setup::new(None).await;
    let until = |seconds: i64| Slowing {
        to: Slowed {
            to: Pace::of(10),
            at: at(0),
        },
        pushed: Some(at(seconds * 1_000)),
    };
    let known = setup.look().await;
    let slow = async |known, seconds| {
        let slowed = setup.rate.slow(setup.id(), known, &until(seconds)).await;
        slowed.unwrap()
    };

    let longer = slow(&known, 30).await.unwrap();
    let shorter = slow(&longer, 5).await;

    assert_eq!(longer.taken, at(30_000));
    assert_eq!(shorter, Err(Stale(longer.clone().into())));
    let decided = longer.decide(&ask(1, Lane::High));
    assert_eq!(decided, Decision::Wait(at(28_500)));
}

#[tokio::test]
async fn one_worker_wins_the_probe_and_all_see_what_came_of_it() {
    let setup = Setup::new(None).await;
    let closed = setup.look().await;
    let open = closed.breaker.opened(Reason::Unavailable, at(0));
    let opened = setup.turn(&closed, &open).await.unwrap();
    let second = setup.turn(&closed, &open).await;

    let probing = opened.breaker.probed(at(10_000));
    let won = setup.turn(&opened, &probing).await.unwrap();
    let lost = setup.turn(&opened, &probing).await;
    let slowly = won.return_slowly(at(11_000));
    let healed = won.breaker.closed(at(11_000));
    let rate = &setup.rate;
    let back = rate.turn(setup.id(), &won, &healed, Some(slowly)).await;

    assert_eq!(second, Err(Stale(opened.clone().into())));
    assert_eq!(opened.breaker, open);
    assert_eq!(opened.closed_until(at(0)), Some(at(10_000)));
    assert_eq!(won.breaker.phase(at(10_001)), Phase::Probed(at(25_000)));
    assert_eq!(lost, Err(Stale(won.into())));
    let back = back.unwrap().unwrap();
    assert_eq!(back, setup.look().await);
    assert_eq!(back.breaker, healed);
    assert_eq!(back.pace(at(11_000)), Some(Pace::of_thousandths(3_900)));
}

#[tokio::test]
async fn an_edit_that_may_repair_an_account_opens_it_and_another_does_not() {
    let setup = Setup::new(None).await;
    let known = setup.look().await;
    let open = known.breaker.opened(Reason::Auth, at(0));
    setup.turn(&known, &open).await.unwrap();
    let renamed = GatewayRecord {
        name: "Another name".to_owned(),
        version: 2,
        ..setup.record.clone()
    };
    let repaired = GatewayRecord {
        version: 3,
        ..renamed.clone()
    };

    setup.change(&renamed, History::Kept).await.unwrap();
    let kept = setup.look().await;
    setup.change(&repaired, History::Forgotten).await.unwrap();
    let forgotten = setup.look().await;

    assert_eq!(kept.breaker, open);
    assert_eq!(forgotten.breaker, Breaker::default());
    assert_eq!(forgotten.closed_until(at(0)), None);
}

#[tokio::test]
async fn an_account_without_an_item_can_be_slowed_and_opened() {
    let setup = Setup::new(None).await;
    let (nobody, none) = (build::id(), RateState::default());
    let slowing = none.slowing(Some(SignedDuration::from_secs(2)), at(0));
    let rate = &setup.rate;

    let slowed = rate.slow(nobody, &none, &slowing.unwrap()).await.unwrap();
    let again = rate.slow(nobody, &none, &slowing.unwrap()).await.unwrap();

    let slowed = slowed.unwrap();
    assert_eq!((slowed.version, slowed.taken), (1, at(2_000)));
    assert_eq!(slowed.pace(at(0)), Some(Pace::of(500)));
    assert_eq!(again, Err(Stale(slowed.into())));
}
