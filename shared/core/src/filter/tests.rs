use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    contact::{Contact, Value},
    phone::Phone,
};

const LIST: &str = "lst_01h455vb4pex5vsknk084sn02q";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Ann in London, 34, a customer since the middle of January.
fn ann() -> Contact {
    let number = Phone::from_digits(447_700_900_001).unwrap();
    let mut ann = Contact::new(
        "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        "cnt_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        number,
        Country::parse("GB").ok(),
        "2026-01-15T08:30:00Z".parse().unwrap(),
    );
    ann.language = "en-GB".parse().ok();
    ann.tags = ["vip", "new customer"]
        .iter()
        .map(|tag| tag.parse().unwrap())
        .collect();
    ann.lists = BTreeSet::from([LIST.parse().unwrap()]);
    let text = |text: &str| Value::Text(text.to_owned());
    ann.attributes = [
        ("city", text("London")),
        ("age", Value::Number(34.into())),
        ("active", Value::Flag(true)),
        ("birthday", text("1992-02-29")),
        ("note", text("He said \"hi\"")),
    ]
    .map(|(name, value)| (name.parse().unwrap(), value))
    .into();
    ann
}

#[test]
fn a_filter_says_who_is_meant() {
    for (filter, expected) in [
        (r#"country = "GB""#, true),
        (r#"country != "GB""#, false),
        (r#"country in ("IE", "gb")"#, true),
        (r#"country not in ("IE", "FR")"#, true),
        ("time_zone is set", false),
        ("time_zone is not set and language is set", true),
        (r#"time_zone != "Europe/Paris""#, true),
        (r#"language = "en""#, true),
        (r#"language = "en-US""#, false),
        (r#"tag = "VIP""#, true),
        (r#"tag = "new customer" and not tag = "churned""#, true),
        (&format!(r#"list = "{LIST}""#), true),
        (r#"number starts_with "+44""#, true),
        (r#"number = "+447700900001""#, true),
        (r#"attributes.city = "london""#, true),
        (r#"attributes.city contains "OND""#, true),
        ("attributes.city ends_with 'don'", true),
        (r#"attributes.city not contains "paris""#, true),
        (r#"attributes.note = "he said \"hi\"""#, true),
        ("attributes.age >= 34 and attributes.age < 34.5", true),
        ("attributes.age in (33, 34)", true),
        ("attributes.age > -5", true),
        ("attributes.age = \"34\"", false),
        ("attributes.age != \"34\"", true),
        ("attributes.active = true", true),
        ("attributes.active = false", false),
        ("attributes.nothing = 1", false),
        ("attributes.nothing != 1", true),
        ("attributes.nothing is not set", true),
        ("attributes.birthday < 1993-01-01", true),
        ("attributes.birthday = 1992-02-29", true),
        ("attributes.city < 1993-01-01", false),
        ("created = 2026-01-15", true),
        ("created <= 2026-01-14", false),
        ("created > 2026-01-15", false),
        ("created >= 2026-01-15T08:30:00Z", true),
        ("created > now - 30 days", false),
        ("created > now - 46 days", true),
        ("created >= today - 45 days", true),
        ("created < now + 1 hour", true),
        // `and` before `or`.
        (r#"tag = "vip" or tag = "x" and tag = "y""#, true),
        (r#"(tag = "vip" or tag = "x") and tag = "y""#, false),
        (r#"NOT (country = "FR" OR tag = "x")"#, true),
    ] {
        let parsed = parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));

        assert_eq!(parsed.filter.matches(&ann(), now()), expected, "{filter}");
    }
}

#[test]
fn a_refusal_points_at_the_column() {
    for (filter, column, words) in [
        ("", 1, "expected a field"),
        ("   ", 4, "expected a field"),
        ("age > 3", 1, "`attributes.age`"),
        ("country", 8, "expected a comparison"),
        ("country = ", 11, "expected a value"),
        ("country = GB", 11, "in quotes: `\"GB\"`"),
        (r#"country = "UK""#, 11, "isn't a country"),
        (r#"country in ("GB", "XX")"#, 19, "isn't a country"),
        (r#"country < "GB""#, 9, "no order"),
        (r#"country contains "G""#, 9, "only `number` and attributes"),
        ("country = 5", 11, "expected a country in quotes"),
        (
            r#"country = "GB" tag = "vip""#,
            16,
            "expected `and`, `or` or the end",
        ),
        (r#"(country = "GB""#, 16, "expected `)`"),
        (r#"country = "GB"#, 11, "never closed"),
        (r#"list = "customers""#, 8, "`lst_…`"),
        (r#"time_zone = "Eastern Time""#, 13, "Europe/Paris"),
        ("created > 5", 11, "expected a time"),
        (
            "created > now - 30 moons",
            20,
            "expected `hours`, `days` or `weeks`",
        ),
        ("created > now - 1.5 days", 17, "whole number"),
        ("created in (today)", 13, "compared with one value"),
        ("attributes.age in (1, \"a\")", 23, "one or the other"),
        (r#"attributes.city < "a""#, 17, "have an order"),
        ("attributes.first-name = 1", 17, "expected a comparison"),
        ("tag is vip", 8, "expected `set`"),
        ("größe = 1 & x", 11, "no meaning"),
        (&"not ".repeat(40), 129, "levels"),
        (
            &format!("{}tag is set", "tag is set or ".repeat(200)),
            2_801,
            "comparisons",
        ),
        (&"x".repeat(5_000), 4_097, "at most 4096 bytes"),
    ] {
        let error = parse(filter).expect_err(filter);

        assert_eq!(error.column, column, "{filter}: {error}");
        assert!(error.message.contains(words), "{filter}: {error}");
    }
}

#[test]
fn who_must_be_on_a_list_is_looked_for_there() {
    let other = "lst_01h455vb4pex5vsknk084sn02r";
    for (filter, lists) in [
        (
            format!(r#"list = "{LIST}" and tag = "vip""#),
            Some(vec![LIST]),
        ),
        (
            format!(r#"list = "{LIST}" or list = "{other}""#),
            Some(vec![LIST, other]),
        ),
        (format!(r#"list = "{LIST}" or tag = "vip""#), None),
        (format!(r#"list != "{LIST}""#), None),
        (
            format!(r#"list in ("{LIST}", "{other}") and list = "{other}""#),
            Some(vec![other]),
        ),
    ] {
        let within = parse(&filter).unwrap().filter.within();

        let expected = lists.map(|lists| lists.iter().map(|id| id.parse().unwrap()).collect());
        assert_eq!(within, expected, "{filter}");
    }
}

#[test]
fn the_lists_that_are_named_are_told_with_their_columns() {
    let parsed = parse(&format!(r#"tag = "a" and list = "{LIST}""#)).unwrap();

    assert_eq!(parsed.lists, [(LIST.parse().unwrap(), 22)]);
}

proptest! {
    /// Whatever is typed is read or refused at a place in the text.
    #[test]
    fn no_text_is_too_strange(words in prop::collection::vec(
        prop::sample::select(vec![
            "country", "tag", "attributes.age", "=", "!=", "<", "in", "not", "and", "or", "is", "set", "(", ")", ",", "\"GB\"",
            "\"", "'", "30", "2026-01-31", "today", "now", "-", "days", "true", "é", "\\", "9999-99-99", "1e999", ".",
        ]), 0..24,
    )) {
        let text = words.join(" ");

        if let Err(error) = parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
        }
    }

    #[test]
    fn a_filter_and_its_opposite_never_agree(age in -100_i32..200, negated: bool) {
        let mut contact = ann();
        contact.attributes.insert("age".parse().unwrap(), Value::Number(age.into()));
        let filter = parse("attributes.age >= 18").unwrap().filter;
        let opposite = parse("not attributes.age >= 18").unwrap().filter;
        let filter = if negated { Filter::Not(Box::new(filter)) } else { filter };
        let opposite = if negated { Filter::Not(Box::new(opposite)) } else { opposite };

        prop_assert_ne!(filter.matches(&contact, now()), opposite.matches(&contact, now()));
    }
}
