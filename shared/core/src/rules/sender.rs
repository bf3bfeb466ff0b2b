//! Which senders a country takes.

use serde::{Deserialize, Serialize};

use super::{Class, Rule};
use crate::originator::{Originator, OriginatorKind};

/// Characters of a name at most, anywhere: 3GPP TS 23.040.
const LONGEST: usize = 11;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderRule {
    pub names: NameRule,
    #[serde(default)]
    pub numbers: Use,
}

/// Alphanumeric senders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameRule {
    #[serde(rename = "use")]
    pub usage: Use,
    /// Characters at least.
    #[serde(default = "one")]
    pub shortest: usize,
    /// Characters at most.
    #[serde(default = "longest")]
    pub longest: usize,
    /// What a name of marketing ends with.
    #[serde(default)]
    pub marketing_suffix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    #[default]
    Allowed,
    /// Once it is registered, see [`Rule::registration`].
    Registered,
    Refused,
}

/// Why a country doesn't take a sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SenderProblem {
    #[error("names aren't taken as senders there; choose a number or a short code")]
    NameRefused,
    #[error("numbers aren't taken as senders there; choose a registered name")]
    NumberRefused,
    #[error("a name has {shortest} to {longest} characters there; choose another")]
    NameLength { shortest: usize, longest: usize },
    #[error("a name of marketing ends with `{suffix}` there; choose or register such a name")]
    NameSuffix { suffix: String },
}

impl Rule {
    /// Whether names are senders there at all.
    pub fn takes_names(&self) -> bool {
        self.sender.names.usage != Use::Refused
    }

    pub fn sender_problem(&self, class: Class, sender: &Originator) -> Option<SenderProblem> {
        let SenderRule { names, numbers } = &self.sender;
        if !is_name(sender) {
            return (*numbers == Use::Refused).then_some(SenderProblem::NumberRefused);
        }
        let (shortest, longest) = (names.shortest, names.longest);
        let suffix = names
            .marketing_suffix
            .as_ref()
            .filter(|_| class == Class::Marketing);
        if !self.takes_names() {
            Some(SenderProblem::NameRefused)
        } else if !(shortest..=longest).contains(&sender.as_str().len()) {
            Some(SenderProblem::NameLength { shortest, longest })
        } else {
            let suffix = suffix.filter(|suffix| !sender.as_str().ends_with(suffix.as_str()))?;
            Some(SenderProblem::NameSuffix {
                suffix: suffix.clone(),
            })
        }
    }

    /// Whether a sender of this shape has to be registered before it is used.
    pub fn needs_registration(&self, sender: &Originator) -> bool {
        let SenderRule { names, numbers } = &self.sender;
        let usage = if is_name(sender) {
            names.usage
        } else {
            *numbers
        };
        usage == Use::Registered
    }
}

/// Whether a handset can text back: to a name it can't, in any country. A text from one has to name another way to opt out.
pub fn can_be_answered(sender: &Originator) -> bool {
    !is_name(sender)
}

fn is_name(sender: &Originator) -> bool {
    sender.kind() == OriginatorKind::Name
}

const fn one() -> usize {
    1
}

const fn longest() -> usize {
    LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{phone::Country, rules::of_country};

    #[test]
    fn a_country_takes_a_sender_or_says_why_not() {
        use Class::{Marketing, Transactional};

        let length = |shortest, longest| Some(SenderProblem::NameLength { shortest, longest });
        let suffix = Some(SenderProblem::NameSuffix {
            suffix: "-AD".into(),
        });
        for (country, class, sender, expected) in [
            ("GB", Marketing, "Acme", None),
            ("US", Marketing, "Acme", Some(SenderProblem::NameRefused)),
            (
                "CA",
                Transactional,
                "Acme",
                Some(SenderProblem::NameRefused),
            ),
            ("PR", Marketing, "Acme", Some(SenderProblem::NameRefused)),
            ("CN", Marketing, "Acme", Some(SenderProblem::NameRefused)),
            ("US", Marketing, "+12015550123", None),
            ("US", Marketing, "72345", None),
            ("SA", Marketing, "ACME", suffix),
            ("SA", Marketing, "ACME-AD", None),
            ("SA", Transactional, "ACME", None),
            (
                "SA",
                Transactional,
                "+966501234567",
                Some(SenderProblem::NumberRefused),
            ),
            ("SG", Marketing, "AB", length(3, 11)),
            ("SG", Marketing, "ABC", None),
            ("IN", Marketing, "ACMECO", None),
            ("IN", Marketing, "ACME", length(6, 6)),
            ("BR", Marketing, "Acme", None),
        ] {
            let rule = of_country(Some(Country::parse(country).unwrap()));

            let problem = rule.sender_problem(class, &sender.parse().unwrap());

            assert_eq!(problem, expected, "{country} {class:?} {sender}");
        }
    }

    #[test]
    fn names_are_registered_where_there_is_a_register_and_never_answered() {
        for (country, sender, registered, answered) in [
            ("AU", "Acme", true, false),
            ("IE", "Acme", true, false),
            ("SG", "Acme", true, false),
            ("GB", "Acme", false, false),
            ("AU", "+61491570006", false, true),
            ("US", "72345", false, true),
        ] {
            let rule = of_country(Some(Country::parse(country).unwrap()));
            let sender: Originator = sender.parse().unwrap();

            assert_eq!(rule.needs_registration(&sender), registered, "{country}");
            assert_eq!(can_be_answered(&sender), answered, "{country}");
        }
    }
}
