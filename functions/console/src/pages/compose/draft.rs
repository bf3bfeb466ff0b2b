//! What is being written, and where its form goes.

use super::NEW;
use crate::{
    path::part,
    planned::{Audience, Planned},
    ui::{self, Choice},
};

/// What is written: something new, or a draft.
pub struct Draft {
    pub path: String,
    /// Of a draft: how many pasted numbers it has, if it is for such.
    numbers: Option<u64>,
    pub name: Option<String>,
}

impl Draft {
    pub fn new() -> Self {
        Self {
            path: NEW.to_owned(),
            numbers: None,
            name: None,
        }
    }

    pub fn of(id: &str, planned: &Planned) -> Self {
        Self {
            path: format!("/campaigns/{}/edit", part(id)),
            numbers: match planned.audience {
                Audience::Inline { recipients } => Some(recipients),
                _ => None,
            },
            name: Some(planned.name.clone()),
        }
    }

    /// Where the same form goes to be looked at only.
    pub fn look(&self) -> String {
        format!("{}/look", self.path)
    }

    /// Where somebody goes who leaves it as it was.
    pub fn back(&self) -> &str {
        self.path.strip_suffix("/edit").unwrap_or("/campaigns")
    }

    pub fn audiences(&self) -> Vec<Choice> {
        let kept = self.numbers.map(|numbers| {
            let numbers = ui::plural(numbers, "number", "numbers");
            Choice::new("kept", format!("The {numbers} that you pasted before"))
        });
        let all = [
            Choice::new("contacts", "Contacts").hint("By lists and segments."),
            Choice::new("file", "A file").hint("A CSV, once, for this campaign."),
            Choice::new("numbers", "Numbers").hint("Pasted here."),
        ];
        kept.into_iter().chain(all).collect()
    }
}
