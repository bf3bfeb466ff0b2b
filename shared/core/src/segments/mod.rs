//! How many parts a text takes, exactly: the alphabet of 3GPP TS 23.038 section 6.2.1, else UCS-2, with the limits of an
//! 8-bit concatenation reference. Gateways and bills count parts, so everything here that counts, counts parts.

mod alphabet;
mod smart;
mod substitutions;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use smart::{smart_encode, to_gsm};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GSM 03.38, a septet or two per character.
    Gsm7,
    /// UTF-16 code units; outside the BMP two per character.
    Ucs2,
}

impl Encoding {
    /// The name that gateways and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Gsm7 => "GSM-7",
            Encoding::Ucs2 => "UCS-2",
        }
    }

    /// Units in a text that stands alone.
    pub fn single_limit(self) -> u32 {
        match self {
            Encoding::Gsm7 => 160,
            Encoding::Ucs2 => 70,
        }
    }

    /// Units in each part of a longer text, 6 octets being taken by the concatenation header.
    pub fn part_limit(self) -> u32 {
        match self {
            Encoding::Gsm7 => 153,
            Encoding::Ucs2 => 67,
        }
    }

    /// Units of one character: septets, of a character in the alphabet, or UTF-16 code units.
    fn cost(self, character: char) -> u32 {
        match self {
            Encoding::Gsm7 => u32::from(alphabet::septets(character)),
            Encoding::Ucs2 => 1 + u32::from(u32::from(character) > 0xFFFF),
        }
    }
}

/// What a text costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Segments {
    pub encoding: Encoding,
    /// Septets or UTF-16 code units, headers not counted.
    pub units: u32,
    /// SMS to pay for. An empty text takes one, as gateways count it.
    pub parts: u32,
}

/// One SMS of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    pub units: u32,
}

/// Counts a text. No character is split between parts.
pub fn segment(text: &str) -> Segments {
    let measure = measure(text);
    let limit = measure.encoding.part_limit();
    let parts = if measure.units <= measure.encoding.single_limit() {
        1
    } else if measure.is_even {
        measure.units.div_ceil(limit)
    } else {
        count_parts(text, measure.encoding)
    };
    Segments {
        encoding: measure.encoding,
        units: measure.units,
        parts,
    }
}

/// The parts of a text, in order; of an empty text, one empty part.
pub fn parts_of(text: &str) -> Vec<Part> {
    let Segments {
        encoding,
        units,
        parts,
    } = segment(text);
    if parts == 1 {
        return vec![Part {
            range: 0..text.len(),
            units,
        }];
    }
    let mut list = Vec::with_capacity(parts as usize);
    let mut part = Part {
        range: 0..0,
        units: 0,
    };
    for (index, character) in text.char_indices() {
        let cost = encoding.cost(character);
        if part.units + cost > encoding.part_limit() {
            list.push(part);
            part = Part {
                range: index..index,
                units: 0,
            };
        }
        part.units += cost;
        part.range.end = index + character.len_utf8();
    }
    list.push(part);
    list
}

/// The first character that the GSM alphabet lacks, with its place counted in characters from 0: what makes a text UCS-2.
pub fn first_non_gsm(text: &str) -> Option<(usize, char)> {
    text.chars()
        .enumerate()
        .find(|(_, character)| alphabet::septets(*character) == 0)
}

/// A character that the GSM alphabet lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// In characters of the text, from 0.
    pub position: usize,
    pub character: char,
    /// What [`to_gsm`] puts in its place; `None` where it has nothing. Combining marks are joined to their letters instead.
    pub replacement: Option<&'static str>,
}

/// Every character that the GSM alphabet lacks: any of them makes a text UCS-2.
pub fn outside_gsm(text: &str) -> impl Iterator<Item = Outside> + '_ {
    let characters = text.chars().enumerate();
    let outside = characters.filter(|(_, character)| alphabet::septets(*character) == 0);
    outside.map(|(position, character)| Outside {
        position,
        character,
        replacement: smart::gentle_substitution(character),
    })
}

struct Measure {
    encoding: Encoding,
    units: u32,
    /// Every character takes one unit, so that parts fill up to their limit.
    is_even: bool,
}

fn measure(text: &str) -> Measure {
    let mut units = 0;
    let mut characters = 0;
    let mut rest = text;
    loop {
        let ascii = run_of_ascii(rest, &mut units);
        characters += ascii;
        rest = &rest[ascii..];
        let (septets, width) = alphabet::septets_at(rest);
        match (septets, width) {
            (_, 0) => break,
            (0, _) => return measure_ucs2(text),
            _ => {}
        }
        units += u32::from(septets);
        characters += 1;
        rest = &rest[width..];
    }
    let is_even = units as usize == characters;
    Measure {
        encoding: Encoding::Gsm7,
        units,
        is_even,
    }
}

/// Adds up the ASCII of the alphabet at the beginning of a text; says how much of it there is.
fn run_of_ascii(text: &str, units: &mut u32) -> usize {
    let mut length = 0;
    for byte in text.bytes() {
        let septets = alphabet::septets_of_byte(byte);
        if septets == 0 {
            break;
        }
        *units += u32::from(septets);
        length += 1;
    }
    length
}

/// UTF-16 code units, from the bytes of UTF-8: one for each that begins a character, one more for each that begins four.
fn measure_ucs2(text: &str) -> Measure {
    let mut characters = 0;
    let mut pairs = 0;
    for byte in text.bytes() {
        characters += u32::from(byte & 0xC0 != 0x80);
        pairs += u32::from(byte >= 0xF0);
    }
    Measure {
        encoding: Encoding::Ucs2,
        units: characters + pairs,
        is_even: pairs == 0,
    }
}

fn count_parts(text: &str, encoding: Encoding) -> u32 {
    let limit = encoding.part_limit();
    let mut parts = 1;
    let mut filled = 0;
    for character in text.chars() {
        let cost = encoding.cost(character);
        filled += cost;
        if filled > limit {
            parts += 1;
            filled = cost;
        }
    }
    parts
}
