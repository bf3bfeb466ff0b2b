//! What a person means by a message to us: to hear no more, to hear from us again, to get help. A sentence that is neither is `None`.

mod words;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::phone::Phone;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    Stop,
    Start,
    Help,
}

/// How sure it is, for whoever has to prove or to review it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// The whole message is a keyword.
    Keyword,
    /// A short sentence that begins or ends with one.
    Phrase,
    /// Words that a reasonable person reads so.
    Intent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    pub wish: Wish,
    pub by: Match,
}

/// Words of a sentence that counts as short, at most.
const SHORT: usize = 6;

pub fn meaning(text: &str, from: Phone) -> Option<Meaning> {
    let said = words_of(text);
    let is_one_of = |keywords: &[&str]| keywords.iter().any(|keyword| words_of(keyword) == said);
    let in_china = from
        .country()
        .is_some_and(|country| country.as_str() == "CN");
    let keyword = |wish| {
        Some(Meaning {
            wish,
            by: Match::Keyword,
        })
    };
    if is_one_of(words::STOP) || (in_china && is_one_of(words::STOP_IN_CHINA)) {
        return keyword(Wish::Stop);
    }
    if is_one_of(words::START) {
        return keyword(Wish::Start);
    }
    if is_one_of(words::HELP) {
        return keyword(Wish::Help);
    }
    let by = if is_phrase(&said) {
        Match::Phrase
    } else if words::INTENTS.iter().any(|intent| holds(&said, intent)) {
        Match::Intent
    } else {
        return None;
    };
    Some(Meaning {
        wish: Wish::Stop,
        by,
    })
}

/// Lower case, without accents, width, marks, emoji and punctuation.
fn words_of(text: &str) -> Vec<String> {
    let plain: String = text
        .nfkd()
        .flat_map(char::to_lowercase)
        .filter(|character| !is_combining_mark(*character) && !is_invisible(*character))
        .map(|character| {
            if character.is_alphanumeric() {
                character
            } else {
                ' '
            }
        })
        .collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

/// Characters without width, which are put between letters to hide a word.
const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
    )
}

fn is_phrase(said: &[String]) -> bool {
    if said.len() > SHORT {
        return false;
    }
    let core = without_politeness(said);
    let strong = words::STRONG.iter().any(|strong| {
        let strong = words_of(strong);
        core.starts_with(&strong) || (core.ends_with(&strong) && !is_negated(core, strong.len()))
    });
    strong || is_weak_phrase(said)
}

fn without_politeness(said: &[String]) -> &[String] {
    let polite = |word: &String| words::POLITE.contains(&word.as_str());
    let first = said.iter().position(|word| !polite(word)).unwrap_or(0);
    let last = said.iter().rposition(|word| !polite(word));
    &said[first..last.map_or(said.len(), |last| last + 1)]
}

/// Whether a negation stands right before the last words.
fn is_negated(said: &[String], last: usize) -> bool {
    let before = &said[..said.len() - last];
    words::NEGATIONS
        .iter()
        .any(|negation| before.ends_with(&words_of(negation)))
}

fn is_weak_phrase(said: &[String]) -> bool {
    let weak = |word: &&String| words::WEAK.contains(&word.as_str());
    let beside = |word: &String| words::WITH_WEAK.contains(&word.as_str());
    said.iter().any(|word| weak(&word)) && said.iter().all(|word| weak(&word) || beside(word))
}

/// Whether the words stand together somewhere, and no negation right before them.
fn holds(said: &[String], phrase: &str) -> bool {
    let phrase = words_of(phrase);
    let ends = (phrase.len()..=said.len()).map(|end| &said[..end]);
    ends.filter(|part| part.ends_with(&phrase))
        .any(|part| !is_negated(part, phrase.len()))
}
