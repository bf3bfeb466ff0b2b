//! What is known of a contact, as rows of a form: a name, what kind of value, the value.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::{Html, escape};
use crate::form::Form;

/// The fields' names; each is there once a row.
const NAME: &str = "attribute";
const KIND: &str = "kind";
const VALUE: &str = "value";
/// Those that were there when the form was made.
const BEFORE: &str = "before";
/// What is wrong with one of them.
const ALL: &str = "attributes";

const KINDS: [(&str, &str); 3] = [
    ("text", "Text"),
    ("number", "Number"),
    ("flag", "Yes or no"),
];
/// Rows for those that are new.
const SPARE: usize = 2;

/// For a form that shows what is there.
pub fn fields(attributes: &Map<String, Value>) -> Vec<(String, String)> {
    let row = |(name, value): (&String, &Value)| {
        let (kind, value) = match value {
            Value::Number(number) => ("number", number.to_string()),
            Value::Bool(true) => ("flag", "yes".to_owned()),
            Value::Bool(false) => ("flag", "no".to_owned()),
            Value::String(text) => ("text", text.clone()),
            other => ("text", other.to_string()),
        };
        let fields = [
            (BEFORE, name.as_str()),
            (NAME, name),
            (KIND, kind),
            (VALUE, &value),
        ];
        fields.map(|(field, value)| (field.to_owned(), value.to_owned()))
    };
    attributes.iter().flat_map(row).collect()
}

/// As the API wants them: `null` for those that were taken out. What can't be read is refused in the form.
pub fn given(form: &mut Form) -> Map<String, Value> {
    let rows: Vec<_> = rows(form).collect();
    let before: Vec<String> = form.all(BEFORE).map(str::to_owned).collect();
    let mut attributes: Map<String, Value> =
        before.into_iter().map(|name| (name, Value::Null)).collect();
    for [name, kind, value] in rows {
        if value.is_empty() {
            continue;
        }
        if name.is_empty() {
            form.refuse(
                ALL,
                format!("“{value}” has no name. Give it one, as `city`."),
            );
            continue;
        }
        match read(&kind, &value) {
            Ok(value) => {
                attributes.insert(name, value);
            }
            Err(expected) => form.refuse(ALL, format!("`{name}`: “{value}” is not {expected}.")),
        }
    }
    attributes
}

fn read(kind: &str, value: &str) -> Result<Value, &'static str> {
    match kind {
        "number" => {
            let number = value.parse::<Number>();
            number
                .map(Value::Number)
                .map_err(|_| "a number, such as 30 or 4.5")
        }
        "flag" => match value.to_lowercase().as_str() {
            "yes" | "true" => Ok(Value::Bool(true)),
            "no" | "false" => Ok(Value::Bool(false)),
            _ => Err("yes or no"),
        },
        _ => Ok(Value::String(value.to_owned())),
    }
}

/// Name, kind and value of each row, without white space around them.
fn rows(form: &Form) -> impl Iterator<Item = [String; 3]> + '_ {
    let (names, kinds, values) = (form.all(NAME), form.all(KIND), form.all(VALUE));
    let rows = names.zip(kinds).zip(values);
    rows.map(|((name, kind), value)| [name, kind, value].map(|text| text.trim().to_owned()))
}

pub fn attributes(form: &Form) -> Html {
    let mut html =
        String::from("<fieldset class=\"field full\"><legend>What you know of them</legend>");
    html.push_str("<p class=\"hint\">Messages use it: <code>{{name}}</code> becomes the value of <code>name</code>. Empty a value to take it out.</p>");
    if let Some(error) = form.error(ALL) {
        write!(
            html,
            "<p class=\"error\" role=\"alert\">{}</p>",
            escape(error)
        )
        .expect("a string takes everything");
    }
    for name in form.all(BEFORE) {
        write!(
            html,
            "<input type=\"hidden\" name=\"{BEFORE}\" value=\"{}\">",
            escape(name)
        )
        .expect("a string takes everything");
    }
    let typed = rows(form).filter(|[name, _, value]| !name.is_empty() || !value.is_empty());
    let spare = std::iter::repeat_n([const { String::new() }; 3], SPARE);
    for (place, [name, kind, value]) in typed.chain(spare).enumerate() {
        html.push_str(&row(place + 1, &name, &kind, &value));
    }
    html.push_str("</fieldset>");
    Html::new(html)
}

fn row(place: usize, name: &str, kind: &str, value: &str) -> String {
    let option = |(word, label): (&str, &str)| {
        let selected = if word == kind { " selected" } else { "" };
        format!("<option value=\"{word}\"{selected}>{label}</option>")
    };
    let options: String = KINDS.into_iter().map(option).collect();
    let (name, value) = (escape(name), escape(value));
    format!(
        "<div class=\"pair\"><input name=\"{NAME}\" value=\"{name}\" aria-label=\"Name {place}\" placeholder=\"name\" autocomplete=\"off\">\
         <select name=\"{KIND}\" aria-label=\"Kind {place}\">{options}</select>\
         <input name=\"{VALUE}\" value=\"{value}\" aria-label=\"Value {place}\" placeholder=\"value\" autocomplete=\"off\"></div>"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(rows: &[(&str, &str, &str)], before: &[&str]) -> Form {
        let before = before.iter().map(|name| (BEFORE, *name));
        let rows = rows
            .iter()
            .flat_map(|(name, kind, value)| [(NAME, *name), (KIND, *kind), (VALUE, *value)]);
        Form::of(before.chain(rows))
    }

    #[test]
    fn what_is_shown_and_sent_back_is_the_same() {
        let attributes = json!({"age": 30, "city": "Lyon", "member": true, "zip": "02134"});
        let attributes = attributes.as_object().unwrap();

        let mut form = Form::of(fields(attributes));

        assert_eq!(given(&mut form), *attributes);
        assert!(!form.is_refused());
    }

    #[test]
    fn what_was_emptied_is_taken_back_and_what_is_unreadable_is_said() {
        for (name, rows, expected, error) in [
            (
                "emptied",
                vec![("city", "text", " ")],
                json!({"city": null}),
                None,
            ),
            (
                "called otherwise",
                vec![("town", "text", "Lyon")],
                json!({"city": null, "town": "Lyon"}),
                None,
            ),
            (
                "no number",
                vec![("age", "number", "thirty")],
                json!({"city": null}),
                Some("`age`: “thirty” is not a number, such as 30 or 4.5."),
            ),
            (
                "neither yes nor no",
                vec![("vip", "flag", "maybe")],
                json!({"city": null}),
                Some("`vip`: “maybe” is not yes or no."),
            ),
            (
                "without a name",
                vec![("", "text", "Lyon")],
                json!({"city": null}),
                Some("“Lyon” has no name. Give it one, as `city`."),
            ),
        ] {
            let mut form = form(&rows, &["city"]);

            let given = given(&mut form);

            assert_eq!(Value::Object(given), expected, "{name}");
            assert_eq!(form.error(ALL), error, "{name}");
        }
    }
}
