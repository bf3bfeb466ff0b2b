//! Exports that come each day, week or month: a section of the page of exports, with a form of its own, a pause, and an end that is asked for.

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::Method;
use jiff::{Timestamp, civil::Time};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exports;
use crate::{
    ask::Done,
    assets,
    confirm::Confirm,
    console::Console,
    form::{self, Form},
    pages::error::Refused,
    path::part,
    respond::{go, page},
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Choice, Field, Html},
    words::{Tone, Word},
};

const PATH: &str = "/exports";
const API: &str = "/v1/export-schedules";

pub fn routes() -> Router<Console> {
    Router::new()
        .route("/exports/scheduled/new", get(new).post(create))
        .route("/exports/scheduled/{id}/pause", post(pause))
        .route("/exports/scheduled/{id}/resume", post(resume))
        .route("/exports/scheduled/{id}/delete", get(confirm).post(delete))
}

#[derive(Debug, Deserialize)]
pub struct Schedule {
    pub id: String,
    dataset: String,
    format: String,
    every: String,
    weekday: Option<String>,
    day: Option<u8>,
    time: Time,
    time_zone: String,
    pub paused: bool,
    pub next: Option<Timestamp>,
    pub last_export: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    data: Vec<Schedule>,
}

impl Schedule {
    pub fn name(&self) -> &str {
        exports::dataset(&self.dataset)
    }

    pub fn kind(&self) -> &'static str {
        exports::kind(&self.format)
    }

    /// `Each Monday at 06:00, Europe/Paris`, and what it is of.
    pub fn when(&self) -> String {
        let day = match (self.every.as_str(), &self.weekday, self.day) {
            ("week", Some(day), _) => format!("Each {}", named(day)),
            ("month", _, Some(day)) => format!("On day {day} of each month"),
            _ => "Each day".to_owned(),
        };
        let time = self.time.strftime("%H:%M");
        format!("{day} at {time}, {}", self.time_zone)
    }

    pub fn covers(&self) -> &'static str {
        covers(&self.every)
    }

    pub fn badge(&self) -> Html {
        let (label, tone) = if self.paused {
            ("Paused", Tone::Quiet)
        } else {
            ("On", Tone::Good)
        };
        let means = "";
        ui::badge(&Word { label, tone, means })
    }
}

fn covers(every: &str) -> &'static str {
    match every {
        "week" => "of the week before, Monday to Sunday",
        "month" => "of the month before",
        _ => "of the day before",
    }
}

/// By the API's words.
const WEEKDAYS: [(&str, &str); 7] = [
    ("monday", "Monday"),
    ("tuesday", "Tuesday"),
    ("wednesday", "Wednesday"),
    ("thursday", "Thursday"),
    ("friday", "Friday"),
    ("saturday", "Saturday"),
    ("sunday", "Sunday"),
];

fn named(weekday: &str) -> &str {
    let known = WEEKDAYS.iter().find(|(word, _)| *word == weekday);
    known.map_or(weekday, |(_, name)| name)
}

/// All of the account, for the page of exports.
pub async fn all(console: &Console, who: &SignedIn) -> Result<Vec<Schedule>, Refused> {
    let Listed { data } = console.get(who, API).await?;
    Ok(data)
}

#[derive(Template)]
#[template(path = "export_schedule_new.html")]
struct NewPage {
    shell: Shell,
    zone: String,
    form: Form,
}

impl NewPage {
    fn periods() -> Vec<Choice> {
        let choice = |every: &str, name: &str| {
            let of = covers(every);
            Choice::new(every, name).hint(format!("Each file is {of}."))
        };
        vec![
            choice("day", "Each day"),
            choice("week", "Each week"),
            choice("month", "Each month"),
        ]
    }

    fn at(&self) -> String {
        format!("At, by the clock of {}", self.zone)
    }

    fn weekdays() -> Vec<Choice> {
        let choice = |(word, name): &(&str, &str)| Choice::new(*word, *name);
        WEEKDAYS.iter().map(choice).collect()
    }
}

async fn new(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    let form = Form::of([
        ("dataset", "messages"),
        ("every", "day"),
        ("weekday", "monday"),
        ("day", "1"),
        ("time", "06:00"),
    ]);
    new_page(&console, &who, form).await
}

async fn new_page(console: &Console, who: &SignedIn, form: Form) -> Result<Response, Refused> {
    let zone = exports::account_zone(console, who).await?;
    let zone = zone.iana_name().unwrap_or("UTC").to_owned();
    let status = form.status();
    let shell = who.shell("A scheduled export", PATH);
    let shown = page(&NewPage { shell, zone, form });
    Ok((status, shown).into_response())
}

async fn create(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let wanted = wanted(&mut form);
    if form.is_refused() {
        return new_page(&console, &who, form).await;
    }
    let ask = console.ask(&who, Method::POST, API).json(&wanted);
    let ask = match form.given(form::ONCE) {
        Some(once) => ask.once(once),
        None => ask,
    };
    match ask.answer::<Done>().await {
        Ok(_) => Ok(go("/exports?said=export-scheduled#scheduled")),
        Err(refused) if refused.belongs_to_form() => {
            let fields = [
                ("/dataset", "dataset"),
                ("/weekday", "weekday"),
                ("/day", "day"),
                ("/time", "time"),
            ];
            let form = form.refused_by(&refused, &fields);
            new_page(&console, &who, form).await
        }
        Err(refused) => Err(refused),
    }
}

/// The request that the form is, with no more of it than its period needs: without scripts all of its fields are there.
fn wanted(form: &mut Form) -> Value {
    let mut wanted = Map::new();
    exports::written_as(form, &mut wanted);
    let every = form.get("every").to_owned();
    match every.as_str() {
        "week" => {
            wanted.insert("weekday".to_owned(), json!(form.get("weekday")));
        }
        "month" => match form.get("day").trim().parse::<i8>() {
            Ok(day) if (1..=31).contains(&day) => {
                wanted.insert("day".to_owned(), json!(day));
            }
            _ => form.refuse("day", "Write the number of a day, 1 to 31."),
        },
        _ => {}
    }
    wanted.insert("every".to_owned(), json!(every));
    wanted.insert("time".to_owned(), json!(form.get("time").trim()));
    Value::Object(wanted)
}

async fn pause(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, Refused> {
    set_paused(&console, &who, &id, &json!({"paused": true})).await?;
    Ok(go("/exports?said=export-paused#scheduled"))
}

async fn resume(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, Refused> {
    set_paused(&console, &who, &id, &json!({"paused": false})).await?;
    Ok(go("/exports?said=export-resumed#scheduled"))
}

/// Whatever somebody else changed of it meanwhile.
async fn set_paused(
    console: &Console,
    who: &SignedIn,
    id: &str,
    change: &Value,
) -> Result<(), Refused> {
    let ask = console.ask(who, Method::PATCH, &at(id)).if_match("*");
    ask.json(change).answer::<Done>().await.map(drop)
}

async fn confirm(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let schedule: Schedule = console.get(&who, &at(&id)).await?;
    let confirm = Confirm {
        shell: who.shell("Delete a schedule", PATH),
        title: "Delete this schedule?".to_owned(),
        words: vec![
            format!("{}. {}.", schedule.name(), schedule.when()),
            "No more exports are made by it. Those that it made stay for their 7 days. To stop it for a while, pause it instead.".to_owned(),
        ],
        act: format!("/exports/scheduled/{}/delete", part(&id)),
        button: "Delete the schedule",
        back: "/exports#scheduled".to_owned(),
        fields: Vec::new(),
    };
    Ok(confirm.page())
}

async fn delete(
    State(console): State<Console>,
    who: SignedIn,
    Path(id): Path<String>,
    _form: Form,
) -> Result<Response, Refused> {
    let ask = console.ask(&who, Method::DELETE, &at(&id));
    ask.answer::<Done>().await?;
    Ok(go("/exports?said=deleted#scheduled"))
}

fn at(id: &str) -> String {
    format!("{API}/{}", part(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(every: &'static str, day: &'static str) -> Form {
        Form::of([
            ("dataset", "messages"),
            ("format", "parquet"),
            ("numbers", "masked"),
            ("every", every),
            ("weekday", "friday"),
            ("day", day),
            ("time", "06:00"),
        ])
    }

    #[test]
    fn a_period_takes_no_more_of_the_form_than_is_its_own() {
        let with = |more: Value| {
            let mut expected = json!({
                "dataset": "messages", "format": "parquet", "numbers": "masked", "time": "06:00",
            });
            let fields = expected.as_object_mut().unwrap();
            fields.extend(more.as_object().unwrap().clone());
            expected
        };
        for (every, expected) in [
            ("day", json!({"every": "day"})),
            ("week", json!({"every": "week", "weekday": "friday"})),
            ("month", json!({"every": "month", "day": 31})),
        ] {
            assert_eq!(wanted(&mut form(every, "31")), with(expected), "{every}");
        }
    }

    #[test]
    fn what_is_no_day_of_a_month_is_refused_beside_its_field() {
        for day in ["", "0", "32", "the last"] {
            let mut form = form("month", day);

            wanted(&mut form);

            assert!(form.error("day").is_some(), "{day}");
        }
    }

    #[test]
    fn a_schedule_is_told_in_a_sentence() {
        for (words, expected) in [
            (json!({"every": "day"}), "Each day at 06:00, Europe/Paris"),
            (
                json!({"every": "week", "weekday": "monday"}),
                "Each Monday at 06:00, Europe/Paris",
            ),
            (
                json!({"every": "month", "day": 31}),
                "On day 31 of each month at 06:00, Europe/Paris",
            ),
        ] {
            let mut schedule = json!({
                "id": "exs_01h455vb4pex5vsknk084sn02q", "dataset": "messages", "format": "csv", "time": "06:00:00",
                "time_zone": "Europe/Paris", "paused": false,
            });
            let fields = schedule.as_object_mut().unwrap();
            fields.extend(words.as_object().unwrap().clone());
            let schedule: Schedule = serde_json::from_value(schedule).unwrap();

            assert_eq!(schedule.when(), expected);
        }
    }
}
