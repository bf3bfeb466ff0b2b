//! Gateway accounts and their sealed credentials, against the local stack.

use carillon_core::id::AccountId;
use carillon_store::{
    audit::{Actor, Audit},
    aws::Aws,
    credentials::{Sealed, Vault},
    gateway_accounts::{GatewayAccounts, GatewayRecord},
};
use carillon_testkit::{build, stack};
use jiff::Timestamp;
use serde_json::json;

fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).expect("a time")
}

async fn store(aws: &Aws) -> GatewayAccounts {
    let dynamodb = aws.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    GatewayAccounts::new(dynamodb, table)
}

fn vault(aws: &Aws) -> Vault {
    Vault::new(aws.kms(), stack::variable("CREDENTIALS_KEY_ARN"))
}

fn gateway(account: AccountId, token: &str) -> GatewayRecord {
    GatewayRecord {
        id: build::id(),
        account,
        kind: "generic".to_owned(),
        name: "A gateway".to_owned(),
        config: json!({"send": {"url": "https://sms.example.net"}}),
        token: token.to_owned(),
        parts_per_second: Some(30),
        sender_parts_per_second: Some(10),
        cost_per_part: None,
        enabled: true,
        created: now(),
        version: 1,
    }
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account,
        actor: Actor::Operator,
        action: "gateway.create".to_owned(),
        target: "a gateway".to_owned(),
    }
}

#[tokio::test]
async fn a_gateway_account_is_found_by_its_id_by_its_token_and_in_its_list() {
    let (store, account) = (store(&stack::aws().await).await, build::id());
    let sealed = Sealed {
        data_key: vec![1],
        content: vec![2, 3],
    };
    let (first, second) = (gateway(account, "token one"), gateway(account, "token two"));

    for gateway in [&first, &second] {
        store
            .create(gateway, &sealed, &audit(account))
            .await
            .unwrap();
    }

    let found = store.find(account, first.id).await.unwrap();
    let by_a_stranger = store.find(build::id(), first.id).await.unwrap();
    assert_eq!(
        (found, by_a_stranger),
        (Some((first.clone(), sealed)), None)
    );
    let by_token = store.find_by_token("token two").await.unwrap();
    assert_eq!(by_token, Some((account, second.id)));
    assert_eq!(store.find_by_token("token three").await.unwrap(), None);
    assert_eq!(store.list(account).await.unwrap(), [first, second]);
}

#[tokio::test]
async fn a_token_belongs_to_one_gateway_account() {
    let (store, account) = (store(&stack::aws().await).await, build::id());
    let sealed = Sealed {
        data_key: vec![1],
        content: vec![2, 3],
    };
    let (first, second) = (gateway(account, "token"), gateway(account, "token"));
    store
        .create(&first, &sealed, &audit(account))
        .await
        .unwrap();

    let refused = store.create(&second, &sealed, &audit(account)).await;

    assert!(refused.is_err());
    assert_eq!(store.list(account).await.unwrap(), [first]);
}

#[tokio::test]
async fn credentials_open_for_their_gateway_account_only() {
    let vault = vault(&stack::aws().await);
    let (account, gateway) = (
        build::id(),
        build::id::<carillon_core::id::GatewayAccount>(),
    );

    let sealed = vault.seal(account, gateway, b"a secret").await.unwrap();

    assert_eq!(
        vault.open(account, gateway, &sealed).await.unwrap(),
        b"a secret"
    );
    assert!(vault.open(build::id(), gateway, &sealed).await.is_err());
    assert!(
        vault
            .open(
                account,
                build::id::<carillon_core::id::GatewayAccount>(),
                &sealed
            )
            .await
            .is_err()
    );
    let stored = [sealed.data_key, sealed.content].concat();
    assert!(!stored.windows(8).any(|window| window == b"a secret"));
}
