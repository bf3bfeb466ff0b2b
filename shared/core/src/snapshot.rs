//! What a batch came to, kept with it when it is closed: its breakdown, a hundred bytes for a one-time password and some kilobytes for
//! a campaign. History is read of it, and it stays when the chunks are forgotten.
//!
//! ```text
//! zstd( {"v": 1, "cells": [[country, gateway, sender, status, reason, [ten counts]], …], "latency": [counts]} )
//! ```

use std::io::Read;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    breakdown::{Breakdown, Latency, Place, Tally},
    id::GatewayAccountId,
    phone::Country,
    reason::Reason,
    status::Status,
};

const VERSION: u8 = 1;
const LEVEL: i32 = 3;
/// What one unpacks to at most: some ten thousand cells.
const MOST: u64 = 8 * 1024 * 1024;

#[derive(Debug, Error)]
#[error("a snapshot of a batch is unreadable: {0}")]
pub struct UnreadableSnapshot(String);

impl UnreadableSnapshot {
    pub(crate) fn of(error: &dyn std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    v: u8,
    #[serde(flatten)]
    cells: Cells,
}

/// A breakdown as it is written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Cells {
    cells: Vec<Cell>,
    latency: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct Cell(
    Option<String>,
    Option<GatewayAccountId>,
    Option<String>,
    Status,
    Option<u8>,
    [u64; 10],
);

/// Packed. Unpacked it is the same breakdown. `None`: it is too large to be unpacked.
pub fn pack(breakdown: &Breakdown) -> Option<Vec<u8>> {
    let kept = Kept {
        v: VERSION,
        cells: cells(breakdown),
    };
    let json = serde_json::to_vec(&kept).expect("words and numbers are JSON");
    let fits = json.len() as u64 <= MOST;
    fits.then(|| {
        zstd::bulk::compress(&json, LEVEL).expect("memory takes whatever is written to it")
    })
}

pub fn unpack(packed: &[u8]) -> Result<Breakdown, UnreadableSnapshot> {
    let decoder = zstd::Decoder::new(packed).map_err(|error| UnreadableSnapshot::of(&error))?;
    let mut json = Vec::new();
    let read = decoder.take(MOST).read_to_end(&mut json);
    read.map_err(|error| UnreadableSnapshot::of(&error))?;
    let kept: Kept =
        serde_json::from_slice(&json).map_err(|error| UnreadableSnapshot::of(&error))?;
    if kept.v != VERSION {
        return Err(UnreadableSnapshot::of(&format!(
            "it has version {}",
            kept.v
        )));
    }
    of_cells(kept.cells)
}

pub(crate) fn cells(breakdown: &Breakdown) -> Cells {
    let cells = breakdown.cells.iter();
    Cells {
        cells: cells.map(|(place, tally)| cell(place, *tally)).collect(),
        latency: breakdown.latency.counts().to_vec(),
    }
}

pub(crate) fn of_cells(written: Cells) -> Result<Breakdown, UnreadableSnapshot> {
    let counts = written.latency.try_into();
    let counts = counts.map_err(|_| UnreadableSnapshot::of(&"its latencies have other steps"))?;
    let mut breakdown = Breakdown {
        latency: Latency::of_counts(counts),
        ..Breakdown::default()
    };
    for cell in written.cells {
        let (place, tally) = place(cell)?;
        breakdown.cells.entry(place).or_default().add(tally);
    }
    Ok(breakdown)
}

fn cell(place: &Place, tally: Tally) -> Cell {
    let Place {
        country,
        gateway,
        sender,
        status,
        reason,
    } = place;
    let Tally {
        messages,
        submitted,
        delivered,
        clicked,
        read,
        doubted,
        resent,
        parts,
        cost,
        without_price,
    } = tally;
    Cell(
        country.map(|country| country.as_str().to_owned()),
        *gateway,
        sender.clone(),
        *status,
        reason.map(Reason::byte),
        [
            messages,
            submitted,
            delivered,
            clicked,
            read,
            doubted,
            resent,
            parts,
            cost,
            without_price,
        ],
    )
}

fn place(cell: Cell) -> Result<(Place, Tally), UnreadableSnapshot> {
    let Cell(country, gateway, sender, status, reason, counts) = cell;
    let country = country.map(|country| Country::parse(&country)).transpose();
    let place = Place {
        country: country.map_err(|error| UnreadableSnapshot(error.to_string()))?,
        gateway,
        sender,
        status,
        // One that a later version knows is none to this one.
        reason: reason.and_then(Reason::from_byte),
    };
    let [
        messages,
        submitted,
        delivered,
        clicked,
        read,
        doubted,
        resent,
        parts,
        cost,
        without_price,
    ] = counts;
    let tally = Tally {
        messages,
        submitted,
        delivered,
        clicked,
        read,
        doubted,
        resent,
        parts,
        cost,
        without_price,
    };
    Ok((place, tally))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakdown(cells: u8) -> Breakdown {
        let mut breakdown = Breakdown::default();
        for number in 0..cells {
            let place = Place {
                country: Country::parse(if number.is_multiple_of(2) { "GB" } else { "US" }).ok(),
                gateway: (number > 3).then(|| "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap()),
                sender: (number > 1).then(|| format!("SHOP{number}")),
                status: Status::ALL[usize::from(number) % Status::ALL.len()],
                reason: Reason::from_byte(number),
            };
            let count = u64::from(number) + 1;
            let tally = Tally {
                messages: 10 * count,
                submitted: 9 * count,
                delivered: 8 * count,
                clicked: 7 * count,
                read: 6 * count,
                doubted: 5 * count,
                resent: 4 * count,
                parts: 3 * count,
                cost: 2 * count,
                without_price: count,
            };
            breakdown.cells.insert(place, tally);
        }
        let mut counts = [0; Latency::STEPS];
        counts[2] = u64::from(cells);
        breakdown.latency = Latency::of_counts(counts);
        breakdown
    }

    #[test]
    fn a_snapshot_is_the_breakdown_that_it_was_made_of() {
        for cells in [0, 1, 30] {
            let breakdown = breakdown(cells);

            let read = unpack(&pack(&breakdown).unwrap()).unwrap();

            assert_eq!(read, breakdown, "{cells} cells");
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_not_packed() {
        let of_senders = |senders: u32| {
            let mut breakdown = Breakdown::default();
            for number in 0..senders {
                let place = Place {
                    country: None,
                    gateway: None,
                    sender: Some(format!("{number:064}")),
                    status: Status::Delivered,
                    reason: None,
                };
                breakdown.cells.insert(place, Tally::default());
            }
            breakdown
        };

        let (fits, too_large) = (of_senders(70_000), of_senders(80_000));

        let packed = pack(&fits).unwrap();
        assert_eq!(unpack(&packed).unwrap(), fits);
        assert_eq!(pack(&too_large), None);
    }

    #[test]
    fn that_of_one_message_is_small_and_garbage_is_refused() {
        let packed = pack(&breakdown(1)).unwrap();

        assert!(packed.len() < 160, "{} bytes", packed.len());
        assert!(unpack(b"not zstd").is_err());
        assert!(unpack(&packed[..packed.len() / 2]).is_err());
    }
}
