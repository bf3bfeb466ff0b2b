use super::*;
use crate::{
    chunk::receipt::{Proof, Receipt},
    outcome::Inquiry,
    reason::Reason,
};

const KNOWN: Inquiry = Inquiry::Known { provider_id: None };
const DEDUPLICATES: Abilities = Abilities {
    deduplicates_for: Some(SignedDuration::from_secs(100)),
    settles_after: None,
};

/// A chunk of one slot whose call at 0 came to nothing, as its worker left it.
fn doubted(policy: DoubtPolicy, routes: &[Abilities]) -> Session {
    let mut session = Session::begin(ME, terms(policy, routes), &fresh(1), at(0));
    send_all(&mut session, 0, &Outcome::Doubt);
    session
}

fn asks(session: &mut Session, seconds: i64) -> Questions {
    match next(session, seconds) {
        Step::Ask(questions) => questions,
        other => panic!("{other:?} instead of a question"),
    }
}

fn end(session: &mut Session, seconds: i64) -> (SlotOutcome, Option<Reason>) {
    let (then, write) = closes(next(session, seconds));
    assert_eq!(then, Then::Finish);
    (write.slots[0].outcome, write.slots[0].reason)
}

#[test]
fn without_help_the_policy_decides() {
    for (policy, routes, expected) in [
        (DoubtPolicy::AtMostOnce, 1, None),
        (DoubtPolicy::AtLeastOnce, 1, Some((0, 1, true))),
        // Another gateway than the one that keeps silent.
        (DoubtPolicy::AtLeastOnce, 2, Some((1, 1, true))),
    ] {
        let mut session = doubted(policy, &vec![PLAIN; routes]);

        let sent_again = match next(&mut session, 10) {
            Step::Send(plan) => Some((
                plan.open.route,
                plan.sends[0].attempt,
                plan.open.resent.contains(0),
            )),
            Step::Ask(_) | Step::Close(_) => None,
        };

        assert_eq!(sent_again, expected, "{policy:?} {routes}");
        if expected.is_none() {
            let slot = session.slots[0];
            assert_eq!(slot.outcome, SlotOutcome::Unknown);
        }
    }
}

#[test]
fn it_is_sent_again_once() {
    let mut session = doubted(DoubtPolicy::AtLeastOnce, &[PLAIN]);

    send_all(&mut session, 10, &Outcome::Doubt);
    let end = end(&mut session, 20);

    assert_eq!(end, (SlotOutcome::Unknown, Some(Reason::Ambiguous)));
}

#[test]
fn a_gateway_is_asked_when_it_has_settled_and_not_before() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);

    let (early, _) = closes(next(&mut session, 29));
    let questions = asks(&mut session, 30);

    assert_eq!(early, Then::Park(at(30)));
    let about = vec![Planned {
        slot: 0,
        attempt: 1,
    }];
    assert_eq!(questions, Questions { route: 0, about });
}

#[test]
fn the_time_of_doubt_outlives_its_worker() {
    let first = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);
    // Parked for another reason, given back by a pause: whatever it was, the next one comes early.
    let chunk = written(&first.park(at(1)));

    let terms = terms(DoubtPolicy::AtMostOnce, &[ASKABLE]);
    let mut second = Session::begin([2; 16], terms, &chunk, at(20));
    let (then, write) = closes(next(&mut second, 20));

    assert_eq!(then, Then::Park(at(35)), "with five seconds for clocks");
    assert_eq!(write.window.doubt_since, Some(at(0)));
    asks(&mut second, 35);
}

#[test]
fn what_a_dead_worker_left_open_is_as_young_as_the_lease() {
    let mut dead = session(1, &[ASKABLE]);
    let Step::Send(plan) = next(&mut dead, 0) else {
        panic!("nothing is sent")
    };
    let chunk = written(&dead.open(&plan));

    let terms = terms(DoubtPolicy::AtMostOnce, &[ASKABLE]);
    let mut heir = Session::begin([2; 16], terms, &chunk, at(200));

    assert_eq!(closes(next(&mut heir, 200)).0, Then::Park(at(230)));
    asks(&mut heir, 230);
}

#[test]
fn found_is_accepted() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);

    session.answered(0, &KNOWN, at(30), 0);

    assert_eq!(end(&mut session, 30), (SlotOutcome::Accepted, None));
}

#[test]
fn not_found_is_as_if_it_had_never_left() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);

    session.answered(0, &Inquiry::NotFound, at(30), 0);
    let (_, calls) = send(&mut session, 30);
    record(
        &mut session,
        calls[0],
        0,
        &Outcome::Refused(Reason::BadNumber),
        31,
    );

    assert_eq!((calls[0].attempt, calls.len()), (2, 1));
    let refused = (SlotOutcome::Failed, Some(Reason::BadNumber));
    assert_eq!(end(&mut session, 31), refused, "a refusal counts again");
}

#[test]
fn a_gateway_that_never_has_it_gets_three_tries() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);

    for time in [30, 60] {
        session.answered(0, &Inquiry::NotFound, at(time), 0);
        send_all(&mut session, time + 120, &Outcome::Doubt);
    }
    session.answered(0, &Inquiry::NotFound, at(300), 0);

    let failed = (SlotOutcome::Failed, Some(Reason::Temporary));
    assert_eq!(end(&mut session, 300), failed);
}

#[test]
fn not_found_settles_only_the_send_it_is_about() {
    let mut session = doubted(DoubtPolicy::AtLeastOnce, &[PLAIN, ASKABLE]);
    send_all(&mut session, 10, &Outcome::Doubt);

    session.answered(0, &Inquiry::NotFound, at(40), 0);

    let unknown = (SlotOutcome::Unknown, Some(Reason::Ambiguous));
    assert_eq!(end(&mut session, 40), unknown);
}

#[test]
fn no_clear_answer_is_asked_for_a_minute_then_the_policy_decides() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);

    for time in [30, 35, 40, 50, 70] {
        asks(&mut session, time);
        session.answered(0, &Inquiry::Unclear, at(time), 0);
    }
    let (parked, _) = closes(next(&mut session, 89));

    assert_eq!(parked, Then::Park(at(90)));
    let unknown = (SlotOutcome::Unknown, Some(Reason::Ambiguous));
    assert_eq!(end(&mut session, 90), unknown);
}

#[test]
fn it_is_asked_about_once_however_late_that_is() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);

    asks(&mut session, 2_000);
    session.answered(0, &Inquiry::Unclear, at(2_000), 0);

    assert_eq!(end(&mut session, 2_000).0, SlotOutcome::Unknown);
}

#[test]
fn it_is_asked_about_when_nothing_may_be_sent_any_more() {
    for (name, control, now) in [
        ("cancelled", Control::Cancelled, at(40)),
        ("expired", Control::Running, at(4_000)),
    ] {
        let over = Standing {
            control,
            now,
            time_left: true,
            verdicts: &[],
        };
        let ends = [
            (KNOWN, SlotOutcome::Accepted),
            (
                Inquiry::NotFound,
                match control {
                    Control::Cancelled => SlotOutcome::Cancelled,
                    _ => SlotOutcome::Expired,
                },
            ),
        ];
        for (answer, expected) in ends {
            let mut session = doubted(DoubtPolicy::AtLeastOnce, &[ASKABLE]);

            assert!(matches!(session.next(over), Step::Ask(_)), "{name}");
            session.answered(0, &answer, at(31), 0);
            session.next(over);

            assert_eq!(session.slots[0].outcome, expected, "{name}: {answer:?}");
        }
    }
}

#[test]
fn a_report_comes_before_any_question() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[ASKABLE]);
    session.receipts[0] = Some(Receipt {
        status: ReceiptStatus::CarrierAccepted,
        attempt: 1,
        proof: Proof::Gateway,
        reason: None,
        seconds: 9,
    });

    assert_eq!(end(&mut session, 30), (SlotOutcome::Accepted, None));
}

#[test]
fn what_a_gateway_deduplicates_goes_back_to_it_under_its_id() {
    let mut session = doubted(DoubtPolicy::AtMostOnce, &[DEDUPLICATES, PLAIN]);

    let (route, calls) = send(&mut session, 10);

    assert_eq!((route, calls[0].attempt), (0, 1));
    assert!(!session.slots[0].resent);
}

#[test]
fn what_went_back_stays_in_doubt_until_it_is_answered() {
    for outcome in [
        Outcome::Throttled { after: None },
        Outcome::Unavailable,
        Outcome::Deferred(Reason::Temporary),
        Outcome::AccountTrouble(Reason::Auth),
        Outcome::Doubt,
    ] {
        let mut session = doubted(DoubtPolicy::AtMostOnce, &[DEDUPLICATES, PLAIN]);

        let (route, calls) = send(&mut session, 99);
        // The gateway forgets its ids while the call is on its way.
        record(&mut session, calls[0], route, &outcome, 101);

        let slot = session.slots[0];
        assert_eq!(
            (slot.outcome, slot.attempt),
            (SlotOutcome::Doubt, 1),
            "{outcome:?}"
        );
        next(&mut session, 1_000);
        assert_eq!(
            session.slots[0].outcome,
            SlotOutcome::Unknown,
            "{outcome:?}"
        );
    }
}

#[test]
fn after_doubt_there_is_no_failover() {
    let mut session = doubted(DoubtPolicy::AtLeastOnce, &[PLAIN, PLAIN, PLAIN]);

    send_all(&mut session, 10, &Outcome::Refused(Reason::NoRoute));

    let unknown = (SlotOutcome::Unknown, Some(Reason::Ambiguous));
    assert_eq!(end(&mut session, 10), unknown);
}
