//! What an account may spend, in all and by country, and how often marketing may reach one number.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Map, Value, json};

use super::{Account, Caps, account, change, may_write, saved, version};
use crate::{
    assets,
    console::Console,
    countries,
    form::{self, Form},
    money,
    pages::error::Refused,
    respond::page,
    shell::Shell,
    signed_in::SignedIn,
    ui::{self, Field, Html, Part},
};

const HERE: &str = "/settings/limits";
const PERIODS: [&str; 3] = ["hour", "day", "month"];
/// Empty rows for countries that have no limit yet.
const SPARE: usize = 2;
/// Of the API.
const FREQUENCIES: usize = 5;

pub fn routes() -> Router<Console> {
    Router::new().route(HERE, get(show).post(save))
}

#[derive(Template)]
#[template(path = "settings_limits.html")]
struct LimitsPage {
    shell: Shell,
    account: Account,
    version: String,
    form: Form,
    may_write: bool,
}

/// How much of a limit is spent.
struct Spent {
    when: &'static str,
    amount: u64,
    cap: Option<u64>,
}

impl Spent {
    fn bar(&self) -> Html {
        let cap = self.cap.unwrap_or_default();
        let tone = match self.amount.saturating_mul(100) / cap.max(1) {
            ..80 => "busy",
            80..100 => "warn",
            _ => "bad",
        };
        ui::bar([Part::new("spent", self.amount, tone)], cap.max(1))
    }
}

impl LimitsPage {
    fn spent(&self) -> [Spent; 3] {
        let it = &self.account.spending;
        [
            ("This hour", it.reserved.hour, it.caps.hour),
            ("Today", it.reserved.day, it.caps.day),
            ("This month", it.reserved.month, it.caps.month),
        ]
        .map(|(when, amount, cap)| Spent { when, amount, cap })
    }

    fn rows(&self) -> Vec<usize> {
        (0..count(&self.form)).collect()
    }

    fn of(&self, field: &str, row: usize) -> &str {
        self.form.get(&format!("{field}-{row}"))
    }

    fn error(&self, row: usize) -> Option<&str> {
        let form = &self.form;
        let fields = ["country", "hour", "day", "month"];
        let mut fields = fields.into_iter();
        fields.find_map(|field| form.error(&format!("{field}-{row}")))
    }

    fn frequency_error(&self, row: usize) -> Option<&str> {
        self.form.error(&format!("messages-{row}"))
    }

    fn is_country(&self, row: usize, code: &str) -> bool {
        self.of("country", row) == code
    }

    fn nearly(&self) -> Vec<String> {
        let warnings = self.account.warnings.iter();
        let general = warnings.filter(|warning| warning.country.is_none());
        general.map(|it| form::sentence(&it.words)).collect()
    }
}

fn count(form: &Form) -> usize {
    form.get("rows").parse::<usize>().unwrap_or(SPARE).min(300)
}

async fn show(State(console): State<Console>, who: SignedIn) -> Result<Response, Refused> {
    limits_page(&console, &who, None).await
}

async fn limits_page(
    console: &Console,
    who: &SignedIn,
    form: Option<Form>,
) -> Result<Response, Refused> {
    let (account, version) = account(console, who).await?;
    let form = form.unwrap_or_else(|| filled(&account));
    let status = form.status();
    let shown = page(&LimitsPage {
        shell: who.shell("Limits", super::PATH),
        account,
        version,
        form,
        may_write: may_write(who),
    });
    Ok((status, shown).into_response())
}

fn filled(account: &Account) -> Form {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut caps = |caps: &Caps, row: &str| {
        let Caps { hour, day, month } = *caps;
        for (name, cap) in PERIODS.into_iter().zip([hour, day, month]) {
            let shown = cap.map(money::shown).unwrap_or_default();
            fields.push((format!("{name}{row}"), shown));
        }
    };
    caps(&account.spending.caps, "");
    for (row, country) in account.spending.countries.values().enumerate() {
        caps(country, &format!("-{row}"));
    }
    let codes = account.spending.countries.keys();
    fields.extend(
        codes
            .enumerate()
            .map(|(row, code)| (format!("country-{row}"), code.clone())),
    );
    let rows = account.spending.countries.len() + SPARE;
    fields.push(("rows".into(), rows.to_string()));
    for (row, cap) in account.frequency.iter().enumerate() {
        fields.push((format!("messages-{row}"), cap.messages.to_string()));
        fields.push((format!("within-{row}"), cap.hours.to_string()));
    }
    Form::of(fields)
}

/// What the API wants, and where a frequency of its list stands in the form.
fn read(form: &mut Form) -> (Value, Vec<usize>) {
    let mut spending = caps(form, "");
    let mut by_country = Map::new();
    for row in 0..count(form) {
        let own = caps(form, &format!("-{row}"));
        match form.given(&format!("country-{row}")).map(ToOwned::to_owned) {
            Some(code) if !own.is_empty() => {
                by_country.insert(code, own.into());
            }
            None if !own.is_empty() => {
                form.refuse(
                    format!("country-{row}"),
                    "Choose the country of this limit.",
                );
            }
            _ => {}
        }
    }
    spending.insert("countries".to_owned(), by_country.into());
    let (mut frequency, mut rows) = (Vec::new(), Vec::new());
    for row in 0..FREQUENCIES {
        let number = |form: &Form, name: &str| -> Option<Result<u32, ()>> {
            let given = form.given(&format!("{name}-{row}"))?;
            Some(given.parse().map_err(|_| ()))
        };
        match (number(form, "messages"), number(form, "within")) {
            (None, None) => {}
            (Some(Ok(messages)), Some(Ok(hours))) => {
                frequency.push(json!({"messages": messages, "hours": hours}));
                rows.push(row);
            }
            _ => form.refuse(
                format!("messages-{row}"),
                "Give both as whole numbers, or leave both empty.",
            ),
        }
    }
    (json!({"spending": spending, "frequency": frequency}), rows)
}

fn caps(form: &mut Form, row: &str) -> Map<String, Value> {
    let mut caps = Map::new();
    for name in PERIODS {
        if let Some(cap) = money::given(form, &format!("{name}{row}")) {
            caps.insert(name.to_owned(), cap.into());
        }
    }
    caps
}

async fn save(
    State(console): State<Console>,
    who: SignedIn,
    mut form: Form,
) -> Result<Response, Refused> {
    let (body, rows) = read(&mut form);
    if form.is_refused() {
        return limits_page(&console, &who, Some(form)).await;
    }
    match change(&console, &who, &version(&form), &body).await? {
        Ok(()) => Ok(saved(HERE)),
        Err(refused) => {
            let form = refuse(form, &refused, &rows);
            limits_page(&console, &who, Some(form)).await
        }
    }
}

fn refuse(form: Form, refused: &Refused, rows: &[usize]) -> Form {
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        fields.insert(format!("/frequency/{place}"), format!("messages-{row}"));
    }
    for name in PERIODS {
        fields.insert(format!("/spending/{name}"), name.to_owned());
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(pointer, field)| (pointer.as_str(), field.as_str()))
        .collect();
    form.refused_by(refused, &fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_they_are_shown() {
        let account: Account = serde_json::from_value(json!({
            "id": "acc_1", "name": "Acme", "time_zone": "UTC", "countries": ["GB"], "velocity": true,
            "switches": {"all": false, "countries": [], "senders": [], "campaigns": []},
            "spending": {
                "day": 250_000_000, "countries": {"NG": {"hour": 1_500_000}},
                "reserved": {"hour": 0, "day": 0, "month": 0},
            },
            "frequency": [{"messages": 3, "hours": 24}], "warnings": [],
            "retention": {"messages_days": 180, "inbound_days": 400, "files_days": 400},
        }))
        .unwrap();

        let mut form = filled(&account);
        let (body, _) = read(&mut form);

        assert_eq!(form.get("day"), "250");
        assert_eq!(
            body,
            json!({
                "spending": {"day": 250_000_000, "countries": {"NG": {"hour": 1_500_000}}},
                "frequency": [{"messages": 3, "hours": 24}],
            })
        );
    }

    #[test]
    fn a_limit_of_no_country_and_half_a_frequency_are_refused_beside_it() {
        let mut form = Form::of([
            ("rows", "1"),
            ("hour-0", "5"),
            ("messages-1", "3"),
            ("month", "lots"),
        ]);
        read(&mut form);
        for field in ["country-0", "messages-1", "month"] {
            assert!(form.error(field).is_some(), "{field}");
        }
    }
}
