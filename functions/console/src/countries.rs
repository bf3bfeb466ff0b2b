//! Countries by the names that people know them by, in English (Unicode CLDR), in the order of the alphabet.

use carillon_core::phone::Country;

use crate::{
    form::Form,
    ui::{Choice, Html, escape},
};

/// Two letters and a name, a line each.
const NAMES: &str = include_str!("../assets/countries.txt");

pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.lines().filter_map(|line| line.split_once(' '))
}

/// `United Kingdom`, or the letters of one that has no name here.
pub fn name(code: &str) -> &str {
    let found = all().find(|(known, _)| *known == code);
    found.map_or(code, |(_, name)| name)
}

/// Names, `and` between the last two; the first `most` of them.
pub fn names(codes: &[Country], most: usize) -> String {
    let shown: Vec<_> = codes
        .iter()
        .take(most)
        .map(|code| name(code.as_str()))
        .collect();
    let rest = codes.len().saturating_sub(most);
    match shown.as_slice() {
        [] => String::new(),
        shown if rest > 0 => format!("{} and {rest} more", shown.join(", ")),
        [one] => (*one).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// For a field to choose one.
pub fn choices(first: Choice) -> Vec<Choice> {
    let all = all().map(|(code, name)| Choice::new(code, format!("{name} ({code})")));
    std::iter::once(first).chain(all).collect()
}

/// A box for each country, those that are ticked first.
pub fn boxes(name: &str, legend: &str, hint: &str, form: &Form) -> Html {
    let ticked = all().filter(|(code, _)| form.has(name, code));
    let others = all().filter(|(code, _)| !form.has(name, code));
    let row = |(code, country): (&str, &str)| {
        let checked = if form.has(name, code) { " checked" } else { "" };
        let country = escape(country);
        format!(
            "<label><input type=\"checkbox\" name=\"{name}\" value=\"{code}\"{checked}> {country} <small>{code}</small></label>"
        )
    };
    let rows: String = ticked.chain(others).map(row).collect();
    let error = form.error(name).map(|error| {
        let error = escape(error);
        format!("<p class=\"error\" id=\"{name}-error\">{error}</p>")
    });
    let (legend, hint) = (escape(legend), escape(hint));
    let error = error.unwrap_or_default();
    Html::new(format!(
        "<fieldset class=\"field\" aria-describedby=\"{name}-hint\"><legend>{legend}</legend><p class=\"hint\" id=\"{name}-hint\">{hint}</p>{error}<div class=\"countries\" tabindex=\"0\" role=\"group\" aria-label=\"{legend}\">{rows}</div></fieldset>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_has_a_name() {
        for country in Country::all() {
            let code = country.as_str();
            assert_ne!(name(code), code);
        }
        assert_eq!(all().count(), Country::all().count());
    }

    #[test]
    fn names_are_told_as_people_tell_them() {
        let codes = |text: &str| -> Vec<Country> {
            text.split(' ')
                .map(|code| Country::parse(code).unwrap())
                .collect()
        };
        assert_eq!(names(&[], 3), "");
        assert_eq!(names(&codes("FR"), 3), "France");
        assert_eq!(names(&codes("FR DE"), 3), "France and Germany");
        assert_eq!(names(&codes("FR DE IE"), 2), "France, Germany and 1 more");
    }
}
