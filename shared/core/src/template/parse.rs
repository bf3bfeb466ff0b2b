//! From a text to its pieces. Stops at the first problem, and says where it is.

use std::fmt;

use thiserror::Error;

use super::{MAX_CHARACTERS, Piece};

const MAX_NAME: usize = 64;

/// A text that can't be a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// In characters of the line, from 1.
    pub column: usize,
    /// In characters of the text, from 0.
    pub offset: usize,
    pub problem: TemplateProblem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TemplateProblem {
    Unclosed,
    EmptyName,
    InvalidName,
    NameTooLong,
    Nested,
    TooLong,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateProblem::Unclosed => formatter
                .write_str("`{{` is not closed; add `}}` after the name, or write `\\{{` if the braces are meant"),
            TemplateProblem::EmptyName => {
                formatter.write_str("a placeholder has no name; write one between the braces, such as `{{first_name}}`")
            }
            TemplateProblem::InvalidName => formatter.write_str(
                "a placeholder's name can't be this; use letters, digits and `_`, beginning with a letter, such as `{{first_name}}`",
            ),
            TemplateProblem::NameTooLong => {
                write!(formatter, "a placeholder's name is longer than {MAX_NAME} characters; shorten it")
            }
            TemplateProblem::Nested => formatter
                .write_str("a default can't hold a placeholder; close the first one with `}}` before `{{`"),
            TemplateProblem::TooLong => {
                write!(formatter, "the text is longer than {MAX_CHARACTERS} characters from here on; shorten it")
            }
        }
    }
}

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let before = &rest[..open];
        let backslashes = before.len() - before.trim_end_matches('\\').len();
        literal.push_str(&before[..open - backslashes.div_ceil(2)]);
        let inside = &rest[open + 2..];
        if backslashes % 2 == 1 {
            literal.push_str("{{");
            rest = inside;
            continue;
        }
        let at = text.len() - inside.len() - 2;
        let close = inside
            .find("}}")
            .ok_or_else(|| error(text, at, TemplateProblem::Unclosed))?;
        let placeholder =
            placeholder(&inside[..close]).map_err(|problem| error(text, at, problem))?;
        push_text(&mut pieces, &mut literal);
        pieces.push(placeholder);
        rest = &inside[close + 2..];
    }
    literal.push_str(rest);
    push_text(&mut pieces, &mut literal);
    check_length(text, &pieces)?;
    Ok(pieces)
}

fn push_text(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal)));
    }
}

/// What stands between `{{` and `}}`.
fn placeholder(inside: &str) -> Result<Piece, TemplateProblem> {
    if inside.contains("{{") {
        return Err(if inside.contains('|') {
            TemplateProblem::Nested
        } else {
            TemplateProblem::Unclosed
        });
    }
    let (name, default) = match inside.split_once('|') {
        Some((name, default)) => (name.trim(), Some(default.trim().to_owned())),
        None => (inside.trim(), None),
    };
    if name.is_empty() {
        return Err(TemplateProblem::EmptyName);
    }
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !begins_well
        || !name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(TemplateProblem::InvalidName);
    }
    if name.len() > MAX_NAME {
        return Err(TemplateProblem::NameTooLong);
    }
    Ok(Piece::Placeholder {
        name: name.to_owned(),
        default,
    })
}

/// The words that every recipient gets must leave room for the rest.
fn check_length(text: &str, pieces: &[Piece]) -> Result<(), TemplateError> {
    let literals = pieces.iter().map(|piece| match piece {
        Piece::Text(literal) => literal.chars().count(),
        Piece::Placeholder { .. } => 0,
    });
    if literals.sum::<usize>() <= MAX_CHARACTERS {
        return Ok(());
    }
    let at = text
        .char_indices()
        .nth(MAX_CHARACTERS)
        .map_or(text.len(), |(at, _)| at);
    Err(error(text, at, TemplateProblem::TooLong))
}

/// `at`: the byte of the text where the problem begins.
fn error(text: &str, at: usize, problem: TemplateProblem) -> TemplateError {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    TemplateError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        offset: before.chars().count(),
        problem,
    }
}
