//! How fast an account is sent to, what slows it, and what people are shown of it.

use jiff::SignedDuration;

use super::{at, forty};
use crate::{
    breaker::Breaker,
    rate::{HealthState, Limits, Pace, RateState, Slowed, Slowing},
    reason::Reason,
};

#[test]
fn the_pace_is_a_little_below_the_limit_and_grows_back_by_time() {
    let slowed = |to, at| {
        Some(Slowed {
            to: Pace::of(to),
            at,
        })
    };
    let (limited, unlimited) = (forty().limits, Limits::default());
    for (name, limits, slowed, now, expected) in [
        ("healthy", limited, None, 0, Some(39_000)),
        (
            "halved just now",
            limited,
            slowed(20, at(0)),
            0,
            Some(20_000),
        ),
        (
            "a tenth of it a second",
            limited,
            slowed(20, at(0)),
            5_000,
            Some(30_000),
        ),
        (
            "never above the limit",
            limited,
            slowed(20, at(0)),
            9_600,
            Some(39_000),
        ),
        (
            "far down: a sixtieth of the limit a second",
            limited,
            slowed(1, at(0)),
            10_000,
            Some(7_500),
        ),
        (
            "a clock that is behind",
            limited,
            slowed(20, at(9_000)),
            0,
            Some(20_000),
        ),
        ("without limit", unlimited, None, 0, None),
        (
            "without limit, slowed",
            unlimited,
            slowed(500, at(0)),
            5_000,
            Some(750_000),
        ),
        (
            "without limit again",
            unlimited,
            slowed(500, at(0)),
            10_000,
            None,
        ),
    ] {
        let state = RateState {
            limits,
            slowed,
            ..forty()
        };
        assert_eq!(
            state.pace(at(now)).map(Pace::thousandths),
            expected,
            "{name}"
        );
    }
}

#[test]
fn too_fast_halves_the_pace_once_a_second_and_waits_as_told() {
    let (second, hour) = (SignedDuration::from_secs(3), SignedDuration::from_hours(1));
    let slowed = |at| Slowed {
        to: Pace::of_thousandths(19_500),
        at,
    };
    let pushed = RateState {
        taken: at(60_000),
        ..forty()
    };
    let again = RateState {
        slowed: Some(slowed(at(0))),
        ..forty()
    };
    for (name, state, after, now, expected) in [
        ("halved", forty(), None, 0, Some((slowed(at(0)), None))),
        (
            "until the time named",
            forty(),
            Some(second),
            0,
            Some((slowed(at(0)), Some(at(3_000)))),
        ),
        (
            "a minute at most",
            forty(),
            Some(hour),
            0,
            Some((slowed(at(0)), Some(at(60_000)))),
        ),
        (
            "pushed further already",
            pushed,
            Some(second),
            0,
            Some((slowed(at(0)), None)),
        ),
        ("within the same second", again, Some(second), 999, None),
    ] {
        let expected = expected.map(|(to, pushed)| Slowing { to, pushed });
        assert_eq!(state.slowing(after, at(now)), expected, "{name}");
    }
}

#[test]
fn an_account_comes_back_at_a_tenth() {
    let unlimited = RateState::default();

    assert_eq!(forty().return_slowly(at(0)).to.thousandths(), 3_900);
    assert_eq!(unlimited.return_slowly(at(0)).to, Pace::of(100));
}

#[test]
fn what_keeps_an_account_closed() {
    let open = Breaker::default().opened(Reason::Unavailable, at(0));
    for (name, disabled, breaker, now, expected) in [
        ("nothing", false, Breaker::default(), 0, None),
        ("open", false, open, 0, Some(at(10_000))),
        ("half open: a probe may leave", false, open, 10_000, None),
        (
            "a probe is under way",
            false,
            open.probed(at(10_000)),
            10_001,
            Some(at(25_000)),
        ),
        (
            "switched off",
            true,
            Breaker::default(),
            0,
            Some(at(60_000)),
        ),
    ] {
        let state = RateState {
            disabled,
            breaker,
            ..forty()
        };
        assert_eq!(state.closed_until(at(now)), expected, "{name}");
    }
}

#[test]
fn people_are_shown_what_keeps_a_gateway_account_slow() {
    let open = Breaker::default().opened(Reason::Unavailable, at(0));
    let slowed = Some(Slowed {
        to: Pace::of(4),
        at: at(0),
    });
    let because = Some(Reason::Unavailable);
    for (name, breaker, slowed, now, expected) in [
        (
            "healthy",
            Breaker::default(),
            None,
            0,
            (HealthState::Closed, None, None, None),
        ),
        (
            "open",
            open,
            None,
            1,
            (HealthState::Open, Some(at(0)), Some(at(10_000)), because),
        ),
        (
            "half open",
            open,
            None,
            10_000,
            (HealthState::HalfOpen, Some(at(0)), None, because),
        ),
        (
            "a probe is under way",
            open.probed(at(10_000)),
            None,
            10_001,
            (HealthState::HalfOpen, Some(at(0)), None, because),
        ),
        (
            "coming back",
            open.closed(at(0)),
            slowed,
            1,
            (HealthState::Recovering, Some(at(0)), None, None),
        ),
        (
            "back",
            open.closed(at(0)),
            slowed,
            60_000,
            (HealthState::Closed, Some(at(0)), None, None),
        ),
    ] {
        let state = RateState {
            slowed,
            breaker,
            ..forty()
        };
        let health = state.health(at(now));
        let found = (health.state, health.since, health.until, health.reason);
        assert_eq!(found, expected, "{name}");
        assert_eq!(health.pace, state.pace(at(now)), "{name}");
    }
    assert!((Pace::of_thousandths(19_560).parts_per_second() - 19.5).abs() < 1e-9);
}
