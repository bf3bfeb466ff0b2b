//! Requests with many recipients: which entry of an answer is about which message.

use serde_json::Value;

use crate::Outgoing;

/// The entry about each message, in the order of the messages: the first that `about` knows it by and that is nobody's yet. Where an
/// answer has an entry for each message, one that is nobody's counts in its place: gateways rewrite numbers.
pub(crate) fn entries_of<'a>(
    messages: &[Outgoing],
    entries: &'a [Value],
    about: impl Fn(&Outgoing, &Value) -> bool,
) -> Vec<Option<&'a Value>> {
    let mut free = vec![true; entries.len()];
    let mut found: Vec<Option<usize>> = messages
        .iter()
        .map(|message| {
            let mut places = 0..entries.len();
            let place = places.find(|&place| free[place] && about(message, &entries[place]))?;
            free[place] = false;
            Some(place)
        })
        .collect();
    if entries.len() == messages.len() {
        for (place, found) in found.iter_mut().enumerate() {
            *found = found.or_else(|| free[place].then_some(place));
        }
    }
    let entry = |place: Option<usize>| place.and_then(|place| entries.get(place));
    found.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{fixtures::outgoing, wire};

    fn to(number: &str) -> Outgoing {
        Outgoing {
            to: wire::number(number).unwrap(),
            ..outgoing()
        }
    }

    #[test]
    fn each_message_finds_its_entry() {
        let messages = ["447700900001", "447700900002", "447700900001"].map(to);
        for (name, entries, expected) in [
            (
                "in any order",
                json!(["447700900002", "447700900001", "447700900001"]),
                [Some(1), Some(0), Some(2)],
            ),
            (
                "one left out",
                json!(["447700900002", "447700900001"]),
                [Some(1), Some(0), None],
            ),
            (
                "one written otherwise",
                json!(["447700900001", "07700900002", "447700900001"]),
                [Some(0), Some(1), Some(2)],
            ),
            (
                "a stranger, and one left out",
                json!(["447700900001", "447700900009"]),
                [Some(0), None, None],
            ),
            ("none", json!([]), [None; 3]),
        ] {
            let entries = entries.as_array().unwrap();

            let found = entries_of(&messages, entries, |message, entry| {
                entry.as_str().and_then(wire::number) == Some(message.to)
            });

            let expected = expected.map(|place: Option<usize>| place.map(|it| &entries[it]));
            assert_eq!(found, expected, "{name}");
        }
    }
}
