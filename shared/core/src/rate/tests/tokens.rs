//! Who gets which tokens, and when.

use jiff::{SignedDuration, Timestamp};

use super::{at, forty};
use crate::{
    batch::Lane,
    rate::{Ask, Decision, Due, Limits, Moves, RateState, Schedule, Stand},
};

const READY: i64 = 20;

fn ask(parts: u32, lane: Lane) -> Ask<'static> {
    Ask {
        parts,
        lane,
        senders: Vec::new(),
        now: at(0),
        ready: at(READY),
    }
}

fn moves(state: &RateState, ask: &Ask<'_>) -> Moves {
    match state.decide(ask) {
        Decision::Take(moves) => moves,
        other => panic!("{other:?}"),
    }
}

/// Of two messages of one part.
fn dues(schedule: &Schedule) -> Vec<Due> {
    let mut turns = schedule.turns();
    (0..2).map(|_| turns.next(1, None)).collect()
}

#[test]
fn tokens_follow_those_that_are_taken_up_to_a_time_ahead() {
    let beyond = |milliseconds: i64| at(READY + milliseconds);
    let (low, high) = (Lane::Low, Lane::High);
    for (name, taken, lane, expected) in [
        ("never used", Timestamp::default(), low, Ok(Stand::Past)),
        ("idle", at(READY - 1), low, Ok(Stand::Past)),
        ("taken until just then", at(READY), low, Ok(Stand::Ahead)),
        ("as far ahead as may be", beyond(250), low, Ok(Stand::Ahead)),
        ("too far", beyond(251), low, Err(at(1))),
        (
            "a one-time password looks further",
            beyond(1_500),
            high,
            Ok(Stand::Ahead),
        ),
        (
            "but not over a pause that was asked for",
            beyond(1_600),
            high,
            Err(at(100)),
        ),
    ] {
        let state = RateState { taken, ..forty() };
        let decided = match state.decide(&ask(1, lane)) {
            Decision::Take(moves) => Ok(moves.account.expect("a limit").stand),
            Decision::Wait(until) => Err(until),
            Decision::Free => panic!("{name}"),
        };
        assert_eq!(decided, expected, "{name}");
    }
}

#[test]
fn the_calls_of_a_window_are_spaced_by_their_parts() {
    let part = SignedDuration::from_micros(25_642);
    let idle = moves(&forty(), &ask(10, Lane::Low));
    let busy = RateState {
        taken: at(200),
        ..forty()
    };
    let follow = moves(&busy, &ask(10, Lane::Low));

    let after = RateState {
        taken: at(READY) + idle.account.unwrap().cost,
        ..forty()
    };
    let from_ready = idle.schedule(&after);
    // Another window was faster: ours begin where its tokens end.
    let after = RateState {
        taken: at(230) + follow.account.unwrap().cost,
        ..forty()
    };
    let behind = follow.schedule(&after);

    assert_eq!(
        dues(&from_ready),
        [Due::At(at(READY)), Due::At(at(READY) + part)]
    );
    assert_eq!(dues(&behind)[0], Due::At(at(230)));
    assert_eq!(
        idle.account.unwrap().cost,
        SignedDuration::from_micros(256_411)
    );
}

#[test]
fn a_one_time_password_overtakes_a_campaign_within_its_share() {
    let busy = RateState {
        taken: at(800),
        ..forty()
    };
    let jumped = RateState {
        jumped: at(READY + 1),
        ..busy.clone()
    };
    for (name, state, parts, lane, jumps) in [
        ("one", &busy, 1, Lane::High, true),
        ("a long one", &busy, 3, Lane::High, true),
        ("too many", &busy, 4, Lane::High, false),
        ("its share is used up", &jumped, 1, Lane::High, false),
        ("nobody to overtake", &forty(), 1, Lane::High, false),
    ] {
        let jump = moves(state, &ask(parts, lane)).jump;
        assert_eq!(jump.is_some(), jumps, "{name}");
    }
    let near = RateState {
        taken: at(100),
        ..forty()
    };
    assert_eq!(
        moves(&near, &ask(1, Lane::Low)).jump,
        None,
        "a campaign waits"
    );
    let overtaking = moves(&busy, &ask(1, Lane::High));
    assert_eq!(dues(&overtaking.schedule(&busy))[0], Due::At(at(READY)));
    // A fortieth of the pace: the next may jump about a second later.
    let cost = overtaking.jump.unwrap().cost;
    assert_eq!(cost, SignedDuration::from_micros(1_025_642));
}

#[test]
fn a_sender_has_a_limit_of_its_own() {
    let limits = Limits {
        sender_parts_per_second: Some(10),
        ..forty().limits
    };
    let of = |taken| {
        let senders = [("ACME".to_owned(), taken)].into();
        RateState {
            limits,
            senders,
            ..forty()
        }
    };
    let by = |sender| Ask {
        senders: vec![(sender, 2)],
        ..ask(2, Lane::Low)
    };

    let idle = moves(&of(at(0)), &by("ACME"));
    let waits = of(at(READY + 150)).decide(&by("ACME"));
    let another = of(at(READY + 150)).decide(&by("Other"));
    let without_account = RateState {
        limits: Limits {
            parts_per_second: None,
            ..limits
        },
        ..of(at(0))
    };

    let after = RateState {
        taken: at(100),
        ..of(at(READY) + idle.senders[0].1.cost)
    };
    let schedule = idle.schedule(&after);
    // The slower of the two spaces them: 9.75 parts a second.
    let mut turns = schedule.turns();
    let first = turns.next(1, Some("ACME"));
    assert_eq!(first, Due::At(at(READY)));
    assert_eq!(
        turns.next(1, Some("ACME")),
        Due::At(at(READY) + SignedDuration::from_micros(102_565))
    );
    assert_eq!(waits, Decision::Wait(at(50)));
    assert!(matches!(another, Decision::Take(_)));
    assert!(moves(&without_account, &by("ACME")).account.is_none());
    assert!(moves(&forty(), &by("ACME")).senders.is_empty(), "no limit");
}

#[test]
fn each_sender_of_a_window_has_its_own_turns() {
    let limits = Limits {
        parts_per_second: Some(1_000),
        sender_parts_per_second: Some(10),
    };
    let state = RateState {
        limits,
        senders: [("Busy".to_owned(), at(READY + 101))].into(),
        ..forty()
    };
    let ask = Ask {
        senders: vec![("One", 2), ("Two", 1)],
        ..ask(3, Lane::Low)
    };

    let taken = moves(&state, &ask);
    let mut after = state.clone();
    after.taken = at(READY) + taken.account.unwrap().cost;
    for (name, shift) in &taken.senders {
        after.senders.insert(name.clone(), at(READY) + shift.cost);
    }
    let schedule = taken.schedule(&after);
    let mut turns = schedule.turns();
    let dues: Vec<Due> = ["One", "Two", "One"]
        .map(|name| turns.next(1, Some(name)))
        .into();

    let part = SignedDuration::from_micros(1_026);
    assert_eq!(dues[0], Due::At(at(READY)));
    assert_eq!(dues[1], Due::At(at(READY) + part));
    assert_eq!(
        dues[2],
        Due::At(at(READY) + SignedDuration::from_micros(102_565))
    );
    assert_eq!(state.sender_busy("Busy", at(READY)), Some(at(READY + 1)));
    assert_eq!(state.sender_busy("One", at(READY)), None);
}

#[test]
fn without_limits_nothing_is_taken() {
    assert_eq!(
        RateState::default().decide(&ask(25, Lane::Low)),
        Decision::Free
    );
    assert_eq!(dues(&Schedule::default()), [Due::AtOnce; 2]);
    assert!(!Due::AtOnce.is_over(at(0)));
}

#[test]
fn a_window_holds_half_a_second_and_one_message_at_least() {
    let with = |rate| RateState {
        limits: Limits {
            parts_per_second: Some(rate),
            ..Limits::default()
        },
        ..forty()
    };
    for (name, rate, lane, expected) in [
        ("a campaign", 40, Lane::Low, 19),
        ("one-time passwords", 40, Lane::High, 39),
        ("one at least", 1, Lane::Normal, 1),
    ] {
        assert_eq!(with(rate).window_parts(lane, at(0)), expected, "{name}");
    }
    let senders = RateState {
        limits: Limits {
            parts_per_second: Some(40),
            sender_parts_per_second: Some(10),
        },
        ..forty()
    };
    assert_eq!(senders.sender_parts(Lane::Low), 4);
    assert_eq!(senders.window_parts(Lane::Low, at(0)), 19);
    assert_eq!(RateState::default().sender_parts(Lane::Low), u32::MAX);
}

#[test]
fn a_call_is_over_when_its_token_is() {
    let due = Due::At(at(0));

    assert!(!due.is_over(at(25)));
    assert!(due.is_over(at(26)));
}

#[test]
fn senders_are_forgotten_when_their_tokens_are_long_over() {
    let senders = [("old".to_owned(), at(0)), ("new".to_owned(), at(5_000))].into();
    let state = RateState { senders, ..forty() };

    let idle: Vec<_> = state.idle_senders(at(10_001)).collect();

    assert_eq!(idle, [("old", at(0))]);
}
