//! Consent records, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use carillon_core::{
    consent::{ConsentRecord, ConsentScope, Method},
    id::{AccountId, EventId},
    keyed_hash::DeploymentKey,
    message_id::MessageId,
    opt_in::Asked,
    phone::Phone,
};
use carillon_store::{
    consents::{Consents, Proved},
    keys,
};
use carillon_testkit::{build, stack};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

struct World {
    dynamodb: Client,
    table: String,
    consents: Consents,
    account: AccountId,
}

fn key() -> DeploymentKey {
    DeploymentKey::from_secret("a secret of a test")
}

async fn world() -> World {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
    World {
        consents: Consents::new(dynamodb.clone(), table.as_str(), key()),
        dynamodb,
        table,
        account: build::id(),
    }
}

fn phone() -> Phone {
    Phone::from_e164("+447700900123").unwrap()
}

fn record(text: &str) -> ConsentRecord {
    let now = Timestamp::from_millisecond(1_790_000_000_000).unwrap();
    ConsentRecord {
        id: build::id(),
        scope: ConsentScope::Marketing,
        method: Method::WebForm,
        given: now,
        recorded: now,
        expires: None,
        source: "https://shop.example".to_owned(),
        text: text.to_owned(),
        language: None,
        evidence: None,
        identity: None,
        ip: None,
        user_agent: None,
        inbound: None,
        redacted: None,
    }
}

fn told(page: &[Proved]) -> Vec<(u32, &str, bool)> {
    let told = page.iter().map(|proved| {
        let sealed = &proved.sealed;
        (sealed.place, sealed.record.text.as_str(), proved.is_intact)
    });
    told.collect()
}

#[tokio::test]
async fn records_are_paged_newest_first_and_each_number_and_account_has_its_own() {
    let World {
        consents, account, ..
    } = world().await;
    for text in ["one", "two", "three"] {
        let record = record(text);
        consents.record(account, phone(), &record).await.unwrap();
    }

    let first = consents.page(account, phone(), None, 2).await.unwrap();
    let second = consents.page(account, phone(), Some(2), 2).await.unwrap();

    assert_eq!(told(&first), [(3, "three", true), (2, "two", true)]);
    assert_eq!(told(&second), [(1, "one", true)]);
    let neighbour = Phone::from_e164("+447700900124").unwrap();
    for (account, number) in [(account, neighbour), (build::id(), phone())] {
        let none = consents.page(account, number, None, 2).await.unwrap();
        assert_eq!(none, []);
    }
}

#[tokio::test]
async fn a_record_that_comes_again_is_there_once() {
    let World {
        consents, account, ..
    } = world().await;
    let (one, two) = (record("one"), record("two"));

    let first = consents.record(account, phone(), &one).await.unwrap();
    consents.record(account, phone(), &two).await.unwrap();
    let again = consents.record(account, phone(), &one).await.unwrap();

    assert_eq!(again, first);
    let page = consents.page(account, phone(), None, 9).await.unwrap();
    assert_eq!(told(&page), [(2, "two", true), (1, "one", true)]);
}

#[tokio::test]
async fn records_at_once_follow_each_other() {
    let World {
        consents, account, ..
    } = world().await;
    let records = ["a", "b", "c", "d"].map(record);

    let at_once = records
        .iter()
        .map(|record| consents.record(account, phone(), record));
    try_join_all(at_once).await.unwrap();

    let page = consents.page(account, phone(), None, 9).await.unwrap();
    let places: Vec<u32> = page.iter().map(|proved| proved.sealed.place).collect();
    assert_eq!(places, [4, 3, 2, 1]);
    assert!(page.iter().all(|proved| proved.is_intact));
}

#[tokio::test]
async fn what_somebody_altered_in_the_table_or_took_out_of_it_is_told() {
    let World {
        dynamodb,
        table,
        consents,
        account,
    } = world().await;
    for text in ["one", "two", "three", "four"] {
        let record = record(text);
        consents.record(account, phone(), &record).await.unwrap();
    }
    let hash = key().number(account, phone());
    let at = |place| keys::consent(account, &hash, place).item();
    let forged = serde_json::to_string(&record("forged")).unwrap();
    let forge = dynamodb.update_item().table_name(&table);
    let forge = forge
        .set_key(Some(at(4)))
        .update_expression("SET doc = :forged");
    let forge = forge.expression_attribute_values(":forged", AttributeValue::S(forged));
    forge.send().await.unwrap();
    let take = dynamodb.delete_item().table_name(&table);
    take.set_key(Some(at(2))).send().await.unwrap();

    let page = consents.page(account, phone(), None, 9).await.unwrap();

    let expected = [(4, "forged", false), (3, "three", false), (1, "one", true)];
    assert_eq!(told(&page), expected);
}

fn question() -> Asked {
    let at = Timestamp::from_millisecond(1_790_000_000_000).unwrap();
    let message = MessageId {
        batch: build::id(),
        chunk: 0,
        slot: 0,
    };
    Asked {
        message,
        scope: ConsentScope::Marketing,
        text: "Reply YES".to_owned(),
        at,
        expires: at + SignedDuration::from_hours(1),
        answered: None,
    }
}

#[tokio::test]
async fn an_answer_stays_with_its_question() {
    let World {
        consents, account, ..
    } = world().await;
    let (first, second) = (question(), question());
    let agreed = ConsentRecord {
        inbound: Some(EventId::of_text("a message")),
        ..record("Reply YES")
    };

    consents.ask(account, phone(), &first).await.unwrap();
    for _ in 0..2 {
        let agreed = consents.agree(account, phone(), &first, &agreed).await;
        agreed.unwrap();
    }
    consents.ask(account, phone(), &first).await.unwrap();
    let after_first = consents.asked(account, phone()).await.unwrap();
    consents.ask(account, phone(), &second).await.unwrap();
    let late = consents.agree(account, phone(), &first, &agreed).await;
    late.unwrap();

    assert_eq!(after_first.unwrap().answered, agreed.inbound);
    let stands = consents.asked(account, phone()).await.unwrap();
    assert_eq!(stands, Some(second));
    let page = consents.page(account, phone(), None, 9).await.unwrap();
    assert_eq!(told(&page), [(1, "Reply YES", true)]);
}

#[tokio::test]
async fn an_agreement_holds_as_long_as_the_longest_of_its_records_and_for_marketing_only() {
    let World {
        consents, account, ..
    } = world().await;
    let now = Timestamp::from_millisecond(1_790_000_000_000).unwrap();
    let hours = SignedDuration::from_hours;
    let number = |last: u64| Phone::from_digits(447_700_900_200 + last).unwrap();
    let hash = |last| key().number(account, number(last));
    let until = |hours_| ConsentRecord {
        expires: Some(now + hours(hours_)),
        ..record("a form")
    };
    let transactional = ConsentRecord {
        scope: ConsentScope::Transactional,
        ..record("a form")
    };
    for (last, records) in [
        (0, vec![record("for ever"), until(1)]),
        (1, vec![until(5), until(1)]),
        (2, vec![until(1), until(5)]),
        (3, vec![until(1), record("for ever")]),
        (4, vec![transactional]),
    ] {
        for record in records {
            consents
                .record(account, number(last), &record)
                .await
                .unwrap();
        }
    }

    let at = async |time: Timestamp| {
        let hashes = (0..6).map(hash).collect();
        let agreed = consents.agreed(account, hashes, time).await.unwrap();
        (0..6)
            .filter(|last| agreed.contains(&hash(*last)))
            .collect::<Vec<_>>()
    };

    assert_eq!(at(now).await, [0, 1, 2, 3]);
    assert_eq!(at(now + hours(4)).await, [0, 1, 2, 3]);
    assert_eq!(at(now + hours(5)).await, [0, 3]);
}

#[tokio::test]
async fn records_that_nothing_stands_beside_count_too() {
    let World {
        consents,
        account,
        dynamodb,
        table,
    } = world().await;
    let now = Timestamp::now();
    let number = |last: u64| Phone::from_digits(447_700_900_000 + last).unwrap();
    let ended = ConsentRecord {
        expires: Some(now - SignedDuration::from_hours(1)),
        ..record("for a week")
    };
    let other = ConsentRecord {
        scope: ConsentScope::Transactional,
        ..record("about my order")
    };
    for (last, records) in [
        (1, vec![record("yes"), other.clone()]),
        (2, vec![ended]),
        (3, vec![other]),
        (4, vec![]),
    ] {
        for record in records {
            consents
                .record(account, number(last), &record)
                .await
                .unwrap();
        }
        let beside = keys::agreement(account, &key().number(account, number(last)));
        let delete = dynamodb.delete_item().table_name(&table);
        delete.set_key(Some(beside.item())).send().await.unwrap();
    }
    let hashes = (1..5).map(|last| key().number(account, number(last)));

    let agreed = consents
        .agreed(account, hashes.collect(), now)
        .await
        .unwrap();

    assert_eq!(agreed, [key().number(account, number(1))].into());
}
