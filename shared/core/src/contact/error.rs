//! Why a contact can't be as it was asked for.

use super::{MAX_ATTRIBUTES, MAX_ATTRIBUTES_SIZE, MAX_LISTS, MAX_TAGS};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    #[error("a contact has at most {MAX_ATTRIBUTES} attributes; take some back with `null`")]
    TooManyAttributes,
    #[error(
        "the attributes would take {size} bytes and {MAX_ATTRIBUTES_SIZE} are allowed; shorten some, or take some back with `null`"
    )]
    TooLarge { size: usize },
    #[error("a contact has at most {MAX_TAGS} tags; remove some")]
    TooManyTags,
    #[error("a contact is on at most {MAX_LISTS} lists; remove it from some, or use tags")]
    TooManyLists,
}

impl ContactError {
    /// The field that it is about.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::TooManyAttributes | Self::TooLarge { .. } => "attributes",
            Self::TooManyTags => "tags",
            Self::TooManyLists => "lists",
        }
    }
}
