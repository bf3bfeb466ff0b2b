//! A file of the archive of events: zstd, a JSON line for each event. `zstd -dc` reads it.

use std::io::{self, BufRead, BufReader, Write};

use crate::event::Event;

/// Fast, and a third of the size all the same: events look alike.
const LEVEL: i32 = 3;

pub fn pack(events: &[Event]) -> io::Result<Vec<u8>> {
    let mut packed = zstd::Encoder::new(Vec::new(), LEVEL)?;
    for event in events {
        serde_json::to_writer(&mut packed, event)?;
        packed.write_all(b"\n")?;
    }
    packed.finish()
}

pub fn unpack(packed: &[u8]) -> io::Result<Vec<Event>> {
    let lines = BufReader::new(zstd::Decoder::new(packed)?).lines();
    let events = lines.map(|line| Ok(serde_json::from_str(&line?)?));
    events.collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::id::EventId;

    #[test]
    fn events_come_out_as_they_went_in() {
        let account = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let webhook = "whk_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let of = |text| {
            Event::of_test(
                account,
                webhook,
                EventId::of_text(text),
                Timestamp::UNIX_EPOCH,
            )
        };
        let events = vec![of("a"), of("b")];

        let packed = pack(&events).unwrap();

        assert_eq!(unpack(&packed).unwrap(), events);
        assert!(unpack(b"not zstd").is_err());
    }
}
