//! What an answer means, and when a call is made again: the ten steps of Standard Webhooks, 75 hours and 35 minutes in all,
//! each with a fifth of jitter.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// From each call to the next; the first call is made at once.
const STEPS: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];
/// Who has too much to do, or is slow, is left alone for this long at least.
const AT_LEAST_WHEN_BUSY: SignedDuration = SignedDuration::from_secs(60);
/// The steps with all of their jitter: who was held back by a breaker has as long as who was tried each time.
pub const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_mins((75 * 60 + 35) * 6 / 5);

/// How an endpoint answered, as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    pub code: u16,
    pub retry_after: Option<SignedDuration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Failed(Trouble),
    /// 410: nobody is there any more, nor will be.
    Gone,
}

/// Why a call did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// 4xx, or an answer that isn't one.
    Refused,
    /// 5xx.
    Broken,
    /// 3xx, which is not followed.
    Redirected,
    /// It asks for fewer calls: 429, 502, 503, 504.
    Busy,
    /// No answer in time.
    TimedOut,
    /// No connection, or one that ended before the answer.
    Unreachable,
    /// An address that is not public, or a URL that is not called.
    Forbidden,
    /// 410.
    Gone,
}

impl Answered {
    pub const fn verdict(self) -> Verdict {
        match self.code {
            200..=299 => Verdict::Delivered,
            300..=399 => Verdict::Failed(Trouble::Redirected),
            410 => Verdict::Gone,
            429 | 502..=504 => Verdict::Failed(Trouble::Busy),
            500.. => Verdict::Failed(Trouble::Broken),
            _ => Verdict::Failed(Trouble::Refused),
        }
    }
}

/// When the next call is made after `attempts` calls, the last of which ended now; `None` when there is none left. `random` decides on the
/// jitter. A `Retry-After` is honoured, up to twice the step, so that nobody puts us off for ever.
pub fn next(
    attempts: u32,
    trouble: Trouble,
    retry_after: Option<SignedDuration>,
    now: Timestamp,
    random: u32,
) -> Option<Timestamp> {
    let step = *STEPS.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    let busy = matches!(trouble, Trouble::Busy | Trouble::TimedOut);
    let least = if busy {
        AT_LEAST_WHEN_BUSY
    } else {
        SignedDuration::ZERO
    };
    let step = jittered(step, random).max(least);
    let wait = retry_after.map_or(step, |asked| {
        asked.clamp(step, (step * 2).max(LONGEST_ASKED))
    });
    Some(now + wait)
}

/// Early steps are short: an endpoint may ask for this much even then.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(1);

/// From four fifths to six fifths of it.
fn jittered(step: SignedDuration, random: u32) -> SignedDuration {
    let part = i64::from(random % 401) - 200;
    let milliseconds = i64::try_from(step.as_millis()).expect("a day at most");
    SignedDuration::from_millis(milliseconds + milliseconds * part / 1_000)
}

/// `Retry-After` as a header says it: seconds, or a date.
pub fn retry_after(header: &str, now: Timestamp) -> Option<SignedDuration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u32>() {
        return Some(SignedDuration::from_secs(i64::from(seconds)));
    }
    let date = jiff::fmt::rfc2822::parse(header).ok()?.timestamp();
    Some(date.duration_since(now).max(SignedDuration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;
    /// No jitter.
    const MIDDLE: u32 = 200;

    fn wait(attempts: u32, trouble: Trouble, asked: Option<i64>) -> Option<i64> {
        let asked = asked.map(SignedDuration::from_secs);
        let next = next(attempts, trouble, asked, NOW, MIDDLE);
        next.map(Timestamp::as_second)
    }

    #[test]
    fn ten_calls_in_seventy_five_hours() {
        let waits: Vec<_> = (1..)
            .map_while(|n| wait(n, Trouble::Refused, None))
            .collect();

        assert_eq!(waits.len(), 9);
        assert_eq!(waits[..3], [5, 300, 1_800]);
        assert_eq!(waits.iter().sum::<i64>(), 75 * 3_600 + 35 * 60 + 5);
    }

    #[test]
    fn an_endpoint_may_ask_for_time_but_not_for_ever() {
        for (name, attempts, trouble, asked, expected) in [
            ("nothing asked", 1, Trouble::Refused, None, 5),
            ("busy", 1, Trouble::Busy, None, 60),
            ("slow", 1, Trouble::TimedOut, None, 60),
            ("asked for less", 2, Trouble::Busy, Some(10), 300),
            ("asked for more", 1, Trouble::Busy, Some(90), 90),
            (
                "asked for a year",
                1,
                Trouble::Busy,
                Some(31_536_000),
                3_600,
            ),
            (
                "asked for a year, late",
                9,
                Trouble::Busy,
                Some(31_536_000),
                48 * 3_600,
            ),
        ] {
            assert_eq!(wait(attempts, trouble, asked), Some(expected), "{name}");
        }
    }

    #[test]
    fn jitter_is_a_fifth_each_way() {
        let step = SignedDuration::from_secs(100);

        let all = [0, 200, 400, 401].map(|random| jittered(step, random).as_secs());

        assert_eq!(all, [80, 100, 120, 80]);
    }

    #[test]
    fn only_2xx_is_success() {
        for (code, expected) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (301, Verdict::Failed(Trouble::Redirected)),
            (304, Verdict::Failed(Trouble::Redirected)),
            (400, Verdict::Failed(Trouble::Refused)),
            (410, Verdict::Gone),
            (429, Verdict::Failed(Trouble::Busy)),
            (500, Verdict::Failed(Trouble::Broken)),
            (503, Verdict::Failed(Trouble::Busy)),
            (101, Verdict::Failed(Trouble::Refused)),
        ] {
            let answered = Answered {
                code,
                retry_after: None,
            };

            assert_eq!(answered.verdict(), expected, "{code}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        for (header, expected) in [
            ("120", Some(120)),
            ("Sat, 28 Nov 2026 12:01:00 GMT", Some(60)),
            ("Sat, 28 Nov 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let found = retry_after(header, now).map(|wait| wait.as_secs());

            assert_eq!(found, expected, "{header}");
        }
    }
}
