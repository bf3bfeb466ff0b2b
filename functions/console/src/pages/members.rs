//! Who may sign in, and as what.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::Done,
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field},
};

const PATH: &str = "/members";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(invite))
        .route("/members/{id}/role", post(change_role))
        .route("/members/{id}/remove", get(confirm).post(remove))
}

#[derive(Debug, Clone, Deserialize)]
struct Member {
    id: String,
    email: String,
    role: String,
    invited: Timestamp,
    joined: Option<Timestamp>,
    version: u32,
}

#[derive(Debug, Deserialize)]
struct Members {
    data: Vec<Member>,
}

#[derive(Template)]
#[template(path = "members.html")]
struct MembersPage {
    shell: Shell,
    members: Vec<Member>,
    /// Of whoever looks.
    me: String,
    form: Form,
}

fn roles() -> [Choice; 3] {
    [
        Choice::new("viewer", "Viewer")
            .hint("Sees campaigns, contacts and figures. Changes nothing."),
        Choice::new("sender", "Sender")
            .hint("Writes, starts and stops campaigns; works with contacts and templates."),
        Choice::new("owner", "Owner").hint("All of that, and gateways, API keys, members, limits."),
    ]
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let form = Form::of([("role", "sender")]);
    members_page(&console, &who, form).await
}

async fn members_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let Members { data } = console.get(who, "/v1/members").await?;
    let status = if form.is_refused() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let members = page(&MembersPage {
        shell: who.shell("Members", PATH),
        members: data,
        me: who.member.id.to_string(),
        form,
    });
    Ok((status, members).into_response())
}

async fn invite(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let body = json!({"email": form.get("email"), "role": form.get("role")});
    let invited = console.post::<Done>(&who, "/v1/members", &body).await;
    match invited {
        Ok(_) => Ok(go("/members?said=invited")),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [("/email", "email"), ("/role", "role")];
            members_page(&console, &who, form.refused_by(&refused, &fields)).await
        }
        Err(refused) => Err(refused),
    }
}

async fn change_role(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let version = format!("\"{}\"", form.get("version"));
    let ask = console
        .ask(&who, Method::PATCH, &at(&id))
        .if_match(&version)
        .json(&json!({"role": form.get("role")}));
    done(&console, &who, ask.answer().await, "role").await
}

async fn remove(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let removed = console.ask(&who, Method::DELETE, &at(&id)).answer().await;
    done(&console, &who, removed, "removed").await
}

/// What is refused is said above the list.
async fn done(
    console: &Console,
    who: &SignedIn,
    answer: Result<Done, Refused>,
    said: &str,
) -> Result<Response, Refused> {
    match answer {
        Ok(_) => Ok(go(&format!("/members?said={said}"))),
        Err(refused) if refused.belongs_to_form() => {
            let mut form = Form::of([("role", "sender")]);
            form.problem = Some(form::sentence(&refused.detail));
            members_page(console, who, form).await
        }
        Err(refused) => Err(refused),
    }
}

fn at(id: &str) -> String {
    let id = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC);
    format!("/v1/members/{}", id.to_string().replace("%5F", "_"))
}

#[derive(Template)]
#[template(path = "member_remove.html")]
struct Confirm {
    shell: Shell,
    member: Member,
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let Members { data } = console.get(&who, "/v1/members").await?;
    let member = data.into_iter().find(|member| member.id == id);
    let member = member.ok_or_else(Refused::not_found)?;
    let shell = who.shell("Remove a member", PATH);
    Ok(page(&Confirm { shell, member }))
}
