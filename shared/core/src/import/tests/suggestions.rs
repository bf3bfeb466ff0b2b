use std::io::Cursor;

use super::*;
use crate::import::suggest::suggest;

fn suggestions(file: &str) -> Vec<Suggestion> {
    let mut sheet = Sheet::open(Cursor::new(file.as_bytes()), None, None).unwrap();
    sheet.read().unwrap();
    let headers = Headers::of(sheet.record(), true);
    let mut rows = Vec::new();
    while sheet.read().unwrap().is_some() {
        rows.push(sheet.record().clone());
    }
    suggest(&headers, &rows, None)
}

fn kind_of(cells: &[&str]) -> (Option<ValueKind>, bool) {
    let rows: Vec<String> = cells
        .iter()
        .map(|cell| format!("+447700900001,\"{cell}\""))
        .collect();
    let file = format!("phone,value\n{}\n", rows.join("\n"));
    let Suggestion {
        target,
        is_ambiguous,
    } = suggestions(&file).remove(1);
    let kind = target.map(|target| match target {
        Target::Attribute { kind, .. } => kind,
        other => panic!("{other:?}"),
    });
    (kind, is_ambiguous)
}

#[test]
fn a_column_is_of_the_kind_that_all_of_its_cells_are() {
    for (name, cells, expected) in [
        ("whole numbers", vec!["1", "20"], ValueKind::Number),
        ("fractions", vec!["1.5", "-2"], ValueKind::Number),
        (
            "a code with a zero before it",
            vec!["1", "007"],
            ValueKind::Text,
        ),
        (
            "digits of a card",
            vec!["4111111111111111"],
            ValueKind::Text,
        ),
        ("commas", vec!["1,5", "2"], ValueKind::NumberWithComma),
        (
            "ones and zeros are numbers",
            vec!["1", "0"],
            ValueKind::Number,
        ),
        ("words of truth", vec!["TRUE", "FALSE"], ValueKind::Boolean),
        ("ISO dates", vec!["2026-01-31", ""], ValueKind::Date),
        (
            "dates with a time",
            vec!["2026-01-31T10:00:00"],
            ValueKind::Date,
        ),
        ("a mixture", vec!["1", "one"], ValueKind::Text),
    ] {
        assert_eq!(kind_of(&cells), (Some(expected), false), "{name}");
    }
    assert_eq!(kind_of(&["1/2/2026"]), (Some(ValueKind::Text), true));
    assert_eq!(kind_of(&["", ""]), (None, false));
}

#[test]
fn the_phone_column_is_found_by_its_cells_where_its_name_says_nothing() {
    let suggested = suggestions("who,where\nAnn,+447700900001\nBo,+447700900002\n");

    assert_eq!(suggested[1].target, Some(Target::Phone));
    assert_eq!(suggested[0].target, Some(attribute("who", ValueKind::Text)));
}

#[test]
fn a_cell_of_another_kind_is_refused_and_says_what_to_do() {
    for (kind, cell, code) in [
        (ValueKind::Number, "4.47911E+11", "damaged_number"),
        (ValueKind::Number, "1,234.50", "invalid_number"),
        (ValueKind::Number, "007", "leading_zero"),
        (ValueKind::NumberWithComma, "1.234,50", "invalid_number"),
        (ValueKind::Boolean, "maybe", "invalid_boolean"),
        (ValueKind::Date, "31/12/2026", "invalid_date"),
        (ValueKind::Date, "2026-02-30", "invalid_date"),
        (ValueKind::Date, "46022", "serial_date"),
        (ValueKind::DateDayFirst, "31/12/26", "short_year"),
        (ValueKind::DateMonthFirst, "31/12/2026", "invalid_date"),
    ] {
        let refused = kind.read(cell).unwrap_err();

        assert_eq!(refused.code, code, "{cell} as {kind:?}");
        assert!(
            ["write", "format", "map", "choose"]
                .iter()
                .any(|way| refused.words.contains(way)),
            "{}",
            refused.words
        );
    }
}
