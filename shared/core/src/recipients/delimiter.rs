//! Which delimiter a file uses: the one by which its header has a phone column, and its first rows as many cells as the header.

use csv::{ByteRecord, ReaderBuilder, StringRecord};

use super::columns;

/// In order of preference.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Rows that are compared with the header.
const ROWS: usize = 10;

/// How well a delimiter explains a text; the greater the better.
#[derive(Default, PartialEq, PartialOrd)]
struct Score {
    has_phone_column: bool,
    /// Rows as wide as the header, in thousandths.
    alike: usize,
    width: usize,
}

/// The delimiter of a text whose beginning this is; a comma where there is but one column.
pub(super) fn sniff(sample: &[u8], phone: Option<&str>) -> u8 {
    let mut best = (CANDIDATES[0], Score::default());
    for candidate in CANDIDATES {
        let score = score(sample, candidate, phone);
        if score > best.1 {
            best = (candidate, score);
        }
    }
    best.0
}

fn score(sample: &[u8], delimiter: u8, phone: Option<&str>) -> Score {
    let mut rows = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(sample);
    let mut header = StringRecord::new();
    if !rows.read_record(&mut header).unwrap_or(false) || header.len() < 2 {
        return Score::default();
    }
    let (mut compared, mut alike) = (0, 0);
    let mut row = ByteRecord::new();
    while compared < ROWS && rows.read_byte_record(&mut row).unwrap_or(false) {
        compared += 1;
        alike += usize::from(row.len() == header.len());
    }
    Score {
        has_phone_column: columns::has_phone(&header, phone),
        alike: (alike * 1000).checked_div(compared).unwrap_or(1000),
        width: header.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::sniff;

    #[test]
    fn the_delimiter_is_found_by_header_and_rows() {
        let cases = [
            ("commas", "phone,name\n1,a\n", b','),
            ("semicolons", "phone;name\n1;a\n", b';'),
            ("header only", "phone\tname", b'\t'),
            ("one column", "phone\n1\n2\n", b','),
            ("nothing", "", b','),
            ("commas in the rows", "phone;name\n1;a, b\n2;c, d\n", b';'),
            (
                "commas in the header too",
                "phone;\"name, first\"\n1;\"a, b\"\n",
                b';',
            ),
            (
                "a quoted line end that looks like two rows",
                "phone;\"a, b\";c\n1;\",\r,\";\n",
                b';',
            ),
            ("no phone column", "a|b, c|d\n1|2|3\n", b'|'),
        ];
        for (name, text, expected) in cases {
            assert_eq!(sniff(text.as_bytes(), None), expected, "{name}");
        }
    }
}
