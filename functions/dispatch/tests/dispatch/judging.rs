//! Numbers of a country are led away from the gateway account that delivers less there.

use carillon_core::{
    id::{AccountId, GatewayAccountId},
    phone::Country,
    routing::shift::Deliveries,
};
use carillon_store::{
    audit::{Actor, Audit},
    credentials::Sealed,
    deliveries::Traffic,
    gateway_accounts::{GatewayAccounts, GatewayRecord},
};
use carillon_testkit::build;
use serde_json::Value;

use crate::setup::{Setup, at};

async fn gateway(setup: &Setup, account: AccountId) -> GatewayAccountId {
    let record = GatewayRecord {
        id: build::id(),
        account,
        kind: "simulated".to_owned(),
        name: "A gateway".to_owned(),
        config: Value::Null,
        token: build::id::<carillon_core::id::Batch>().to_string(),
        parts_per_second: None,
        sender_parts_per_second: None,
        cost_per_part: None,
        enabled: true,
        created: at(0),
        version: 1,
    };
    let sealed = Sealed {
        data_key: vec![1],
        content: vec![2],
    };
    let audit = Audit {
        id: build::id(),
        at: at(0),
        account,
        actor: Actor::Operator,
        action: "test".to_owned(),
        target: "test".to_owned(),
    };
    let gateways: &GatewayAccounts = &setup.gateways;
    gateways.create(&record, &sealed, &audit).await.unwrap();
    record.id
}

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

impl Setup {
    async fn away(&self, gateway: GatewayAccountId, code: &str) -> u8 {
        let state = self.state.rate.look(gateway).await.unwrap();
        state.away.get(&country(code)).copied().unwrap_or_default()
    }

    async fn reported(&self, traffic: Traffic, delivered: u64, failed: u64, second: i64) {
        let counts = Deliveries { delivered, failed };
        let added = self.state.deliveries.add(traffic, counts, at(second));
        added.await.unwrap();
    }
}

#[tokio::test]
async fn numbers_are_led_away_from_who_delivers_less_step_by_step_and_back() {
    let setup = Setup::new().await;
    let (account, other) = (build::id(), build::id());
    let (well, sick) = (
        gateway(&setup, account).await,
        gateway(&setup, account).await,
    );
    let alone = gateway(&setup, other).await;
    let of = |account, gateway, code| Traffic {
        account,
        country: country(code),
        gateway,
    };
    setup.reported(of(account, well, "GB"), 95, 5, 0).await;
    // In two buckets, which are added up.
    setup.reported(of(account, sick, "GB"), 25, 25, 0).await;
    setup.reported(of(account, sick, "GB"), 25, 25, 301).await;
    setup.reported(of(account, sick, "FR"), 5, 95, 0).await;
    setup.reported(of(other, alone, "GB"), 5, 95, 0).await;
    let dispatcher = |second| {
        let setup = &setup;
        async move { setup.dispatcher().tick(at(second)).await.unwrap() }
    };

    dispatcher(310).await;
    dispatcher(320).await;
    let first = setup.away(sick, "GB").await;
    dispatcher(371).await;
    let second = setup.away(sick, "GB").await;
    // Nothing is heard of it any more: a quarter of an hour later it comes back.
    dispatcher(1_900).await;
    let back = setup.away(sick, "GB").await;
    setup.reported(of(account, well, "GB"), 95, 5, 1_950).await;
    setup.reported(of(account, sick, "GB"), 95, 5, 1_950).await;
    dispatcher(1_961).await;
    let well_again = setup.away(sick, "GB").await;

    assert_eq!((first, second), (2, 4), "one step a minute");
    assert_eq!(
        (back, well_again),
        (4, 3),
        "in smaller steps, when reports say so"
    );
    for (name, gateway, code) in [
        ("who is well", well, "GB"),
        ("where nobody else goes", sick, "FR"),
        ("of another account", alone, "GB"),
    ] {
        assert_eq!(setup.away(gateway, code).await, 0, "{name}");
    }
}
