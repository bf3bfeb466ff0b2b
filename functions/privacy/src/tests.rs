//! An erasure against the tables and the bucket of the local stack: afterwards every item and every file is looked into.

mod everything;
mod world;

use carillon_core::{
    chunk::Pointer, phone::Phone, privacy::Act, retention::Retention, suppression::Consent,
};
use jiff::SignedDuration;
use serde_json::Value;

use self::{
    everything::everything,
    world::{ERASED, OTHER, TOTALS, World},
};

/// What says who it was: the number, their words, your name for it, what the gateway called it.
const GONE: [&str; 6] = [
    "447700900123",
    "07700 900123",
    "Zebulon",
    "order-4711",
    "GW-ZEB",
    "192.0.2.77",
];
/// What belongs to somebody else.
const KEPT: [&str; 4] = ["447700900124", "Rosalind", "order-4712", "GW-ROS"];

#[tokio::test]
async fn nothing_of_an_erased_number_is_left_in_any_store_and_everybody_else_is_still_there() {
    let world = World::new().await;
    let before = everything(&world).await;
    for word in GONE.into_iter().chain(KEPT) {
        assert!(before.contains(word), "{word} was never there");
    }

    let erasure = world.erase(ERASED).await;

    let after = everything(&world).await;
    let lines = |word: &str| -> Vec<&str> {
        let lines = after.lines().filter(|line| line.contains(word));
        lines.collect()
    };
    for word in GONE {
        assert_eq!(lines(word), [""; 0], "{word}");
    }
    for word in KEPT {
        assert!(!lines(word).is_empty(), "{word}");
    }
    let found = erasure.found;
    assert_eq!(
        (found.contacts, found.consents, found.inbound),
        (1, 2, 1),
        "{found:?}"
    );
    assert_eq!(
        (found.messages, found.dead_letters, found.events),
        (3, 1, 1),
        "{found:?}"
    );
    // Two uploads, two of rejected rows, three of an export, the lake, the stored events.
    assert_eq!(found.rows, 9, "{found:?}");
}

#[tokio::test]
async fn the_words_of_a_send_are_forgotten_with_the_last_whom_they_went_to() {
    let world = World::new().await;
    let to_both = world.sent_alone(&[ERASED, OTHER]).await;
    let to_one = world.sent_alone(&[ERASED]).await;
    let words = async |batch| {
        let stored = everything(&world).await;
        let words = format!("Zebulon-{batch}");
        stored.matches(&words).count()
    };
    assert_eq!((words(to_both).await, words(to_one).await), (3, 3));

    world.erase(ERASED).await;

    assert_eq!((words(to_both).await, words(to_one).await), (3, 0));
}

#[tokio::test]
async fn places_hold_and_nothing_is_sent_to_the_number_again() {
    let world = World::new().await;
    let before = world.chunks().await;

    world.erase(ERASED).await;

    assert_eq!(world.chunks().await, before, "slots, reports and windows");
    for pointer in world.pointers() {
        let recipients = world.recipients(pointer).await;
        let at = |digits| {
            let number = Phone::from_digits(digits).unwrap();
            recipients.iter().position(|it| it.number == number)
        };
        assert_eq!((at(ERASED), at(OTHER)), (None, Some(1)), "{pointer:?}");
        assert!(recipients[0].is_erased());
        assert_eq!(recipients[1].vars["name"], "Rosalind");
    }
    let stands = world.suppression(ERASED).await.unwrap();
    assert_eq!(
        (stands.consent, stands.number),
        (Consent::OptedOut, None),
        "{stands:?}"
    );
    assert_eq!(world.suppression(OTHER).await, None);
    let manifest = world.manifest().await;
    let other = Phone::from_digits(OTHER).unwrap();
    assert_eq!(manifest.may_hold(other).collect::<Vec<_>>(), [0]);
}

#[tokio::test]
async fn what_comes_up_between_the_rounds_is_found_by_the_second() {
    let world = World::new().await;
    world.ask(Act::Erasure, ERASED).await;
    world.round().await;
    let pointer = Pointer {
        chunk: 0,
        ..world.pointers()[0]
    };
    world.late_provider_id(pointer).await;

    while !world.is_done().await {
        world.round().await;
    }

    assert!(!everything(&world).await.contains("GW-ZEB-LATE"));
}

#[tokio::test]
async fn consents_still_prove_that_somebody_agreed() {
    let world = World::new().await;

    world.erase(ERASED).await;

    let proved = world.consents(ERASED).await;
    assert_eq!(proved.len(), 2);
    for consent in proved {
        assert!(consent.is_intact);
        assert_eq!(consent.sealed.record.text, "Send me offers");
        assert!(consent.sealed.record.redacted.is_some());
    }
}

#[tokio::test]
async fn a_report_has_all_that_an_erasure_would_find_and_nothing_of_anybody_else() {
    let world = World::new().await;

    let report = world.make(Act::Report, ERASED).await;

    let files = world.reports().await;
    let [(_, text)] = files.as_slice() else {
        panic!("one file, its pieces gone: {files:?}");
    };
    for word in ["+447700900123", "Zebulon", "order-4711", "192.0.2.77"] {
        assert!(text.contains(word), "{word}");
    }
    for word in KEPT {
        assert!(!text.contains(word), "{word}");
    }
    let file: Value = serde_json::from_str(text).unwrap();
    let lengths = [
        ("consents", 2),
        ("inbound", 1),
        ("messages", 3),
        ("events", 1),
        ("dead_letters", 1),
        ("files", 9),
    ];
    for (name, length) in lengths {
        assert_eq!(file[name].as_array().map(Vec::len), Some(length), "{name}");
    }
    assert_eq!(file["contact"]["number"], "+447700900123");
    assert_eq!(file["opt_out"]["reason"], "Zebulon asked");
    assert_eq!(file["messages"][0]["values"]["name"], "Zebulon");
    let again = world.erase(ERASED).await;
    assert_eq!(again.found, report.found, "an erasure finds the same");
    assert_eq!(world.reports().await, [], "and forgets the report");
}

/// The account asks for less than what is usual.
fn short() -> Retention {
    Retention {
        messages: 30,
        inbound: 20,
        files: 40,
        audit: Some(400),
    }
}

#[tokio::test]
async fn what_is_older_than_an_account_asked_for_is_forgotten_class_by_class() {
    let world = World::new().await;
    world.finish().await;
    let acts = world.acts().await;
    world.keep(short()).await;
    let files = ["uploads/", "rejected/", "exports/", "events/"];
    let there = async || {
        let left = everything(&world).await;
        let begins = |prefix: &str| left.lines().any(|line| line.starts_with(prefix));
        let files = files.map(begins);
        (world.inbox().await > 0, begins("recipients/"), files)
    };

    for (days, expected) in [
        (19, (true, true, [true; 4])),
        (21, (false, true, [true; 4])),
        (31, (false, false, [true; 4])),
        (41, (false, false, [false; 4])),
    ] {
        world.sweep(days).await;

        assert_eq!(there().await, expected, "after {days} days");
    }
    assert_eq!(world.left().await, [false; 3]);
    assert!(world.acts().await > acts, "the setting is an act too");
    world.sweep(401).await;
    assert_eq!(world.acts().await, 0);
    for batch in world.batches().await {
        assert_eq!(batch.progress.totals, Some(TOTALS), "totals stay");
        assert_eq!(batch.terms.content.text, "", "{:?}", batch.terms.id);
    }
}

#[tokio::test]
async fn a_batch_that_is_not_over_keeps_its_messages_and_those_after_it_go() {
    let world = World::new().await;
    let before = world.chunks().await;
    world.keep(short()).await;

    world.sweep(100).await;
    assert_eq!(world.chunks().await, before);
    world.finish_but_the_first().await;
    world.sweep(101).await;
    let left = world.left().await;
    world.finish().await;
    world.sweep(102).await;

    assert_eq!(left, [true, false, false]);
    assert_eq!(world.left().await, [false; 3]);
}

#[tokio::test]
async fn a_batch_that_never_ends_keeps_no_sweep_from_those_far_after_it() {
    let world = World::new().await;
    world.finish_but_the_first().await;
    world.keep(short()).await;

    world.sweep_some(short(), 2).await;
    let half = world.left().await;
    world.sweep_some(short(), 1).await;
    let through = world.is_listed().await.unwrap();

    assert_eq!(half, [true, false, true], "its time was over");
    assert_eq!(world.left().await, [true, false, false]);
    assert_eq!((through.swept, through.reached), (None, None));
    world.finish().await;
    world.sweep_some(short(), 3).await;
    assert_eq!(
        world.left().await,
        [false; 3],
        "the next pass begins with it"
    );
}

#[tokio::test]
async fn an_account_that_keeps_what_is_usual_is_not_swept_and_a_sweep_is_made_once_a_day() {
    let world = World::new().await;
    world.finish().await;

    world.sweep(1_000).await;
    assert_eq!(world.left().await, [true; 3], "what is usual");
    world.keep(short()).await;
    world.sweep(29).await;
    world
        .sweep_at(SignedDuration::from_hours(29 * 24 + 23))
        .await;
    assert_eq!(world.left().await, [true; 3], "not old enough");
    world.sweep_at(SignedDuration::from_hours(31 * 24)).await;
    assert_eq!(world.left().await, [false; 3]);
    world.keep(Retention::default()).await;
    assert!(world.is_listed().await.is_none());
}
