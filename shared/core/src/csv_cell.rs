//! Cells of the CSV that we write: quoted where they must be, and made harmless where a spreadsheet may open them.

use std::borrow::Cow;

/// What spreadsheets take for the beginning of a formula (OWASP ASVS 1.2.10).
const TRIGGERS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\0'];

/// RFC 4180.
pub fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// With `'` before what would be a formula; readers of ours take it away again.
pub fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(TRIGGERS) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula() {
        for trigger in TRIGGERS {
            let cell = format!("{trigger}1+1");

            assert_eq!(harmless(&cell), format!("'{cell}"));
        }
        assert_eq!(harmless("STOP = stop"), "STOP = stop");
    }

    #[test]
    fn what_separates_cells_is_quoted() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"stop\"", "\"say \"\"stop\"\"\""),
            ("two\nlines", "\"two\nlines\""),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}
