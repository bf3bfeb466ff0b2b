//! Which calls of a window go out in one request, where a gateway takes many.

use carillon_core::gateway::{Capabilities, Shared};

use crate::calls::Call;

/// In the order of the calls, as many in a request as the gateway takes, and only those that may share what theirs share.
pub fn together<'a>(calls: Vec<Call<'a>>, capabilities: Capabilities) -> Vec<Vec<Call<'a>>> {
    let most = usize::from(capabilities.messages_per_request.max(1));
    let mut requests: Vec<Vec<Call<'a>>> = Vec::new();
    for call in calls {
        let room = |request: &&mut Vec<Call<'a>>| {
            request.len() < most && fits(&request[0], &call, capabilities.shared)
        };
        match requests.iter_mut().find(room) {
            Some(request) => request.push(call),
            None => requests.push(vec![call]),
        }
    }
    requests
}

/// One callback names one try of the whole chunk, so tries don't mix in it, and one request has one sender.
fn fits(first: &Call<'_>, next: &Call<'_>, shared: Shared) -> bool {
    let alike = first.planned.attempt == next.planned.attempt && first.sender == next.sender;
    match shared {
        Shared::Nothing => true,
        Shared::Callback => alike,
        Shared::Text => alike && first.text.text() == next.text.text(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use carillon_core::{frame::Recipient, phone::Phone, rate::Due, session::Planned};

    use super::*;
    use crate::window::Rendered;

    #[test]
    fn a_request_holds_what_may_stand_together() {
        let number = Phone::from_digits(447_700_900_001).unwrap();
        let recipient = Recipient::new(number, BTreeMap::new(), None);
        let (hello, bye) = (Rendered::of("Hello"), Rendered::of("Bye"));
        // Slots 0 to 5: their tries, texts and senders.
        let plan = [
            (1, &hello, "A"),
            (1, &bye, "A"),
            (2, &hello, "A"),
            (1, &hello, "A"),
            (1, &hello, "A"),
            (1, &hello, "B"),
        ];
        for (name, most, shared, expected) in [
            (
                "one each",
                1,
                Shared::Nothing,
                vec![vec![0], vec![1], vec![2], vec![3], vec![4], vec![5]],
            ),
            (
                "none that takes none",
                0,
                Shared::Nothing,
                vec![vec![0], vec![1], vec![2], vec![3], vec![4], vec![5]],
            ),
            ("all", 10, Shared::Nothing, vec![vec![0, 1, 2, 3, 4, 5]]),
            (
                "three",
                3,
                Shared::Nothing,
                vec![vec![0, 1, 2], vec![3, 4, 5]],
            ),
            (
                "by try and sender",
                10,
                Shared::Callback,
                vec![vec![0, 1, 3, 4], vec![2], vec![5]],
            ),
            (
                "by try, sender and text",
                10,
                Shared::Text,
                vec![vec![0, 3, 4], vec![1], vec![2], vec![5]],
            ),
            (
                "two, by text",
                2,
                Shared::Text,
                vec![vec![0, 3], vec![1], vec![2], vec![4], vec![5]],
            ),
        ] {
            let calls = plan
                .iter()
                .enumerate()
                .map(|(slot, (attempt, text, sender))| Call {
                    planned: Planned {
                        slot,
                        attempt: *attempt,
                    },
                    recipient: &recipient,
                    text,
                    sender: Some(*sender),
                    due: Due::AtOnce,
                });
            let capabilities = Capabilities {
                messages_per_request: most,
                shared,
                ..Capabilities::default()
            };

            let requests = together(calls.collect(), capabilities);

            let slots = |request: &Vec<Call<'_>>| -> Vec<usize> {
                request.iter().map(|call| call.planned.slot).collect()
            };
            let found: Vec<_> = requests.iter().map(slots).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
