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

    /// The same without one number, which isn't in its frames any more; `None` where it says nothing of that number. `next` is the
    /// first number that is left in the frame that began with it. What takes its place is another recipient's number or the end of
    /// all numbers, so that [`Manifest::may_hold`] still finds everybody else.
    pub fn without(&self, number: Phone, next: Option<Phone>) -> Option<Self> {
        let mut without = self.clone();
        for group in &mut without.groups {
            if group.first == number {
                group.first = next.unwrap_or(Phone::LOWEST);
            }
            if group.last == number {
                group.last = Phone::HIGHEST;
            }
            let frames = group.chunk as usize..(group.chunk + group.chunks) as usize;
            let mut after = Phone::HIGHEST.digits();
            let frames = without.frames.get_mut(frames).unwrap_or_default();
            for frame in frames.iter_mut().rev() {
                if frame.4 == number.digits() {
                    frame.4 = next.map_or(after, Phone::digits);
                }
                after = frame.4;
            }
        }
        (without != *self).then_some(without)
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

    proptest::proptest! {
        #[test]
        fn who_is_erased_is_not_named_and_everybody_else_is_found(
            digits in proptest::collection::btree_set(447_700_900_000u64..447_700_900_200, 1..60),
            size in 1usize..8,
            whom in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 1..20),
        ) {
            let phone = |digits: &u64| Phone::from_digits(*digits).unwrap();
            let all: Vec<Phone> = digits.iter().map(phone).collect();
            // Every second number is of another group, as if it were of another country.
            let mut frames: Vec<Vec<Phone>> = Vec::new();
            let mut groups = Vec::new();
            for odd in [0, 1] {
                let numbers: Vec<Phone> = all.iter().copied().filter(|number| number.digits() % 2 == odd).collect();
                let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { continue };
                let chunk = u32::try_from(frames.len()).unwrap();
                frames.extend(numbers.chunks(size).map(<[Phone]>::to_vec));
                let chunks = u32::try_from(frames.len()).unwrap() - chunk;
                groups.push(Group { hours: String::new(), country: None, first: *first, last: *last, chunk, chunks });
            }
            let mut manifest = Manifest {
                version: Manifest::VERSION,
                batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
                run: 1,
                parts: 1,
                groups,
                frames: frames.iter().map(|numbers| Frame(0, 0, 1, 1, numbers[0].digits())).collect(),
                prepared: Prepared::default(),
            };

            for index in whom {
                let number = all[index.index(all.len())];
                let held: Vec<u32> = manifest.may_hold(number).collect();
                let frame = held.into_iter().find(|chunk| frames[*chunk as usize].contains(&number));
                let Some(frame) = frame else { continue };
                let left = &mut frames[frame as usize];
                left.retain(|left| *left != number);
                manifest = manifest.without(number, left.first().copied()).unwrap_or(manifest);

                let text = serde_json::to_string(&manifest).unwrap();
                let others_have_it = number == Phone::LOWEST || number == Phone::HIGHEST;
                proptest::prop_assert!(others_have_it || !text.contains(&number.digits().to_string()));
                proptest::prop_assert_eq!(manifest.without(number, left.first().copied()), None);
            }

            for (chunk, numbers) in (0..).zip(&frames) {
                for number in numbers {
                    proptest::prop_assert!(manifest.may_hold(*number).any(|held| held == chunk));
                }
            }
        }
    }
}
