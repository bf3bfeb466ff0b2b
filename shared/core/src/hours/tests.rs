use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::{
    phone::{Country, Phone},
    rules::Class::{self, Marketing, Transactional},
    zones::{Zone, state_of},
};

fn key(number: &str, country: Option<&str>, own: Option<&str>) -> String {
    let number = Phone::from_e164(number).unwrap();
    let country = country.map(|country| Country::parse(country).unwrap());
    let own = own.map(|own| Zone::parse(own).unwrap());
    hours_key(number, country, own).to_string()
}

fn hours(key: &str) -> Hours {
    key.parse().unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn own(days: &[(&str, &str)]) -> Week {
    Week::parse(days.iter().copied()).unwrap()
}

#[test]
fn a_key_names_rule_and_zones_and_nothing_that_makes_no_difference() {
    let (british, toll_free, nobody) = ("+447911123456", "+18005550123", "+883510012345");
    for (number, country, own, expected) in [
        (british, "GB", "", "GB"),
        (british, "GB", "Europe/London", "GB"),
        (british, "GB", "Europe/Paris", "GB@Europe/Paris"),
        ("+12125550123", "US", "", "US@America/New_York"),
        // Texas is within the country's hours.
        ("+15125550123", "US", "", "US@America/Chicago"),
        ("+14015550123", "US", "", "US-RI@America/New_York"),
        (
            "+15025550123",
            "US",
            "America/Chicago",
            "US-KY@America/Chicago",
        ),
        (
            "+19075550123",
            "US",
            "",
            "US@America/Adak|America/Anchorage",
        ),
        (toll_free, "US", "", "US-*"),
        (toll_free, "US", "America/Denver", "US-*@America/Denver"),
        // An area code that isn't known.
        ("+12995550123", "US", "", "US-*"),
        ("+14165550123", "CA", "", "CA@America/Toronto"),
        ("+61412345678", "AU", "", "AU"),
        (nobody, "", "", "unknown"),
        (nobody, "", "Europe/Paris", "unknown@Europe/Paris"),
    ] {
        let given = |text: &'static str| Some(text).filter(|text| !text.is_empty());

        let key = key(number, given(country), given(own));

        assert_eq!(key, expected, "{country} {own}");
    }
}

#[test]
fn some_300_area_codes_are_some_20_keys() {
    let numbers = (200..1000).map(|code| Phone::from_digits(10_005_550_123 + code * 10_000_000));
    let numbers = numbers.map(Option::unwrap);
    let of_states: Vec<_> = numbers
        .filter(|number| state_of(*number).is_some())
        .collect();
    let us = Some(Country::UNITED_STATES);

    let keys: BTreeSet<_> = of_states
        .iter()
        .map(|number| hours_key(*number, us, None).to_string())
        .collect();

    assert!(of_states.len() > 300, "{}", of_states.len());
    assert!(keys.len() <= 20, "{keys:?}");
}

#[test]
fn every_key_can_be_read() {
    for country in Country::all() {
        let number = Phone::from_e164("+12995550123").unwrap();
        let key = hours_key(number, Some(country), None).to_string();

        assert!(key.parse::<Hours>().is_ok(), "{key}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for key in [
        "",
        "XX",
        "GBR",
        "US-",
        "US-XX",
        "GB@",
        "GB@Europe/Londinium",
        "GB@Europe/London|",
        "@Europe/London",
    ] {
        assert_eq!(key.parse::<Hours>().err(), Some(UnreadableHours), "{key}");
    }
}

/// Of marketing, by a key: `open`, or when it opens. 2026-11-23 is a Monday.
#[track_caller]
fn check(cases: &[(&str, &str, &str, &str)]) {
    for (name, key, now, expected) in cases {
        let expected = match *expected {
            "open" => Opening::Open,
            until => Opening::ClosedUntil(at(until)),
        };

        assert_eq!(
            hours(key).open(Marketing, None, at(now)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_window_is_open_from_its_first_minute_to_its_last() {
    let new_york = "US@America/New_York";
    check(&[
        (
            "a minute early",
            new_york,
            "2026-11-24T13:59Z",
            "2026-11-24T14:00Z",
        ),
        ("on the minute", new_york, "2026-11-24T14:00Z", "open"),
        (
            "the last moment",
            new_york,
            "2026-11-25T00:59:59.999Z",
            "open",
        ),
        ("over", new_york, "2026-11-25T01:00Z", "2026-11-25T14:00Z"),
        (
            "India begins at ten",
            "IN",
            "2026-11-24T04:29Z",
            "2026-11-24T04:30Z",
        ),
        ("India ends at nine", "IN", "2026-11-24T15:29Z", "open"),
        (
            "Saudi Arabia, over",
            "SA",
            "2026-11-24T16:00Z",
            "2026-11-25T06:00Z",
        ),
    ]);
}

#[test]
fn zones_of_half_and_quarter_hours() {
    let adelaide = "AU@Australia/Adelaide";
    check(&[
        (
            "Kathmandu, a minute early",
            "NP",
            "2026-11-24T03:14Z",
            "2026-11-24T03:15Z",
        ),
        (
            "Kathmandu, the last minute",
            "NP",
            "2026-11-24T14:14Z",
            "open",
        ),
        (
            "Kathmandu, over",
            "NP",
            "2026-11-24T14:15Z",
            "2026-11-25T03:15Z",
        ),
        (
            "Adelaide",
            adelaide,
            "2026-11-23T22:29Z",
            "2026-11-23T22:30Z",
        ),
    ]);
}

#[test]
fn states_that_ask_for_more_and_sundays() {
    let (texas, island) = ("US@America/Chicago", "US-RI@America/New_York");
    check(&[
        (
            "a Sunday morning in Texas",
            texas,
            "2026-11-29T17:59Z",
            "2026-11-29T18:00Z",
        ),
        ("a Sunday noon in Texas", texas, "2026-11-29T18:00Z", "open"),
        (
            "Rhode Island on a weekday",
            island,
            "2026-11-24T22:59Z",
            "open",
        ),
        (
            "Rhode Island, over",
            island,
            "2026-11-24T23:00Z",
            "2026-11-25T14:00Z",
        ),
        (
            "Rhode Island on a Saturday",
            island,
            "2026-11-28T14:30Z",
            "2026-11-28T15:00Z",
        ),
        (
            "to its Sunday noon",
            island,
            "2026-11-28T22:00Z",
            "2026-11-29T17:00Z",
        ),
        (
            "Sundays in Britain",
            "GB",
            "2026-11-28T20:00Z",
            "2026-11-29T08:00Z",
        ),
        (
            "no Sundays in Germany",
            "DE",
            "2026-11-28T19:00Z",
            "2026-11-30T07:00Z",
        ),
    ]);
}

#[test]
fn every_zone_has_to_be_open() {
    let kentucky = "US-KY@America/Chicago|America/New_York";
    check(&[
        (
            "ten in the later zone",
            kentucky,
            "2026-11-24T15:30Z",
            "2026-11-24T16:00Z",
        ),
        (
            "eight in the earlier one",
            kentucky,
            "2026-11-25T01:00Z",
            "2026-11-25T16:00Z",
        ),
        (
            "toll-free: ten in Honolulu",
            "US-*",
            "2026-11-24T19:59Z",
            "2026-11-24T20:00Z",
        ),
        (
            "toll-free: till six in New York",
            "US-*",
            "2026-11-24T22:59Z",
            "open",
        ),
        (
            "toll-free: over",
            "US-*",
            "2026-11-24T23:00Z",
            "2026-11-25T20:00Z",
        ),
        (
            "toll-free: no Sunday at all",
            "US-*",
            "2026-11-28T22:00Z",
            "2026-11-30T20:00Z",
        ),
        (
            "Australia: nine in Perth",
            "AU",
            "2026-11-24T00:59Z",
            "2026-11-24T01:00Z",
        ),
        (
            "Australia: eight in Sydney",
            "AU",
            "2026-11-24T09:00Z",
            "2026-11-25T01:00Z",
        ),
        (
            "Russia has an hour",
            "RU",
            "2026-11-24T06:59Z",
            "2026-11-24T07:00Z",
        ),
        (
            "Russia, over",
            "RU",
            "2026-11-24T08:00Z",
            "2026-11-25T07:00Z",
        ),
        (
            "Turkey by its owner's clock",
            "TR@Europe/Berlin",
            "2026-11-24T07:59Z",
            "2026-11-24T08:00Z",
        ),
    ]);
}

#[test]
fn france_rests_on_sundays_and_public_holidays() {
    check(&[
        ("a Sunday", "FR", "2026-11-28T19:00Z", "2026-11-30T07:00Z"),
        ("Christmas", "FR", "2026-12-24T19:00Z", "2026-12-26T07:00Z"),
        (
            "Christmas at noon",
            "FR",
            "2026-12-25T11:00Z",
            "2026-12-26T07:00Z",
        ),
        (
            "Easter, when the clock is changed",
            "FR",
            "2027-03-27T19:00Z",
            "2027-03-30T06:00Z",
        ),
        (
            "Réunion too",
            "RE",
            "2026-12-24T16:00Z",
            "2026-12-26T04:00Z",
        ),
    ]);
}

#[test]
fn nights_in_which_the_clock_is_changed() {
    let new_york = "US@America/New_York";
    check(&[
        (
            "a short one in Britain",
            "GB",
            "2027-03-27T20:00Z",
            "2027-03-28T07:00Z",
        ),
        (
            "a long one in Britain",
            "GB",
            "2026-10-24T19:00Z",
            "2026-10-25T08:00Z",
        ),
        (
            "a short one in New York",
            new_york,
            "2027-03-14T01:00Z",
            "2027-03-14T16:00Z",
        ),
        (
            "a long one in New York",
            new_york,
            "2026-11-01T00:00Z",
            "2026-11-01T17:00Z",
        ),
    ]);
}

#[test]
fn what_never_opens_says_so() {
    let morning = own(&[("every day", "09:00-12:00")]);
    let sunday = own(&[("sun", "08:00-20:00")]);
    let nothing = Week::default();
    for (name, key, own) in [
        ("no zone is known", "unknown", None),
        (
            "no window reaches from Kaliningrad to Kamchatka",
            "RU",
            Some(&morning),
        ),
        ("only Sundays in France", "FR", Some(&sunday)),
        ("an account without hours", "GB", Some(&nothing)),
    ] {
        let opening = hours(key).open(Marketing, own, at("2026-11-24T12:00:00Z"));

        assert_eq!(opening, Opening::Never, "{name}");
    }
}

#[test]
fn what_isnt_marketing_has_no_hours() {
    for key in ["GB", "FR", "US-*", "unknown"] {
        let opening = hours(key).open(Transactional, None, at("2026-11-29T03:00:00Z"));

        assert_eq!(opening, Opening::Open, "{key}");
    }
}

#[test]
fn an_accounts_own_hours_narrow_and_never_widen() {
    let all = own(&[("every day", "00:00-24:00")]);
    let late = own(&[("mon-fri", "10:30-12:00")]);
    for (name, own, now, expected) in [
        (
            "wide, at night",
            &all,
            "2026-11-24T07:59:00Z",
            Some("2026-11-24T08:00:00Z"),
        ),
        ("wide, by day", &all, "2026-11-24T08:00:00Z", None),
        (
            "narrow, before",
            &late,
            "2026-11-24T10:29:00Z",
            Some("2026-11-24T10:30:00Z"),
        ),
        (
            "narrow, on a day that isn't theirs",
            &late,
            "2026-11-28T11:00:00Z",
            Some("2026-11-30T10:30:00Z"),
        ),
    ] {
        let expected = expected.map_or(Opening::Open, |until| Opening::ClosedUntil(at(until)));

        assert_eq!(
            hours("GB").open(Marketing, Some(own), at(now)),
            expected,
            "{name}"
        );
    }
}

#[test]
fn clocks_that_are_changed_inside_a_window() {
    // Chile turns its clocks at midnight: 24:00 becomes 23:00 in April, and 00:00 becomes 01:00 in September.
    // Lord Howe turns its by half an hour.
    let night = own(&[("every day", "00:00-01:30")]);
    let before_midnight = own(&[("every day", "23:30-24:00")]);
    for (name, zone, week, now, expected) in [
        (
            "what the clock leaves out opens with what follows",
            "America/Santiago",
            &night,
            "2027-09-05T03:59:00Z",
            Some("2027-09-05T04:00:00Z"),
        ),
        (
            "and ends as the clock says",
            "America/Santiago",
            &night,
            "2027-09-05T04:30:00Z",
            Some("2027-09-06T03:00:00Z"),
        ),
        (
            "open before the clock goes back",
            "America/Santiago",
            &before_midnight,
            "2027-04-04T02:59:00Z",
            None,
        ),
        (
            "what comes twice is open twice",
            "America/Santiago",
            &before_midnight,
            "2027-04-04T03:00:00Z",
            Some("2027-04-04T03:30:00Z"),
        ),
        (
            "half an hour forward",
            "Australia/Lord_Howe",
            &own(&[("sun", "02:15-03:00")]),
            "2026-10-03T15:29:00Z",
            Some("2026-10-03T15:30:00Z"),
        ),
        (
            "half an hour back",
            "Australia/Lord_Howe",
            &own(&[("sun", "01:45-02:00")]),
            "2027-04-03T15:00:00Z",
            Some("2027-04-03T15:15:00Z"),
        ),
    ] {
        let hours = Hours::of(*week, vec![Zone::parse(zone).unwrap().clock()]);
        let expected = expected.map_or(Opening::Open, |until| Opening::ClosedUntil(at(until)));

        assert_eq!(hours.open(Marketing, None, at(now)), expected, "{name}");
    }
}

/// Looks at the wall, and nothing else.
fn is_open(week: &Week, clocks: &[TimeZone], now: Timestamp) -> bool {
    clocks.iter().all(|clock| {
        let wall = now.to_zoned(clock.clone());
        let minute =
            u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs());
        let window = week.on(wall.date().weekday());
        window.is_some_and(|window| (window.from..window.to).contains(&minute))
    })
}

const CLOCKS: [&str; 12] = [
    "America/New_York",
    "America/Los_Angeles",
    "America/Santiago",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/London",
    "Europe/Paris",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
];

prop_compose! {
    fn a_week()(days in prop::collection::vec(prop::option::weighted(0.8, (0_u16..96, 1_u16..97)), 7)) -> Week {
        let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let text = |(from, length): (u16, u16)| {
            let (from, to) = (from * 15, (from * 15 + length * 15).min(24 * 60));
            Window { from, to }.to_string()
        };
        let days: Vec<_> = names.iter().zip(days).filter_map(|(day, window)| Some((*day, text(window?)))).collect();
        Week::parse(days.iter().map(|(day, window)| (*day, window.as_str()))).unwrap()
    }
}

prop_compose! {
    fn some_clocks()(places in prop::collection::btree_set(0..CLOCKS.len(), 1..4)) -> Vec<TimeZone> {
        places.into_iter().map(|place| Zone::parse(CLOCKS[place]).unwrap().clock()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_moment_that_is_named_is_open_and_all_before_it_is_closed(
        week in a_week(),
        clocks in some_clocks(),
        // From 2026 to 2029.
        seconds in 1_767_225_600_i64..1_861_920_000,
    ) {
        let now = Timestamp::from_second(seconds).unwrap();

        let opening = Hours::of(week, clocks.clone()).open(Class::Marketing, None, now);

        let minutes = |count: i64| jiff::SignedDuration::from_mins(count);
        let (until, opens) = match opening {
            Opening::Open => (now, true),
            Opening::ClosedUntil(until) => (until, true),
            // Three weeks stand for ever.
            Opening::Never => (now + minutes(3 * 7 * 24 * 60), false),
        };
        prop_assert_eq!(is_open(&week, &clocks, until), opens);
        let mut before = until - minutes(1);
        while before >= now {
            prop_assert!(!is_open(&week, &clocks, before), "{before} is open already");
            before -= minutes(if until.duration_since(before) < minutes(120) { 1 } else { 7 });
        }
    }
}

#[test]
fn a_week_begins_on_monday() {
    let week = own(&[("sun", "12:00-20:00")]);

    assert!(week.on(Weekday::Sunday).is_some());
    assert!(week.on(Weekday::Monday).is_none());
}
