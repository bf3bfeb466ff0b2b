//! Who is told by e-mail: one's own choice, against the local stack.

use axum::body::Body;
use carillon_core::{
    api_key::Mode,
    id::{AccountId, MemberId},
    member::{Email, Member, Role},
};
use carillon_runtime::principal::Principal;
use carillon_store::audit::Actor;
use carillon_testkit::{build, stack};
use http::Request;
use serde_json::{Value, json};

use super::{Answer, answer, once::World};
use crate::{app, bootstrap, services::Settings, time};

struct Office {
    world: World,
    topic: String,
}

impl Office {
    async fn new() -> Self {
        let world = World::new().await;
        let topic = stack::topic(&world.aws.sns()).await;
        let settings = Settings {
            alerts_topic_arn: topic.clone(),
            ..world.settings
        };
        let world = World { settings, ..world };
        Self { world, topic }
    }

    async fn member(&self, account: AccountId, address: &str, role: Role) -> Member {
        let member = Member {
            id: build::id(),
            account,
            email: address.parse().unwrap(),
            role,
            subject: None,
            invited: time::now(),
            joined: None,
            alerts: false,
            signed_out: None,
            version: 1,
        };
        let audit = bootstrap::entry(account, "test", "test".to_owned(), time::now());
        let invited = self.world.api().members.invite(&member, &audit).await;
        invited.unwrap().unwrap();
        member
    }

    /// Somebody who is signed in asks.
    async fn ask(&self, who: &Member, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("content-type", "application/json");
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        request.extensions_mut().insert(Principal {
            account: who.account,
            actor: Actor::Member(who.id),
            mode: Mode::Live,
            scopes: who.role.scopes(),
            quotas: self.world.settings.quotas,
        });
        answer(app::router(self.world.api()), request).await
    }

    async fn choose(&self, who: &Member, whose: MemberId, alerts: bool) -> Answer {
        let path = format!("/v1/members/{whose}/alerts");
        self.ask(who, "PUT", &path, &json!({"email": alerts})).await
    }

    /// Of which accounts an address is told.
    async fn told(&self, address: &Email) -> Value {
        let sns = self.world.aws.sns();
        let list = sns.list_subscriptions_by_topic().topic_arn(&self.topic);
        for subscription in list.send().await.unwrap().subscriptions() {
            if subscription.endpoint() == Some(address.as_str()) {
                let arn = subscription.subscription_arn().unwrap();
                let attributes = sns.get_subscription_attributes().subscription_arn(arn);
                let attributes = attributes.send().await.unwrap().attributes.unwrap();
                let filter: Value = serde_json::from_str(&attributes["FilterPolicy"]).unwrap();
                return filter["account"].clone();
            }
        }
        json!([])
    }
}

#[tokio::test]
async fn a_member_chooses_for_oneself_whatever_the_role_and_in_each_account() {
    let office = Office::new().await;
    let mut accounts: [AccountId; 2] = [build::id(), build::id()];
    accounts.sort();
    let [first, second] = accounts;
    let viewer = office.member(first, "ada@example.com", Role::Viewer).await;
    let owner = office.member(second, "ada@example.com", Role::Owner).await;

    let on = office.choose(&viewer, viewer.id, true).await;
    let one = office.told(&viewer.email).await;
    office.choose(&owner, owner.id, true).await;
    office.choose(&owner, owner.id, true).await;
    let both = office.told(&viewer.email).await;
    let off = office.choose(&viewer, viewer.id, false).await;
    let other = office.told(&viewer.email).await;

    assert_eq!(
        (on.status.as_u16(), &on.body["alerts"]),
        (200, &json!(true))
    );
    assert_eq!((one, both), (json!([first]), json!([first, second])));
    assert_eq!(off.body["alerts"], false);
    assert_eq!(off.body["version"], 3, "a change is one");
    assert_eq!(other, json!([second]));
}

#[tokio::test]
async fn anothers_alerts_are_chosen_by_owners_only() {
    let office = Office::new().await;
    let account = build::id();
    let viewer = office
        .member(account, "ada@example.com", Role::Viewer)
        .await;
    let sender = office
        .member(account, "bob@example.com", Role::Sender)
        .await;
    let owner = office.member(account, "eve@example.com", Role::Owner).await;
    let stranger = office
        .member(build::id(), "zoe@example.com", Role::Owner)
        .await;
    for (name, who, status) in [
        ("a viewer", &viewer, 403),
        ("an owner elsewhere", &stranger, 404),
        ("an owner", &owner, 200),
    ] {
        let answer = office.choose(who, sender.id, true).await;

        assert_eq!(answer.status, status, "{name}");
        let told = office.told(&sender.email).await;
        assert_eq!(told != json!([]), status == 200, "{name}");
    }
}

#[tokio::test]
async fn whoever_is_removed_is_told_no_more_of_that_account() {
    let office = Office::new().await;
    let (account, other) = (build::id(), build::id());
    let owner = office.member(account, "eve@example.com", Role::Owner).await;
    let viewer = office
        .member(account, "ada@example.com", Role::Viewer)
        .await;
    let elsewhere = office.member(other, "ada@example.com", Role::Viewer).await;
    office.choose(&viewer, viewer.id, true).await;
    office.choose(&elsewhere, elsewhere.id, true).await;

    let path = format!("/v1/members/{}", viewer.id);
    let removed = office.ask(&owner, "DELETE", &path, &json!({})).await;

    assert_eq!(removed.status, 204);
    assert_eq!(office.told(&viewer.email).await, json!([other]));
}
