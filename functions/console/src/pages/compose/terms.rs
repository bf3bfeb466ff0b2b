//! When it leaves, how fast, and what becomes of what can't. Of the form, and into it.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::{
    form::Form,
    planned::{Planned, Schedule},
    ui::{Choice, amount},
};

/// Of the API: what a campaign is when nobody says otherwise.
const LANE: &str = "low";
const DOUBT: &str = "at_most_once";
const HOURS: &str = "hold";
const VALID: i64 = 3 * 24 * 3_600;

pub fn whens() -> [Choice; 3] {
    let [at, local] = times();
    [Choice::new("now", "As soon as I start it"), at, local]
}

/// Of one that starts by itself.
pub fn times() -> [Choice; 2] {
    [
        Choice::new("at", "At a time").hint("For everybody at the same moment."),
        Choice::new("local", "At each recipient's local time")
            .hint("Ten o'clock is ten o'clock where they are. Plan it a day ahead: it begins where the day does."),
    ]
}

pub fn missed() -> [Choice; 2] {
    [
        Choice::new("hold", "Waits until the hours begin")
            .hint("As long as it is not too late for it, see below."),
        Choice::new("skip", "Is not sent at all").hint("For what makes no sense the next morning."),
    ]
}

pub fn lanes() -> [Choice; 3] {
    [
        Choice::new("low", "As campaigns go: after single messages"),
        Choice::new("normal", "Before other campaigns"),
        Choice::new("high", "Before everything, one-time passwords too"),
    ]
}

pub fn doubts() -> [Choice; 2] {
    [
        Choice::new("at_most_once", "Leave it at that")
            .hint("Nobody gets it twice; a few may miss it."),
        Choice::new("at_least_once", "Send it once more")
            .hint("Nobody misses it; a few may get it twice."),
    ]
}

/// What a form begins with.
pub fn blank(clock: &str) -> Vec<(String, String)> {
    let fields = [
        ("class", "marketing"),
        ("when", "now"),
        ("zone", clock),
        ("missed", HOURS),
        ("lane", LANE),
        ("doubt", DOUBT),
        ("spread_unit", "hours"),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let valid = amount::fields("valid", VALID);
    fields.into_iter().chain(valid).collect()
}

/// For a form that shows a draft. `clock`: the account's; a moment is told by it, whatever it was typed by.
pub fn fields(planned: &Planned, clock: &TimeZone) -> Vec<(String, String)> {
    let policies = &planned.policies;
    let fields = [
        ("class", planned.class.as_str()),
        ("missed", &policies.quiet_hours),
        ("lane", &planned.lane),
        ("doubt", &policies.doubt),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let valid = amount::fields("valid", policies.valid_for);
    let spread = policies.spread_over.map_or_else(
        || vec![("spread_unit".to_owned(), "hours".to_owned())],
        |over| amount::fields("spread", over).to_vec(),
    );
    let timed = time_fields(planned.schedule.as_ref(), clock);
    fields
        .into_iter()
        .chain(timed)
        .chain(valid)
        .chain(spread)
        .collect()
}

/// When it leaves, by the account's clock or by each recipient's.
pub fn time_fields(schedule: Option<&Schedule>, clock: &TimeZone) -> [(String, String); 3] {
    let zone = clock.iana_name().unwrap_or("UTC");
    let typed = |time: jiff::civil::DateTime| time.strftime("%Y-%m-%dT%H:%M").to_string();
    let (when, at) = match schedule {
        Some(Schedule { at: Some(at), .. }) => ("at", typed(at.to_zoned(clock.clone()).datetime())),
        Some(Schedule {
            local: Some(local), ..
        }) => ("local", typed(*local)),
        _ => ("now", String::new()),
    };
    [("when", when), ("at", &at), ("zone", zone)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// As the API wants it; what can't be read is refused in the form.
pub fn given(form: &mut Form) -> Map<String, Value> {
    let mut policies = json!({
        "quiet_hours": form.given("missed").unwrap_or(HOURS),
        "doubt": form.given("doubt").unwrap_or(DOUBT),
    });
    if let Some(valid) = amount::seconds("valid", form) {
        policies["valid_for"] = valid.into();
    }
    if let Some(over) = amount::seconds("spread", form) {
        policies["spread_over"] = over.into();
    }
    Map::from_iter([
        ("lane".to_owned(), form.given("lane").unwrap_or(LANE).into()),
        ("policies".to_owned(), policies),
        ("schedule".to_owned(), schedule(form)),
    ])
}

/// `null` for one that is started by hand.
pub fn schedule(form: &mut Form) -> Value {
    let when = form.get("when").to_owned();
    if !matches!(when.as_str(), "at" | "local") {
        return Value::Null;
    }
    let Some(at) = form.given("at").map(str::to_owned) else {
        form.refuse("at", "Choose a day and a time.");
        return Value::Null;
    };
    match when.as_str() {
        "local" => json!({"local": at}),
        _ => json!({"at": at, "time_zone": form.given("zone").unwrap_or("UTC")}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(more: &[(&str, &str)]) -> Form {
        let mut form = Form::of(blank("Europe/Paris"));
        for (name, value) in more {
            form.set(name, value);
        }
        form
    }

    #[test]
    fn what_nobody_touched_is_what_the_api_does_by_itself() {
        let given = given(&mut form(&[]));

        let expected = json!({
            "lane": "low", "schedule": null,
            "policies": {"quiet_hours": "hold", "doubt": "at_most_once", "valid_for": 259_200},
        });
        assert_eq!(Value::Object(given), expected);
    }

    #[test]
    fn a_time_is_one_moment_or_everybodys_own() {
        let at = "2026-12-24T10:00";
        for (name, fields, expected, error) in [
            ("by hand", vec![("at", at)], Value::Null, None),
            (
                "a moment",
                vec![("when", "at"), ("at", at)],
                json!({"at": at, "time_zone": "Europe/Paris"}),
                None,
            ),
            (
                "by another clock",
                vec![("when", "at"), ("at", at), ("zone", "America/New_York")],
                json!({"at": at, "time_zone": "America/New_York"}),
                None,
            ),
            (
                "local",
                vec![("when", "local"), ("at", at)],
                json!({"local": at}),
                None,
            ),
            (
                "none",
                vec![("when", "at")],
                Value::Null,
                Some("Choose a day and a time."),
            ),
        ] {
            let mut form = form(&fields);

            assert_eq!(given(&mut form)["schedule"], expected, "{name}");
            assert_eq!(form.error("at"), error, "{name}");
        }
    }

    #[test]
    fn a_draft_comes_back_as_it_was() {
        let document = json!({
            "name": "Spring", "lane": "normal", "class": "transactional", "audience": {"type": "inline", "recipients": 3},
            "content": {"text": "Hi"}, "schedule": {"at": "2026-12-24T09:00:00Z"},
            "policies": {"doubt": "at_least_once", "quiet_hours": "skip", "valid_for": 7_200, "spread_over": 5_400},
        });
        let planned: Planned = serde_json::from_value(document.clone()).unwrap();
        let clock = TimeZone::get("Europe/Paris").unwrap();

        let again = given(&mut Form::of(fields(&planned, &clock)));

        assert_eq!(again["policies"], document["policies"]);
        assert_eq!(again["lane"], document["lane"]);
        let expected = json!({"at": "2026-12-24T10:00", "time_zone": "Europe/Paris"});
        assert_eq!(again["schedule"], expected);
    }
}
