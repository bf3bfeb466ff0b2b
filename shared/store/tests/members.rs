//! Members and their sessions, against the local stack.

#![expect(clippy::unwrap_used, reason = "a test")]

use carillon_core::{
    id::AccountId,
    keyed_hash::DeploymentKey,
    member::{Member, Role},
};
use carillon_store::{
    audit::{Actor, Audit},
    members::{MemberAlready, Members},
    records::Stale,
    sessions::{IDLE, LONGEST, Session, Sessions},
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};

struct Stores {
    members: Members,
    sessions: Sessions,
}

async fn stores() -> Stores {
    let dynamodb = stack::aws().await.dynamodb();
    let table = stack::table_like(&dynamodb, "CORE_TABLE").await;
    let key = DeploymentKey::from_secret("a secret of a test");
    Stores {
        members: Members::new(dynamodb.clone(), table.as_str(), key.clone()),
        sessions: Sessions::new(dynamodb, table, key),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).expect("a time")
}

fn member(account: AccountId, email: &str, role: Role) -> Member {
    Member {
        id: build::id(),
        account,
        email: email.parse().unwrap(),
        role,
        subject: None,
        invited: now(),
        joined: None,
        alerts: false,
        signed_out: None,
        version: 1,
    }
}

fn next(before: &Member, role: Role) -> Member {
    Member {
        role,
        version: before.version + 1,
        ..before.clone()
    }
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account,
        actor: Actor::Operator,
        action: "member.change".to_owned(),
        target: "a member".to_owned(),
    }
}

#[tokio::test]
async fn a_person_is_found_in_each_account_by_the_address() {
    let Stores { members, .. } = stores().await;
    let (first, second): (AccountId, AccountId) = (build::id(), build::id());
    let owner = member(first, "ada@example.com", Role::Owner);
    let viewer = member(second, "ada@example.com", Role::Viewer);
    let other = member(first, "bob@example.com", Role::Sender);
    for invited in [&owner, &viewer, &other] {
        let done = members.invite(invited, &audit(invited.account)).await;
        done.unwrap().unwrap();
    }

    let mut found = members.of(&owner.email).await.unwrap();

    found.sort_by_key(|member| member.role);
    assert_eq!(found, [viewer, owner.clone()]);
    assert_eq!(members.list(first).await.unwrap(), [owner, other]);
}

#[tokio::test]
async fn an_address_is_one_member_of_an_account() {
    let Stores { members, .. } = stores().await;
    let account = build::id();
    let first = member(account, "ada@example.com", Role::Viewer);
    let invited = members.invite(&first, &audit(account)).await.unwrap();
    assert_eq!(invited, Ok(()));

    let again = members.invite(&first, &audit(account)).await.unwrap();
    let second = member(account, "ada@example.com", Role::Owner);
    let twice = members.invite(&second, &audit(account)).await.unwrap();

    assert_eq!(again, Ok(()), "the same request, repeated");
    assert_eq!(twice, Err(MemberAlready));
    assert_eq!(members.list(account).await.unwrap(), [first]);
}

#[tokio::test]
async fn somebody_who_was_removed_is_nobody_and_may_be_invited_again() {
    let Stores { members, .. } = stores().await;
    let account = build::id();
    let first = member(account, "ada@example.com", Role::Viewer);
    members
        .invite(&first, &audit(account))
        .await
        .unwrap()
        .unwrap();

    let removed = members.remove(&first, None, &audit(account)).await.unwrap();

    assert_eq!(removed, Ok(()));
    assert_eq!(members.of(&first.email).await.unwrap(), []);
    let again = member(account, "ada@example.com", Role::Viewer);
    let invited = members.invite(&again, &audit(account)).await.unwrap();
    assert_eq!(invited, Ok(()));
}

#[tokio::test]
async fn of_two_owners_who_depose_each_other_one_stays() {
    let Stores { members, .. } = stores().await;
    let account = build::id();
    let ada = member(account, "ada@example.com", Role::Owner);
    let bob = member(account, "bob@example.com", Role::Owner);
    for owner in [&ada, &bob] {
        members
            .invite(owner, &audit(account))
            .await
            .unwrap()
            .unwrap();
    }

    // Both have read the same.
    let without_ada = next(&ada, Role::Viewer);
    let first = members
        .change(&without_ada, Some(&bob), &audit(account))
        .await;
    let second = members.remove(&bob, Some(&ada), &audit(account)).await;

    assert_eq!(first.unwrap(), Ok(()));
    assert_eq!(second.unwrap(), Err(Stale));
    assert_eq!(members.list(account).await.unwrap(), [without_ada, bob]);
}

#[tokio::test]
async fn a_session_ends_when_nobody_looks_and_in_any_case() {
    let minutes = SignedDuration::from_mins;
    for (name, looks, last, lasts) in [
        ("at once", vec![], minutes(0), true),
        ("just before it is idle", vec![], IDLE - minutes(1), true),
        ("idle", vec![], IDLE, false),
        ("looked at in between", vec![minutes(20)], minutes(45), true),
        ("idle after a look", vec![minutes(20)], minutes(51), false),
        (
            "busy all day",
            (1..36).map(|it| minutes(20 * it)).collect(),
            LONGEST - minutes(1),
            true,
        ),
        (
            "too long",
            (1..36).map(|it| minutes(20 * it)).collect(),
            LONGEST,
            false,
        ),
    ] {
        let Stores { sessions, .. } = stores().await;
        let session = Session::new(build::id(), build::id(), now());
        sessions.begin("a token", &session).await.unwrap();
        for look in looks {
            sessions.look("a token", now() + look).await.unwrap();
        }

        let found = sessions.look("a token", now() + last).await.unwrap();

        assert_eq!(found.is_some(), lasts, "{name}");
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_token_until_it_is_ended() {
    let Stores { sessions, .. } = stores().await;
    let session = Session::new(build::id(), build::id(), now());
    sessions.begin("a token", &session).await.unwrap();

    assert_eq!(sessions.look("another", now()).await.unwrap(), None);
    assert_eq!(
        sessions.look("a token", now()).await.unwrap(),
        Some(session)
    );
    sessions.end("a token").await.unwrap();
    assert_eq!(sessions.look("a token", now()).await.unwrap(), None);
}
