//! Routes: by which gateways messages leave, by destination, lane and sender; and which way a number would take, and why.

mod explain;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use carillon_core::{api_key::Scope, phone::Country};
use http::Method;
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
    money,
    pages::error::Refused,
    path::part,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon},
};

const PATH: &str = "/routes";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list))
        .route("/routes/new", get(new).post(create))
        .route("/routes/explain", get(explain::ask).post(explain::answer))
        .route("/routes/{id}", get(edit).post(change))
        .route("/routes/{id}/delete", get(confirm).post(delete))
}

#[derive(Debug, Clone, Deserialize)]
struct Route {
    id: String,
    name: String,
    priority: u16,
    countries: Vec<Country>,
    prefixes: Vec<String>,
    lanes: Vec<String>,
    senders: Vec<String>,
    choice: String,
    gateways: Vec<Exit>,
    enabled: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Exit {
    gateway: String,
    weight: u16,
    cost_per_part: Option<u64>,
    #[serde(default)]
    pool: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Sender {
    id: String,
    sender: String,
}

impl Route {
    /// Whom it is for.
    fn destinations(&self) -> String {
        let countries = countries::names(&self.countries, 4);
        let prefixes = self.prefixes.join(", ");
        match (countries.as_str(), prefixes.as_str()) {
            ("", "") => "everybody".to_owned(),
            (countries, "") => countries.to_owned(),
            ("", prefixes) => format!("numbers that begin with {prefixes}"),
            (countries, prefixes) => format!("{countries}; numbers that begin with {prefixes}"),
        }
    }

    /// What it is narrowed to beside destinations.
    fn only(&self) -> String {
        let mut only = Vec::new();
        if !self.lanes.is_empty() {
            only.push(format!("{} priority", self.lanes.join(" and ")));
        }
        if !self.senders.is_empty() {
            only.push(format!("from {}", self.senders.join(", ")));
        }
        only.join("; ")
    }

    fn choice_words(&self) -> &'static str {
        match self.choice.as_str() {
            "weighted" => "by share",
            "least_cost" => "the cheapest first",
            _ => "in this order",
        }
    }
}

/// What the pages need to know beside routes.
struct Known {
    gateways: Vec<Gateway>,
    senders: Vec<Sender>,
}

impl Known {
    async fn read(console: &Console, who: &SignedIn) -> Result<Self, Refused> {
        let (gateways, senders): (Listed<Gateway>, Listed<Sender>) = futures::try_join!(
            console.get(who, "/v1/gateways"),
            console.get(who, "/v1/senders"),
        )?;
        Ok(Self {
            gateways: gateways.data,
            senders: senders.data,
        })
    }

    fn name<'a>(&'a self, gateway: &'a str) -> &'a str {
        let mut all = self.gateways.iter();
        let found = all.find(|it| it.id == gateway);
        found.map_or(gateway, |it| it.name.as_str())
    }
}

#[derive(Template)]
#[template(path = "routes.html")]
struct RoutesPage {
    shell: Shell,
    routes: Vec<Route>,
    known: Known,
    may_write: bool,
}

async fn list(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let (listed, known): (Listed<Route>, _) =
        futures::try_join!(console.get(&who, "/v1/routes"), Known::read(&console, &who),)?;
    let mut routes = listed.data;
    routes.sort_by_key(|route| route.priority);
    Ok(page(&RoutesPage {
        shell: who.shell("Routes", PATH),
        routes,
        known,
        may_write: who.may(Scope::GatewaysWrite),
    }))
}

#[derive(Template)]
#[template(path = "route_edit.html")]
struct EditPage {
    shell: Shell,
    /// Of the route that is edited.
    id: Option<String>,
    version: String,
    known: Known,
    form: Form,
}

fn lanes() -> [Choice; 3] {
    [
        Choice::new("high", "High").hint("One-time passwords: API sends to one recipient."),
        Choice::new("normal", "Normal").hint("API sends to several."),
        Choice::new("low", "Low").hint("Campaigns."),
    ]
}

fn picks() -> [Choice; 3] {
    [
        Choice::new("in_order", "The first that works"),
        Choice::new("weighted", "Each its share").hint(
            "By the shares below. A number always goes by the same one, as long as it works.",
        ),
        Choice::new("least_cost", "The cheapest that works")
            .hint("By the price of an SMS, here or at the gateway."),
    ]
}

impl EditPage {
    /// Where it is in the order: fields of a gateway have its id in their name.
    fn places(&self) -> Vec<usize> {
        (1..=self.known.gateways.len().min(16)).collect()
    }

    fn is_at(&self, gateway: &str, place: usize) -> bool {
        self.form.get(&format!("place-{gateway}")) == place.to_string()
    }

    fn of(&self, field: &str, gateway: &str) -> &str {
        self.form.get(&format!("{field}-{gateway}"))
    }

    fn error(&self, field: &str, gateway: &str) -> Option<&str> {
        self.form.error(&format!("{field}-{gateway}"))
    }

    fn pools(&self, gateway: &str, sender: &str) -> bool {
        self.form.has(&format!("pool-{gateway}"), sender)
    }

    fn act(&self) -> String {
        match &self.id {
            Some(id) => format!("/routes/{}", part(id)),
            None => "/routes/new".to_owned(),
        }
    }

    fn countries(&self) -> Html {
        countries::boxes(
            "countries",
            "Countries",
            "None ticked, and no beginnings of numbers: for everybody.",
            &self.form,
        )
    }
}

async fn new(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let known = Known::read(&console, &who).await?;
    let mut fields = vec![
        ("choice".to_owned(), "in_order".to_owned()),
        ("priority".to_owned(), "100".to_owned()),
    ];
    if let [only] = known.gateways.as_slice() {
        fields.push((format!("place-{}", only.id), "1".to_owned()));
    }
    Ok(edit_page(
        &who,
        known,
        None,
        String::new(),
        Form::of(fields),
    ))
}

fn edit_page(
    who: &SignedIn,
    known: Known,
    id: Option<String>,
    version: String,
    form: Form,
) -> Response {
    let status = form.status();
    let title = if id.is_some() {
        "A route"
    } else {
        "A new route"
    };
    let shown = page(&EditPage {
        shell: who.shell(title, PATH),
        id,
        version,
        known,
        form,
    });
    (status, shown).into_response()
}

fn at(id: &str) -> String {
    format!("/v1/routes/{}", part(id))
}

async fn edit(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let path = at(&id);
    let ((route, version), known): ((Route, String), _) = futures::try_join!(
        console.ask(&who, Method::GET, &path).tagged(),
        Known::read(&console, &who),
    )?;
    Ok(edit_page(&who, known, Some(id), version, filled(&route)))
}

/// The form of a route as it is kept.
fn filled(route: &Route) -> Form {
    let mut fields: Vec<(String, String)> = vec![
        ("name".into(), route.name.clone()),
        ("priority".into(), route.priority.to_string()),
        ("choice".into(), route.choice.clone()),
        ("prefixes".into(), route.prefixes.join(", ")),
        ("senders".into(), route.senders.join(", ")),
    ];
    if route.enabled {
        fields.push(("enabled".into(), "yes".into()));
    }
    let countries = route.countries.iter();
    fields.extend(countries.map(|it| ("countries".into(), it.to_string())));
    let lanes = route.lanes.iter();
    fields.extend(lanes.map(|lane| ("lanes".into(), lane.clone())));
    for (place, exit) in route.gateways.iter().enumerate() {
        let id = &exit.gateway;
        fields.push((format!("place-{id}"), (place + 1).to_string()));
        fields.push((format!("weight-{id}"), exit.weight.to_string()));
        let cost = exit.cost_per_part.map(money::shown).unwrap_or_default();
        fields.push((format!("cost-{id}"), cost));
        let pool = exit.pool.iter();
        fields.extend(pool.map(|sender| (format!("pool-{id}"), sender.clone())));
    }
    Form::of(fields)
}

/// Words between commas, blanks or line breaks.
pub fn several(text: &str) -> Vec<&str> {
    let words = text.split([',', ';', '\n', '\r', '\t']).map(str::trim);
    words.filter(|word| !word.is_empty()).collect()
}

/// What the API wants, and the gateways in the order of their pointers.
fn read(form: &mut Form, gateways: &[Gateway]) -> (Value, Vec<String>) {
    let mut exits: Vec<(usize, String, Value)> = Vec::new();
    for Gateway { id, .. } in gateways {
        let Some(place) = form.given(&format!("place-{id}")) else {
            continue;
        };
        let place = place.parse().unwrap_or(usize::MAX);
        let weight = form.given(&format!("weight-{id}")).map(str::parse::<u16>);
        let weight = match weight {
            None => 1,
            Some(Ok(weight)) => weight,
            Some(Err(_)) => {
                form.refuse(format!("weight-{id}"), "Write a whole number, 0 to 10000.");
                1
            }
        };
        let cost = money::given(form, &format!("cost-{id}"));
        let pool: Vec<_> = form
            .all(&format!("pool-{id}"))
            .map(ToOwned::to_owned)
            .collect();
        let mut exit = json!({"gateway": id, "weight": weight, "pool": pool});
        if let Some(cost) = cost {
            exit["cost_per_part"] = cost.into();
        }
        exits.push((place, id.clone(), exit));
    }
    exits.sort_by_key(|(place, _, _)| *place);
    let order = exits.iter().map(|(_, id, _)| id.clone()).collect();
    let exits: Vec<Value> = exits.into_iter().map(|(_, _, exit)| exit).collect();
    let priority = form.given("priority").map_or(Ok(100), str::parse::<u16>);
    let priority = priority.unwrap_or_else(|_| {
        form.refuse("priority", "Write a whole number, 0 to 65535.");
        100
    });
    let body = json!({
        "name": form.get("name"),
        "priority": priority,
        "countries": form.all("countries").collect::<Vec<_>>(),
        "prefixes": several(form.get("prefixes")),
        "lanes": form.all("lanes").collect::<Vec<_>>(),
        "senders": several(form.get("senders")),
        "choice": form.get("choice"),
        "gateways": exits,
    });
    (body, order)
}

fn refuse(form: Form, refused: &Refused, order: &[String]) -> Form {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (place, id) in order.iter().enumerate() {
        for (pointer, field) in [
            ("weight", "weight"),
            ("cost_per_part", "cost"),
            ("", "place"),
        ] {
            let pointer = format!("/gateways/{place}/{pointer}");
            fields.push((pointer, format!("{field}-{id}")));
        }
    }
    for name in [
        "name",
        "priority",
        "countries",
        "prefixes",
        "lanes",
        "senders",
        "choice",
    ] {
        fields.push((format!("/{name}"), name.to_owned()));
    }
    fields.push(("/gateways".to_owned(), "gateways".to_owned()));
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(pointer, field)| (pointer.as_str(), field.as_str()))
        .collect();
    form.refused_by(refused, &fields)
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let known = Known::read(&console, &who).await?;
    let (body, order) = read(&mut form, &known.gateways);
    if form.is_refused() {
        return Ok(edit_page(&who, known, None, String::new(), form));
    }
    match console.post::<Done>(&who, "/v1/routes", &body).await {
        Ok(_) => Ok(go("/routes?said=added")),
        Err(refused) if refused.belongs_to_form() => {
            let form = refuse(form, &refused, &order);
            Ok(edit_page(&who, known, None, String::new(), form))
        }
        Err(refused) => Err(refused),
    }
}

async fn change(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    mut form: Form,
) -> Result<Response, Refused> {
    let known = Known::read(&console, &who).await?;
    let (mut body, order) = read(&mut form, &known.gateways);
    body["enabled"] = form.has("enabled", "yes").into();
    let version = form.get("version").to_owned();
    if form.is_refused() {
        return Ok(edit_page(&who, known, Some(id), version, form));
    }
    let path = at(&id);
    let ask = console.ask(&who, Method::PATCH, &path).if_match(&version);
    match ask.json(&body).answer::<Done>().await {
        Ok(_) => Ok(go("/routes?said=saved")),
        Err(refused) if refused.belongs_to_form() => {
            let form = refuse(form, &refused, &order);
            Ok(edit_page(&who, known, Some(id), version, form))
        }
        Err(refused) => Err(refused),
    }
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let (path, all) = (at(&id), "/v1/routes");
    let (route, routes): (Route, Listed<Route>) =
        futures::try_join!(console.get(&who, &path), console.get(&who, all))?;
    let mut words =
        vec!["What began with it goes on by it. What begins from now on doesn't.".to_owned()];
    if routes.data.len() == 1 {
        let last =
            "It is the last one. Without a route, messages go by any gateway, the oldest first.";
        words.push(last.to_owned());
    }
    let confirm = Confirm {
        shell: who.shell("Delete a route", PATH),
        title: format!("Delete “{}”?", route.name),
        words,
        act: format!("/routes/{}/delete", part(&id)),
        button: "Delete the route",
        back: format!("/routes/{}", part(&id)),
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
    Ok(go("/routes?said=deleted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(id: &str) -> Gateway {
        serde_json::from_value(json!({
            "id": id, "kind": "simulated", "name": id, "hooks_url": "", "enabled": true,
            "health": {"state": "closed"}, "created": "2026-11-28T12:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn gateways_go_in_the_order_that_was_chosen() {
        let gateways = [gateway("gwa_a"), gateway("gwa_b"), gateway("gwa_c")];
        let mut form = Form::of([
            ("name", "Europe"),
            ("priority", "10"),
            ("countries", "FR"),
            ("countries", "DE"),
            ("prefixes", "+4477, +4478"),
            ("place-gwa_a", "2"),
            ("place-gwa_c", "1"),
            ("weight-gwa_a", "3"),
            ("cost-gwa_a", "0.01"),
            ("pool-gwa_c", "snd_1"),
        ]);

        let (body, order) = read(&mut form, &gateways);

        assert!(!form.is_refused());
        assert_eq!(order, ["gwa_c", "gwa_a"]);
        assert_eq!(
            body["gateways"][0],
            json!({"gateway": "gwa_c", "weight": 1, "pool": ["snd_1"]})
        );
        assert_eq!(body["gateways"][1]["weight"], 3);
        assert_eq!(body["gateways"][1]["cost_per_part"], 10_000);
        assert_eq!(body["countries"], json!(["FR", "DE"]));
        assert_eq!(body["prefixes"], json!(["+4477", "+4478"]));
    }

    #[test]
    fn what_is_no_number_is_refused_beside_its_field() {
        let gateways = [gateway("gwa_a")];
        let mut form = Form::of([
            ("priority", "first"),
            ("place-gwa_a", "1"),
            ("weight-gwa_a", "-1"),
            ("cost-gwa_a", "cheap"),
        ]);

        read(&mut form, &gateways);

        for field in ["priority", "weight-gwa_a", "cost-gwa_a"] {
            assert!(form.error(field).is_some(), "{field}");
        }
    }
}
