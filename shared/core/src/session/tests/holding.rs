//! What safeguards and sending hours say of a slot.

use super::*;
use crate::{chunk::window::OpenWindow, safeguards::Verdict};

const QUIET: Reason = Reason::QuietHours;

fn with(now: Timestamp, verdicts: &[Verdict]) -> Standing<'_> {
    Standing {
        verdicts,
        ..standing(now)
    }
}

fn wait(seconds: i64) -> Verdict {
    Verdict::Wait(at(seconds), QUIET)
}

#[test]
fn a_message_waits_for_its_hours_and_says_why() {
    let mut session = session(3, &[PLAIN]);
    let verdicts = [wait(600), Verdict::Go, wait(300)];

    let first = session.next(with(at(0), &verdicts));
    let Step::Send(plan) = first else {
        panic!("{first:?}")
    };
    let write = session.open(&plan);
    for planned in session.opened(&write, plan, &[None; 3]) {
        record(&mut session, planned, 0, &ACCEPTED, 0);
    }
    let (then, write) = closes(session.next(with(at(1), &verdicts)));
    let opened = session.next(with(at(300), &[wait(600), Verdict::Go, Verdict::Go]));

    assert_eq!(then, Then::Park(at(300)), "until the first of them opens");
    let reasons: Vec<_> = write.slots.iter().map(|slot| slot.reason).collect();
    assert_eq!(reasons, [Some(QUIET), None, Some(QUIET)]);
    let Step::Send(plan) = opened else {
        panic!("{opened:?}")
    };
    let slots: Vec<_> = plan.sends.iter().map(|planned| planned.slot).collect();
    assert_eq!(slots, [2]);
}

#[test]
fn a_retry_is_not_kept_from_its_time_by_others_hours() {
    let mut session = session(2, &[PLAIN]);
    let verdicts = [wait(3_000), Verdict::Go];
    let Step::Send(plan) = session.next(with(at(0), &verdicts)) else {
        panic!("the second may go")
    };
    let write = session.open(&plan);
    for planned in session.opened(&write, plan, &[None; 2]) {
        record(&mut session, planned, 0, &Outcome::Unavailable, 0);
    }

    let (then, _) = closes(session.next(with(at(1), &verdicts)));

    assert_eq!(then, Then::Park(at(15)));
}

#[test]
fn what_waits_too_long_ends_by_what_it_waited_for() {
    for (name, verdict, expected) in [
        ("hours", wait(9_000), Reason::QuietExpired),
        (
            "money",
            Verdict::Wait(at(9_000), Reason::Budget),
            Reason::Budget,
        ),
        ("nothing", Verdict::Go, Reason::BeforeSubmit),
    ] {
        let mut session = session(1, &[PLAIN]);
        // Looked at once before.
        session.next(with(at(0), &[verdict]));

        let (then, write) = closes(session.next(with(at(3_600), &[verdict])));

        let end = (write.slots[0].outcome, write.slots[0].reason);
        assert_eq!(then, Then::Finish, "{name}");
        assert_eq!(end, (SlotOutcome::Expired, Some(expected)), "{name}");
    }
}

#[test]
fn what_is_stopped_ends_and_what_was_in_doubt_stays_unknown() {
    let mut chunk = fresh(2);
    chunk.window.open = Some(OpenWindow {
        opener: [9; 16],
        route: 0,
        slots: [1].into_iter().collect(),
        resent: [].into_iter().collect(),
    });
    let terms = terms(DoubtPolicy::AtLeastOnce, &[PLAIN]);
    let mut session = Session::begin(ME, terms, &chunk, at(0));
    let stop = Verdict::End(SlotOutcome::Suppressed, Reason::KillSwitch);

    let (then, write) = closes(session.next(with(at(0), &[stop; 2])));

    let ends: Vec<_> = write
        .slots
        .iter()
        .map(|slot| (slot.outcome, slot.reason))
        .collect();
    assert_eq!(then, Then::Finish);
    assert_eq!(
        ends,
        [
            (SlotOutcome::Suppressed, Some(Reason::KillSwitch)),
            (SlotOutcome::Unknown, Some(Reason::Ambiguous)),
        ]
    );
}

#[test]
fn what_has_no_money_left_waits_and_others_go() {
    let mut session = session(30, &[PLAIN]);
    let Step::Send(plan) = next(&mut session, 0) else {
        panic!("all may go")
    };

    for planned in &plan.sends {
        session.hold(planned.slot, at(900), Reason::Budget);
    }
    let second = send_all(&mut session, 0, &ACCEPTED);
    let (then, write) = closes(next(&mut session, 1));

    assert_eq!((second, then), (0, Then::Park(at(900))));
    let held = write
        .slots
        .iter()
        .filter(|slot| slot.reason == Some(Reason::Budget));
    assert_eq!(held.count(), 25);
}
