//! The words by which a text has to say how to opt out.

use serde::{Deserialize, Serialize};

use super::{Class, Rule};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptOutText {
    /// Words; an `x` among digits is any digit, such as `STOP 36xxx`.
    pub text: String,
    /// Half a sentence for people.
    pub needed: String,
}

impl Rule {
    /// What a text lacks.
    pub fn missing_opt_out(&self, class: Class, text: &str) -> Option<&OptOutText> {
        let needed = self
            .opt_out
            .as_ref()
            .filter(|_| class == Class::Marketing)?;
        (!needed.is_in(text)).then_some(needed)
    }
}

impl OptOutText {
    /// Its words come in their order, whatever stands between: `STOP au 36180` will do for `STOP 36xxx`.
    fn is_in(&self, text: &str) -> bool {
        let mut given = words(text);
        words(&self.text).all(|wanted| given.any(|word| fits(word, wanted)))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty())
}

fn fits(word: &str, wanted: &str) -> bool {
    let has_digits = wanted.bytes().any(|byte| byte.is_ascii_digit());
    let same = |(given, wanted): (u8, u8)| {
        let any_digit = has_digits && wanted == b'x' && given.is_ascii_digit();
        any_digit || given.eq_ignore_ascii_case(&wanted)
    };
    word.len() == wanted.len() && word.bytes().zip(wanted.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{phone::Country, rules::of_country};

    #[test]
    fn marketing_says_how_to_opt_out_where_it_must() {
        use Class::{Marketing, Transactional};

        let rule = |country| of_country(Some(Country::parse(country).unwrap()));
        for (name, country, class, text, expected) in [
            (
                "as it is asked for",
                "FR",
                Marketing,
                "Soldes ! STOP 36180",
                None,
            ),
            (
                "with a word between",
                "FR",
                Marketing,
                "Soldes ! Stop au 36111.",
                None,
            ),
            (
                "with another number",
                "FR",
                Marketing,
                "Soldes ! STOP 12345",
                Some("STOP 36xxx"),
            ),
            (
                "without a number",
                "FR",
                Marketing,
                "Soldes ! Répondez STOP",
                Some("STOP 36xxx"),
            ),
            (
                "the other way around",
                "FR",
                Marketing,
                "36180 STOP",
                Some("STOP 36xxx"),
            ),
            (
                "not marketing",
                "FR",
                Transactional,
                "Votre code : 1234",
                None,
            ),
            (
                "China's",
                "CN",
                Marketing,
                "【店】大促 回TD退订",
                Some("TD"),
            ),
            (
                "China's, as a word",
                "CN",
                Marketing,
                "【店】大促, TD 退订",
                None,
            ),
            ("where nothing is asked for", "GB", Marketing, "Sale!", None),
        ] {
            let missing = rule(country).missing_opt_out(class, text);

            assert_eq!(missing.map(|words| words.text.as_str()), expected, "{name}");
        }
    }
}
