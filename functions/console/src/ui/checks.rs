//! Boxes to tick: as many as one likes.

use std::fmt::Write as _;

use super::{Choice, Html, escape};
use crate::form::Form;

/// Ticked are those that the form has under this name.
pub fn checks(name: &str, legend: &str, choices: impl AsRef<[Choice]>, form: &Form) -> Html {
    let mut boxes = String::new();
    for Choice { value, label, .. } in choices.as_ref() {
        let ticked = if form.has(name, value) {
            " checked"
        } else {
            ""
        };
        let (value, label) = (escape(value), escape(label));
        write!(
            boxes,
            "<label class=\"check\"><input type=\"checkbox\" name=\"{name}\" value=\"{value}\"{ticked}>{label}</label>"
        )
        .expect("a string takes everything");
    }
    let (legend, error) = (escape(legend), form.error(name));
    let error = error.map_or_else(String::new, |error| {
        format!(
            "<p class=\"error\" id=\"{name}-error\">{}</p>",
            escape(error)
        )
    });
    Html::new(format!(
        "<fieldset class=\"field\"><legend>{legend}</legend>{error}<div class=\"checks\">{boxes}</div></fieldset>"
    ))
}
