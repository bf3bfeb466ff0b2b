//! Exports: files of what the account has, made in the background; how far they are, their links, and a way to stop one.

use std::borrow::Borrow;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use carillon_core::api_key::Scope;
use http::Method;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::export_schedules::{self, Schedule};
use crate::{
    ask::{Done, Listed},
    assets,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html, Icon, Part},
    words::{self, Word},
};

const PATH: &str = "/exports";
const LIMIT: &str = "25";

pub fn routes() -> Router<Console> {
    Router::new()
        .route(PATH, get(list).post(create))
        .route("/exports/{id}", get(show))
        .route("/exports/{id}/cancel", post(cancel))
        .route("/exports/{id}/download", post(download))
}

#[derive(Debug, Deserialize)]
struct Export {
    id: String,
    status: String,
    dataset: String,
    format: String,
    numbers: String,
    campaign: Option<String>,
    schedule: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    lake: Option<Date>,
    progress: Progress,
    created: Timestamp,
    problem: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Progress {
    done: u64,
    total: Option<u64>,
    rows: u64,
    bytes: u64,
    files: u64,
}

#[derive(Debug, Deserialize)]
struct Download {
    manifest: File,
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
struct File {
    name: String,
    url: String,
    rows: Option<u64>,
    bytes: Option<u64>,
}

impl Export {
    fn word(&self) -> Word {
        words::export(&self.status)
    }

    fn badge(&self) -> Html {
        ui::badge(&self.word())
    }

    fn is_active(&self) -> bool {
        matches!(self.status.as_str(), "queued" | "running")
    }

    fn is_finished(&self) -> bool {
        self.status == "finished" && self.lake.is_none()
    }

    fn name(&self) -> &str {
        dataset(&self.dataset)
    }

    fn kind(&self) -> &'static str {
        kind(&self.format)
    }

    fn bar(&self) -> Html {
        let Progress { done, total, .. } = self.progress;
        match (self.is_finished(), total) {
            (true, _) => ui::bar([Part::new("written", 1, "good")], 1),
            (false, Some(total)) => ui::bar([Part::new("written", done.min(total), "busy")], total),
            // Nobody has counted the pages.
            (false, None) => Html::default(),
        }
    }

    /// In the account's time zone.
    fn of(&self, zone: &TimeZone) -> String {
        if let Some(day) = self.lake {
            return format!("The lake's day {day}");
        }
        match (&self.campaign, self.from, self.until) {
            (Some(_), ..) => "One campaign".to_owned(),
            (None, Some(from), Some(until)) => {
                format!("{} {}", beginning(from, zone), end(until, zone))
            }
            (None, Some(from), None) => format!("From {} on", beginning(from, zone)),
            (None, None, Some(until)) => format!("Everything {}", end(until, zone)),
            (None, None, None) => "All".to_owned(),
        }
    }
}

const DAY: &str = "%-d %b %Y";
const MOMENT: &str = "%-d %b %Y, %H:%M";

fn beginning(from: Timestamp, zone: &TimeZone) -> String {
    let from = from.to_zoned(zone.clone());
    let midnight = from.start_of_day().is_ok_and(|midnight| midnight == from);
    from.strftime(if midnight { DAY } else { MOMENT })
        .to_string()
}

/// A whole last day is named, as who asks for one does.
fn end(until: Timestamp, zone: &TimeZone) -> String {
    let until = until.to_zoned(zone.clone());
    let last = until.date().yesterday();
    match (until.start_of_day(), last) {
        (Ok(midnight), Ok(last)) if midnight == until => format!("to {}", last.strftime(DAY)),
        _ => format!("until {}", until.strftime(MOMENT)),
    }
}

pub fn kind(format: &str) -> &'static str {
    match format {
        "parquet" => "Parquet",
        _ => "CSV",
    }
}

pub fn dataset(word: &str) -> &str {
    let known = DATASETS.iter().find(|(known, ..)| *known == word);
    known.map_or(word, |(_, name, _)| name)
}

/// By the API's words, with what a row is.
const DATASETS: [(&str, &str, &str); 6] = [
    (
        "messages",
        "Messages",
        "What became of each, by which way, what it cost.",
    ),
    ("campaigns", "Campaigns", "Their texts, senders and times."),
    (
        "clicks",
        "Clicks",
        "Each time a tracked link was opened, by whom and with what.",
    ),
    ("inbound", "Inbound messages", "What people wrote."),
    (
        "opt_outs",
        "Opt-outs",
        "Who must not be written to, since when and why.",
    ),
    (
        "contacts",
        "Contacts",
        "With their attributes, tags and lists.",
    ),
];

/// `3.4 MB`.
fn size(bytes: impl Borrow<u64>) -> String {
    let bytes = *bytes.borrow();
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
    /// A campaign's page leads here with it.
    #[serde(default)]
    campaign: String,
    /// Opt-outs that are too many for one answer lead here with it.
    #[serde(default)]
    dataset: String,
}

#[derive(Template)]
#[template(path = "exports.html")]
struct ExportsPage {
    shell: Shell,
    exports: Vec<Export>,
    schedules: Vec<Schedule>,
    pager: Html,
    any_active: bool,
    may_write: bool,
    form: Form,
}

/// What the forms offer.
pub fn datasets() -> Vec<Choice> {
    let choice = |(word, name, hint): &(&str, &str, &str)| Choice::new(*word, *name).hint(*hint);
    DATASETS.iter().map(choice).collect()
}

pub fn formats() -> Vec<Choice> {
    vec![
        Choice::new("csv", "CSV for a spreadsheet"),
        Choice::new("raw", "CSV for a program"),
        Choice::new("parquet", "Parquet"),
    ]
}

pub fn numbers() -> Vec<Choice> {
    vec![
        Choice::new("full", "Whole"),
        Choice::new("masked", "Masked: country and last digits"),
    ]
}

async fn list(
    State(console): State<Console>,
    who: SignedIn,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    let wanted = match asked.dataset.as_str() {
        "" => "messages",
        wanted => wanted,
    };
    let form = Form::of([("dataset", wanted), ("campaign", asked.campaign.as_str())]);
    exports(&console, &who, &asked.cursor, form).await
}

async fn exports(
    console: &Console,
    who: &SignedIn,
    cursor: &str,
    form: Form,
) -> Result<Response, Refused> {
    let query = [("limit", LIMIT), ("cursor", cursor)];
    let address = path::with("/v1/exports", &query);
    let (listed, schedules) = futures::try_join!(
        console.get::<Listed<Export>>(who, &address),
        export_schedules::all(console, who)
    )?;
    let Listed { data, next_cursor } = listed;
    let status = form.status();
    let shown = page(&ExportsPage {
        shell: who.shell("Exports", PATH),
        any_active: data.iter().any(Export::is_active),
        exports: data,
        schedules,
        pager: ui::pager(PATH, next_cursor.as_deref(), cursor.is_empty()),
        may_write: who.may(Scope::ExportsWrite),
        form,
    });
    Ok((status, shown).into_response())
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let zone = account_zone(&console, &who).await?;
    let wanted = wanted(&mut form, &zone);
    if form.is_refused() {
        return exports(&console, &who, "", form).await;
    }
    let ask = console.ask(&who, Method::POST, "/v1/exports").json(&wanted);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Export>().await {
        Ok(made) => Ok(go(&format!("/exports/{}?said=export-made", made.id))),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [
                ("/campaign", "campaign"),
                ("/from", "from"),
                ("/until", "until"),
                ("/csv", "format"),
                ("/dataset", "dataset"),
            ];
            let form = form.refused_by(&refused, &fields);
            exports(&console, &who, "", form).await
        }
        Err(refused) => Err(refused),
    }
}

pub async fn account_zone(console: &Console, who: &SignedIn) -> Result<TimeZone, Refused> {
    #[derive(Deserialize)]
    struct Account {
        time_zone: String,
    }
    let account: Account = console.get(who, "/v1/account").await?;
    Ok(TimeZone::get(&account.time_zone).unwrap_or(TimeZone::UTC))
}

/// The request that the form is, days as those of the account's zone and the last one with it.
fn wanted(form: &mut Form, zone: &TimeZone) -> Value {
    let mut wanted = Map::new();
    written_as(form, &mut wanted);
    let mut set = |name: &str, value: Value| {
        wanted.insert(name.to_owned(), value);
    };
    if let Some(campaign) = form.given("campaign") {
        set("campaign", json!(campaign));
    }
    for (name, ends) in [("from", false), ("until", true)] {
        let Some(text) = form.given(name).map(str::to_owned) else {
            continue;
        };
        match day(&text, ends, zone) {
            Some(time) => set(name, json!(time)),
            None => form.refuse(name, "This is no day. Write it as 2026-11-28."),
        }
    }
    Value::Object(wanted)
}

/// Of what it is and how it is written.
pub fn written_as(form: &Form, wanted: &mut Map<String, Value>) {
    let mut set = |name: &str, value: Value| {
        wanted.insert(name.to_owned(), value);
    };
    set("dataset", json!(form.get("dataset")));
    let (format, csv) = match form.get("format") {
        "parquet" => ("parquet", None),
        "raw" => ("csv", Some("raw")),
        _ => ("csv", Some("spreadsheet_safe")),
    };
    set("format", json!(format));
    if let Some(csv) = csv {
        set("csv", json!(csv));
    }
    if form.get("numbers") == "masked" {
        set("numbers", json!("masked"));
    }
}

pub fn day(text: &str, ends: bool, zone: &TimeZone) -> Option<Timestamp> {
    let day: Date = text.parse().ok()?;
    let day = if ends { day.tomorrow().ok()? } else { day };
    Some(day.to_zoned(zone.clone()).ok()?.timestamp())
}

#[derive(Template)]
#[template(path = "export.html")]
struct ExportPage {
    shell: Shell,
    export: Export,
    zone: TimeZone,
    files: Option<Download>,
    may_write: bool,
}

async fn show(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    one(&console, &who, &id, None).await
}

async fn one(
    console: &Console,
    who: &SignedIn,
    id: &str,
    files: Option<Download>,
) -> Result<Response, Refused> {
    let address = format!("/v1/exports/{}", path::part(id));
    let (export, zone): (Export, TimeZone) =
        futures::try_join!(console.get(who, &address), account_zone(console, who))?;
    Ok(page(&ExportPage {
        shell: who.shell("Export", PATH),
        export,
        zone,
        files,
        may_write: who.may(Scope::ExportsWrite),
    }))
}

async fn cancel(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, Refused> {
    let id = path::part(&id);
    let address = format!("/v1/exports/{id}/cancel");
    let _: Done = console.post(&who, &address, &json!({})).await?;
    Ok(go(&format!("/exports/{id}?said=export-cancelled")))
}

/// A page with the links, which end soon: that somebody asked for them is in the audit log, so it is a post.
async fn download(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, Refused> {
    let address = format!("/v1/exports/{}/download", path::part(&id));
    let files: Download = console.post(&who, &address, &json!({})).await?;
    one(&console, &who, &id, Some(files)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_the_accounts_and_the_last_one_is_in_it() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let mut form = Form::of([
            ("dataset", "messages"),
            ("format", "raw"),
            ("from", "2026-11-27"),
            ("until", "2026-11-28"),
        ]);

        let request = wanted(&mut form, &zone);

        let expected = json!({
            "dataset": "messages", "format": "csv", "csv": "raw",
            "from": "2026-11-26T23:00:00Z", "until": "2026-11-28T23:00:00Z",
        });
        assert_eq!(request, expected);
        assert!(!form.is_refused());
    }

    #[test]
    fn what_an_export_is_of_is_told_in_the_accounts_days() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let (midnight, next) = ("2026-11-26T23:00:00Z", "2026-11-28T23:00:00Z");
        for (from, until, expected) in [
            (Some(midnight), Some(next), "27 Nov 2026 to 28 Nov 2026"),
            (
                Some("2026-11-27T08:30:00Z"),
                Some("2026-11-27T09:00:00Z"),
                "27 Nov 2026, 09:30 until 27 Nov 2026, 10:00",
            ),
            (Some(midnight), None, "From 27 Nov 2026 on"),
            (None, Some(next), "Everything to 28 Nov 2026"),
            (None, None, "All"),
        ] {
            let export: Export = serde_json::from_value(json!({
                "id": "exp_1", "status": "finished", "dataset": "messages", "format": "csv", "numbers": "full",
                "from": from, "until": until, "created": midnight,
                "progress": {"done": 1, "total": 1, "rows": 5, "bytes": 100, "files": 1},
            }))
            .unwrap();

            assert_eq!(export.of(&paris), expected);
        }
    }

    #[test]
    fn what_is_no_day_is_refused_beside_its_field() {
        let mut form = Form::of([("dataset", "messages"), ("until", "tomorrow")]);

        wanted(&mut form, &TimeZone::UTC);

        assert!(form.error("until").is_some());
    }
}
