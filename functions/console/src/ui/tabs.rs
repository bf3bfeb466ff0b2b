//! Pages beside each other under one entry of the navigation.

use super::{Html, escape};

/// What is about the people that an account knows.
const PEOPLE: &[(&str, &str)] = &[
    ("/contacts", "Contacts"),
    ("/lists", "Lists"),
    ("/segments", "Segments"),
    ("/imports", "Imports"),
    ("/opt-outs", "Opt-outs"),
];

/// `here`: the path of the one that is shown.
pub fn people(here: &str) -> Html {
    let tab = |(path, name): &(&str, &str)| {
        let current = if *path == here {
            " aria-current=\"page\""
        } else {
            ""
        };
        format!("<a href=\"{path}\"{current}>{}</a>", escape(name))
    };
    let tabs: String = PEOPLE.iter().map(tab).collect();
    Html::new(format!(
        "<nav class=\"tabs\" aria-label=\"People\">{tabs}</nav>"
    ))
}
