//! A chunk as an item. Names are short because they count: the whole item must stay within 1 KB, one write unit.
//!
//! ```text
//!  st state   ow, un lease   w, wt wake (shard, ms)   o window   src source
//!  s slots    d receipts     dv their version         c clicked  r read      ttl
//!  g country
//! ```

use aws_sdk_dynamodb::types::AttributeValue;
use carillon_core::{
    chunk::{
        Chunk, ChunkState, Lease, Pointer, pack_receipts, pack_slots,
        source::Source,
        unpack_receipts, unpack_slots,
        window::{SlotSet, Window},
    },
    phone::Country,
};

use jiff::Timestamp;

use super::KEPT;
use crate::{
    StoreError,
    item::{Item, ReadItem, binary, number, text, time},
    keys,
};

pub fn state(state: ChunkState) -> AttributeValue {
    number(state as u8)
}

pub fn to_item(pointer: Pointer, chunk: &Chunk) -> Item {
    let Chunk {
        state: at,
        lease,
        wake,
        window,
        source,
        country,
        slots,
        receipts,
        receipts_version,
        clicked,
        read,
        done,
    } = chunk;
    let mut item = keys::chunk(pointer).item();
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set("st", state(*at));
    set("o", binary(window.pack()));
    set("src", binary(source.pack()));
    set("s", binary(pack_slots(slots)));
    set("d", binary(pack_receipts(receipts)));
    set("dv", number(*receipts_version));
    set("c", binary(clicked.to_bytes()));
    set("r", binary(read.to_bytes()));
    if let Some(Lease { owner, until }) = lease {
        set("ow", binary(*owner));
        set("un", time(*until));
    }
    if let Some(country) = country {
        set("g", text(country.as_str()));
    }
    if let Some(wake) = wake {
        set("w", number(keys::wake_shard(pointer)));
        set("wt", time(*wake));
    }
    if let Some(done) = done {
        set("ttl", number((*done + KEPT).as_second()));
    }
    item
}

/// The chunk as an update returned it.
pub fn from_answer(item: Option<&Item>) -> Result<Chunk, StoreError> {
    from_item(item.ok_or_else(|| StoreError::corrupt("the answer to a chunk's update"))?)
}

pub fn from_item(item: &Item) -> Result<Chunk, StoreError> {
    let bytes = |name: &str| {
        item.find_binary(name)
            .ok_or_else(|| StoreError::corrupt(format!("attribute `{name}` of a chunk")))
    };
    let corrupt =
        |what: &'static str| move || StoreError::corrupt(format!("the {what} of a chunk"));
    let lease = match (item.find_binary("ow"), item.find_time("un")?) {
        (Some(owner), Some(until)) => Some(Lease {
            owner: *owner.as_array().ok_or_else(corrupt("lease"))?,
            until,
        }),
        _ => None,
    };
    let slots = unpack_slots(bytes("s")?).ok_or_else(corrupt("slots"))?;
    let receipts = unpack_receipts(bytes("d")?)
        .filter(|receipts| receipts.len() == slots.len())
        .ok_or_else(corrupt("receipts"))?;
    Ok(Chunk {
        state: ChunkState::from_byte(item.number("st")?).ok_or_else(corrupt("state"))?,
        lease,
        wake: item.find_time("wt")?,
        window: Window::unpack(bytes("o")?).ok_or_else(corrupt("window"))?,
        source: Source::unpack(bytes("src")?).ok_or_else(corrupt("source"))?,
        country: item
            .find("g")
            .map(|_| country(item.text("g")?))
            .transpose()?,
        slots,
        receipts,
        receipts_version: item.number("dv")?,
        clicked: SlotSet::from_bytes(bytes("c")?),
        read: SlotSet::from_bytes(bytes("r")?),
        done: item.find_number("ttl")?.map(done).transpose()?,
    })
}

fn country(code: &str) -> Result<Country, StoreError> {
    Country::parse(code).map_err(|_| StoreError::corrupt("the country of a chunk"))
}

/// The write that makes a chunk done sets its end, in seconds.
fn done(ttl: i64) -> Result<Timestamp, StoreError> {
    let end = Timestamp::from_second(ttl).map_err(|_| StoreError::corrupt("the end of a chunk"))?;
    Ok(end - KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::size;
    use carillon_core::{
        chunk::{
            CHUNK_SLOTS,
            receipt::{Proof, Receipt, ReceiptStatus},
            slot::{Slot, SlotOutcome},
            source::FrameAddress,
            window::OpenWindow,
        },
        reason::Reason,
    };

    /// A write unit of DynamoDB.
    const WRITE_UNIT: usize = 1_024;

    /// Every field at its longest, also those that exclude each other.
    fn the_longest_chunk() -> Chunk {
        let everything: SlotSet = (0..CHUNK_SLOTS).collect();
        let slot = Slot {
            outcome: SlotOutcome::Expired,
            doubted: true,
            resent: true,
            attempt: 3,
            route: 15,
            reason: Some(Reason::Internal),
            elapsed: 127,
        };
        let receipt = Receipt {
            status: ReceiptStatus::Delivered,
            attempt: 3,
            proof: Proof::Handset,
            reason: Some(Reason::Internal),
            seconds: 0x00ff_ffff,
        };
        Chunk {
            state: ChunkState::Done,
            lease: Some(Lease {
                owner: [0xff; 16],
                until: Timestamp::from_millisecond(9_999_999_999_999).unwrap(),
            }),
            wake: Some(Timestamp::from_millisecond(9_999_999_999_999).unwrap()),
            window: Window {
                number: 0x00ff_ffff,
                doubt_since: Some(Timestamp::from_second(u32::MAX.into()).unwrap()),
                open: Some(OpenWindow {
                    opener: [0xff; 16],
                    route: 15,
                    slots: everything,
                    resent: everything,
                }),
            },
            source: Source::Frame(FrameAddress {
                run: u64::MAX,
                part: u16::MAX,
                offset: (1 << 40) - 1,
                length: (1 << 24) - 1,
            }),
            country: Country::parse("GB").ok(),
            slots: vec![slot; CHUNK_SLOTS],
            receipts: vec![Some(receipt); CHUNK_SLOTS],
            receipts_version: u32::MAX,
            clicked: everything,
            read: everything,
            done: Some(Timestamp::from_second(9_999_999_999).unwrap() - KEPT),
        }
    }

    #[test]
    fn a_full_chunk_is_one_write_unit() {
        let pointer = Pointer {
            batch: "bat_7zzzzzzzzzzzzzzzzzzzzzzzzz".parse().unwrap(),
            chunk: (1 << 24) - 1,
        };

        let item = to_item(pointer, &the_longest_chunk());

        assert!(size(&item) <= WRITE_UNIT, "{} bytes", size(&item));
    }

    #[test]
    fn a_chunk_reads_back_as_it_was_written() {
        let pointer = Pointer {
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            chunk: 7,
        };
        let chunk = the_longest_chunk();

        assert_eq!(from_item(&to_item(pointer, &chunk)).unwrap(), chunk);
    }

    #[test]
    fn what_another_version_wrote_is_an_error_that_names_the_attribute() {
        let pointer = Pointer {
            batch: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            chunk: 7,
        };
        for name in ["st", "o", "src", "s", "d", "dv", "c", "r"] {
            let mut item = to_item(pointer, &Chunk::new(3, Source::Sibling));
            item.remove(name);

            assert!(from_item(&item).is_err(), "without {name}");
        }
    }
}
