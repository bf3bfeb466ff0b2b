//! API keys: what programs act with. A key is shown once, on the page that answers the form that made it.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use carillon_core::api_key::Scope;
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use crate::{
    ask::{Done, Listed},
    assets,
    confirm::Confirm,
    console::Console,
    form::Form,
    pages::error::Refused,
    path::part,
    respond::{go, page},
    scopes::{self, Group},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html},
    words::{Tone, Word},
};

const PATH: &str = "/keys";
const DAY: SignedDuration = SignedDuration::from_hours(24);

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/keys/new", get(new))
        .route("/keys/{id}/revoke", get(confirm).post(revoke))
}

#[derive(Debug, Clone, Deserialize)]
struct Key {
    id: String,
    name: String,
    mode: String,
    scopes: Vec<Scope>,
    hint: String,
    created: Timestamp,
    expires: Option<Timestamp>,
    revoked: Option<Timestamp>,
    last_used: Option<Timestamp>,
}

impl Key {
    fn badge(&self, now: &Timestamp) -> Html {
        let (label, tone) = if self.revoked.is_some() {
            ("Revoked", Tone::Quiet)
        } else if self.expires.is_some_and(|expires| expires <= *now) {
            ("Expired", Tone::Quiet)
        } else {
            ("Works", Tone::Good)
        };
        let means = "";
        ui::badge(&Word { label, tone, means })
    }

    fn is_usable(&self, now: &Timestamp) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| expires > *now)
    }

    /// What it may do, in a few words.
    fn may(&self) -> String {
        let names: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        match names.len() {
            all if all == Scope::ALL.len() => "everything".to_owned(),
            0..=4 => names.join(", "),
            more => format!("{} and {} more", names[..3].join(", "), more - 3),
        }
    }

    fn all(&self) -> String {
        let names: Vec<_> = self.scopes.iter().map(|scope| scope.as_str()).collect();
        names.join(", ")
    }
}

/// A key in full, this once.
#[derive(Debug, Deserialize)]
struct Made {
    #[serde(flatten)]
    view: Key,
    key: String,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    shell: Shell,
    keys: Vec<Key>,
    now: Timestamp,
    problem: Option<String>,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    keys_page(&console, &who, None).await
}

async fn keys_page(
    console: &Console,
    who: &SignedIn,
    problem: Option<String>,
) -> Result<Response, Refused> {
    let now = Timestamp::now();
    let Listed { mut data, .. }: Listed<Key> = console.get(who, "/v1/keys").await?;
    data.reverse();
    data.sort_by_key(|key| !key.is_usable(&now));
    Ok(page(&KeysPage {
        shell: who.shell("API keys", PATH),
        keys: data,
        now,
        problem,
    }))
}

#[derive(Template)]
#[template(path = "key_new.html")]
struct NewKey {
    shell: Shell,
    form: Form,
    groups: Vec<Group>,
}

async fn new(who: SignedIn) -> Result<Response, Refused> {
    let usual = [
        ("mode", "test"),
        ("scopes", Scope::MessagesSend.as_str()),
        ("scopes", Scope::MessagesRead.as_str()),
    ];
    Ok(new_page(&who, Form::of(usual)))
}

fn new_page(who: &SignedIn, form: Form) -> Response {
    let status = form.status();
    let page = page(&NewKey {
        shell: who.shell("A new API key", PATH),
        form,
        groups: scopes::groups(),
    });
    (status, page).into_response()
}

fn modes() -> [Choice; 2] {
    [
        Choice::new("test", "Test").hint(
            "Messages go to the simulated gateway. Nobody gets one, and nothing costs money.",
        ),
        Choice::new("live", "Live").hint("Messages are real."),
    ]
}

/// Days.
const LONGEST: i32 = 365;

fn lifetimes() -> [Choice; 4] {
    [
        Choice::new("", "until it is revoked"),
        Choice::new("30", "30 days"),
        Choice::new("90", "90 days"),
        Choice::new("365", "a year"),
    ]
}

impl NewKey {
    /// What is wrong with the scopes is said once, above all groups.
    fn boxes(&self, group: &Group) -> Html {
        let choice =
            |scope: &Scope| Choice::new(scope.as_str(), scopes::words(*scope)).hint(scope.as_str());
        let choices: Vec<_> = group.scopes.iter().map(choice).collect();
        let ticked = Form::of(self.form.all("scopes").map(|scope| ("scopes", scope)));
        ui::boxes("scopes", group.name, choices, &ticked)
    }
}

#[derive(Template)]
#[template(path = "key_made.html")]
struct MadePage {
    shell: Shell,
    made: Made,
    url: String,
    sends: bool,
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let days: Option<i32> = form.given("lifetime").and_then(|days| days.parse().ok());
    let days = days.filter(|days| (1..=LONGEST).contains(days));
    let scopes: Vec<_> = form.all("scopes").collect();
    let mut body = json!({"name": form.get("name"), "mode": form.get("mode"), "scopes": scopes});
    if let Some(days) = days {
        body["expires"] = (Timestamp::now() + DAY * days).to_string().into();
    }
    let made: Result<Made, _> = console.post(&who, "/v1/keys", &body).await;
    match made {
        Ok(made) => Ok(made_page(&console, &who, made)),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [("/name", "name"), ("/scopes", "scopes"), ("/mode", "mode")];
            Ok(new_page(&who, form.refused_by(&refused, &fields)))
        }
        Err(refused) => Err(refused),
    }
}

fn made_page(console: &Console, who: &SignedIn, made: Made) -> Response {
    let shown = page(&MadePage {
        shell: who.shell("Your new API key", PATH),
        sends: made.view.scopes.contains(&Scope::MessagesSend),
        made,
        url: console.api.settings.public_url.clone(),
    });
    (StatusCode::CREATED, shown).into_response()
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let Listed { data, .. }: Listed<Key> = console.get(&who, "/v1/keys").await?;
    let key = data.into_iter().find(|key| key.id == id);
    let key = key.ok_or_else(Refused::not_found)?;
    let confirm = Confirm {
        shell: who.shell("Revoke an API key", PATH),
        title: format!("Revoke “{}”?", key.name),
        words: vec![
            format!("Whatever still uses {} is refused within a minute.", key.hint),
            "This can't be undone. If a program needs a key, make a new one first and let it use that.".to_owned(),
        ],
        act: format!("/keys/{}/revoke", part(&id)),
        button: "Revoke the key",
        back: PATH.to_owned(),
        fields: Vec::new(),
    };
    Ok(confirm.page())
}

async fn revoke(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = format!("/v1/keys/{}", part(&id));
    console
        .ask(&who, Method::DELETE, &path)
        .answer::<Done>()
        .await?;
    Ok(go("/keys?said=revoked"))
}
