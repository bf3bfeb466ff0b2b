//! Accounts and their API keys, against the local stack.

use carillon_core::{
    api_key::{Mode, Scope},
    quota::Quotas,
    safeguards::Safeguards,
};
use carillon_store::{
    accounts::{Account, Accounts},
    api_keys::{ApiKey, ApiKeys, StoredKey},
    audit::{Actor, Audit, AuditLog},
};
use carillon_testkit::{build, stack};
use jiff::Timestamp;

struct Stores {
    accounts: Accounts,
    keys: ApiKeys,
    audit: AuditLog,
}

async fn stores() -> Stores {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    Stores {
        accounts: Accounts::new(dynamodb.clone(), table.as_str()),
        keys: ApiKeys::new(dynamodb.clone(), table.as_str()),
        audit: AuditLog::new(dynamodb, table),
    }
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).expect("a time")
}

fn account() -> Account {
    Account {
        id: build::id(),
        name: "Example".to_owned(),
        created: now(),
        quotas: None,
    }
}

fn key(account: &Account, hash: &str) -> StoredKey {
    let key = ApiKey {
        id: build::id(),
        account: account.id,
        name: "A key".to_owned(),
        mode: Mode::Live,
        scopes: Scope::ALL.to_vec(),
        hint: "car_live_…abcd".to_owned(),
        created: now(),
        expires: None,
        revoked: None,
        used: None,
    };
    StoredKey {
        key,
        hash: hash.to_owned(),
    }
}

fn audit(account: &Account, action: &str) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account: account.id,
        actor: Actor::Operator,
        action: action.to_owned(),
        target: account.id.to_string(),
    }
}

#[tokio::test]
async fn an_account_comes_with_its_keys_and_an_entry_that_says_so() {
    let (stores, account) = (stores().await, account());
    let keys = [key(&account, "one"), key(&account, "two")];
    let entry = audit(&account, "account.create");

    stores
        .accounts
        .create(&account, &Safeguards::of(account.id), &keys, &entry)
        .await
        .unwrap();

    let [first, second] = keys.map(|stored| stored.key);
    let found = stores.accounts.find(account.id).await.unwrap();
    assert_eq!(found, Some(account.clone()));
    assert_eq!(stores.keys.find("two").await.unwrap(), Some(second.clone()));
    assert_eq!(stores.keys.find("three").await.unwrap(), None);
    assert_eq!(stores.keys.list(account.id).await.unwrap(), [first, second]);
    assert_eq!(
        stores.audit.list(account.id, None, 10).await.unwrap(),
        [entry]
    );
}

#[tokio::test]
async fn a_key_is_revoked_once_and_by_its_account_only() {
    let (stores, account, stranger) = (stores().await, account(), account());
    let made = key(&account, "one");
    let id = made.key.id;
    let entry = audit(&account, "account.create");
    stores
        .accounts
        .create(&account, &Safeguards::of(account.id), &[made], &entry)
        .await
        .unwrap();
    let revoke = async |account: &Account, at| {
        let entry = audit(account, "key.revoke");
        let revoked = stores.keys.revoke(account.id, id, at, &entry).await;
        revoked.unwrap().map(|key| key.revoked)
    };

    let by_a_stranger = revoke(&stranger, now()).await;
    let before = stores.keys.find("one").await.unwrap().unwrap();
    let first = revoke(&account, now()).await;
    let again = revoke(&account, now() + jiff::SignedDuration::from_mins(1)).await;
    let after = stores.keys.find("one").await.unwrap().unwrap();

    assert_eq!((by_a_stranger, before.revoked), (None, None));
    assert_eq!((first, again), (Some(Some(now())), Some(Some(now()))));
    assert_eq!(after.revoked, Some(now()));
    let entries = stores.audit.list(account.id, None, 10).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["key.revoke", "account.create"]);
    assert_eq!(stores.audit.list(stranger.id, None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_audit_log_goes_on_where_a_page_ended() {
    let (stores, account) = (stores().await, account());
    for number in 0..5 {
        let entry = audit(&account, &number.to_string());
        stores.audit.record(&entry).await.unwrap();
    }

    let mut after = None;
    let mut actions = Vec::new();
    loop {
        let page = stores.audit.list(account.id, after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        actions.extend(page.into_iter().map(|entry| entry.action));
    }

    assert_eq!(actions, ["4", "3", "2", "1", "0"]);
}

#[tokio::test]
async fn quotas_of_an_account_are_set_and_taken_back() {
    let stores = stores().await;
    let account = account();
    stores
        .accounts
        .create(
            &account,
            &Safeguards::of(account.id),
            &[],
            &audit(&account, "account.create"),
        )
        .await
        .unwrap();
    let few = Quotas {
        key: 1,
        account: 2,
        recipients: 3,
    };
    let set = async |quotas| {
        let audit = audit(&account, "account.set_quotas");
        let set = stores.accounts.set_quotas(account.id, quotas, &audit);
        set.await.unwrap();
        stores.accounts.find(account.id).await.unwrap().unwrap()
    };

    let with = set(Some(few)).await;
    let without = set(None).await;
    let stranger = stores
        .accounts
        .set_quotas(
            build::id(),
            Some(few),
            &audit(&account, "account.set_quotas"),
        )
        .await
        .unwrap();

    assert_eq!(with.quotas, Some(few));
    assert_eq!((without, stranger), (account.clone(), None));
    let entries = stores.audit.list(account.id, None, 10).await.unwrap();
    assert_eq!(entries.len(), 3);
}

#[tokio::test]
async fn the_use_of_a_key_is_noted_once_an_hour_and_outlives_its_revocation() {
    let (stores, account) = (stores().await, account());
    let made = key(&account, "one");
    let id = made.key.id;
    let entry = audit(&account, "account.create");
    let safeguards = Safeguards::of(account.id);
    let keys = [made];
    let created = stores.accounts.create(&account, &safeguards, &keys, &entry);
    created.await.unwrap();
    let minutes = |minutes| now() + jiff::SignedDuration::from_mins(minutes);
    let is_news = async |minute| {
        let found = stores.keys.find("one").await.unwrap();
        found.unwrap().is_news(minutes(minute))
    };

    let mut noted = Vec::new();
    for minute in [0, 59, 60] {
        let news = is_news(minute).await;
        noted.push((
            news,
            stores.keys.used("one", minutes(minute)).await.unwrap(),
        ));
    }
    let unknown = stores.keys.used("two", now()).await.unwrap();
    let entry = audit(&account, "key.revoke");
    let revoked = stores
        .keys
        .revoke(account.id, id, minutes(90), &entry)
        .await;

    assert_eq!(noted, [(true, true), (false, false), (true, true)]);
    assert!(!unknown, "no key comes of its use");
    assert_eq!(stores.keys.find("two").await.unwrap(), None);
    let last = Some(minutes(60));
    assert_eq!(revoked.unwrap().unwrap().used, last);
    assert_eq!(stores.keys.find("one").await.unwrap().unwrap().used, last);
}
