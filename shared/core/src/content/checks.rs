//! What is wrong with a text by the rules of networks and laws, as warnings: each names its rule and where that is from. Words
//! alone don't tell what a text is about, so that nothing is refused for them. The data is `data/content-rules.json`.

use std::sync::LazyLock;

use jiff::civil::Date;
use serde::Deserialize;

use super::OPT_OUT_LINK;
use crate::{
    originator::Originator,
    phone::Country,
    rules::{self, Class, Confidence, can_be_answered},
    template::Template,
};

const DATA: &str = include_str!("../../data/content-rules.json");

/// What texts ask people to answer, or to look for: words that are obeyed.
const WAYS_OUT: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "unsub",
    "optout",
    "opt-out",
    "opt out",
    "arret",
    "arrêt",
    "stopp",
    "abmelden",
    "alto",
    "baja",
    "parar",
    "sair",
    "afmelden",
    "basta",
    "cancella",
    "iptal",
    "ret",
    "стоп",
];

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'t> {
    pub template: &'t Template,
    /// As a recipient gets it.
    pub text: &'t str,
    pub class: Class,
    pub sender: Option<&'t Originator>,
    /// Names by which recipients know who writes, such as the account's.
    pub names: &'t [&'t str],
    /// The recipient's; `None` where it isn't known.
    pub country: Option<Country>,
}

/// Something that a network or a recipient may take amiss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Such as `shaft.alcohol`.
    pub rule: String,
    /// What is wrong, and the way out.
    pub detail: String,
    /// Where the rule is from.
    pub source: String,
    pub confidence: Confidence,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    words: Vec<WordRule>,
    shorteners: Shorteners,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordRule {
    rule: String,
    needed: String,
    /// In small letters; several words stand one after the other in the text.
    words: Vec<String>,
    #[expect(dead_code, reason = "who changes the list needs it")]
    verified_at: Date,
    confidence: Confidence,
    source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shorteners {
    domains: Vec<String>,
    needed: String,
    #[expect(dead_code, reason = "who changes the list needs it")]
    verified_at: Date,
    confidence: Confidence,
    source: String,
}

/// Read at first use.
static RULES: LazyLock<Document> =
    LazyLock::new(|| serde_json::from_str(DATA).expect("a test reads it"));

/// Everything that is found, the gravest rules first.
pub fn findings(looked: &Looked<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = forbidden(looked.text).collect();
    found.extend(shortener(looked.text));
    if looked.class == Class::Marketing {
        found.extend(opt_out(looked));
        found.extend(identification(looked));
    }
    found
}

fn forbidden(text: &str) -> impl Iterator<Item = Finding> {
    let given = words(text);
    RULES.words.iter().filter_map(move |rule| {
        let word = rule.words.iter().find(|word| has(&given, word))?;
        Some(Finding {
            rule: rule.rule.clone(),
            detail: format!("the text says `{word}`: {}", rule.needed),
            source: rule.source.clone(),
            confidence: rule.confidence,
        })
    })
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_alphanumeric() && character != '-');
    let words = words.map(|word| word.trim_matches('-').to_lowercase());
    words.filter(|word| !word.is_empty()).collect()
}

fn has(given: &[String], wanted: &str) -> bool {
    let wanted: Vec<&str> = wanted.split(' ').collect();
    given.windows(wanted.len()).any(|words| words == wanted)
}

fn shortener(text: &str) -> Option<Finding> {
    let rule = &RULES.shorteners;
    let domain = hosts(text).find(|host| rule.domains.contains(host))?;
    Some(Finding {
        rule: "link.shortener".to_owned(),
        detail: format!("the text has a link of `{domain}`: {}", rule.needed),
        source: rule.source.clone(),
        confidence: rule.confidence,
    })
}

/// The hosts of what phones make a link of, with or without a scheme.
fn hosts(text: &str) -> impl Iterator<Item = String> {
    let tokens = text.split(|character: char| {
        character.is_whitespace() || matches!(character, '<' | '>' | '"' | '(' | ')' | ',')
    });
    tokens.filter_map(|token| {
        let token = token.to_lowercase();
        let rest = token
            .split_once("://")
            .map_or(token.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', '#', ':']).next()?;
        let host = host.trim_start_matches("www.").trim_end_matches(['.', '!']);
        host.contains('.').then(|| host.to_owned())
    })
}

/// Of marketing: that it says how to opt out, in a way that works.
fn opt_out(looked: &Looked<'_>) -> Option<Finding> {
    let has_link = looked.template.placeholders().contains(&OPT_OUT_LINK);
    let rule = rules::of_country(looked.country);
    if let Some(needed) = rule.missing_opt_out(looked.class, looked.text) {
        return Some(Finding {
            rule: "opt_out.text".to_owned(),
            detail: format!(
                "the text lacks `{}`, which the country asks for: {}",
                needed.text, needed.needed
            ),
            source: rule.source.clone(),
            confidence: rule.confidence,
        });
    }
    if has_link {
        return None;
    }
    let finding = |rule: &str, detail: &str| {
        Finding {
        rule: rule.to_owned(),
        detail: detail.to_owned(),
        source: "47 CFR 64.1200(a)(10) and FCC 24-24: means to revoke consent, and another one where replies don't arrive".to_owned(),
        confidence: Confidence::Secondary,
    }
    };
    if looked.sender.is_some_and(|sender| !can_be_answered(sender)) {
        let detail = "nobody can answer a sender of letters; add `{{opt_out_link}}` to the text";
        return Some(finding("opt_out.unanswerable", detail));
    }
    (!names_a_way_out(looked.text)).then(|| {
        let detail = "the text doesn't say how to opt out; add words such as `Reply STOP to opt out`, or `{{opt_out_link}}`";
        finding("opt_out.missing", detail)
    })
}

/// Whether it tells people a word that they can opt out by.
fn names_a_way_out(text: &str) -> bool {
    let given = words(text);
    WAYS_OUT.iter().any(|way| has(&given, way))
}

/// Of marketing: that it says who writes.
fn identification(looked: &Looked<'_>) -> Option<Finding> {
    let text = looked.text.to_lowercase();
    let sender = looked.sender.filter(|sender| !can_be_answered(sender));
    let names = looked.names.iter().map(|name| name.trim().to_lowercase());
    let is_named = names
        .filter(|name| !name.is_empty())
        .any(|name| text.contains(&name));
    if sender.is_some() || is_named || looked.names.is_empty() {
        return None;
    }
    Some(Finding {
        rule: "sender.unnamed".to_owned(),
        detail: "the text doesn't say who writes; begin it with the name that its recipients know".to_owned(),
        source: "CTIA Messaging Principles 5.1; Regulation 23 of the UK's PECR; CASL: the sender is identified".to_owned(),
        confidence: Confidence::Secondary,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(
        text: &str,
        class: Class,
        sender: Option<&Originator>,
        country: Option<Country>,
    ) -> Vec<String> {
        let template = Template::parse(text).unwrap();
        let all = findings(&Looked {
            template: &template,
            text,
            class,
            sender,
            names: &["Fontana"],
            country,
        });
        assert!(all.iter().all(|finding| !finding.source.is_empty()));
        all.into_iter().map(|finding| finding.rule).collect()
    }

    fn in_transactional(text: &str) -> Vec<String> {
        found(text, Class::Transactional, None, None)
    }

    #[test]
    fn forbidden_words_are_found_as_whole_words_in_any_case() {
        for (text, expected) in [
            ("Free BEER tonight!", vec!["shaft.alcohol"]),
            ("Our beer-garden, ginger and rummage", vec![]),
            ("White  power", vec!["shaft.hate"]),
            ("white, then power", vec![]),
            ("E-cigarettes and vapes", vec!["shaft.tobacco"]),
            (
                "Payday loans and CBD",
                vec!["forbidden.cannabis", "restricted.finance"],
            ),
            ("Your code is 123456", vec![]),
        ] {
            assert_eq!(in_transactional(text), expected, "{text}");
        }
    }

    #[test]
    fn public_shorteners_are_found_with_or_without_a_scheme() {
        for (text, is_found) in [
            ("See https://bit.ly/3xYz", true),
            ("See bit.ly/3xYz.", true),
            ("See (HTTP://WWW.TinyURL.com/a)", true),
            ("See t.co", true),
            ("See https://rabbit.ly/a", false),
            ("See https://example.com/bit.ly", false),
            ("See https://bit.ly.example.com", false),
        ] {
            let rules = in_transactional(text);

            assert_eq!(
                rules.contains(&"link.shortener".to_owned()),
                is_found,
                "{text}"
            );
        }
    }

    #[test]
    fn marketing_says_how_to_opt_out_and_who_writes() {
        let name: Originator = "FONTANA".parse().unwrap();
        let number: Originator = "+12025550123".parse().unwrap();
        let france = Country::parse("FR").ok();
        for (case, text, sender, country, expected) in [
            (
                "nothing",
                "Sale!",
                Some(&number),
                None,
                vec!["opt_out.missing", "sender.unnamed"],
            ),
            (
                "all",
                "Fontana: sale! Reply STOP to end",
                Some(&number),
                None,
                vec![],
            ),
            (
                "in words",
                "fontana: sale! Unsubscribe: 12345",
                Some(&number),
                None,
                vec![],
            ),
            (
                "a name can't be answered",
                "Sale! Reply STOP",
                Some(&name),
                None,
                vec!["opt_out.unanswerable"],
            ),
            (
                "a link",
                "Sale! {{opt_out_link}}",
                Some(&name),
                None,
                vec![],
            ),
            (
                "a country's own words",
                "Fontana: soldes ! {{opt_out_link}}",
                Some(&number),
                france,
                vec!["opt_out.text"],
            ),
        ] {
            let rules = found(text, Class::Marketing, sender, country);

            assert_eq!(rules, expected, "{case}");
        }
    }

    #[test]
    fn transactional_texts_need_not_say_how_to_opt_out() {
        assert_eq!(
            in_transactional("Your code is 123456"),
            Vec::<String>::new()
        );
    }
}
