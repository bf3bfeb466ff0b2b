use super::*;
use crate::phone::{Country, Phone};

fn phone(text: &str) -> Phone {
    Phone::from_e164(text).unwrap()
}

fn country(text: &str) -> Country {
    Country::parse(text).unwrap()
}

fn names(zones: impl IntoIterator<Item = Zone>) -> String {
    let names: Vec<_> = zones.into_iter().map(Zone::as_str).collect();
    names.join(" ")
}

#[test]
fn a_zone_is_a_name_of_the_database_however_it_is_written() {
    for (text, expected) in [
        ("Europe/Paris", Ok("Europe/Paris")),
        ("europe/PARIS", Ok("Europe/Paris")),
        (
            "America/Argentina/Buenos_Aires",
            Ok("America/Argentina/Buenos_Aires"),
        ),
        ("Asia/Calcutta", Ok("Asia/Calcutta")),
        ("UTC", Ok("UTC")),
        ("Europe/Pari", Err(UnknownZone)),
        ("Europe/Parisian", Err(UnknownZone)),
        ("Etc/Unknown", Err(UnknownZone)),
        ("+02:00", Err(UnknownZone)),
        ("Pacific Time", Err(UnknownZone)),
        ("", Err(UnknownZone)),
    ] {
        assert_eq!(Zone::parse(text).map(Zone::as_str), expected, "{text}");
    }
}

#[test]
fn each_zone_has_a_clock_of_its_name() {
    for name in NAMES.iter() {
        let zone = Zone::parse(name).unwrap();

        assert_eq!(zone.as_str(), name);
        assert!(zone.clock().iana_name().is_some(), "{name}");
    }
    assert!(NAMES.len() > 400, "{}", NAMES.len());
}

#[test]
fn a_number_is_where_its_longest_prefix_says() {
    for (name, number, of, expected) in [
        ("one zone", "+447911123456", "GB", "Europe/London"),
        ("by the same code", "+441481960194", "GG", "Europe/Guernsey"),
        ("an area code", "+12125550123", "US", "America/New_York"),
        (
            "of two zones",
            "+19075550123",
            "US",
            "America/Adak America/Anchorage",
        ),
        (
            "a longer prefix inside it",
            "+19075810123",
            "US",
            "Pacific/Honolulu",
        ),
        ("Canada", "+14165550123", "CA", "America/Toronto"),
        ("Jamaica", "+18765550123", "JM", "America/Jamaica"),
        ("Nepal", "+9779841234567", "NP", "Asia/Kathmandu"),
        ("Sao Paulo", "+5511961234567", "BR", "America/Sao_Paulo"),
        ("Manaus", "+5592961234567", "BR", "America/Manaus"),
        ("Brisbane", "+61730691234", "AU", "Australia/Brisbane"),
        ("Moscow", "+74951234567", "RU", "Europe/Moscow"),
        ("Kazakhstan", "+77012345678", "KZ", "Asia/Almaty"),
        ("one time by law", "+8613123456789", "CN", "Asia/Shanghai"),
        ("the Canaries", "+34928123456", "ES", "Atlantic/Canary"),
        (
            "a Spanish mobile",
            "+34612345678",
            "ES",
            "Europe/Madrid Atlantic/Canary",
        ),
        ("the shortest", "+2901234", "SH", "Atlantic/St_Helena"),
    ] {
        let zones = of_number(phone(number), country(of)).list(Some(country(of)));

        assert_eq!(names(zones), expected, "{name}");
    }
}

#[test]
fn a_number_without_a_place_is_anywhere_in_its_country() {
    for (name, number, of, zones) in [
        ("toll-free", "+18005550123", "US", 8),
        ("an area code that isn't known", "+12995550123", "US", 8),
        ("a mobile of Australia", "+61412345678", "AU", 7),
        ("a mobile of Russia", "+79161234567", "RU", 11),
        // libphonenumber has it in Bucharest.
        ("a landline of Kaliningrad", "+74012123456", "RU", 11),
    ] {
        let found = of_number(phone(number), country(of));

        assert_eq!(found, Zones::OfCountry, "{name}");
        assert_eq!(found.list(Some(country(of))).len(), zones, "{name}");
    }
}

#[test]
fn a_number_of_no_country_has_no_zone() {
    assert_eq!(Zones::OfCountry.list(None), []);
}

#[test]
fn every_country_with_numbers_has_a_zone() {
    let without = Country::all().filter(|country| of_country(*country).is_empty());

    let without: Vec<_> = without.map(|country| country.to_string()).collect();
    // Antarctica and islands without a network.
    assert_eq!(without, ["AQ", "BV", "GS", "HM", "PN", "TF", "UM"]);
}

#[test]
fn an_area_code_is_of_a_state() {
    for (name, number, expected) in [
        ("Texas", "+15125550123", Some("TX")),
        ("Rhode Island", "+14015550123", Some("RI")),
        ("the capital", "+12025550123", Some("DC")),
        (
            "an area without a name of its own in the data",
            "+12035550123",
            Some("CT"),
        ),
        ("toll-free", "+18005550123", None),
        ("personal", "+15005550123", None),
        ("not assigned", "+12995550123", None),
    ] {
        let state = state_of(phone(number));

        assert_eq!(
            state.map(|state| state.to_string()).as_deref(),
            expected,
            "{name}"
        );
    }
}

#[test]
fn all_states_have_area_codes_and_no_code_has_two() {
    let mut codes: Vec<_> = states::lines()
        .flat_map(|(_, codes)| codes.split(' '))
        .collect();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();

    assert_eq!(states::lines().count(), 51);
    assert_eq!(codes.len(), all);
    assert_eq!(State::parse("TX").unwrap().as_str(), "TX");
    assert_eq!(State::parse("PR"), Err(states::UnknownState));
    assert_eq!(State::parse("tx"), Err(states::UnknownState));
}
