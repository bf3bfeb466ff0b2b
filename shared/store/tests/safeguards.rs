//! What an account lets leave, against the local stack: its rules, its money, and how fast passwords go.

use carillon_core::{
    id::AccountId,
    limits::{
        destinations::Destinations,
        spend::{Period, SpendCaps, SpendRefused},
        velocity::{Pause, VelocityLimit},
    },
    phone::Country,
    safeguards::Safeguards,
};
use carillon_store::{
    audit::{Actor, Audit},
    records::Stale,
    safeguards::SafeguardStore,
    spending::{Purse, Spending},
    velocity::Velocity,
};
use carillon_testkit::{build, stack};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

async fn table() -> (aws_sdk_dynamodb::Client, String) {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    (dynamodb, table)
}

/// Ten past two in the afternoon.
fn now() -> Timestamp {
    "2026-11-28T14:10:00Z".parse().expect("a time")
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account,
        actor: Actor::Operator,
        action: "safeguards.change".to_owned(),
        target: account.to_string(),
    }
}

fn purse(account: AccountId, caps: SpendCaps) -> Purse {
    Purse {
        account,
        country: None,
        caps,
        clock: TimeZone::UTC,
    }
}

#[tokio::test]
async fn of_two_changes_of_safeguards_one_is_stale() {
    let (client, table) = table().await;
    let store = SafeguardStore::new(client, table);
    let account = build::id();
    let before = store.find(account).await.unwrap();
    let allowed = |code: &str| Safeguards {
        destinations: Destinations::only(Country::parse(code)),
        version: before.version + 1,
        ..before.clone()
    };

    let first = store.change(&allowed("GB"), &audit(account)).await.unwrap();
    let second = store.change(&allowed("FR"), &audit(account)).await.unwrap();

    assert_eq!(before, Safeguards::of(account));
    assert_eq!((first, second), (Ok(()), Err(Stale)));
    assert_eq!(store.find(account).await.unwrap(), allowed("GB"));
}

#[tokio::test]
async fn a_thousand_sends_at_once_stay_below_the_cap() {
    let (client, table) = table().await;
    let spending = Spending::new(client, table);
    let account = build::id();
    let caps = SpendCaps {
        day: Some(250_007),
        ..SpendCaps::default()
    };
    let purse = purse(account, caps);
    let reserve = async |_| {
        let mut tries = 0;
        loop {
            match spending.reserve(&purse, 1_000, now()).await {
                Ok(reserved) => return reserved.is_ok(),
                // Too many at once: a worker's pointer would come again.
                Err(_) if tries < 50 => tries += 1,
                Err(error) => panic!("{error}"),
            }
        }
    };

    let mut reserved = 0;
    for _ in 0..20 {
        let round = join_all((0..50).map(reserve)).await;
        reserved += round.into_iter().filter(|reserved| *reserved).count();
    }

    let spent = spending.look(account, None).await.unwrap();
    assert_eq!(reserved, 250);
    assert_eq!(spent.of(Period::Day).unwrap().amount, 250_000);
}

#[tokio::test]
async fn a_cap_is_of_its_hour_and_says_until_when() {
    let (client, table) = table().await;
    let spending = Spending::new(client, table);
    let account = build::id();
    let caps = SpendCaps {
        hour: Some(100),
        month: Some(130),
        ..SpendCaps::default()
    };
    let purse = purse(account, caps);
    let at = |minutes: i64| now() + SignedDuration::from_mins(minutes);
    let three: SpendRefused = SpendRefused::CapReached {
        period: Period::Hour,
        until: "2026-11-28T15:00:00Z".parse().unwrap(),
    };
    let december: SpendRefused = SpendRefused::CapReached {
        period: Period::Month,
        until: "2026-12-01T00:00:00Z".parse().unwrap(),
    };

    let mut found = Vec::new();
    for (minutes, price) in [(0, 60), (1, 40), (2, 1), (50, 30), (51, 1), (52, 500)] {
        found.push(spending.reserve(&purse, price, at(minutes)).await.unwrap());
    }

    let over = |refused| Err(refused);
    assert_eq!(found[..4], [Ok(()), Ok(()), over(three), Ok(())]);
    assert_eq!(found[4], over(december));
    assert!(found[5].is_err(), "more than any cap");
}

#[tokio::test]
async fn a_password_too_many_is_refused_and_a_block_is_left_alone() {
    let (client, table) = table().await;
    let velocity = Velocity::new(client, table);
    let (account, stranger) = (build::id(), build::id());
    let limits = [VelocityLimit {
        messages: 2,
        minutes: 10,
    }];
    let count = async |account, hash: &str, pause, minutes: i64| {
        let at = now() + SignedDuration::from_mins(minutes);
        velocity
            .count(account, hash, &limits, pause, at)
            .await
            .unwrap()
            .is_ok()
    };

    let mut number = Vec::new();
    for minutes in [0, 1, 2, 25] {
        number.push(count(account, "number", Pause::Room, minutes).await);
    }
    let mut block = Vec::new();
    for minutes in [0, 1, 2, 25, 40] {
        block.push(count(account, "block", Pause::Longer, minutes).await);
    }
    let elsewhere = count(stranger, "number", Pause::Room, 2).await;

    assert_eq!(number, [true, true, false, true]);
    assert_eq!(block, [true, true, false, false, true], "half an hour");
    assert!(elsewhere, "of another account");
}
