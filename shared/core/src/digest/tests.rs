use proptest::prelude::*;

use super::*;
use crate::{
    batch::{BatchTerms, DoubtPolicy, Prepared, QuietHours, Stage},
    breakdown::{Latency, Place, Tally},
    id::BatchId,
    phone::Country,
    reason::Reason,
    routing::Routing,
    rules::Class,
    status::Status,
};

fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

fn batch(made: Timestamp, starts: Option<Timestamp>) -> Batch {
    let terms = BatchTerms {
        id: BatchId::at(made, [7; 10]),
        account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        campaign: None,
        test: false,
        lane: Lane::High,
        policy: DoubtPolicy::AtLeastOnce,
        class: Class::Transactional,
        quiet_hours: QuietHours::Hold,
        content: "Hi".into(),
        answers: None,
        routes: Vec::new(),
        routing: Routing::default(),
        began: made,
        not_before: starts,
        local: None,
        spread_over: None,
        expires_at: made + DAY,
    };
    let mut batch = Batch::new(terms, Stage::Ready, Some(1));
    batch.progress.prepared = Some(Prepared {
        rows: 3,
        ..Prepared::default()
    });
    batch
}

fn breakdown(country: &str, messages: u64) -> Breakdown {
    let place = Place {
        country: Country::parse(country).ok(),
        gateway: None,
        sender: Some("SHOP".to_owned()),
        status: Status::Delivered,
        reason: Reason::from_byte(3),
    };
    let tally = Tally {
        messages,
        delivered: messages,
        ..Tally::default()
    };
    let mut counts = [0; Latency::STEPS];
    counts[1] = messages;
    Breakdown {
        cells: [(place, tally)].into(),
        latency: Latency::of_counts(counts),
    }
}

proptest! {
    #[test]
    fn a_digest_is_the_sums_of_what_was_added_in_whatever_order_and_stays_so_packed(
        added in prop::collection::vec((0_i64..3_600, prop::option::of(0_i64..9_000), 1_u64..9, any::<bool>(), 0_usize..2), 0..30),
        turned in 0_usize..30,
    ) {
        let now = at("12:00:00");
        let digest_of = |added: &[(i64, Option<i64>, u64, bool, usize)]| {
            let mut digest = Digest::default();
            for (made, later, messages, closed, country) in added {
                let made = at("10:00:00") + SignedDuration::from_secs(*made);
                let starts = later.map(|later| made + SignedDuration::from_secs(later));
                let breakdown = breakdown(["GB", "FR"][*country], *messages);
                digest.add(&batch(made, starts), breakdown, *closed, now);
            }
            digest
        };
        let mut other_order = added.clone();
        other_order.rotate_left(turned.min(added.len()));

        let digest = digest_of(&added);

        prop_assert_eq!(&Digest::unpack(&digest.pack().unwrap()).unwrap(), &digest);
        prop_assert_eq!(&digest_of(&other_order), &digest);
        let batches: u64 = digest.sums.values().map(|sum| sum.batches).sum();
        prop_assert_eq!(batches, added.len() as u64);
        let audience: u64 = digest.sums.values().map(|sum| sum.audience).sum();
        let rows: u64 = added.iter().map(|(_, _, messages, ..)| (*messages).max(3)).sum();
        prop_assert_eq!(audience, rows);
    }
}

#[test]
fn an_hour_is_counted_again_a_day_later_and_when_all_of_it_should_be_closed() {
    let hour = Hour::of(at("10:20:00"));
    let after = |days: i64, minutes: i64| {
        hour.ends() + SignedDuration::from_hours(24 * days) + SignedDuration::from_mins(minutes)
    };
    for (name, closed, now, expected) in [
        (
            "after the first count",
            false,
            after(0, 15),
            Some(after(1, 0)),
        ),
        ("after the second", false, after(1, 2), Some(after(4, 0))),
        ("it isn't closed yet", false, after(4, 1), Some(after(5, 1))),
        (
            "more and more seldom",
            false,
            after(80, 0),
            Some(after(90, 0)),
        ),
        ("its chunks are about to go", false, after(174, 0), None),
        ("this is what it came to", true, after(4, 1), None),
    ] {
        let mut digest = Digest::default();
        digest.add(
            &batch(at("10:20:00"), None),
            breakdown("GB", 1),
            closed,
            now,
        );

        assert_eq!(digest.next_look(hour, now), expected, "{name}");
    }
}

#[test]
fn what_is_planned_for_later_is_counted_again_when_it_has_begun() {
    let (hour, now) = (Hour::of(at("10:20:00")), at("11:15:00"));
    let mut digest = Digest::default();
    for starts in ["19:00:00", "14:00:00"] {
        let batch = batch(at("10:20:00"), Some(at(starts)));
        digest.add(&batch, breakdown("GB", 1), false, now);
    }

    assert_eq!(digest.next_look(hour, now), Some(at("14:15:00")));
}

#[test]
fn quarters_begin_days_and_hours_in_zones_that_are_off_by_parts_of_an_hour() {
    for (zone, midnight) in [
        ("Asia/Kathmandu", "2026-11-19T18:15:00Z"),
        ("Asia/Kolkata", "2026-11-19T18:30:00Z"),
        ("Australia/Eucla", "2026-11-19T15:15:00Z"),
        ("America/St_Johns", "2026-11-20T03:30:00Z"),
    ] {
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        let midnight: Timestamp = midnight.parse().unwrap();
        let day = |time: Timestamp| time.to_zoned(zone.clone()).date().day();

        let (before, after) = (
            Quarter::of(midnight - SignedDuration::from_millis(1)),
            Quarter::of(midnight),
        );

        assert_eq!((day(before.begins()), day(after.begins())), (19, 20));
        assert_eq!(before.ends(), midnight);
    }
}

#[test]
fn the_ids_of_a_time_are_those_made_in_it() {
    let exact = at("10:00:00");
    let later = exact + SignedDuration::from_nanos(1);
    let id = |milliseconds: i64, byte: u8| {
        BatchId::at(
            exact + SignedDuration::from_millis(milliseconds),
            [byte; 10],
        )
    };

    let (first, last) = ids(exact, exact + SignedDuration::from_millis(5)).unwrap();
    let (after, _) = ids(later, at("10:01:00")).unwrap();

    assert!(first <= id(0, 0) && id(-1, 255) < first);
    assert!(id(4, 255) <= last && last < id(5, 0));
    assert!(id(0, 255) < after && after <= id(1, 0));
    assert_eq!(ids(exact, exact), None);
}

#[test]
fn garbage_is_refused() {
    let mut digest = Digest::default();
    digest.add(
        &batch(at("10:20:00"), None),
        breakdown("GB", 1),
        true,
        at("11:00:00"),
    );
    let packed = digest.pack().unwrap();

    assert!(Digest::unpack(b"not zstd").is_err());
    assert!(Digest::unpack(&packed[..packed.len() / 2]).is_err());
}
