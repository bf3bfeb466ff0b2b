//! Members: as callers, and who may be one.

use axum::body::Body;
use carillon_core::{api_key::Mode, member::Role, quota::Quotas};
use carillon_runtime::principal::Principal;
use carillon_store::audit::Actor;
use http::Request;

use super::{Answer, answer, api, send};
use crate::app;

fn member(role: Role) -> Principal {
    Principal {
        account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        actor: Actor::Member("mbr_01h455vb4pex5vsknk084sn02q".parse().unwrap()),
        mode: Mode::Live,
        scopes: role.scopes(),
        quotas: Quotas {
            key: 1,
            account: 1,
            recipients: 1,
        },
    }
}

/// A request of somebody who is signed in to the console.
async fn ask(role: Role, method: &str, path: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("content-type", "application/json");
    let mut request = request.body(Body::from("{}")).unwrap();
    request.extensions_mut().insert(member(role));
    answer(app::router(api()), request).await
}

#[tokio::test]
async fn a_member_may_do_what_the_role_may_and_no_more() {
    // What is admitted is refused for its empty body, or fails because nothing is behind it.
    for (name, role, method, path, admitted) in [
        ("a viewer reads", Role::Viewer, "GET", "/v1/campaigns", true),
        (
            "a viewer writes",
            Role::Viewer,
            "POST",
            "/v1/campaigns",
            false,
        ),
        (
            "a sender writes",
            Role::Sender,
            "POST",
            "/v1/campaigns",
            true,
        ),
        (
            "a sender makes a key",
            Role::Sender,
            "POST",
            "/v1/keys",
            false,
        ),
        (
            "an owner makes a key",
            Role::Owner,
            "POST",
            "/v1/keys",
            true,
        ),
        (
            "a viewer invites",
            Role::Viewer,
            "POST",
            "/v1/members",
            false,
        ),
        (
            "a sender invites",
            Role::Sender,
            "POST",
            "/v1/members",
            false,
        ),
        ("an owner invites", Role::Owner, "POST", "/v1/members", true),
    ] {
        let answer = ask(role, method, path).await;

        assert_ne!(answer.status, 401, "{name}");
        assert_eq!(answer.status != 403, admitted, "{name}");
    }
}

#[tokio::test]
async fn a_member_is_told_whom_to_ask() {
    let answer = ask(Role::Viewer, "POST", "/v1/members").await;

    assert_eq!(
        answer.body["detail"],
        "Your role doesn't allow this (`members:admin`). Ask an owner of the account."
    );
}

#[tokio::test]
async fn an_invitation_names_what_is_wrong_with_it() {
    for (name, body, pointer) in [
        (
            "no address",
            r#"{"email": "ada", "role": "owner"}"#,
            "/email",
        ),
        (
            "no role",
            r#"{"email": "ada@example.com", "role": "boss"}"#,
            "/role",
        ),
    ] {
        let answer = send("POST", "/v1/members", body).await;

        assert_eq!(answer.status, 422, "{name}");
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{name}");
    }
}
