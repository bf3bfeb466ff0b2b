//! A digest as it is kept.
//!
//! ```text
//! zstd( {"v": 1, "sums": [[made, starts, test, lane, template, batches, closed, audience, cells, latency], …]} )
//! ```

use std::io::Read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, Kind, Quarter, Sum};
use crate::{
    batch::Lane,
    id::TemplateId,
    snapshot::{self, Cells, UnreadableSnapshot},
};

const VERSION: u8 = 1;
const LEVEL: i32 = 3;
/// What one unpacks to at most.
const MOST: u64 = 8 * 1024 * 1024;
/// Bytes that are kept at most: an item has room for the digest of an hour and for the one that takes its place.
const MOST_PACKED: usize = 160 * 1024;

#[derive(Serialize, Deserialize)]
struct Kept {
    v: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_start: Option<i64>,
    sums: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line(
    Quarter,
    Quarter,
    bool,
    Lane,
    Option<TemplateId>,
    u64,
    u64,
    u64,
    Cells,
);

fn line(kind: Kind, sum: &Sum) -> Line {
    let Kind {
        made,
        starts,
        test,
        lane,
        template,
    } = kind;
    let Sum {
        breakdown,
        batches,
        closed,
        audience,
    } = sum;
    let cells = snapshot::cells(breakdown);
    Line(
        made, starts, test, lane, template, *batches, *closed, *audience, cells,
    )
}

fn sum(line: Line) -> Result<(Kind, Sum), UnreadableSnapshot> {
    let Line(made, starts, test, lane, template, batches, closed, audience, cells) = line;
    let kind = Kind {
        made,
        starts,
        test,
        lane,
        template,
    };
    let sum = Sum {
        breakdown: snapshot::of_cells(cells)?,
        batches,
        closed,
        audience,
    };
    Ok((kind, sum))
}

impl Digest {
    /// `None`: it is too large to be kept.
    pub fn pack(&self) -> Option<Vec<u8>> {
        let kept = Kept {
            v: VERSION,
            next_start: self.next_start.map(Timestamp::as_millisecond),
            sums: self
                .sums
                .iter()
                .map(|(kind, sum)| line(*kind, sum))
                .collect(),
        };
        let json = serde_json::to_vec(&kept).expect("words and numbers are JSON");
        let packed =
            zstd::bulk::compress(&json, LEVEL).expect("memory takes whatever is written to it");
        (json.len() as u64 <= MOST && packed.len() <= MOST_PACKED).then_some(packed)
    }

    pub fn unpack(packed: &[u8]) -> Result<Self, UnreadableSnapshot> {
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
        let mut digest = Self {
            next_start: kept
                .next_start
                .and_then(|at| Timestamp::from_millisecond(at).ok()),
            ..Self::default()
        };
        for line in kept.sums {
            let (kind, sum) = sum(line)?;
            digest.sums.entry(kind).or_default().add(&sum);
        }
        Ok(digest)
    }
}
