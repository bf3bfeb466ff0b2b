//! Gateways: the accounts at providers that messages leave by, how each does, and adding one.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use carillon_core::{api_key::Scope, reason::Reason};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Listed,
    assets,
    console::Console,
    form::Form,
    gateway_kinds::{self as kinds, Kind, Place, Setting, Shape},
    money,
    pages::error::Refused,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Part},
    words::{Tone, Word},
};

pub const PATH: &str = "/gateways";
/// What reports said is counted for so long.
const COUNTED: SignedDuration = SignedDuration::from_hours(6);

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/gateways/new", get(choose))
        .route("/gateways/new/{kind}", get(new).post(create))
}

/// As the API tells of it.
#[derive(Debug, Clone, Deserialize)]
pub struct Gateway {
    pub id: String,
    pub kind: String,
    pub name: String,
    #[serde(default)]
    pub config: Value,
    pub hooks_url: String,
    pub parts_per_second: Option<u32>,
    pub sender_parts_per_second: Option<u32>,
    pub cost_per_part: Option<u64>,
    pub enabled: bool,
    pub health: Health,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Health {
    pub state: String,
    pub until: Option<Timestamp>,
    pub reason: Option<Reason>,
    pub pace: Option<f64>,
}

impl Health {
    pub fn word(&self) -> Word {
        let (label, tone, means) = match self.state.as_str() {
            "closed" => ("Works", Tone::Good, "Messages leave by it."),
            "open" => (
                "Interrupted",
                Tone::Bad,
                "Its calls failed, so nothing leaves by it for now. It is tried again by itself.",
            ),
            "half_open" => (
                "Being tried",
                Tone::Warn,
                "The next message shows whether it works again.",
            ),
            "recovering" => (
                "Recovering",
                Tone::Warn,
                "It works again, and gets more each second until it is at its limit.",
            ),
            _ => ("Unknown", Tone::Quiet, "This state is new to this page."),
        };
        Word { label, tone, means }
    }

    /// SMS a second.
    pub fn pace_word(&self) -> String {
        self.pace.map_or_else(|| "free".to_owned(), rounded)
    }

    /// What somebody can do about it.
    pub fn remedy(&self) -> Option<&'static str> {
        let is_well = self.state == "closed";
        self.reason.filter(|_| !is_well).map(Reason::remedy)
    }

    pub fn reason_words(&self) -> Option<String> {
        let reason = self.reason.filter(|_| self.state != "closed")?;
        Some(crate::form::sentence(reason.facts().words))
    }
}

impl Gateway {
    pub fn kind_name(&self) -> &str {
        kinds::name(&self.kind)
    }

    pub fn word(&self) -> Word {
        if self.enabled {
            return self.health.word();
        }
        Word {
            label: "Switched off",
            tone: Tone::Quiet,
            means: "Nothing leaves by it until it is switched on.",
        }
    }

    pub fn badge(&self) -> Html {
        ui::badge(&self.word())
    }

    /// `19.5 a second of 20`.
    pub fn pace(&self) -> String {
        let limit = self.parts_per_second.map(f64::from);
        match (self.health.pace, limit) {
            (Some(pace), Some(limit)) if pace + 0.05 < limit => {
                format!("{} a second of {}", rounded(pace), rounded(limit))
            }
            (_, Some(limit)) => format!("{} a second", rounded(limit)),
            (Some(pace), None) => format!("{} a second for now", rounded(pace)),
            (None, None) => "without a limit".to_owned(),
        }
    }

    pub fn cost(&self) -> String {
        let cost = self.cost_per_part;
        cost.map_or_else(|| "unknown".to_owned(), money::shown)
    }
}

/// With a digit after the point where it isn't whole.
fn rounded(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0")
        .map(ToOwned::to_owned)
        .unwrap_or(text)
}

/// What reports said of a gateway in the last hours.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reports {
    pub delivered: u64,
    pub failed: u64,
}

impl Reports {
    pub fn all(&self) -> u64 {
        self.delivered + self.failed
    }

    pub fn bar(&self) -> Html {
        let parts = [
            Part::new("delivered", self.delivered, "good"),
            Part::new("failed", self.failed, "bad"),
        ];
        ui::bar(parts, self.all())
    }
}

/// By gateway, of the account of whoever looks.
pub async fn reports(
    console: &Console,
    who: &SignedIn,
) -> Result<BTreeMap<String, Reports>, Refused> {
    let since = Timestamp::now() - COUNTED;
    let mut sums: BTreeMap<String, Reports> = BTreeMap::new();
    for (traffic, counts) in console.deliveries.of(who.account.id, since).await? {
        let sum = sums.entry(traffic.gateway.to_string()).or_default();
        sum.delivered += counts.delivered;
        sum.failed += counts.failed;
    }
    Ok(sums)
}

#[derive(Template)]
#[template(path = "gateways.html")]
struct GatewaysPage {
    shell: Shell,
    gateways: Vec<(Gateway, Reports)>,
    may_write: bool,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let (listed, reports): (Listed<Gateway>, _) =
        futures::try_join!(console.get(&who, "/v1/gateways"), reports(&console, &who),)?;
    let with_reports = |gateway: Gateway| {
        let sum = reports.get(&gateway.id).copied().unwrap_or_default();
        (gateway, sum)
    };
    Ok(page(&GatewaysPage {
        shell: who.shell("Gateways", PATH),
        gateways: listed.data.into_iter().map(with_reports).collect(),
        may_write: who.may(Scope::GatewaysWrite),
    }))
}

#[derive(Template)]
#[template(path = "gateway_choose.html")]
struct ChoosePage {
    shell: Shell,
    kinds: &'static [Kind],
}

async fn choose(who: SignedIn) -> Response {
    page(&ChoosePage {
        shell: who.shell("Connect a gateway", PATH),
        kinds: &kinds::ALL,
    })
}

#[derive(Template)]
#[template(path = "gateway_new.html")]
struct NewPage {
    shell: Shell,
    kind: &'static Kind,
    form: Form,
}

async fn new(who: SignedIn, Path(kind): Path<String>) -> Result<Response, Refused> {
    let kind = kinds::find(&kind).ok_or_else(Refused::not_found)?;
    Ok(new_page(&who, kind, Form::of([("name", kind.name)])))
}

fn new_page(who: &SignedIn, kind: &'static Kind, form: Form) -> Response {
    let status = form.status();
    let page = page(&NewPage {
        shell: who.shell(format!("Connect {}", kind.name), PATH),
        kind,
        form,
    });
    (status, page).into_response()
}

/// Made from what the kind asks for; used by the form of a new gateway and by that of new credentials.
pub fn field(setting: &Setting, form: &Form) -> Html {
    let Setting {
        name,
        label,
        hint,
        place,
        shape,
        is_required,
        example,
    } = *setting;
    let label = if is_required || shape == Shape::Tick {
        label.to_owned()
    } else {
        format!("{label} (optional)")
    };
    if shape == Shape::Tick {
        return ui::tick(name, &label, hint, form);
    }
    let field = match shape {
        Shape::Choice(choices) => Field::select(name, label, kinds::choices(choices)),
        Shape::Lines | Shape::Certificates => Field::lines(name, label, 6),
        Shape::List | Shape::Named => Field::lines(name, label, 4),
        Shape::Document => Field::lines(name, label, 20),
        _ if place == Place::Secret => Field::typed(name, label, "password"),
        _ => Field::line(name, label),
    };
    let field = field
        .hint(hint)
        .with("autocomplete", "off")
        .with("spellcheck", "false");
    let field = match (place, shape, example) {
        (Place::Config, Shape::Line, example) if !example.is_empty() => {
            field.with("placeholder", example)
        }
        _ => field,
    };
    let field = if is_required { field.required() } else { field };
    field.of(form)
}

impl NewPage {
    fn fields(&self) -> Vec<Html> {
        let settings = self.kind.settings.iter();
        settings.map(|it| field(it, &self.form)).collect()
    }
}

/// Fields that every gateway has: name, limits, price.
pub fn common(form: &mut Form) -> Value {
    let mut body = json!({"name": form.get("name")});
    for name in ["parts_per_second", "sender_parts_per_second"] {
        body[name] = match form.given(name).map(str::parse::<u32>) {
            None => Value::Null,
            Some(Ok(limit)) => limit.into(),
            Some(Err(_)) => {
                form.refuse(name, "This is no whole number.");
                Value::Null
            }
        };
    }
    body["cost_per_part"] = money::given(form, "cost_per_part").into();
    body
}

/// Where refusals of these belong.
pub const COMMON: [(&str, &str); 4] = [
    ("/name", "name"),
    ("/parts_per_second", "parts_per_second"),
    ("/sender_parts_per_second", "sender_parts_per_second"),
    ("/cost_per_part", "cost_per_part"),
];

/// The form again, with what the API has against it.
pub fn refuse(form: Form, refused: &Refused, kind: &Kind) -> Form {
    let own = kind.pointers();
    let own = own.iter().map(|(pointer, name)| (pointer.as_str(), *name));
    let fields: Vec<_> = COMMON.into_iter().chain(own).collect();
    form.refused_by(refused, &fields)
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    Path(kind): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let kind = kinds::find(&kind).ok_or_else(Refused::not_found)?;
    let mut body = common(&mut form);
    let (config, credentials) = kind.read(&mut form);
    body["kind"] = kind.id.into();
    body["config"] = config;
    body["credentials"] = credentials.into();
    if form.is_refused() {
        return Ok(new_page(&who, kind, form));
    }
    match console.post::<Gateway>(&who, "/v1/gateways", &body).await {
        Ok(gateway) => {
            let to = match form.get("to") {
                "/start" => "/start?said=added".to_owned(),
                _ => format!("/gateways/{}?said=added", gateway.id),
            };
            Ok(go(&to))
        }
        Err(refused) if refused.belongs_to_form() => {
            Ok(new_page(&who, kind, refuse(form, &refused, kind)))
        }
        Err(refused) => Err(refused),
    }
}
