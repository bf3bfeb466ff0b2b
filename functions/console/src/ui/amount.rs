//! A length of time as people say it: a number, and what it counts.

use std::fmt::Write as _;

use super::{Html, escape};
use crate::form::Form;

/// What can be counted, with its seconds; the shortest first.
const UNITS: [(&str, i64); 3] = [("minutes", 60), ("hours", 3_600), ("days", 86_400)];

/// The field of the unit, beside that of the number.
fn unit(name: &str) -> String {
    format!("{name}_unit")
}

/// For a form that shows so many seconds: by the longest unit that they are a whole number of.
pub fn fields(name: &str, seconds: i64) -> [(String, String); 2] {
    let fits = |(_, of): &&(&str, i64)| seconds % of == 0;
    let (word, of) = UNITS.iter().rev().find(fits).unwrap_or(&UNITS[0]);
    let number = (seconds + of - 1) / of;
    [
        (name.to_owned(), number.to_string()),
        (unit(name), (*word).to_owned()),
    ]
}

/// In seconds; `None` when nothing was typed. What is no number is refused in the form.
pub fn seconds(name: &str, form: &mut Form) -> Option<i64> {
    let number = form.given(name)?.parse::<i64>();
    let word = form.get(&unit(name)).to_owned();
    let of = UNITS.iter().find(|(known, _)| *known == word);
    let seconds = number
        .ok()
        .and_then(|number| number.checked_mul(of.map_or(3_600, |(_, of)| *of)));
    if seconds.is_none() {
        form.refuse(name, "Give a whole number, such as 6.");
    }
    seconds
}

pub fn amount(name: &str, label: &str, hint: &str, form: &Form) -> Html {
    let error = form.error(name);
    let (about, wrong) = match error {
        Some(_) => (format!("{name}-hint {name}-error"), " wrong"),
        None => (format!("{name}-hint"), ""),
    };
    let complaint = error.map_or_else(String::new, |error| {
        format!(
            "<p class=\"error\" id=\"{name}-error\">{}</p>",
            escape(error)
        )
    });
    let invalid = error.map_or("", |_| " aria-invalid=\"true\"");
    let (unit, label) = (unit(name), escape(label));
    let mut options = String::new();
    for (word, _) in UNITS {
        let chosen = if form.get(&unit) == word {
            " selected"
        } else {
            ""
        };
        write!(options, "<option{chosen}>{word}</option>").expect("a string takes everything");
    }
    Html::new(format!(
        "<div class=\"field{wrong}\"><label for=\"{name}\">{label}</label><p class=\"hint\" id=\"{name}-hint\">{}</p>{complaint}\
         <div class=\"amount\"><input id=\"{name}\" name=\"{name}\" inputmode=\"numeric\" autocomplete=\"off\" value=\"{}\" aria-describedby=\"{about}\"{invalid}>\
         <select name=\"{unit}\" aria-label=\"{label}: unit\">{options}</select></div></div>",
        escape(hint),
        escape(form.get(name)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_and_sent_back_is_the_same() {
        for (name, length, number, unit) in [
            ("minutes", 5_400, "90", "minutes"),
            ("hours", 7_200, "2", "hours"),
            ("days", 259_200, "3", "days"),
        ] {
            let mut form = Form::of(fields("spread", length));

            assert_eq!(
                (form.get("spread"), form.get("spread_unit")),
                (number, unit),
                "{name}"
            );
            assert_eq!(seconds("spread", &mut form), Some(length), "{name}");
        }
    }

    #[test]
    fn what_is_no_number_is_said_beside_it() {
        for (typed, expected, wrong) in [
            ("", None, false),
            ("six", None, true),
            ("1.5", None, true),
            ("99999999999999999999", None, true),
        ] {
            let mut form = Form::of([("spread", typed), ("spread_unit", "hours")]);

            assert_eq!(seconds("spread", &mut form), expected, "{typed}");
            assert_eq!(form.error("spread").is_some(), wrong, "{typed}");
        }
    }
}
