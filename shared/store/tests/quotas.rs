//! Requests counted in windows, against the local stack.

use carillon_core::{
    id::{AccountId, ApiKeyId},
    quota::{Used, Window},
};
use carillon_store::quotas::{NoRoom, RequestCounts};
use carillon_testkit::{build, stack};
use jiff::Timestamp;

async fn counts() -> RequestCounts {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    RequestCounts::new(dynamodb, table)
}

fn used(key: u64, account: u64, recipients: u64) -> Used {
    Used {
        key,
        account,
        recipients,
    }
}

fn window(number: i64) -> Window {
    let ends = Timestamp::now();
    Window { number, ends }
}

#[tokio::test]
async fn each_key_is_counted_by_itself_and_the_account_in_all() {
    let counts = counts().await;
    let (account, stranger): (AccountId, AccountId) = (build::id(), build::id());
    let (left, right): (ApiKeyId, ApiKeyId) = (build::id(), build::id());
    let count = async |account, key, number| {
        let used = counts.request(account, key, window(number)).await;
        used.unwrap()
    };

    let told = [
        count(account, left, 1).await,
        count(account, left, 1).await,
        count(account, right, 1).await,
        count(account, left, 2).await,
        count(stranger, left, 1).await,
    ];

    let expected = [
        used(1, 1, 0),
        used(2, 2, 0),
        used(1, 3, 0),
        used(1, 1, 0),
        used(1, 1, 0),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn recipients_without_room_are_not_counted() {
    let counts = counts().await;
    let (account, key): (AccountId, ApiKeyId) = (build::id(), build::id());
    let count = async |number, recipients| {
        let counted = counts.recipients(account, key, window(number), recipients, 10);
        counted.await.unwrap()
    };

    let told = [
        count(1, 6).await,
        count(1, 5).await,
        count(1, 4).await,
        count(1, 1).await,
        count(2, 50).await,
        count(2, 1).await,
    ];

    let expected = [
        Ok(used(0, 0, 6)),
        Err(NoRoom(used(0, 0, 6))),
        Ok(used(0, 0, 10)),
        Err(NoRoom(used(0, 0, 10))),
        Ok(used(0, 0, 50)),
        Err(NoRoom(used(0, 0, 50))),
    ];
    assert_eq!(told, expected);
}
