//! Message texts with placeholders, without logic: `{{name}}` and `{{name|default}}`, parsed once, rendered per recipient.
//! A name is a letter or `_`, then letters, digits and `_`, at most 64; spaces around it and around the default don't count.
//! `\{{` is a literal `{{`, and `\\{{` a backslash before a placeholder; elsewhere backslashes and braces are themselves.

mod parse;
#[cfg(test)]
mod tests;
mod value;

use thiserror::Error;

pub use parse::{TemplateError, TemplateProblem};

/// Characters in a text, with its values filled in: what gateways accept at most.
pub const MAX_CHARACTERS: usize = 1600;

/// Room for a value when the result is allocated; a guess, not a limit.
const USUAL_VALUE: usize = 16;

/// A text, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    /// Bytes that a result usually takes.
    capacity: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder {
        name: String,
        default: Option<String>,
    },
}

/// Why a recipient has no text. Neither holds a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RenderError {
    #[error(
        "no value for `{name}`; fill it in, or give the placeholder a default: `{{{{{name}|…}}}}`"
    )]
    MissingValue { name: String },
    #[error(
        "the text is {characters} characters long with its values filled in; {MAX_CHARACTERS} are allowed"
    )]
    TooLong { characters: usize },
}

impl Template {
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let pieces = parse::pieces(text)?;
        let capacity = pieces.iter().map(Piece::usual_length).sum();
        Ok(Template { pieces, capacity })
    }

    /// The names in the text, each once, in order of appearance.
    pub fn placeholders(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for piece in &self.pieces {
            if let Piece::Placeholder { name, .. } = piece
                && !names.contains(&name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// The names in the text with the default that each has where it first stands.
    pub fn defaults(&self) -> Vec<(&str, Option<&str>)> {
        let mut found: Vec<(&str, Option<&str>)> = Vec::new();
        for piece in &self.pieces {
            if let Piece::Placeholder { name, default } = piece
                && !found.iter().any(|(known, _)| known == name)
            {
                found.push((name, default.as_deref()));
            }
        }
        found
    }

    /// The names in the text that aren't among these columns, in order of appearance.
    pub fn unknown(&self, columns: &[&str]) -> Vec<&str> {
        let mut names = self.placeholders();
        names.retain(|name| !columns.contains(name));
        names
    }

    /// The text for one recipient. A value of nothing but blanks counts as missing, and takes the default where there is one.
    ///
    /// Values are never parsed, and lose their control characters (newlines stay).
    pub fn render<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<String, RenderError> {
        let mut text = String::with_capacity(self.capacity);
        self.render_into(&mut text, value)?;
        Ok(text)
    }

    /// As `render`, into a text whose memory is used again; what it held is dropped. After an error it holds a beginning.
    pub fn render_into<'v>(
        &self,
        text: &mut String,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<(), RenderError> {
        text.clear();
        for piece in &self.pieces {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Placeholder { name, default } => {
                    let is_filled = value(name).is_some_and(|value| value::push(text, value));
                    if !is_filled {
                        let default = default.as_deref();
                        text.push_str(
                            default
                                .ok_or_else(|| RenderError::MissingValue { name: name.clone() })?,
                        );
                    }
                }
            }
        }
        check_length(text)
    }
}

impl Template {
    /// Whether everything that the text needs is there, without making it.
    pub fn check_values<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<(), RenderError> {
        let lacks = self.pieces.iter().find_map(|piece| match piece {
            Piece::Placeholder {
                name,
                default: None,
            } if !value(name).is_some_and(|value| value::push(&mut String::new(), value)) => {
                Some(name.clone())
            }
            _ => None,
        });
        lacks.map_or(Ok(()), |name| Err(RenderError::MissingValue { name }))
    }
}

impl Piece {
    fn usual_length(&self) -> usize {
        match self {
            Piece::Text(literal) => literal.len(),
            Piece::Placeholder { default, .. } => {
                default.as_ref().map_or(0, String::len).max(USUAL_VALUE)
            }
        }
    }
}

fn check_length(text: &str) -> Result<(), RenderError> {
    if text.len() <= MAX_CHARACTERS {
        return Ok(());
    }
    let characters = text.chars().count();
    if characters > MAX_CHARACTERS {
        Err(RenderError::TooLong { characters })
    } else {
        Ok(())
    }
}
