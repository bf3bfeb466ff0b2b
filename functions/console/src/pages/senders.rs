//! Senders: the numbers and names that messages come from, where each may be used, what is registered; and what a country asks.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use carillon_core::{api_key::Scope, phone::Country};
use http::Method;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::gateways::Gateway;
use crate::{
    ask::{Done, Listed},
    assets,
    confirm::Confirm,
    console::Console,
    countries,
    form::Form,
    pages::error::Refused,
    path::part,
    respond::{go, page},
    rules::{self, Asked},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
    words::{Tone, Word},
};

const PATH: &str = "/senders";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/senders/new", get(new).post(create))
        .route("/senders/countries", get(what_countries_ask))
        .route("/senders/{id}", get(edit).post(change))
        .route("/senders/{id}/delete", get(confirm).post(delete))
}

#[derive(Debug, Clone, Deserialize)]
struct Sender {
    id: String,
    #[serde(rename = "sender")]
    originator: String,
    kind: String,
    countries: Vec<Country>,
    gateways: Vec<String>,
    #[serde(default)]
    registration: Registration,
    enabled: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Registration {
    ten_dlc: Option<TenDlc>,
    toll_free: Option<String>,
    dlt: Option<Dlt>,
}

#[derive(Debug, Clone, Deserialize)]
struct TenDlc {
    brand: String,
    campaign: String,
    state: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Dlt {
    entity: String,
    template: Option<String>,
}

impl Sender {
    fn kind_words(&self) -> &'static str {
        match self.kind.as_str() {
            "long_code" => "number",
            "toll_free" => "toll-free number",
            "short_code" => "short code",
            "name" => "name; nobody can answer it",
            _ => "",
        }
    }

    fn countries(&self) -> String {
        match countries::names(&self.countries, 4) {
            names if names.is_empty() => "wherever its kind may be used".to_owned(),
            names => names,
        }
    }

    fn badge(&self) -> Html {
        let (label, tone) = if self.enabled {
            ("In use", Tone::Good)
        } else {
            ("Off", Tone::Quiet)
        };
        let means = "";
        ui::badge(&Word { label, tone, means })
    }

    /// What is registered, and how far it is.
    fn registered(&self) -> Vec<(&'static str, Html)> {
        let Registration {
            ten_dlc,
            toll_free,
            dlt,
        } = &self.registration;
        let mut all = Vec::new();
        if let Some(it) = ten_dlc {
            all.push(("10DLC", progress(&it.state)));
        }
        if let Some(state) = toll_free {
            all.push(("Toll-free", progress(state)));
        }
        if dlt.is_some() {
            all.push(("DLT", progress("verified")));
        }
        all
    }
}

fn progress(state: &str) -> Html {
    let (label, tone) = match state {
        "verified" => ("Registered", Tone::Good),
        "rejected" => ("Rejected", Tone::Bad),
        _ => ("Pending", Tone::Warn),
    };
    let means = "";
    ui::badge(&Word { label, tone, means })
}

#[derive(Template)]
#[template(path = "senders.html")]
struct SendersPage {
    shell: Shell,
    senders: Vec<Sender>,
    may_write: bool,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let Listed { data, .. } = console.get(&who, "/v1/senders").await?;
    Ok(page(&SendersPage {
        shell: who.shell("Senders", PATH),
        senders: data,
        may_write: who.may(Scope::GatewaysWrite),
    }))
}

#[derive(Template)]
#[template(path = "sender_edit.html")]
struct EditPage {
    shell: Shell,
    id: Option<String>,
    version: String,
    gateways: Vec<Gateway>,
    form: Form,
}

impl EditPage {
    fn act(&self) -> String {
        match &self.id {
            Some(id) => format!("/senders/{}", part(id)),
            None => "/senders/new".to_owned(),
        }
    }

    fn countries(&self) -> Html {
        let hint = "Where it may be used. None ticked: wherever its kind may be. A short code works in its own countries only, so tick them.";
        countries::boxes("countries", "Countries", hint, &self.form)
    }

    fn gateways(&self) -> Html {
        let gateways = self.gateways.iter();
        let choices = gateways.map(|it| Choice::new(it.id.clone(), it.name.clone()));
        let choices: Vec<_> = choices.collect();
        ui::boxes(
            "gateways",
            "Set up at these gateways (none ticked: at all)",
            choices,
            &self.form,
        )
    }
}

fn states() -> [Choice; 3] {
    [
        Choice::new("pending", "Pending"),
        Choice::new("verified", "Registered"),
        Choice::new("rejected", "Rejected"),
    ]
}

fn toll_free_states() -> [Choice; 4] {
    let [pending, verified, rejected] = states();
    [
        Choice::new("", "Not applied for"),
        pending,
        verified,
        rejected,
    ]
}

async fn new(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    edit_page(&console, &who, None, String::new(), Form::default()).await
}

async fn edit_page(
    console: &Console,
    who: &SignedIn,
    id: Option<String>,
    version: String,
    form: Form,
) -> Result<Response, Refused> {
    let gateways: Listed<Gateway> = console.get(who, "/v1/gateways").await?;
    let status = form.status();
    let title = if id.is_some() {
        "A sender"
    } else {
        "A new sender"
    };
    let shown = page(&EditPage {
        shell: who.shell(title, PATH),
        id,
        version,
        gateways: gateways.data,
        form,
    });
    Ok((status, shown).into_response())
}

fn at(id: &str) -> String {
    format!("/v1/senders/{}", part(id))
}

async fn edit(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = at(&id);
    let (sender, version): (Sender, String) =
        console.ask(&who, Method::GET, &path).tagged().await?;
    edit_page(&console, &who, Some(id), version, filled(sender)).await
}

fn filled(sender: Sender) -> Form {
    let Sender {
        id: _,
        originator,
        kind: _,
        countries,
        gateways,
        registration,
        enabled,
    } = sender;
    let Registration {
        ten_dlc,
        toll_free,
        dlt,
    } = registration;
    let mut fields = vec![("sender", originator)];
    if enabled {
        fields.push(("enabled", "yes".to_owned()));
    }
    fields.extend(countries.iter().map(|it| ("countries", it.to_string())));
    fields.extend(gateways.into_iter().map(|it| ("gateways", it)));
    if let Some(TenDlc {
        brand,
        campaign,
        state,
    }) = ten_dlc
    {
        fields.extend([
            ("brand", brand),
            ("campaign", campaign),
            ("ten_dlc_state", state),
        ]);
    }
    fields.extend(toll_free.map(|state| ("toll_free", state)));
    if let Some(Dlt { entity, template }) = dlt {
        fields.push(("entity", entity));
        fields.extend(template.map(|template| ("template", template)));
    }
    Form::of(fields)
}

/// What is registered: a scheme is there when one of its fields is filled in.
fn read(form: &Form) -> Value {
    let mut registration = json!({});
    let (brand, campaign) = (form.given("brand"), form.given("campaign"));
    if brand.is_some() || campaign.is_some() {
        registration["ten_dlc"] = json!({
            "brand": brand.unwrap_or_default(),
            "campaign": campaign.unwrap_or_default(),
            "state": form.given("ten_dlc_state").unwrap_or("pending"),
        });
    }
    if let Some(state) = form.given("toll_free") {
        registration["toll_free"] = state.into();
    }
    let (entity, template) = (form.given("entity"), form.given("template"));
    if entity.is_some() || template.is_some() {
        registration["dlt"] = json!({"entity": entity.unwrap_or_default()});
        if let Some(template) = template {
            registration["dlt"]["template"] = template.into();
        }
    }
    json!({
        "countries": form.all("countries").collect::<Vec<_>>(),
        "gateways": form.all("gateways").collect::<Vec<_>>(),
        "registration": registration,
    })
}

const FIELDS: [(&str, &str); 9] = [
    ("/sender", "sender"),
    ("/countries", "countries"),
    ("/gateways", "gateways"),
    ("/registration/ten_dlc/brand", "brand"),
    ("/registration/ten_dlc/campaign", "campaign"),
    ("/registration/ten_dlc", "ten_dlc_state"),
    ("/registration/toll_free", "toll_free"),
    ("/registration/dlt/entity", "entity"),
    ("/registration/dlt/template", "template"),
];

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    form: Form,
) -> Result<Response, Refused> {
    let mut body = read(&form);
    body["sender"] = form.get("sender").trim().into();
    match console.post::<Done>(&who, "/v1/senders", &body).await {
        Ok(_) => Ok(go("/senders?said=added")),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &FIELDS);
            edit_page(&console, &who, None, String::new(), form).await
        }
        Err(refused) => Err(refused),
    }
}

async fn change(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let mut body = read(&form);
    body["enabled"] = form.has("enabled", "yes").into();
    let (path, version) = (at(&id), form.get("version").to_owned());
    let ask = console.ask(&who, Method::PATCH, &path).if_match(&version);
    match ask.json(&body).answer::<Done>().await {
        Ok(_) => Ok(go("/senders?said=saved")),
        Err(refused) if refused.belongs_to_form() => {
            let form = form.refused_by(&refused, &FIELDS);
            edit_page(&console, &who, Some(id), version, form).await
        }
        Err(refused) => Err(refused),
    }
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let sender: Sender = console.get(&who, &at(&id)).await?;
    let confirm = Confirm {
        shell: who.shell("Delete a sender", PATH),
        title: format!("Delete “{}”?", sender.originator),
        words: vec![
            "Routes that have it in a pool go on without it. Messages that name it are no longer held to what was registered for it.".to_owned(),
            "It stays yours at the gateway: give it back there, if you don't need it.".to_owned(),
        ],
        act: format!("/senders/{}/delete", part(&id)),
        button: "Delete the sender",
        back: format!("/senders/{}", part(&id)),
        fields: Vec::new(),
    };
    Ok(confirm.page())
}

async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = at(&id);
    let ask = console.ask(&who, Method::DELETE, &path);
    ask.answer::<Done>().await?;
    Ok(go("/senders?said=deleted"))
}

#[derive(Deserialize)]
struct Which {
    country: Option<String>,
}

#[derive(Template)]
#[template(path = "sender_countries.html")]
struct CountryPage {
    shell: Shell,
    form: Form,
    asked: Option<Asked>,
}

/// Those that can be asked about.
fn askable() -> Vec<Choice> {
    countries::choices(Choice::new("", "Choose one"))
}

async fn what_countries_ask(
    who: SignedIn,
    Query(Which { country }): Query<Which>,
) -> Result<Response, Refused> {
    let typed = country.unwrap_or_default();
    let asked = Country::parse(&typed).ok();
    Ok(page(&CountryPage {
        shell: who.shell("What a country asks", PATH),
        form: Form::of([("country", typed)]),
        asked: asked.map(|country| rules::of(country, Timestamp::now())),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_filled_in_is_not_registered() {
        assert_eq!(read(&Form::default())["registration"], json!({}));
        let form = Form::of([("brand", "B1"), ("campaign", "C1"), ("toll_free", "")]);
        assert_eq!(
            read(&form)["registration"],
            json!({"ten_dlc": {"brand": "B1", "campaign": "C1", "state": "pending"}})
        );
    }
}
