//! The page before an act that can't be taken back: what it does, and a way back.

use askama::Template;
use axum::response::Response;

use crate::{assets, respond::page, shell::Shell, ui};

#[derive(Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    pub shell: Shell,
    /// A question.
    pub title: String,
    /// What happens, a paragraph each.
    pub words: Vec<String>,
    /// Where the form goes.
    pub act: String,
    /// What the button says: the act itself.
    pub button: &'static str,
    pub back: String,
    /// Hidden fields.
    pub fields: Vec<(&'static str, String)>,
}

impl Confirm {
    pub fn page(&self) -> Response {
        page(self)
    }
}
