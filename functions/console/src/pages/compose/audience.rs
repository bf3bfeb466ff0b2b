//! To whom: lists and segments, a file, or numbers that were pasted. Of the form, and into it.

use serde_json::{Map, Value, json};

use crate::{form::Form, planned::Audience};

/// Whose fields hold what; two fields of the same name are two values.
const NAMED: [(&str, &str); 4] = [
    ("list", "lists"),
    ("segment", "segments"),
    ("not_list", "exclude_lists"),
    ("not_segment", "exclude_segments"),
];

/// As the API wants it; `Ok(None)` leaves a draft's as it is. `Err`: the field that is empty, and what is missing there.
pub fn given(form: &Form) -> Result<Option<Value>, (&'static str, &'static str)> {
    match form.get("to") {
        "kept" => Ok(None),
        "numbers" => match recipients(form.get("numbers")) {
            none if none.is_empty() => Err(("numbers", "Paste some numbers.")),
            some => Ok(Some(json!({"type": "inline", "recipients": some}))),
        },
        "file" => uploaded(form)
            .map(Some)
            .ok_or(("file", "Choose a file, or drop one here.")),
        _ => named(form)
            .map(Some)
            .ok_or(("list", "Choose a list or a segment.")),
    }
}

fn uploaded(form: &Form) -> Option<Value> {
    let mut audience = json!({"type": "upload", "upload": form.given("upload")?});
    if let Some(country) = form.given("country") {
        audience["default_country"] = country.to_uppercase().into();
    }
    if let Some(column) = form.given("phone_column") {
        audience["phone_column"] = column.into();
    }
    Some(audience)
}

fn named(form: &Form) -> Option<Value> {
    let mut audience = Map::from_iter([("type".to_owned(), json!("contacts"))]);
    for (field, name) in NAMED {
        let ids: Vec<&str> = form.all(field).filter(|id| !id.is_empty()).collect();
        audience.insert(name.to_owned(), json!(ids));
    }
    let is_empty = |name: &str| audience[name].as_array().is_none_or(Vec::is_empty);
    if is_empty("lists") && is_empty("segments") {
        return None;
    }
    Some(audience.into())
}

/// For a form that shows it. Pasted numbers aren't told again, so they are kept as they are.
pub fn fields(audience: &Audience) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut put = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
    match audience {
        Audience::Inline { .. } => put("to", "kept"),
        Audience::FailedOf { .. } => {}
        Audience::Upload {
            upload,
            default_country,
            phone_column,
        } => {
            put("to", "file");
            put("upload", upload);
            put("country", default_country.as_deref().unwrap_or_default());
            put("phone_column", phone_column.as_deref().unwrap_or_default());
        }
        Audience::Contacts {
            lists,
            segments,
            exclude_lists,
            exclude_segments,
        } => {
            put("to", "contacts");
            let all = [lists, segments, exclude_lists, exclude_segments];
            for ((field, _), ids) in NAMED.iter().zip(all) {
                for id in ids {
                    put(field, id);
                }
            }
        }
    }
    fields
}

/// Lines as people paste them: a number each, or rows of a spreadsheet under a line of names, whose first column is the number.
pub fn recipients(pasted: &str) -> Vec<Value> {
    let mut lines = pasted
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let mut rest = lines.clone();
    let first = lines.next().unwrap_or_default();
    let has_names = !first.contains(|c: char| c.is_ascii_digit());
    let names: Vec<&str> = if has_names {
        rest.next();
        cells(first)
    } else {
        Vec::new()
    };
    rest.map(|line| {
        let mut cells = cells(line).into_iter();
        let to: String = cells
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|c| !" -()./\u{a0}".contains(*c))
            .collect();
        let vars = names.iter().skip(1).zip(cells);
        let vars: Map<String, Value> = vars
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({"to": to, "vars": vars})
    })
    .collect()
}

/// Spreadsheets paste tabs; files have commas or semicolons.
fn cells(line: &str) -> Vec<&str> {
    let mark = ['\t', ';', ',']
        .into_iter()
        .find(|mark| line.contains(*mark));
    match mark {
        Some(mark) => line.split(mark).map(str::trim).collect(),
        None => vec![line],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_paste_is_read_as_they_mean_it() {
        for (name, pasted, expected) in [
            ("nothing", "  \n", json!([])),
            (
                "numbers",
                "+44 7700 900123\n\n+44 (0)7700-900124",
                json!([{"to": "+447700900123", "vars": {}}, {"to": "+4407700900124", "vars": {}}]),
            ),
            (
                "rows of a spreadsheet",
                "phone\tname\tcity\n+447700900123\tAda\tLondon\n+447700900124\tGrace\t",
                json!([
                    {"to": "+447700900123", "vars": {"name": "Ada", "city": "London"}},
                    {"to": "+447700900124", "vars": {"name": "Grace"}},
                ]),
            ),
            (
                "rows of a file",
                "phone;name\n+447700900123;Ada",
                json!([{"to": "+447700900123", "vars": {"name": "Ada"}}]),
            ),
        ] {
            assert_eq!(json!(recipients(pasted)), expected, "{name}");
        }
    }

    #[test]
    fn the_audience_is_the_one_that_was_chosen_whatever_else_is_filled_in() {
        let all = [
            ("numbers", "+447700900123"),
            ("upload", "upl_1"),
            ("country", "gb"),
            ("list", "lst_1"),
            ("not_segment", "seg_1"),
        ];
        for (to, expected) in [
            (
                "numbers",
                json!({"type": "inline", "recipients": [{"to": "+447700900123", "vars": {}}]}),
            ),
            (
                "file",
                json!({"type": "upload", "upload": "upl_1", "default_country": "GB"}),
            ),
            (
                "contacts",
                json!({"type": "contacts", "lists": ["lst_1"], "segments": [], "exclude_lists": [], "exclude_segments": ["seg_1"]}),
            ),
            ("kept", Value::Null),
        ] {
            let form = Form::of(all.into_iter().chain([("to", to)]));

            assert_eq!(json!(given(&form).unwrap()), expected, "{to}");
        }
    }

    #[test]
    fn an_audience_of_nobody_is_said_at_its_own_field() {
        for (to, field) in [
            ("numbers", "numbers"),
            ("file", "file"),
            ("contacts", "list"),
        ] {
            let form = Form::of([("to", to), ("not_list", "lst_1")]);

            assert_eq!(given(&form).unwrap_err().0, field, "{to}");
        }
    }

    #[test]
    fn a_drafts_audience_comes_back_as_it_was() {
        let document = json!({
            "type": "contacts", "lists": ["lst_1", "lst_2"], "segments": ["seg_1"],
            "exclude_lists": [], "exclude_segments": ["seg_2"],
        });
        let audience: Audience = serde_json::from_value(document.clone()).unwrap();

        let form = Form::of(fields(&audience));

        assert_eq!(given(&form).unwrap(), Some(document));
    }
}
