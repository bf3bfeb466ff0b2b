//! Tables: named columns, rows of cells, and both as CSV.

use std::{borrow::Cow, fmt::Write};

use jiff::Timestamp;

use super::CsvCells;
use crate::csv_cell::{harmless, quoted};

/// What all cells of a column are, where they aren't empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Flag,
    /// To the millisecond, UTC.
    Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
}

pub(super) const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    Empty,
    Text(Cow<'static, str>),
    Integer(i64),
    Flag(bool),
    Time(Timestamp),
}

pub type Row = Vec<Cell>;

/// What a spreadsheet needs to read UTF-8 as UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

impl Cell {
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// A count; there is none near 2^63.
    pub fn count(count: u64) -> Self {
        Self::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// The first line of a file, CRLF as RFC 4180 has it.
pub fn csv_header(columns: &[Column], cells: CsvCells, into: &mut String) {
    if cells == CsvCells::SpreadsheetSafe {
        into.push(BYTE_ORDER_MARK);
    }
    for (place, column) in columns.iter().enumerate() {
        if place > 0 {
            into.push(',');
        }
        into.push_str(column.name);
    }
    into.push_str("\r\n");
}

pub fn csv_row(row: &[Cell], cells: CsvCells, into: &mut String) {
    for (place, cell) in row.iter().enumerate() {
        if place > 0 {
            into.push(',');
        }
        let written = match cell {
            Cell::Empty => Ok(()),
            Cell::Text(text) if cells == CsvCells::SpreadsheetSafe => {
                into.push_str(&quoted(&harmless(text)));
                Ok(())
            }
            Cell::Text(text) => {
                into.push_str(&quoted(text));
                Ok(())
            }
            // Ours, and never text: a minus begins no formula there.
            Cell::Integer(number) => write!(into, "{number}"),
            Cell::Flag(flag) => write!(into, "{flag}"),
            Cell::Time(time) => write!(into, "{time}"),
        };
        written.expect("a string takes whatever is written to it");
    }
    into.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column {
            name: "to",
            kind: Kind::Text,
        },
        Column {
            name: "parts",
            kind: Kind::Integer,
        },
        Column {
            name: "read",
            kind: Kind::Flag,
        },
        Column {
            name: "at",
            kind: Kind::Time,
        },
    ];

    fn written(cells: CsvCells, first: Cell) -> String {
        let mut text = String::new();
        csv_header(COLUMNS, cells, &mut text);
        let time = "2026-03-01T12:00:00.25Z".parse().unwrap();
        let row = [first, Cell::Integer(-2), Cell::Flag(true), Cell::Time(time)];
        csv_row(&row, cells, &mut text);
        text
    }

    #[test]
    fn no_text_of_a_spreadsheet_begins_a_formula_and_machines_get_it_as_it_is() {
        for (name, cells, text, expected) in [
            (
                "a number, to be looked at",
                CsvCells::SpreadsheetSafe,
                "+447700900001",
                "\u{feff}to,parts,read,at\r\n'+447700900001,-2,true,2026-03-01T12:00:00.25Z\r\n",
            ),
            (
                "a formula in two cells",
                CsvCells::SpreadsheetSafe,
                "=HYPERLINK(\"x\",1)",
                "\u{feff}to,parts,read,at\r\n\"'=HYPERLINK(\"\"x\"\",1)\",-2,true,2026-03-01T12:00:00.25Z\r\n",
            ),
            (
                "for machines",
                CsvCells::Raw,
                "+447700900001",
                "to,parts,read,at\r\n+447700900001,-2,true,2026-03-01T12:00:00.25Z\r\n",
            ),
        ] {
            assert_eq!(written(cells, Cell::text(text)), expected, "{name}");
        }
        assert!(written(CsvCells::Raw, Cell::Empty).contains("\r\n,-2"));
    }
}
