use super::{Country, Phone, PhoneError};

fn country(code: &str) -> Option<Country> {
    (!code.is_empty()).then(|| Country::parse(code).unwrap())
}

#[test]
fn numbers_are_read_as_people_write_them() {
    let cases = [
        ("plain", "+447700900123", "", "+447700900123"),
        ("spaces", " +44 7700 900123 ", "", "+447700900123"),
        (
            "no-break and narrow spaces",
            "+44\u{a0}7700\u{202f}900123",
            "",
            "+447700900123",
        ),
        (
            "bidi marks of a contact list",
            "\u{202a}+447700900123\u{202c}",
            "",
            "+447700900123",
        ),
        (
            "byte order mark",
            "\u{feff}+447700900123",
            "",
            "+447700900123",
        ),
        ("dashes", "+1-202-555-0143", "", "+12025550143"),
        (
            "en dashes",
            "+1\u{2013}202\u{2013}555\u{2013}0143",
            "",
            "+12025550143",
        ),
        ("dots", "+1.202.555.0143", "", "+12025550143"),
        ("parentheses", "+1 (202) 555-0143", "", "+12025550143"),
        (
            "the optional zero",
            "+44 (0)7700 900123",
            "",
            "+447700900123",
        ),
        ("national", "07700 900123", "GB", "+447700900123"),
        ("lost zero", "7700900123", "GB", "+447700900123"),
        ("lost plus", "447700900123", "GB", "+447700900123"),
        (
            "international prefix",
            "0044 7700 900123",
            "DE",
            "+447700900123",
        ),
        (
            "national, United States",
            "(202) 555-0143",
            "US",
            "+12025550143",
        ),
        (
            "plus wins over the default country",
            "+12025550143",
            "GB",
            "+12025550143",
        ),
        (
            "full-width digits",
            "\u{ff0b}４４７７００９００１２３",
            "",
            "+447700900123",
        ),
        ("Arabic digits", "+٩٠٥٣٢١٢٣٤٥٦٧", "", "+905321234567"),
        ("Germany", "0151 23456789", "DE", "+4915123456789"),
        ("France", "06 12 34 56 78", "FR", "+33612345678"),
        ("Turkey", "0532 123 45 67", "TR", "+905321234567"),
        ("India", "98765 43210", "IN", "+919876543210"),
        (
            "Italy keeps its zero",
            "+39 06 6982 1234",
            "",
            "+390669821234",
        ),
    ];
    for (name, text, default, expected) in cases {
        let phone = Phone::parse(text, country(default));

        assert_eq!(phone.map(Phone::e164), Ok(expected.to_owned()), "{name}");
    }
}

#[test]
fn what_is_no_number_says_why() {
    let cases = [
        ("empty", "", "", PhoneError::Empty),
        ("blank", " \u{a0} ", "GB", PhoneError::Empty),
        ("scientific", "4.47701E+11", "GB", PhoneError::Damaged),
        (
            "scientific with a comma",
            "4,47701E+11",
            "",
            PhoneError::Damaged,
        ),
        (
            "scientific, lower case",
            "4.47701e11",
            "",
            PhoneError::Damaged,
        ),
        (
            "scientific with a plus",
            "+4.477E+11",
            "",
            PhoneError::Damaged,
        ),
        ("decimal", "447700900123.0", "GB", PhoneError::Damaged),
        (
            "no country code",
            "07700900123",
            "",
            PhoneError::NoCountryCode,
        ),
        (
            "country code without plus",
            "447700900123",
            "",
            PhoneError::NoCountryCode,
        ),
        (
            "unknown country code",
            "+999123456789",
            "",
            PhoneError::UnknownCountryCode,
        ),
        ("words", "call me", "GB", PhoneError::NotANumber),
        (
            "letters for digits",
            "+1 800 FLOWERS",
            "",
            PhoneError::NotANumber,
        ),
        (
            "extension",
            "+12025550143 ext. 5",
            "",
            PhoneError::NotANumber,
        ),
        (
            "two numbers",
            "+447700900123, +447700900124",
            "",
            PhoneError::NotANumber,
        ),
        ("plus alone", "+", "", PhoneError::NotANumber),
        (
            "plus in the middle",
            "44+7700900123",
            "GB",
            PhoneError::NotANumber,
        ),
        ("too short", "+4477009", "", PhoneError::TooShort),
        ("too long", "+4477009001234567", "", PhoneError::TooLong),
        (
            "much too long",
            "+44770090012345671234567123456712345671234567",
            "",
            PhoneError::TooLong,
        ),
        ("no such range", "+12025550", "", PhoneError::TooShort),
        ("not in use", "+11115550143", "", PhoneError::NotInUse),
    ];
    for (name, text, default, expected) in cases {
        let phone = Phone::parse(text, country(default));

        assert_eq!(phone, Err(expected), "{name}");
    }
}

#[test]
fn numbers_of_tests_and_demos_are_accepted() {
    let blocks = [
        (
            "magic numbers of the simulated gateway",
            15_005_550_000,
            100,
            "US",
        ),
        ("Ofcom's numbers for drama", 447_700_900_000, 100_000, "GB"),
        ("555-01xx of Washington", 12_025_550_100, 100, "US"),
        ("Germany, mobile", 4_915_123_456_000, 1000, "DE"),
        ("France, mobile", 33_612_345_000, 1000, "FR"),
        ("Turkey, mobile", 905_321_234_000, 1000, "TR"),
        ("India, mobile", 919_876_543_000, 1000, "IN"),
    ];
    for (name, first, count, code) in blocks {
        for digits in first..first + count {
            let located = Phone::parse_located(&format!("+{digits}"), None);

            assert_eq!(
                located,
                Ok((Phone(digits), country(code))),
                "{name}, {digits}"
            );
        }
    }
}

#[test]
fn e164_is_read_by_shape_alone() {
    let cases = [
        ("shortest", "+1234567", Some(1_234_567)),
        ("longest", "+123456789012345", Some(123_456_789_012_345)),
        (
            "not a number in use, but of the shape",
            "+999999999999",
            Some(999_999_999_999),
        ),
        ("too short", "+123456", None),
        ("too long", "+1234567890123456", None),
        ("no plus", "447700900123", None),
        ("zero first", "+0447700900123", None),
        ("space", "+44 7700900123", None),
        ("other digits", "+٤٤٧٧٠٠٩٠٠", None),
        ("empty", "", None),
    ];
    for (name, text, expected) in cases {
        let phone = Phone::from_e164(text);

        assert_eq!(phone.ok().map(Phone::digits), expected, "{name}");
    }
}

#[test]
fn digits_are_bounded() {
    let cases = [
        (0, false),
        (999_999, false),
        (1_000_000, true),
        (999_999_999_999_999, true),
        (1_000_000_000_000_000, false),
    ];
    for (digits, expected) in cases {
        assert_eq!(Phone::from_digits(digits).is_some(), expected, "{digits}");
    }
}

#[test]
fn a_number_masks_itself() {
    let phone = Phone::from_e164("+447700900123").unwrap();
    let short = Phone::from_e164("+6834123").unwrap();

    assert_eq!(phone.to_string(), "+44*****123");
    assert_eq!(format!("{phone:?}"), "+44*****123");
    assert_eq!(
        format!("{:?}", Phone::from_e164("+447700900007").unwrap()),
        "+44*****007"
    );
    assert_eq!(short.to_string(), "+68*****3");
}

#[test]
fn a_number_is_stored_in_full() {
    let phone = Phone::from_e164("+447700900123").unwrap();

    let stored = serde_json::to_string(&phone).unwrap();

    assert_eq!(stored, "\"+447700900123\"");
    assert_eq!(serde_json::from_str::<Phone>(&stored).unwrap(), phone);
    assert_eq!(
        serde_json::from_str::<Phone>("\"\\u002b447700900123\"").unwrap(),
        phone
    );
}

#[test]
fn a_refused_number_is_not_repeated() {
    let error = serde_json::from_str::<Phone>("\"447700900123\"").unwrap_err();

    assert!(!error.to_string().contains("7700900"), "{error}");
}

#[test]
fn countries_are_known_by_two_letters() {
    for (text, expected) in [
        ("GB", Some("GB")),
        ("gb", Some("GB")),
        ("UK", None),
        ("GBR", None),
        ("", None),
        ("B ", None),
        ("é", None),
    ] {
        assert_eq!(
            Country::parse(text)
                .ok()
                .map(|country| country.to_string())
                .as_deref(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn the_country_comes_from_the_number() {
    for (text, expected) in [
        ("+12045550143", "CA"),
        ("+77012345678", "KZ"),
        ("+79161234567", "RU"),
        ("+447781123456", "GG"),
        ("+80012345678", ""),
    ] {
        assert_eq!(
            Phone::from_e164(text).unwrap().country(),
            country(expected),
            "{text}"
        );
    }
}
