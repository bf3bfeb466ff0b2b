//! The table of contents of a batch's recipient files. Written once; it names the run whose parts exist.

use serde::{Deserialize, Serialize};

use crate::{
    batch::Prepared,
    chunk::source::FrameAddress,
    id::BatchId,
    phone::{Country, Phone},
};

/// Chunks are the frames in order: chunk 0 is the first frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub version: u8,
    pub batch: BatchId,
    pub run: u64,
    pub parts: u16,
    pub groups: Vec<Group>,
    pub frames: Vec<Frame>,
    pub prepared: Prepared,
}

/// Chunks of one country with one set of sending hours; numbers are sorted inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The text of a [`crate::hours::HoursKey`]: by which rule and in which zones they may be sent to.
    pub hours: String,
    pub country: Option<Country>,
    pub first: Phone,
    pub last: Phone,
    /// Its first chunk and how many there are.
    pub chunk: u32,
    pub chunks: u32,
}

/// Part, offset, length, recipients, first number: as an array, since there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame(pub u16, pub u64, pub u32, pub u8, pub u64);

impl Manifest {
    pub const VERSION: u8 = 1;

    pub fn address(&self, frame: &Frame) -> FrameAddress {
        FrameAddress {
            run: self.run,
            part: frame.0,
            offset: frame.1,
            length: frame.2,
        }
    }

    /// Of all numbers of a chunk.
    pub fn country_of(&self, chunk: u32) -> Option<Country> {
        let after = self.groups.partition_point(|group| group.chunk <= chunk);
        self.groups.get(after.checked_sub(1)?)?.country
    }

    pub fn chunks(&self) -> u32 {
        u32::try_from(self.frames.len()).expect("a batch has fewer than 2^24 chunks")
    }

    /// The chunks whose frame may hold a number: at most one in each group.
    pub fn may_hold(&self, number: Phone) -> impl Iterator<Item = u32> + '_ {
        let holding = self
            .groups
            .iter()
            .filter(move |group| group.first <= number && number <= group.last);
        holding.filter_map(move |group| {
            let frames = self
                .frames
                .get(group.chunk as usize..(group.chunk + group.chunks) as usize)?;
            let at = frames.partition_point(|frame| frame.4 <= number.digits());
            Some(group.chunk + u32::try_from(at.checked_sub(1)?).ok()?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_the_country_of_its_group() {
        let phone = Phone::from_digits(447_700_900_000).unwrap();
        let group = |code: &str, chunk, chunks| Group {
            hours: String::new(),
            country: Country::parse(code).ok(),
            first: phone,
            last: phone,
            chunk,
            chunks,
        };
        let manifest = Manifest {
            version: Manifest::VERSION,
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            run: 1,
            parts: 1,
            groups: vec![group("FR", 0, 2), group("GB", 2, 1)],
            frames: Vec::new(),
            prepared: Prepared::default(),
        };

        let countries = [0, 1, 2].map(|chunk| manifest.country_of(chunk));

        let expected = ["FR", "FR", "GB"].map(|code| Country::parse(code).ok());
        assert_eq!(countries, expected);
    }

    #[test]
    fn a_number_is_looked_for_in_one_frame_of_each_group() {
        let phone = |digits| Phone::from_digits(digits).unwrap();
        let group = |first, last, chunk, chunks| Group {
            hours: "GB".into(),
            country: Country::parse("GB").ok(),
            first: phone(first),
            last: phone(last),
            chunk,
            chunks,
        };
        let frame = |first| Frame(0, 0, 0, 100, first);
        let manifest = Manifest {
            version: Manifest::VERSION,
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            run: 1,
            parts: 1,
            groups: vec![
                group(447_700_900_000, 447_700_900_299, 0, 3),
                group(447_700_900_150, 447_700_900_160, 3, 1),
            ],
            frames: vec![
                frame(447_700_900_000),
                frame(447_700_900_100),
                frame(447_700_900_200),
                frame(447_700_900_150),
            ],
            prepared: Prepared::default(),
        };

        for (name, number, chunks) in [
            ("the first", 447_700_900_000, vec![0]),
            (
                "inside a frame, and in another group",
                447_700_900_155,
                vec![1, 3],
            ),
            ("the first of a frame", 447_700_900_200, vec![2]),
            ("before all", 447_700_899_999, vec![]),
            ("after all", 447_700_900_300, vec![]),
        ] {
            assert_eq!(
                manifest.may_hold(phone(number)).collect::<Vec<_>>(),
                chunks,
                "{name}"
            );
        }
    }
}
