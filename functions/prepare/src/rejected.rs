//! The rows that can't be sent to: all of them are counted, the first are listed, in a CSV for the campaign's owner.

use carillon_core::recipients::RowError;

/// Rows in the list at most.
pub const LISTED: usize = 100_000;

/// Rejections in the order of their lines.
#[derive(Debug, Default)]
pub struct Rejected {
    count: u64,
    listed: Vec<RowError>,
}

impl Rejected {
    pub fn add(&mut self, error: RowError) {
        self.count += 1;
        if self.listed.len() < LISTED {
            self.listed.push(error);
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn first(&self) -> Option<&RowError> {
        self.listed.first()
    }

    /// The list, and rows that were left out for another reason, in the order of their lines: `line,column,code,message`.
    /// `None` if there are none of either. Holds no numbers.
    pub fn to_csv(&self, others: &[RowError]) -> Option<Vec<u8>> {
        let mut rows: Vec<_> = self.listed.iter().chain(others).collect();
        if rows.is_empty() {
            return None;
        }
        rows.sort_by_key(|row| row.line);
        rows.truncate(LISTED);
        let mut csv = csv::Writer::from_writer(Vec::new());
        let mut write = |record: [&str; 4]| csv.write_record(record).expect("memory takes it");
        write(["line", "column", "code", "message"]);
        for row in rows {
            let column = row.column.as_deref().unwrap_or_default();
            write([&row.line.to_string(), column, row.code, &row.message]);
        }
        Some(csv.into_inner().expect("memory takes it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: u64) -> RowError {
        RowError {
            line,
            column: Some("the \"mobile\"".to_owned()),
            code: "missing_phone",
            message: "fill it in, or leave it out".to_owned(),
        }
    }

    #[test]
    fn the_list_is_in_the_order_of_lines_and_quoted() {
        let mut rejected = Rejected::default();
        rejected.add(error(2));
        rejected.add(RowError {
            column: None,
            ..error(9)
        });

        let csv = rejected.to_csv(&[error(4)]).unwrap();

        assert_eq!(
            String::from_utf8_lossy(&csv),
            "line,column,code,message\n\
             2,\"the \"\"mobile\"\"\",missing_phone,\"fill it in, or leave it out\"\n\
             4,\"the \"\"mobile\"\"\",missing_phone,\"fill it in, or leave it out\"\n\
             9,,missing_phone,\"fill it in, or leave it out\"\n"
        );
    }

    #[test]
    fn all_are_counted_and_the_first_are_listed() {
        let mut rejected = Rejected::default();
        for line in 0..LISTED as u64 + 10 {
            rejected.add(error(line));
        }

        let csv = rejected.to_csv(&[error(5)]).unwrap();

        assert_eq!(rejected.count(), LISTED as u64 + 10);
        assert_eq!(csv.split(|byte| *byte == b'\n').count(), LISTED + 2);
        assert_eq!(Rejected::default().to_csv(&[]), None);
    }
}
