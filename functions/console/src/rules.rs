//! What a country asks of those who send to it, in sentences: from the rules that `send` keeps to.

use carillon_core::{
    phone::Country,
    rules::{self, Confidence, Rule, Use, Warning},
};
use jiff::Timestamp;

use crate::countries;

/// A country's rules for people.
pub struct Asked {
    pub country: String,
    pub names: String,
    pub numbers: &'static str,
    pub registrations: Vec<String>,
    /// Days and times, for marketing.
    pub hours: Vec<(String, String)>,
    pub holidays: bool,
    pub opt_out: Option<String>,
    pub high_risk: bool,
    /// How much it can be relied on.
    pub standing: String,
    pub source: String,
}

pub fn of(country: Country, now: Timestamp) -> Asked {
    let rule = rules::of_country(Some(country));
    let names = &rule.sender.names;
    let length = match (names.shortest, names.longest) {
        (1, longest) => format!("of up to {longest} characters"),
        (shortest, longest) if shortest == longest => format!("of {longest} characters"),
        (shortest, longest) => format!("of {shortest} to {longest} characters"),
    };
    let suffix = names.marketing_suffix.as_ref();
    let suffix = suffix.map(|it| format!(" Names of marketing end with “{it}”."));
    let usage = match names.usage {
        Use::Allowed => format!("Names {length} may be used."),
        Use::Registered => format!("Names {length} may be used once they are registered."),
        Use::Refused => "Names aren't taken: use a number.".to_owned(),
    };
    Asked {
        country: countries::name(country.as_str()).to_owned(),
        names: format!("{usage}{}", suffix.unwrap_or_default()),
        numbers: match rule.sender.numbers {
            Use::Allowed => "Numbers may be used.",
            Use::Registered => "Numbers may be used once they are registered.",
            Use::Refused => "Numbers aren't taken: use a registered name.",
        },
        registrations: registrations(rule),
        hours: hours(rule),
        holidays: rule.holidays.is_some(),
        opt_out: rule.opt_out.as_ref().map(|it| it.needed.clone()),
        high_risk: rules::is_high_risk(country),
        standing: standing(rule, now),
        source: rule.source.clone(),
    }
}

fn registrations(rule: &Rule) -> Vec<String> {
    let sentence = |it: &rules::Registration| {
        format!("{}: {}. Without it: {}.", it.scheme, it.what, it.without)
    };
    rule.registration.iter().map(sentence).collect()
}

/// Days in a row that have the same hours are one entry.
fn hours(rule: &Rule) -> Vec<(String, String)> {
    use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
    let days = [
        (Monday, "Mon"),
        (Tuesday, "Tue"),
        (Wednesday, "Wed"),
        (Thursday, "Thu"),
        (Friday, "Fri"),
        (Saturday, "Sat"),
        (Sunday, "Sun"),
    ];
    let mut rows: Vec<(&str, &str, String)> = Vec::new();
    for (day, name) in days {
        let window = rule.hours.on(day);
        let window = window.map_or_else(
            || "closed".to_owned(),
            |window| window.to_string().replace('-', " – "),
        );
        match rows.last_mut() {
            Some((_, last, same)) if *same == window => *last = name,
            _ => rows.push((name, name, window)),
        }
    }
    let row = |(first, last, window)| match (first, last) {
        ("Mon", "Sun") => ("Every day".to_owned(), window),
        (first, last) if first == last => (first.to_owned(), window),
        (first, last) => (format!("{first} – {last}"), window),
    };
    rows.into_iter().map(row).collect()
}

fn standing(rule: &Rule, now: Timestamp) -> String {
    match rule.warning(now) {
        Some(Warning::NoRecord) => {
            return "Nothing is known of this country: careful defaults hold. Ask your gateway before you send there.".to_owned();
        }
        Some(Warning::Stale { verified_at }) => {
            return format!(
                "Last looked at on {verified_at}, over a year ago. Ask your gateway whether it still holds."
            );
        }
        None => {}
    }
    let from = match rule.confidence {
        Confidence::Official => "From the law or the network itself",
        Confidence::Secondary => "From what others write about it",
        Confidence::Disputed => "Sources differ",
        Confidence::Recalled => "From working knowledge, not checked again",
        Confidence::Ours => "No source gives hours; they are our choice",
    };
    match rule.verified_at {
        Some(date) => format!("{from}; looked at on {date}."),
        None => format!("{from}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_countries_ask_is_told_in_sentences() {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        let asked = |code| of(Country::parse(code).unwrap(), now);

        let american = asked("US");
        assert_eq!(american.names, "Names aren't taken: use a number.");
        assert!(american.registrations[0].starts_with("10DLC: "));
        assert_eq!(
            american.hours,
            [
                ("Mon – Sat".to_owned(), "09:00 – 20:00".to_owned()),
                ("Sun".to_owned(), "12:00 – 20:00".to_owned())
            ]
        );
        let indian = asked("IN");
        assert_eq!(
            indian.names,
            "Names of 6 characters may be used once they are registered."
        );
        assert_eq!(indian.hours[0].0, "Every day");
        assert!(asked("TV").standing.starts_with("Nothing is known"));
        assert!(asked("NG").high_risk);
    }
}
