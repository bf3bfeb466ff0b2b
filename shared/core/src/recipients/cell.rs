//! What spreadsheets do to a cell, undone or refused.

/// The content of a cell: `="00123"` is 00123, which is how people keep Excel from eating zeros, and `'+44…` is +44….
pub(crate) fn content(cell: &str) -> &str {
    match cell.as_bytes().first() {
        Some(b'=') => cell
            .strip_prefix("=\"")
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(cell),
        Some(b'\'') => &cell[1..],
        _ => cell,
    }
}

pub(crate) fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}

/// `#REF!` and its like, and the `####` of a column too narrow for its number.
pub(crate) fn is_spreadsheet_error(cell: &str) -> bool {
    const ERRORS: [&str; 13] = [
        "#REF!",
        "#N/A",
        "#NAME?",
        "#VALUE!",
        "#DIV/0!",
        "#NUM!",
        "#NULL!",
        "#SPILL!",
        "#CALC!",
        "#FIELD!",
        "#BLOCKED!",
        "#ERROR!",
        "#GETTING_DATA",
    ];
    if !cell.starts_with('#') {
        return false;
    }
    let cell = cell.trim_end();
    ERRORS.contains(&cell) || (cell.len() > 2 && cell.bytes().all(|byte| byte == b'#'))
}
