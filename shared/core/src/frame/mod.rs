//! The recipients of one chunk: a zstd frame of JSON lines, one a recipient, in the order of the slots.
//! Frames stand one after the other in a part file, so `zstd -dc part` reads it whole. Who is erased leaves an empty place: a line
//! whose number is empty, so that all others keep theirs.

mod erase;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zstd::bulk::Compressor;

pub use self::erase::{EraseError, erase};
use crate::{
    hours::HoursKey,
    phone::{Country, Phone},
};

/// A frame never decodes to more than this: 100 rows of 64 columns of 2 KB.
const MAX_DECODED: u64 = 16 << 20;
/// Fast: these files are read once.
const LEVEL: i32 = 1;

/// A recipient as the files keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The version of the line.
    #[serde(rename = "v", default = "version", deserialize_with = "known_version")]
    version: u8,
    /// [`Phone::NOBODY`] where one was erased.
    #[serde(rename = "to", with = "erasable")]
    pub number: Phone,
    /// The number's, so that `send` needn't load the data that tells; `None` for a number of none, and where nobody looked.
    #[serde(rename = "cc", default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The text of a [`HoursKey`], where it says more than the country; see [`Recipient::hours`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hours: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vars: BTreeMap<String, String>,
    /// The customer's own name for it.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A [`Recipient`] whose variables and reference are JSON already: what millions of them are written from.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RawRecipient<'a> {
    #[serde(rename = "v")]
    version: u8,
    #[serde(rename = "to")]
    number: Phone,
    #[serde(rename = "cc", skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hours: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vars: Option<&'a RawValue>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
}

/// What lines say of where their numbers are: the same for all of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    country: Option<Country>,
    hours: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("a recipient frame that can't be read: {0}")]
pub struct UnreadableFrame(String);

impl Recipient {
    pub fn new(number: Phone, vars: BTreeMap<String, String>, reference: Option<String>) -> Self {
        Self {
            version: version(),
            number,
            country: None,
            hours: None,
            vars,
            reference,
        }
    }

    #[must_use]
    pub fn in_country(self, country: Option<Country>) -> Self {
        Self { country, ..self }
    }

    /// Leaves its place, with what its whole frame has in common.
    pub fn erase(&mut self) {
        self.number = Phone::NOBODY;
        self.vars.clear();
        self.reference = None;
    }

    pub fn is_erased(&self) -> bool {
        self.number == Phone::NOBODY
    }

    /// With the country and the sending hours of its number.
    #[must_use]
    pub fn located(self, key: HoursKey) -> Self {
        let Whereabouts { country, hours } = Whereabouts::of(key);
        Self {
            country,
            hours,
            ..self
        }
    }

    /// What its sending hours go by: the text of a [`HoursKey`]. One that has a country only may be anywhere in it. `None` where
    /// nobody looked.
    pub fn hours(&self) -> Option<&str> {
        let country = self.country.as_ref().map(Country::as_str);
        self.hours.as_deref().or(country)
    }
}

impl<'a> RawRecipient<'a> {
    /// `vars`: an object of strings; `reference`: a string.
    pub fn new(
        number: Phone,
        whereabouts: &'a Whereabouts,
        vars: Option<&'a RawValue>,
        reference: Option<&'a RawValue>,
    ) -> Self {
        Self {
            version: version(),
            number,
            country: whereabouts.country,
            hours: whereabouts.hours.as_deref(),
            vars,
            reference,
        }
    }
}

impl Whereabouts {
    pub fn of(key: HoursKey) -> Self {
        let country = key.country();
        let hours = Some(key.to_string());
        let says_more = |hours: &String| country.is_none_or(|country| hours != country.as_str());
        Self {
            country,
            hours: hours.filter(says_more),
        }
    }
}

/// Makes frames, one after the other, with one set of buffers.
pub struct FrameEncoder {
    compressor: Compressor<'static>,
    lines: Vec<u8>,
}

impl FrameEncoder {
    pub fn new() -> Self {
        let mut compressor = Compressor::new(LEVEL).expect("level 1 exists");
        compressor
            .include_checksum(true)
            .expect("zstd has checksums");
        Self {
            compressor,
            lines: Vec::new(),
        }
    }

    /// Adds a recipient to the frame at hand.
    pub fn push(&mut self, recipient: &impl Serialize) {
        serde_json::to_writer(&mut self.lines, recipient)
            .expect("a recipient is representable in JSON");
        self.lines.push(b'\n');
    }

    /// Ends the frame at hand.
    pub fn finish(&mut self) -> Vec<u8> {
        let frame = self
            .compressor
            .compress(&self.lines)
            .expect("memory takes it");
        self.lines.clear();
        frame
    }
}

impl Default for FrameEncoder {
    fn default() -> Self {
        Self::new()
    }
}

pub fn encode(recipients: &[Recipient]) -> Vec<u8> {
    let mut encoder = FrameEncoder::new();
    for recipient in recipients {
        encoder.push(recipient);
    }
    encoder.finish()
}

pub fn decode(frame: &[u8]) -> Result<Vec<Recipient>, UnreadableFrame> {
    let unreadable = |error: &dyn std::fmt::Display| UnreadableFrame(error.to_string());
    let mut lines = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(frame).map_err(|error| unreadable(&error))?;
    decoder
        .take(MAX_DECODED)
        .read_to_end(&mut lines)
        .map_err(|error| unreadable(&error))?;
    let parsed = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .enumerate()
        .map(|(slot, line)| {
            // The parser's own words could quote a number.
            serde_json::from_slice(line)
                .map_err(|_| UnreadableFrame(format!("slot {slot} is not a recipient")))
        });
    parsed.collect()
}

/// The numbers of a part, or of one frame, in their order: all that some need of millions of recipients. Those that were erased are
/// nobody's.
pub fn numbers(part: &[u8]) -> Result<Vec<Phone>, UnreadableFrame> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(with = "erasable")]
        to: Phone,
    }
    let unreadable = |error: &dyn std::fmt::Display| UnreadableFrame(error.to_string());
    let decoder = zstd::stream::read::Decoder::new(part).map_err(|error| unreadable(&error))?;
    let mut numbers = Vec::new();
    for line in BufReader::new(decoder).split(b'\n') {
        let line = line.map_err(|error| unreadable(&error))?;
        // The parser's own words could quote a number.
        let line: Line =
            serde_json::from_slice(&line).map_err(|_| unreadable(&"a line is not a recipient"))?;
        numbers.push(line.to);
    }
    Ok(numbers)
}

/// A number, or the empty text where it was erased.
mod erasable {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::phone::Phone;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub fn serialize<S: Serializer>(number: &Phone, serializer: S) -> Result<S::Ok, S::Error> {
        if *number == Phone::NOBODY {
            return serializer.serialize_str("");
        }
        number.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Phone, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Phone::NOBODY);
        }
        Phone::from_e164(&text).map_err(D::Error::custom)
    }
}

const fn version() -> u8 {
    1
}

fn known_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let given = u8::deserialize(deserializer)?;
    if given == version() {
        Ok(given)
    } else {
        Err(serde::de::Error::custom("an unknown version"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{hours::hours_key, zones::Zone};

    prop_compose! {
        fn recipient()(
            digits in 1_000_000u64..999_999_999_999_999,
            vars in prop::collection::btree_map("[a-z]{1,8}", ".{0,20}", 0..3),
            reference in prop::option::of("\\PC{0,20}"),
            country in prop::option::of(prop::sample::select(vec!["GB", "US"])),
        ) -> Recipient {
            let number = Phone::from_digits(digits).unwrap();
            let country = country.map(|code| Country::parse(code).unwrap());
            Recipient::new(number, vars, reference).located(hours_key(number, country, None))
        }
    }

    proptest! {
        #[test]
        fn a_frame_decodes_to_its_recipients(recipients in prop::collection::vec(recipient(), 1..20)) {
            prop_assert_eq!(decode(&encode(&recipients)).unwrap(), recipients);
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            // Must not panic.
            drop(decode(&bytes));
        }
    }

    #[test]
    fn a_raw_recipient_is_written_as_a_recipient() {
        let number = Phone::from_digits(447_700_900_001).unwrap();
        let vars = BTreeMap::from([("name".to_owned(), "Ann".to_owned())]);
        let raw = |text| serde_json::from_str::<&RawValue>(text).unwrap();
        let of = |zone| hours_key(number, number.country(), zone);
        let in_paris = of(Some(Zone::parse("Europe/Paris").unwrap()));
        let (britain, paris) = (Whereabouts::of(of(None)), Whereabouts::of(in_paris));
        let mut encoder = FrameEncoder::new();

        encoder.push(&RawRecipient::new(number, &britain, None, None));
        encoder.push(&RawRecipient::new(
            number,
            &paris,
            Some(raw(r#"{"name":"Ann"}"#)),
            Some(raw(r#""a-1""#)),
        ));

        let expected = [
            Recipient::new(number, BTreeMap::new(), None).located(of(None)),
            Recipient::new(number, vars, Some("a-1".to_owned())).located(in_paris),
        ];
        assert_eq!(encoder.finish(), encode(&expected));
    }

    #[test]
    fn frames_stand_one_after_the_other() {
        let of =
            |digits| Recipient::new(Phone::from_digits(digits).unwrap(), BTreeMap::new(), None);
        let file = [
            encode(&[of(447_700_900_001)]),
            encode(&[of(447_700_900_002)]),
        ]
        .concat();

        let all = decode(&file).unwrap();
        let numbers = numbers(&file).unwrap();

        assert_eq!(all, [of(447_700_900_001), of(447_700_900_002)]);
        let digits: Vec<_> = numbers.into_iter().map(Phone::digits).collect();
        assert_eq!(digits, [447_700_900_001, 447_700_900_002]);
    }

    #[test]
    fn a_line_says_country_and_hours_in_few_letters() {
        let new =
            |number: &str| Recipient::new(Phone::from_e164(number).unwrap(), BTreeMap::new(), None);
        let country = |code| Some(Country::parse(code).unwrap());
        for (name, number, country, own, line, hours) in [
            (
                "the country says it all",
                "+447700900001",
                country("GB"),
                None,
                r#"{"v":1,"to":"+447700900001","cc":"GB"}"#,
                Some("GB"),
            ),
            (
                "a zone",
                "+12125550123",
                country("US"),
                None,
                r#"{"v":1,"to":"+12125550123","cc":"US","hours":"US@America/New_York"}"#,
                Some("US@America/New_York"),
            ),
            (
                "no country",
                "+883510012345",
                None,
                None,
                r#"{"v":1,"to":"+883510012345","hours":"unknown"}"#,
                Some("unknown"),
            ),
        ] {
            let recipient = new(number);
            let key = hours_key(recipient.number, country, own);

            let located = recipient.located(key);

            assert_eq!(serde_json::to_string(&located).unwrap(), line, "{name}");
            assert_eq!(located.hours(), hours, "{name}");
            assert_eq!(located.country, country, "{name}");
        }
        assert_eq!(new("+447700900001").hours(), None);
    }
}
