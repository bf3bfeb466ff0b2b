//! One recipient: checked, and borrowed from the reader's memory.

use csv::StringRecord;

use super::columns::Columns;
use super::{MAX_CELL, RowError, cell};
use crate::{
    phone::{Country, Phone},
    zones::Zone,
};

/// A row whose number is valid and whose cells are within the limits.
#[derive(Clone, Copy)]
pub struct Row<'r> {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    pub phone: Phone,
    /// The country of the number, which the check of the number has found out anyway.
    pub country: Option<Country>,
    /// The recipient's own time zone, from the column `time_zone`.
    pub zone: Option<Zone>,
    record: &'r StringRecord,
    columns: &'r Columns,
}

impl<'r> Row<'r> {
    /// The customer's own name for this message, from the column `reference` or `ref`.
    pub fn reference(&self) -> Option<&'r str> {
        let reference = self.cell(self.columns.reference()?).trim();
        (!reference.is_empty()).then_some(reference)
    }

    /// The cell of a column by its place; empty if there is none.
    pub fn cell(&self, index: usize) -> &'r str {
        cell::content(self.record.get(index).unwrap_or_default())
    }

    /// The cell of a column by its header or its variable.
    pub fn value(&self, name: &str) -> Option<&'r str> {
        self.columns.position(name).map(|index| self.cell(index))
    }

    /// Variable and cell of every column but the phone's, in order.
    pub fn values(&self) -> impl Iterator<Item = (&'r str, &'r str)> {
        let row = *self;
        let named = self.columns.all().iter().enumerate();
        named
            .filter(move |(index, _)| *index != row.columns.phone())
            .map(move |(index, column)| (column.variable.as_str(), row.cell(index)))
    }

    pub(super) fn check(
        record: &'r StringRecord,
        columns: &'r Columns,
        line: u64,
        default_country: Option<Country>,
    ) -> Result<Row<'r>, RowError> {
        check_width(record, columns, line)?;
        for (text, column) in record.iter().zip(columns.all()) {
            if text.len() > MAX_CELL {
                return Err(RowError::cell_too_long(line, &column.header, text.len()));
            }
            if cell::is_spreadsheet_error(text) {
                return Err(RowError::spreadsheet_error(line, &column.header));
            }
        }
        let number = cell::content(record.get(columns.phone()).unwrap_or_default().trim());
        let (phone, country) = Phone::parse_located(number, default_country).map_err(|error| {
            RowError::phone(line, &columns.all()[columns.phone()].header, error)
        })?;
        Ok(Row {
            line,
            phone,
            country,
            zone: zone(record, columns, line)?,
            record,
            columns,
        })
    }
}

/// What the cell says; an empty one says nothing.
fn zone(record: &StringRecord, columns: &Columns, line: u64) -> Result<Option<Zone>, RowError> {
    let Some(column) = columns.zone() else {
        return Ok(None);
    };
    let name = cell::content(record.get(column).unwrap_or_default()).trim();
    if name.is_empty() {
        return Ok(None);
    }
    let zone = Zone::parse(name);
    let zone = zone.map_err(|_| RowError::unknown_zone(line, &columns.all()[column].header))?;
    Ok(Some(zone))
}

/// Too few cells is a row that something is missing from; more are fine where they are blank.
fn check_width(record: &StringRecord, columns: &Columns, line: u64) -> Result<(), RowError> {
    let width = columns.all().len();
    let has_more = record.iter().skip(width).any(|cell| !cell::is_blank(cell));
    if record.len() < width || has_more {
        return Err(RowError::wrong_column_count(line, record.len(), width));
    }
    Ok(())
}
