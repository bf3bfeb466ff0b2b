//! The send protocol under everything that can go wrong, at random: workers that die at any step, pointers lost, doubled and late, calls repeated by
//! the SDK whose first attempt arrives a minute later, clocks that differ, gateways that accept and never answer, or only after a while, receipts in any
//! order, a cancel, a batch that expires.
//! Whatever happens, when all is quiet again: every chunk is done, nothing was accepted more often than the policy allows, and the ledger says
//! nothing that the gateways would deny.

mod actors;
mod world;

use carillon_core::{
    batch::DoubtPolicy,
    chunk::{ChunkState, slot::SlotOutcome},
};
use proptest::prelude::*;

use self::world::{Asked, CHUNKS, Gateways, SLOTS, World};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_nothing_is_sent_twice(
        seed: u64,
        at_least_once: bool,
        gateways in gateways(),
        expires in prop::option::weighted(0.2, 20.0..1_200.0),
    ) {
        let policy = if at_least_once { DoubtPolicy::AtLeastOnce } else { DoubtPolicy::AtMostOnce };

        let world = world::run(seed, policy, gateways, expires);

        let violations = violations(&world);
        prop_assert!(violations.is_empty(), "{violations:#?}\n{}", world.trace());
    }
}

fn gateways() -> impl Strategy<Value = Gateways> {
    let horizon = prop_oneof![3 => Just(None), 1 => Just(Some(f64::INFINITY)), 1 => (60.0..900.0).prop_map(Some)];
    let asked =
        prop_oneof![2 => Just(Asked::Never), 1 => Just(Asked::Sometimes), 1 => Just(Asked::Always)];
    (horizon, asked).prop_map(|(deduplicate_until, asked)| Gateways {
        deduplicate_until,
        asked,
    })
}

/// `CARILLON_PROTOCOL_RUNS` for a longer search.
fn cases() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a test's own knob")]
    std::env::var("CARILLON_PROTOCOL_RUNS")
        .ok()
        .and_then(|runs| runs.parse().ok())
        .unwrap_or(2_000)
}

fn violations(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    if world.late.get() > 0 {
        found.push(format!("sent after expiry: {}", world.late.get()));
    }
    let ledger = world.ledger.borrow();
    for (number, chunk) in ledger.iter().enumerate() {
        if chunk.state != ChunkState::Done {
            found.push(format!("chunk {number} is stuck in {:?}", chunk.state));
        }
        if chunk.window.open.is_some() {
            found.push(format!("chunk {number} ended with an open window"));
        }
        for (slot, send) in chunk.slots.iter().enumerate() {
            let accepted = world
                .accepted
                .borrow()
                .get(&(number, slot))
                .copied()
                .unwrap_or(0);
            let certain = world.gateways.deduplicate_until == Some(f64::INFINITY)
                || world.gateways.asked == Asked::Always;
            let at_most = if world.policy == DoubtPolicy::AtMostOnce || certain {
                1
            } else {
                2
            };
            let place = format!("chunk {number} slot {slot}, accepted {accepted} times, {send:?}");
            if accepted > at_most {
                found.push(format!("sent twice: {place}"));
            }
            if accepted == 2 && !send.resent {
                found.push(format!("a resend that is not counted: {place}"));
            }
            let ends_unsent = matches!(
                send.outcome,
                SlotOutcome::Failed
                    | SlotOutcome::Suppressed
                    | SlotOutcome::Cancelled
                    | SlotOutcome::Expired
            );
            if ends_unsent && accepted > 0 {
                found.push(format!(
                    "the gateway has what the ledger calls unsent: {place}"
                ));
            }
            if send.outcome == SlotOutcome::Accepted && accepted == 0 {
                found.push(format!("lost: {place}"));
            }
            // One that deduplicates isn't asked: an opt-out in between keeps it from being sent again.
            let told =
                world.gateways.asked == Asked::Always && world.gateways.deduplicate_until.is_none();
            if told && send.outcome == SlotOutcome::Unknown {
                found.push(format!(
                    "unknown, although its gateway would have told: {place}"
                ));
            }
            let left = world.left.borrow().contains(&(number, slot));
            if send.outcome == SlotOutcome::Unknown && !left && world.calm() {
                found.push(format!("unknown without a crash, and never left: {place}"));
            }
        }
    }
    assert_eq!((ledger.len(), ledger[0].slots.len()), (CHUNKS, SLOTS));
    found
}
