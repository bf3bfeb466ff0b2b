//! The words of a filter, each with its column.

use super::FilterError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, a field, or a path such as `attributes.age`.
    Word(String),
    Text(String),
    /// Digits with what may stand in a number, a date or a time: read by the parser, which knows what it expects.
    Digits(String),
    Symbol(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located {
    pub token: Token,
    pub column: usize,
}

/// The longer ones first.
const SYMBOLS: [&str; 11] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", ",", "-", "+"];

pub(super) fn tokens(text: &str) -> Result<Vec<Located>, FilterError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        let column = at + 1;
        let rest = &characters[at..];
        let (token, length) = match character {
            character if character.is_whitespace() => {
                at += 1;
                continue;
            }
            '"' | '\'' => quoted(rest, column)?,
            character if character.is_ascii_digit() => digits(rest),
            character if character.is_alphabetic() || *character == '_' => word(rest),
            _ => symbol(rest, column)?,
        };
        tokens.push(Located { token, column });
        at += length;
    }
    let column = characters.len() + 1;
    tokens.push(Located {
        token: Token::End,
        column,
    });
    Ok(tokens)
}

/// Up to the same quote; a backslash before a quote or a backslash takes its meaning.
fn quoted(rest: &[char], column: usize) -> Result<(Token, usize), FilterError> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        match (rest.get(at), rest.get(at + 1)) {
            (None, _) => {
                let message = "the quote that begins here is never closed; close it";
                return Err(FilterError::new(column, message));
            }
            (Some('\\'), Some(escaped @ ('"' | '\'' | '\\'))) => {
                text.push(*escaped);
                at += 2;
            }
            (Some(quote), _) if *quote == rest[0] => return Ok((Token::Text(text), at + 1)),
            (Some(character), _) => {
                text.push(*character);
                at += 1;
            }
        }
    }
}

/// `30`, `1.5`, `2026-01-31`, `2026-01-31T12:00:00Z`; a sign before it is a symbol, as in `now - 30 days`.
fn digits(rest: &[char]) -> (Token, usize) {
    let is_date = rest.len() > 4 && rest[..4].iter().all(char::is_ascii_digit) && rest[4] == '-';
    let goes_on = |character: &char| {
        character.is_ascii_digit()
            || *character == '.'
            || (is_date && matches!(character, '-' | ':' | 'T' | 't' | 'Z' | 'z' | '+'))
    };
    taken(rest, goes_on, Token::Digits)
}

fn word(rest: &[char]) -> (Token, usize) {
    let goes_on = |character: &char| character.is_alphanumeric() || matches!(character, '_' | '.');
    taken(rest, goes_on, Token::Word)
}

fn taken(
    rest: &[char],
    goes_on: impl Fn(&char) -> bool,
    token: impl Fn(String) -> Token,
) -> (Token, usize) {
    let length = rest
        .iter()
        .take_while(|character| goes_on(character))
        .count();
    (token(rest[..length].iter().collect()), length)
}

fn symbol(rest: &[char], column: usize) -> Result<(Token, usize), FilterError> {
    let begins =
        |symbol: &&&str| symbol.chars().zip(rest).filter(|(a, b)| a == *b).count() == symbol.len();
    if let Some(symbol) = SYMBOLS.iter().find(begins) {
        return Ok((Token::Symbol(symbol), symbol.len()));
    }
    let message =
        "this character has no meaning here; texts stand in quotes, as in `country = \"GB\"`";
    Err(FilterError::new(column, message))
}
