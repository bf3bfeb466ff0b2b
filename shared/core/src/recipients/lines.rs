//! Line numbers of rows. The CSV reader counts LF alone, and counts from the end of the row before.

use std::collections::VecDeque;

/// The line ends between what the CSV reader has been handed and what it has made rows of.
#[derive(Default)]
pub(super) struct Lines {
    /// Positions of CR and LF.
    ends: VecDeque<(u64, u8)>,
    /// Line ends before the position asked for last.
    passed: u64,
    /// The last CR that was passed, whose LF doesn't count.
    carriage_return: Option<u64>,
}

impl Lines {
    /// Notes the line ends of bytes that begin at `position`.
    pub(super) fn note(&mut self, bytes: &[u8], position: u64) {
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(byte, b'\n' | b'\r') {
                self.ends.push_back((position + index as u64, *byte));
            }
        }
    }

    /// The first position from `position` on that isn't a line end, and its line, from 1. Positions must not decrease.
    pub(super) fn locate(&mut self, mut position: u64) -> (u64, u64) {
        while let Some(&(end, byte)) = self.ends.front()
            && end <= position
        {
            self.ends.pop_front();
            self.pass(end, byte);
            if end == position {
                position += 1;
            }
        }
        (position, self.passed + 1)
    }

    fn pass(&mut self, end: u64, byte: u8) {
        let completes = byte == b'\n'
            && self
                .carriage_return
                .is_some_and(|position| position + 1 == end);
        if !completes {
            self.passed += 1;
        }
        self.carriage_return = (byte == b'\r').then_some(end);
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn every_kind_of_line_end_counts_once() {
        for (name, text, expected) in [
            ("LF", "ab\ncd", (3, 2)),
            ("CRLF", "a\r\ncd", (3, 2)),
            ("CR", "ab\rcd", (3, 2)),
            ("blank lines", "\n\n\ncd", (3, 4)),
            ("LF, CR", "a\n\rcd", (3, 3)),
            ("none", "abcd", (3, 1)),
        ] {
            let mut lines = Lines::default();
            for (index, byte) in text.bytes().enumerate() {
                lines.note(&[byte], index as u64);
            }

            assert_eq!(lines.locate(3), expected, "{name}");
        }
    }

    #[test]
    fn a_row_begins_after_the_line_ends_before_it() {
        let mut lines = Lines::default();
        lines.note(b"a\r\n\r\nb", 0);

        assert_eq!(lines.locate(2), (5, 3));
    }
}
