//! Signing in and out. Who somebody is says the identity provider; whether they may come in says the list of members.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use carillon_core::member::{Email, Member};
use carillon_runtime::{logs::chain, random};
use carillon_store::{
    audit::{Actor, Audit},
    sessions::{LONGEST, Session},
};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    assets,
    console::Console,
    cookie,
    form::Form,
    oidc::{Person, SignInError, Way},
    pages::error::Refused,
    respond::{go, page},
    shell::{Shell, Theme},
    signed_in::{SignedIn, hex},
};

/// How long somebody may take at the provider's page.
const ON_THE_WAY: i64 = 15 * 60;
const HOME: &str = "/overview";

pub fn routes_outside() -> Router<Console> {
    Router::new()
        .route("/sign-in", get(welcome))
        .route("/sign-in/start", get(start))
        .route("/sign-in/callback", get(come_back))
}

pub fn routes_inside() -> Router<Console> {
    Router::new()
        .route("/", get(async || go(HOME)))
        .route("/accounts", get(accounts))
        .route("/accounts/{member}", post(change_over))
        .route("/sign-out", post(sign_out))
        .route("/sign-out/everywhere", post(sign_out_everywhere))
        .route("/theme", post(set_theme))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Welcome {
    theme: Theme,
    /// What came before: signed out, or a failed attempt.
    note: Option<&'static str>,
    to: String,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    to: String,
    #[serde(default)]
    note: String,
}

async fn welcome(Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let note = match asked.note.as_str() {
        "out" => Some("You are signed out."),
        "everywhere" => Some("You are signed out on every device."),
        "over" => Some(
            "Your session has ended: 30 minutes without you, or 12 hours. What you last sent was not done.",
        ),
        "again" => Some("That sign-in took too long or was interrupted. Please try again."),
        _ => None,
    };
    let to =
        percent_encoding::utf8_percent_encode(local(&asked.to), percent_encoding::NON_ALPHANUMERIC);
    page(&Welcome {
        theme: Theme::read(cookie::find(&headers, cookie::THEME)),
        note,
        to: to.to_string(),
    })
}

async fn start(
    State(console): State<Console>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let begun = console.oidc.begin(local(&asked.to).to_owned()).await;
    let (url, way) = begun.map_err(|error| unreachable(&error))?;
    let kept = serde_json::to_vec(&way).expect("four texts are representable in JSON");
    let kept = BASE64_URL_SAFE_NO_PAD.encode(kept);
    let mut response = go(&url);
    let kept = cookie::set(cookie::WAY, &kept, ON_THE_WAY);
    response.headers_mut().append(header::SET_COOKIE, kept);
    Ok(response)
}

#[derive(Deserialize)]
struct Callback {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

async fn come_back(
    State(console): State<Console>,
    Query(callback): Query<Callback>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let way = cookie::find(&headers, cookie::WAY).and_then(read_way);
    let Some(way) = way.filter(|_| !callback.code.is_empty()) else {
        return Ok(again());
    };
    let finished = console.oidc.finish(&way, &callback.state, &callback.code);
    let person = match finished.await {
        Ok(person) => person,
        Err(SignInError::Provider(error)) => {
            return Err(unreachable(&SignInError::Provider(error)));
        }
        Err(SignInError::Email) => return Ok(stranger(None)),
        Err(error @ (SignInError::State | SignInError::Token(_))) => {
            tracing::warn!(error = chain(&error), "a sign-in was refused");
            return Ok(again());
        }
    };
    let now = Timestamp::now();
    let Some(member) = recognize(&console, &person, now).await? else {
        return Ok(stranger(Some(person.email.as_str().to_owned())));
    };
    let mut response = enter(&console, &headers, &member, local(&way.to), now).await?;
    let set = response.headers_mut();
    set.append(header::SET_COOKIE, cookie::clear(cookie::WAY));
    Ok(response)
}

/// Always with a new token: one that somebody planted in this browser is worth nothing afterwards.
async fn enter(
    console: &Console,
    headers: &HeaderMap,
    member: &Member,
    to: &str,
    now: Timestamp,
) -> Result<Response, Refused> {
    if let Some(before) = cookie::find(headers, cookie::SESSION) {
        console.sessions.end(before).await?;
    }
    let token = hex(&random::bytes::<32>());
    let session = Session::new(member.account, member.id, now);
    console.sessions.begin(&token, &session).await?;
    let mut response = go(to);
    let kept = cookie::set(cookie::SESSION, &token, LONGEST.as_secs());
    response.headers_mut().append(header::SET_COOKIE, kept);
    Ok(response)
}

fn read_way(kept: &str) -> Option<Way> {
    let kept = BASE64_URL_SAFE_NO_PAD.decode(kept).ok()?;
    serde_json::from_slice(&kept).ok()
}

/// The member that this person is.
async fn recognize(
    console: &Console,
    person: &Person,
    now: Timestamp,
) -> Result<Option<Member>, Refused> {
    let theirs = memberships(console, &person.email, &person.subject).await?;
    // Whom somebody has worked for before comes before an invitation.
    let first = theirs
        .into_iter()
        .min_by_key(|member| (member.joined.is_none(), member.id));
    match first {
        Some(member) => join(console, member, &person.subject, now).await,
        None => Ok(None),
    }
}

/// Invitations of an address, and what this person has joined by it.
async fn memberships(
    console: &Console,
    email: &Email,
    subject: &str,
) -> Result<Vec<Member>, Refused> {
    let mut members = console.api.members.of(email).await?;
    let is_theirs = |known: &Option<String>| known.as_ref().is_none_or(|known| known == subject);
    members.retain(|member| is_theirs(&member.subject));
    Ok(members)
}

/// At the first sign-in the address becomes this person's for good.
async fn join(
    console: &Console,
    member: Member,
    subject: &str,
    now: Timestamp,
) -> Result<Option<Member>, Refused> {
    if member.joined.is_some() {
        return Ok(Some(member));
    }
    let joined = Member {
        subject: Some(subject.to_owned()),
        joined: Some(now),
        version: member.version + 1,
        ..member
    };
    let audit = entry(&joined, "member.join", now);
    let written = console.api.members.change(&joined, None, &audit).await?;
    // Changed in this moment, perhaps removed: the next attempt sees what it is now.
    Ok(written.is_ok().then_some(joined))
}

/// An account that somebody is a member of, or invited to.
struct Membership {
    member: Member,
    account: String,
    is_here: bool,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    shell: Shell,
    memberships: Vec<Membership>,
}

/// All that somebody may work for: agencies work for many.
async fn accounts(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let mut memberships = Vec::new();
    for member in own(&console, &who).await? {
        if let Some(account) = console.api.accounts.find(member.account).await? {
            memberships.push(Membership {
                is_here: member.id == who.member.id,
                account: account.name,
                member,
            });
        }
    }
    memberships.sort_by_key(|it| it.account.to_lowercase());
    let shell = who.shell("Your accounts", "");
    Ok(page(&AccountsPage { shell, memberships }))
}

async fn own(console: &Console, who: &SignedIn) -> Result<Vec<Member>, Refused> {
    let subject = who.member.subject.as_deref().unwrap_or_default();
    memberships(console, &who.member.email, subject).await
}

async fn change_over(
    State(console): State<Console>,
    who: SignedIn,
    headers: HeaderMap,
    Path(wanted): Path<String>,
) -> Result<Response, Refused> {
    let mut theirs = own(&console, &who).await?.into_iter();
    let wanted = theirs.find(|member| member.id.to_string() == wanted);
    let (now, subject) = (Timestamp::now(), who.member.subject.as_deref());
    let Some((member, subject)) = wanted.zip(subject) else {
        return Err(Refused::not_found());
    };
    match join(&console, member, subject, now).await? {
        Some(member) => enter(&console, &headers, &member, HOME, now).await,
        None => Err(Refused::not_found()),
    }
}

fn entry(member: &Member, action: &str, now: Timestamp) -> Audit {
    Audit {
        id: random::id(now),
        at: now,
        account: member.account,
        actor: Actor::Member(member.id),
        action: action.to_owned(),
        target: member.id.to_string(),
    }
}

async fn sign_out(State(console): State<Console>, headers: HeaderMap) -> Result<Response, Refused> {
    if let Some(token) = cookie::find(&headers, cookie::SESSION) {
        console.sessions.end(token).await?;
    }
    Ok(gone("/sign-in?note=out"))
}

async fn sign_out_everywhere(
    State(console): State<Console>,
    who: SignedIn,
) -> Result<Response, Refused> {
    let now = Timestamp::now();
    let out = Member {
        signed_out: Some(now),
        version: who.member.version + 1,
        ..who.member.clone()
    };
    let audit = entry(&out, "member.sign_out_everywhere", now);
    let written = console.api.members.change(&out, None, &audit).await?;
    written.map_err(|_| {
        let words = "Somebody changed your membership in this moment. Try again.";
        Refused::new(StatusCode::CONFLICT, "You are still signed in", words)
    })?;
    Ok(gone("/sign-in?note=everywhere"))
}

fn gone(to: &str) -> Response {
    let mut response = go(to);
    let cleared = cookie::clear(cookie::SESSION);
    response.headers_mut().append(header::SET_COOKIE, cleared);
    response
}

async fn set_theme(form: Form) -> Response {
    let mut response = go(local(form.get("to")));
    let year = 365 * 24 * 3600;
    let cookie = match Theme::read(form.given("theme")) {
        Theme::System => cookie::clear(cookie::THEME),
        theme => cookie::set(cookie::THEME, theme.as_str(), year),
    };
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// A page of ours, or the first one: nobody is sent elsewhere by a link that looks like ours.
fn local(to: &str) -> &str {
    let second = to.as_bytes().get(1);
    let elsewhere = matches!(second, Some(b'/' | b'\\'));
    let plain = to.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
    let ours = to.starts_with('/') && !elsewhere && plain;
    if ours && !to.starts_with("/sign-") {
        to
    } else {
        HOME
    }
}

fn again() -> Response {
    let mut response = go("/sign-in?note=again");
    let cleared = cookie::clear(cookie::WAY);
    response.headers_mut().append(header::SET_COOKIE, cleared);
    response
}

fn unreachable(error: &SignInError) -> Refused {
    tracing::error!(
        metric = "console.no_identity_provider",
        error = chain(error),
        "nobody can sign in"
    );
    Refused::new(
        StatusCode::BAD_GATEWAY,
        "Signing in isn't possible right now",
        "The service that knows who you are doesn't answer. Try again in a minute.",
    )
}

#[derive(Template)]
#[template(path = "stranger.html")]
struct Stranger {
    theme: Theme,
    email: Option<String>,
}

fn stranger(email: Option<String>) -> Response {
    let theme = Theme::default();
    (StatusCode::FORBIDDEN, page(&Stranger { theme, email })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_our_own_pages_only() {
        for (name, to, expected) in [
            ("a page", "/campaigns?page=2", "/campaigns?page=2"),
            ("nothing", "", HOME),
            ("another site", "https://evil.example/", HOME),
            ("another site, without its scheme", "//evil.example/", HOME),
            ("what browsers take for that", "/\\evil.example/", HOME),
            ("a script", "javascript:alert(1)", HOME),
            ("a header", "/a\r\nset-cookie: b", HOME),
            ("round in circles", "/sign-in/start", HOME),
        ] {
            assert_eq!(local(to), expected, "{name}");
        }
    }
}
