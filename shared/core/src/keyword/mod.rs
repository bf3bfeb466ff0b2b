//! What a person means by a message to us: to hear no more, to hear from us again, to get help. A sentence that is neither is `None`.

mod language;
mod words;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

pub use self::language::{Language, UnknownLanguage};
use self::words::{LANGUAGES, Words};
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

/// Of the rules below and the words beside them: kept with what was read by them, so that a reading can be explained later.
pub const VERSION: u32 = 2;

pub fn meaning(text: &str, from: Phone) -> Option<Meaning> {
    let said = words_of(text);
    let means = |wish, by| Some(Meaning { wish, by });
    if is_keyword(&said, |words| words.stop)
        || (is_from_china(from) && is_one_of(&said, words::STOP_IN_CHINA))
    {
        return means(Wish::Stop, Match::Keyword);
    }
    if is_keyword(&said, |words| words.start) {
        return means(Wish::Start, Match::Keyword);
    }
    if is_keyword(&said, |words| words.help) {
        return means(Wish::Help, Match::Keyword);
    }
    let said = without_harmless(said);
    if is_phrase(&said) {
        return means(Wish::Stop, Match::Phrase);
    }
    let intents = LANGUAGES.iter().flat_map(|words| words.intents);
    if intents.into_iter().any(|intent| holds(&said, intent)) {
        return means(Wish::Stop, Match::Intent);
    }
    None
}

/// Whether a person agrees, to whatever was asked. It means something only where something was.
pub fn is_yes(text: &str) -> bool {
    is_keyword(&words_of(text), |words| words.yes)
}

/// Whether it is nothing but a word that gateways which know keywords know.
pub fn is_common(text: &str) -> bool {
    is_one_of(&words_of(text), words::COMMON)
}

/// The language that a message is written in, where only one has its words. English ones are written everywhere, so they don't tell.
pub fn language(text: &str) -> Option<Language> {
    let said = words_of(text);
    let mut written = LANGUAGES.iter().filter(|words| {
        let keywords = [words.stop, words.start, words.help, words.yes];
        keywords.iter().any(|list| is_one_of(&said, list))
            || words.intents.iter().any(|intent| holds(&said, intent))
    });
    match (written.next(), written.next()) {
        (Some(only), None) => Some(Language::of(only.language)),
        _ => None,
    }
    .filter(|language| *language != Language::ENGLISH)
}

fn is_keyword(said: &[String], list: impl Fn(&Words) -> &'static [&'static str]) -> bool {
    LANGUAGES.iter().any(|words| is_one_of(said, list(words)))
}

fn is_one_of(said: &[String], keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| words_of(keyword) == said)
}

fn is_from_china(from: Phone) -> bool {
    from.country()
        .is_some_and(|country| country.as_str() == "CN")
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

/// What stands for a place or a visit is taken out, so that it isn't read as a wish.
fn without_harmless(mut said: Vec<String>) -> Vec<String> {
    for harmless in words::HARMLESS {
        let harmless = words_of(harmless);
        while let Some(at) = said
            .windows(harmless.len())
            .position(|part| part == harmless)
        {
            said.splice(at..at + harmless.len(), [String::from("…")]);
        }
    }
    said
}

fn is_phrase(said: &[String]) -> bool {
    if said.len() > SHORT {
        return false;
    }
    let core = without_politeness(said);
    let strong = LANGUAGES
        .iter()
        .flat_map(|words| words.strong)
        .any(|strong| {
            let strong = words_of(strong);
            core.starts_with(&strong)
                || (core.ends_with(&strong) && !is_negated(core, strong.len()))
        });
    strong || is_weak_phrase(said)
}

fn without_politeness(said: &[String]) -> &[String] {
    let polite = |word: &String| words::POLITE.contains(&word.as_str());
    let first = said.iter().position(|word| !polite(word)).unwrap_or(0);
    let last = said.iter().rposition(|word| !polite(word));
    &said[first..last.map_or(said.len(), |last| last + 1)]
}

/// Whether a negation stands before the last words, with nothing but small words between.
fn is_negated(said: &[String], last: usize) -> bool {
    let mut before = &said[..said.len() - last];
    loop {
        if words::NEGATIONS
            .iter()
            .any(|negation| before.ends_with(&words_of(negation)))
        {
            return true;
        }
        match before.split_last() {
            Some((word, rest)) if words::BETWEEN.contains(&word.as_str()) => before = rest,
            _ => return false,
        }
    }
}

fn is_weak_phrase(said: &[String]) -> bool {
    let weak = |word: &&String| words::WEAK.contains(&word.as_str());
    let beside = |word: &String| words::WITH_WEAK.contains(&word.as_str());
    said.iter().any(|word| weak(&word)) && said.iter().all(|word| weak(&word) || beside(word))
}

/// Whether the words stand together somewhere, and no negation before them.
fn holds(said: &[String], phrase: &str) -> bool {
    let phrase = words_of(phrase);
    let ends = (phrase.len()..=said.len()).map(|end| &said[..end]);
    ends.filter(|part| part.ends_with(&phrase))
        .any(|part| !is_negated(part, phrase.len()))
}
