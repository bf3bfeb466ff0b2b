use jiff::civil::date;

use super::*;

fn rule(country: &str) -> &'static Rule {
    of_country(Some(Country::parse(country).unwrap()))
}

#[test]
fn every_record_has_a_source_and_no_country_has_two() {
    let mut countries: Vec<_> = all().iter().flat_map(|rule| &rule.countries).collect();
    let count = countries.len();
    countries.sort_unstable();
    countries.dedup();

    assert_eq!(countries.len(), count);
    for rule in all() {
        assert!(
            !rule.source.is_empty() && rule.verified_at.is_some(),
            "{:?}",
            rule.countries
        );
        assert!(
            !rule.hours.is_empty() && !rule.countries.is_empty(),
            "{:?}",
            rule.countries
        );
    }
    for rule in states() {
        assert!(
            !rule.source.is_empty() && !rule.hours.is_empty(),
            "{}",
            rule.state
        );
    }
}

#[test]
fn marketing_hours_are_those_that_were_looked_up() {
    let hours = |rule: &Rule| serde_json::to_value(rule.hours).unwrap();
    for (country, monday, sunday) in [
        ("US", "09:00-20:00", Some("12:00-20:00")),
        ("PR", "09:00-20:00", Some("12:00-20:00")),
        ("IN", "10:00-21:00", Some("10:00-21:00")),
        ("FR", "08:00-20:00", None),
        ("RE", "08:00-20:00", None),
        ("GB", "08:00-20:00", Some("08:00-20:00")),
        ("DE", "08:00-20:00", None),
        ("PL", "08:00-20:00", None),
        ("SA", "09:00-19:00", Some("09:00-19:00")),
        ("BR", "09:00-20:00", Some("09:00-20:00")),
    ] {
        let hours = hours(rule(country));

        assert_eq!(hours["mon"], monday, "{country}");
        assert_eq!(
            hours.get("sun").and_then(|day| day.as_str()),
            sunday,
            "{country}"
        );
    }
}

#[test]
fn states_ask_for_more() {
    let of = |state| of_state(State::parse(state).unwrap());
    let frequency = |state| of(state).and_then(|rule| rule.frequency);
    let thrice = Some(StateFrequency {
        messages: 3,
        hours: 24,
    });
    for (state, known, expected) in [
        ("FL", true, thrice),
        ("OK", true, thrice),
        ("OR", true, thrice),
        ("TX", true, None),
        ("NY", false, None),
    ] {
        assert_eq!(of(state).is_some(), known, "{state}");
        assert_eq!(frequency(state), expected, "{state}");
    }
}

#[test]
fn a_country_that_nobody_looked_at_for_a_year_has_a_warning() {
    let verified_at = date(2026, 11, 23);
    for (name, country, now, expected) in [
        ("looked at lately", "IN", "2026-12-01T00:00:00Z", None),
        ("a year ago", "IN", "2027-11-23T23:59:59Z", None),
        (
            "longer ago",
            "IN",
            "2027-11-24T00:00:00Z",
            Some(Warning::Stale { verified_at }),
        ),
        (
            "no record",
            "BR",
            "2026-12-01T00:00:00Z",
            Some(Warning::NoRecord),
        ),
    ] {
        assert_eq!(
            rule(country).warning(now.parse().unwrap()),
            expected,
            "{name}"
        );
    }
    assert_eq!(of_country(None), rule("BR"));
}

#[test]
fn registers_and_their_fields() {
    let schemes = |country| {
        rule(country)
            .registration
            .iter()
            .map(|it| it.scheme.as_str())
            .collect::<Vec<_>>()
    };
    for (country, expected) in [
        ("US", vec!["10DLC", "toll-free verification", "short code"]),
        ("IN", vec!["DLT"]),
        ("SG", vec!["SSIR"]),
        ("AU", vec!["ACMA"]),
        ("IE", vec!["ComReg"]),
        ("GB", vec![]),
    ] {
        assert_eq!(schemes(country), expected, "{country}");
    }
    assert_eq!(
        rule("IN").registration[0].fields,
        ["dlt.entity_id", "dlt.header_id", "dlt.template_id"]
    );
}

#[test]
fn where_pumped_traffic_is_common() {
    for (country, expected) in [("NG", true), ("LK", true), ("GB", false)] {
        assert_eq!(
            is_high_risk(Country::parse(country).unwrap()),
            expected,
            "{country}"
        );
    }
}
