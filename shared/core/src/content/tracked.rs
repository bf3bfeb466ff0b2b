//! Tracked links: each web address in a text becomes the recipient's own short link, which leads there and tells who opened it.
//! An address begins with `http://` or `https://` and goes on to a blank; it may have placeholders behind its host, never in it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

use super::Content;
use crate::{
    language::Language,
    link::Links,
    template::{RenderError, Template, TemplateError},
};

/// Different addresses in one content at most.
pub const MAX_TARGETS: usize = 10;

const PREFIX: &str = "link_";
const SCHEMES: [&str; 2] = ["https://", "http://"];
/// What stands behind an address more often than in it.
const NOT_LAST: &[char] = &[
    '.', ',', ';', ':', '!', '?', '\'', '"', '’', '”', '»', '。', '，', '、', '！', '？', '،', '؟',
];
/// What RFC 3986 leaves unreserved (section 2.3) stays itself, whatever part of an address a value stands in.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text whose links can't be tracked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct NotTracked {
    /// `None`: the text for everybody whose language has none.
    pub language: Option<Language>,
    pub why: WhyNotTracked,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WhyNotTracked {
    #[error(
        "`{address}` has no plain host; write it out, as in `https://example.com/…`, and use placeholders behind it only"
    )]
    Host { address: String },
    #[error(
        "there are more than {MAX_TARGETS} different links; leave some out, or don't track links"
    )]
    TooMany,
    #[error("the placeholder `{name}` is what tracked links are called; rename yours")]
    NameTaken { name: String },
}

impl Content {
    /// Makes a tracked link of each address in its texts. Twice the same address is one link.
    pub fn track_links(mut self, base: &str) -> Result<Self, NotTracked> {
        let mut targets = Vec::new();
        let refused = |language: Option<&Language>, why| NotTracked {
            language: language.cloned(),
            why,
        };
        self.text = tracked(&self.text, &mut targets).map_err(|why| refused(None, why))?;
        for (language, text) in &mut self.languages {
            *text = tracked(text, &mut targets).map_err(|why| refused(Some(language), why))?;
        }
        if !targets.is_empty() {
            let links = self.links.get_or_insert_with(|| Links::at(base));
            links.targets = targets;
        }
        Ok(self)
    }
}

/// Where a target leads a recipient. Values are encoded, so that none can change the host or break the address.
pub fn leads_to<'v>(
    target: &str,
    value: impl Fn(&str) -> Option<&'v str>,
) -> Result<Result<String, RenderError>, TemplateError> {
    let template = Template::parse(target)?;
    let encoded: Vec<(&str, String)> = template
        .placeholders()
        .into_iter()
        .filter_map(|name| {
            let value = value(name).filter(|value| !value.trim().is_empty())?;
            Some((name, utf8_percent_encode(value.trim(), VALUE).to_string()))
        })
        .collect();
    Ok(template.render(|wanted| {
        let found = encoded.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.as_str())
    }))
}

/// Which tracked link a placeholder stands for, from 1.
pub(super) fn ordinal(name: &str) -> Option<usize> {
    let digits = name.strip_prefix(PREFIX)?;
    let plain = !digits.starts_with(['0', '+']);
    digits.parse().ok().filter(|_| plain)
}

/// The text with its addresses replaced, which are added to the targets.
fn tracked(text: &str, targets: &mut Vec<String>) -> Result<String, WhyNotTracked> {
    let taken = text.match_indices("{{").find_map(|(at, _)| {
        let name = text[at + 2..].split(['}', '|']).next()?.trim();
        ordinal(name).map(|_| name.to_owned())
    });
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = next_address(rest) {
        let (before, from) = rest.split_at(start);
        let (address, after) = from.split_at(length(from));
        if !has_plain_host(address) {
            let address = address.to_owned();
            return Err(WhyNotTracked::Host { address });
        }
        made.push_str(before);
        let place = place(address, targets)?.to_string();
        made.extend(["{{", PREFIX, &place, "}}"]);
        rest = after;
    }
    made.push_str(rest);
    match taken {
        Some(name) if !targets.is_empty() => Err(WhyNotTracked::NameTaken { name }),
        _ => Ok(made),
    }
}

/// The address's number among the targets, from 1.
fn place(address: &str, targets: &mut Vec<String>) -> Result<usize, WhyNotTracked> {
    if let Some(known) = targets.iter().position(|target| target == address) {
        return Ok(known + 1);
    }
    if targets.len() == MAX_TARGETS {
        return Err(WhyNotTracked::TooMany);
    }
    targets.push(address.to_owned());
    Ok(targets.len())
}

/// Where the next address begins: not within a word, such as `xhttp://`.
fn next_address(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let starts = SCHEMES
        .iter()
        .flat_map(|scheme| lower.match_indices(scheme));
    starts
        .map(|(at, _)| at)
        .filter(|at| !text[..*at].ends_with(char::is_alphanumeric))
        .min()
}

/// Of the address that a text begins with. A placeholder is taken whole, with the blanks in it.
fn length(text: &str) -> usize {
    let mut end = 0;
    let mut floor = 0;
    while let Some(character) = text[end..].chars().next() {
        if text[end..].starts_with("{{") {
            let Some(closed) = text[end..].find("}}") else {
                break;
            };
            end += closed + 2;
            floor = end;
        } else if character.is_whitespace() || character.is_control() || "<>{}".contains(character)
        {
            break;
        } else {
            end += character.len_utf8();
        }
    }
    let mut address = &text[..end];
    while address.len() > floor {
        let trimmed = address.trim_end_matches(NOT_LAST);
        let unbalanced = trimmed.ends_with(')') && !trimmed.contains('(');
        let trimmed = trimmed
            .strip_suffix(')')
            .filter(|_| unbalanced)
            .unwrap_or(trimmed);
        if trimmed.len() == address.len() || trimmed.len() < floor {
            break;
        }
        address = trimmed;
    }
    address.len()
}

/// A name with a dot in it (or an address, or a port): nothing that a value fills in, nobody's credentials.
fn has_plain_host(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let of_a_name = |character: char| character.is_alphanumeric() || "-.:".contains(character);
    host.contains('.') && host.chars().all(of_a_name) && !host.starts_with(['.', ':'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://c.example/l/";

    fn of(text: &str) -> Result<(String, Vec<String>), WhyNotTracked> {
        let content = Content::from(text).track_links(BASE);
        let content = content.map_err(|refused| refused.why)?;
        let targets = content.links.map_or_else(Vec::new, |links| links.targets);
        Ok((content.text, targets))
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn addresses_become_links_and_all_else_stays() {
        for (name, text, expected, targets) in [
            ("none", "Hello {{name}}", "Hello {{name}}", vec![]),
            (
                "one",
                "Go https://a.example/x now",
                "Go {{link_1}} now",
                vec!["https://a.example/x"],
            ),
            (
                "at the end",
                "Go https://a.example.",
                "Go {{link_1}}.",
                vec!["https://a.example"],
            ),
            (
                "in brackets",
                "(see https://a.example/x), ok",
                "(see {{link_1}}), ok",
                vec!["https://a.example/x"],
            ),
            (
                "brackets of its own",
                "https://a.example/x_(y)",
                "{{link_1}}",
                vec!["https://a.example/x_(y)"],
            ),
            (
                "a query",
                "https://a.example/?a=1&b=2#c!",
                "{{link_1}}!",
                vec!["https://a.example/?a=1&b=2#c"],
            ),
            (
                "capitals",
                "HTTPS://A.example/",
                "{{link_1}}",
                vec!["HTTPS://A.example/"],
            ),
            (
                "twice",
                "http://a.example http://a.example",
                "{{link_1}} {{link_1}}",
                vec!["http://a.example"],
            ),
            (
                "two",
                "http://a.example/1\nhttp://a.example/2",
                "{{link_1}}\n{{link_2}}",
                vec!["http://a.example/1", "http://a.example/2"],
            ),
            (
                "a value",
                "https://a.example/{{ id | 0 }}?x",
                "{{link_1}}",
                vec!["https://a.example/{{ id | 0 }}?x"],
            ),
            (
                "a value, then a query",
                "https://a.example/{{id}}?x=1",
                "{{link_1}}",
                vec!["https://a.example/{{id}}?x=1"],
            ),
            (
                "a value last",
                "https://a.example/{{id}}.",
                "{{link_1}}.",
                vec!["https://a.example/{{id}}"],
            ),
            (
                "a port",
                "http://a.example:8080/x",
                "{{link_1}}",
                vec!["http://a.example:8080/x"],
            ),
            (
                "letters of all the world",
                "https://bücher.example/ä。",
                "{{link_1}}。",
                vec!["https://bücher.example/ä"],
            ),
            ("no scheme", "a.example/x", "a.example/x", vec![]),
            (
                "within a word",
                "xhttp://a.example",
                "xhttp://a.example",
                vec![],
            ),
            (
                "beside opting out",
                "http://a.example {{opt_out_link}}",
                "{{link_1}} {{opt_out_link}}",
                vec!["http://a.example"],
            ),
        ] {
            let (text, found) = of(text).unwrap();

            assert_eq!(
                (text.as_str(), found),
                (expected, targets.into_iter().map(str::to_owned).collect()),
                "{name}"
            );
        }
    }

    #[test]
    fn what_could_lead_anywhere_is_refused() {
        for text in [
            "https://{{host}}/x",
            "https://a.example{{more}}",
            "https://a.example:{{port}}/",
            "https://user@a.example/",
            "https://a.example@evil.example/",
            "https://localhost/",
            "https:///x.y",
            "https://a.example\\@evil.example/",
        ] {
            let refused = of(text);

            assert!(
                matches!(refused, Err(WhyNotTracked::Host { .. })),
                "{text}: {refused:?}"
            );
        }
    }

    #[test]
    fn too_many_and_a_taken_name_are_refused() {
        let many: String = (0..=MAX_TARGETS)
            .map(|n| format!("http://a.example/{n} "))
            .collect();

        assert_eq!(of(&many), Err(WhyNotTracked::TooMany));
        let name = "link_1".to_owned();
        assert_eq!(
            of("{{ link_1 }} http://a.example"),
            Err(WhyNotTracked::NameTaken { name })
        );
        assert!(of("{{link_1}}").is_ok(), "nothing is tracked");
    }

    #[test]
    fn a_refusal_names_the_language() {
        let content = Content {
            languages: [("de".parse().unwrap(), "https://{{x}}".to_owned())].into(),
            ..Content::from("https://a.example")
        };

        let refused = content.track_links(BASE).unwrap_err();

        assert_eq!(refused.language, "de".parse().ok());
    }

    #[test]
    fn a_value_stays_in_its_place() {
        for (value, expected) in [
            ("7", "https://a.example/u/7?x=1"),
            ("../../evil", "https://a.example/u/..%2F..%2Fevil?x=1"),
            ("a b&c=d#e", "https://a.example/u/a%20b%26c%3Dd%23e?x=1"),
            (
                "x\r\nSet-Cookie: a",
                "https://a.example/u/x%0D%0ASet-Cookie%3A%20a?x=1",
            ),
            ("ü", "https://a.example/u/%C3%BC?x=1"),
            (" ", "https://a.example/u/none?x=1"),
        ] {
            let led = leads_to("https://a.example/u/{{id|none}}?x=1", |_| Some(value));

            assert_eq!(led.unwrap().unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn a_recipient_without_the_value_of_a_target_has_no_text() {
        let content = Content::from("Go http://a.example/{{id}}")
            .track_links(BASE)
            .unwrap();
        let texts = super::super::Texts::parse(&content).unwrap();

        assert_eq!(texts.values(), ["id"]);
        assert!(texts.render(|_| None, None).is_err());
        assert_eq!(
            texts.render(|_| Some("7"), None).unwrap(),
            format!("Go {BASE}00000000")
        );
    }
}
