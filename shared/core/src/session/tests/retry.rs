use super::*;
use crate::reason::Reason;

const fn throttled(seconds: i64) -> Outcome {
    let after = Some(SignedDuration::from_secs(seconds));
    Outcome::Throttled { after }
}

#[test]
fn each_class_waits_its_time_and_spends_its_tries() {
    for (name, outcome, waits, spent) in [
        ("throttled, as told", throttled(77), 77, 0),
        ("throttled", Outcome::Throttled { after: None }, 5, 0),
        ("unreachable", Outcome::Unavailable, 15, 0),
        ("trouble", Outcome::AccountTrouble(Reason::NoCredit), 60, 0),
        ("deferred", Outcome::Deferred(Reason::Temporary), 30, 1),
        ("congestion", Outcome::Deferred(Reason::Congestion), 60, 1),
        ("a full day", Outcome::Deferred(Reason::DailyCap), 3_600, 1),
        (
            "an absent handset",
            Outcome::Deferred(Reason::Absent),
            300,
            1,
        ),
    ] {
        let mut session = session(1, &[PLAIN]);
        session.terms.expires_at = at(100_000);

        send_all(&mut session, 0, &outcome);
        let (then, write) = closes(next(&mut session, 0));

        assert_eq!(then, Then::Park(at(waits)), "{name}");
        assert_eq!(write.slots[0].attempt, spent, "{name}");
        assert_eq!(write.slots[0].outcome, SlotOutcome::Waiting, "{name}");
    }
}

#[test]
fn three_tries_that_were_put_off_are_all() {
    let mut session = session(1, &[PLAIN]);
    let deferred = Outcome::Deferred(Reason::Temporary);

    for time in [0, 30, 150] {
        send_all(&mut session, time, &deferred);
    }
    let (then, write) = closes(next(&mut session, 150));

    assert_eq!(then, Then::Finish);
    assert_eq!(
        (write.slots[0].outcome, write.slots[0].reason),
        (SlotOutcome::Failed, Some(Reason::Temporary))
    );
}

#[test]
fn what_speaks_for_one_gateway_only_goes_by_the_next() {
    for (name, outcome, routes, goes_by, then_ends) in [
        ("unreachable", Outcome::Unavailable, 2, Some(1), None),
        (
            "no route",
            Outcome::Refused(Reason::NoRoute),
            2,
            Some(1),
            None,
        ),
        (
            "no route, and no other way",
            Outcome::Refused(Reason::NoRoute),
            1,
            None,
            Some(SlotOutcome::Failed),
        ),
        (
            "a bad number",
            Outcome::Refused(Reason::BadNumber),
            2,
            None,
            Some(SlotOutcome::Failed),
        ),
        ("throttled", throttled(9), 2, None, None),
        (
            "put off",
            Outcome::Deferred(Reason::Temporary),
            2,
            None,
            None,
        ),
        (
            "in doubt",
            Outcome::Doubt,
            2,
            None,
            Some(SlotOutcome::Unknown),
        ),
    ] {
        let mut session = session(1, &vec![PLAIN; routes]);
        send_all(&mut session, 0, &outcome);

        let went_by = match next(&mut session, 0) {
            Step::Send(plan) => Some(plan.open.route),
            Step::Ask(_) | Step::Close(_) => None,
        };

        assert_eq!(went_by, goes_by, "{name}");
        let ended = session.slots[0].outcome;
        assert_eq!(
            Some(ended).filter(|end| end.is_decided()),
            then_ends,
            "{name}"
        );
    }
}

#[test]
fn each_message_takes_its_own_order() {
    let mut terms = terms(DoubtPolicy::AtMostOnce, &[PLAIN; 3]);
    terms.orders = vec![
        Order::Try(vec![2, 0]),
        Order::Try(vec![0, 1]),
        Order::Nowhere(Reason::NoRoute),
    ];
    let mut session = Session::begin(ME, terms, &fresh(3), at(0));

    let mut tried = Vec::new();
    while let Step::Send(plan) = next(&mut session, 0) {
        let slots: Vec<usize> = plan.sends.iter().map(|planned| planned.slot).collect();
        tried.push((plan.open.route, slots));
        let route = plan.open.route;
        let write = session.open(&plan);
        for planned in session.opened(&write, plan, &[None; 3]) {
            record(&mut session, planned, route, &Outcome::Unavailable, 0);
        }
    }

    let expected = [(2, vec![0]), (0, vec![0, 1]), (1, vec![1])];
    assert_eq!(tried, expected);
    let nowhere = session.slots[2];
    assert_eq!(
        (nowhere.outcome, nowhere.reason),
        (SlotOutcome::Failed, Some(Reason::NoRoute))
    );
}

#[test]
fn a_one_time_password_does_not_wait_for_a_gateway_that_is_too_busy() {
    let mut terms = terms(DoubtPolicy::AtMostOnce, &[PLAIN, PLAIN]);
    terms.urgent = true;
    let mut session = Session::begin(ME, terms, &fresh(1), at(0));

    assert_eq!(send_all(&mut session, 0, &throttled(20)), 0);
    assert_eq!(send_all(&mut session, 0, &throttled(30)), 1);
    let (then, _) = closes(next(&mut session, 0));

    assert_eq!(
        then,
        Then::Park(at(30)),
        "the last in its order is waited for"
    );
    assert_eq!(session.slots[0].attempt, 0, "neither spent a try");
}

#[test]
fn the_next_worker_goes_on_with_the_next_gateway() {
    let mut first = session(1, &[PLAIN, PLAIN]);
    send_all(&mut first, 0, &Outcome::Unavailable);
    let chunk = written(&first.park(at(1)));

    let terms = terms(DoubtPolicy::AtMostOnce, &[PLAIN, PLAIN]);
    let mut second = Session::begin([2; 16], terms, &chunk, at(1));

    assert_eq!(send_all(&mut second, 1, &Outcome::Unavailable), 1);
    let (then, _) = closes(next(&mut second, 1));
    assert_eq!(then, Then::Park(at(16)), "after the last, all wait");
    assert_eq!(send_all(&mut second, 16, &ACCEPTED), 0, "and begin anew");
}

#[test]
fn a_throttled_gateway_is_left_alone_by_the_whole_chunk() {
    let mut session = session(50, &[PLAIN, PLAIN]);

    send_all(&mut session, 0, &throttled(20));
    let (then, _) = closes(next(&mut session, 1));

    assert_eq!(then, Then::Park(at(20)));
    let (route, calls) = send(&mut session, 20);
    assert_eq!((route, calls.len()), (0, 25));
}

#[test]
fn a_gateway_that_is_out_of_order_is_passed_by() {
    let mut session = session(1, &[PLAIN, PLAIN]);

    session.shut(0, at(60));
    assert_eq!(send_all(&mut session, 0, &throttled(5)), 1);
    session.shut(1, at(90));
    let (then, _) = closes(next(&mut session, 10));

    assert_eq!(then, Then::Park(at(60)), "both are: the sooner one");
    assert_eq!(send_all(&mut session, 60, &ACCEPTED), 0);
}

#[test]
fn nothing_waits_longer_than_it_is_valid() {
    let mut session = session(1, &[PLAIN]);

    send_all(&mut session, 3_000, &throttled(7_200));
    let (parked, _) = closes(next(&mut session, 3_000));
    let (by_hand, _) = closes(Step::Close(session.park(at(9_999))));
    let (ended, write) = closes(next(&mut session, 3_600));

    let end = Then::Park(at(3_600));
    assert_eq!((parked, by_hand, ended), (end, end, Then::Finish));
    assert_eq!(
        (write.slots[0].outcome, write.slots[0].reason),
        (SlotOutcome::Expired, Some(Reason::BeforeSubmit))
    );
}
