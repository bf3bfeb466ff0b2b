//! What an answer means by its HTTP status alone, for every gateway: where its body says nothing that its adapter knows.

use carillon_core::{outcome::Outcome, reason::Reason};
use http::{StatusCode, header};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use crate::Answer;

/// Longer waits are taken for this one: more is a mistake, or a ban that somebody has to look at.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// Never `Accepted`: that takes more than a status.
pub fn by_status(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        429 => Outcome::Throttled {
            after: retry_after(answer),
        },
        401 | 403 => Outcome::AccountTrouble(Reason::Auth),
        402 => Outcome::AccountTrouble(Reason::NoCredit),
        // It went to the wrong address, which a browser's next GET would mend and we don't follow.
        301 | 307 | 308 => Outcome::AccountTrouble(Reason::BadResponse),
        // It was too slow, or an earlier call with the same id is in the way: both may have been taken.
        408 | 409 => Outcome::Doubt,
        400..=499 => Outcome::Refused(Reason::BadRequest),
        // A 2xx that says nothing more, a redirect after the deed, a fault after the body.
        _ => Outcome::Doubt,
    }
}

/// Whether a call with this status may have been taken, if nothing in its body says no.
pub fn leaves_doubt(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

/// The wait that a `Retry-After` asks for: between a second and a day.
pub fn retry_after(answer: &Answer) -> Option<SignedDuration> {
    wait(answer.header(header::RETRY_AFTER.as_str())?, answer)
}

/// A wait in whole seconds, or until a date as HTTP writes it, seen from the answer's own `Date`.
pub fn wait(text: &str, answer: &Answer) -> Option<SignedDuration> {
    let text = text.trim();
    let asked = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that don't fit are a wait beyond all bounds.
        let seconds = (!text.is_empty()).then(|| text.parse().unwrap_or(i64::MAX))?;
        SignedDuration::from_secs(seconds)
    } else {
        let from = date(answer.header(header::DATE.as_str())?)?;
        date(text)?.duration_since(from)
    };
    Some(asked.clamp(SHORTEST_WAIT, LONGEST_WAIT))
}

fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::answer;

    #[test]
    fn each_status_has_its_meaning() {
        let throttled = Outcome::Throttled { after: None };
        for (status, expected) in [
            (200, Outcome::Doubt),
            (202, Outcome::Doubt),
            (204, Outcome::Doubt),
            (301, Outcome::AccountTrouble(Reason::BadResponse)),
            (302, Outcome::Doubt),
            (303, Outcome::Doubt),
            (307, Outcome::AccountTrouble(Reason::BadResponse)),
            (400, Outcome::Refused(Reason::BadRequest)),
            (401, Outcome::AccountTrouble(Reason::Auth)),
            (402, Outcome::AccountTrouble(Reason::NoCredit)),
            (403, Outcome::AccountTrouble(Reason::Auth)),
            (404, Outcome::Refused(Reason::BadRequest)),
            (408, Outcome::Doubt),
            (409, Outcome::Doubt),
            (415, Outcome::Refused(Reason::BadRequest)),
            (422, Outcome::Refused(Reason::BadRequest)),
            (429, throttled),
            (500, Outcome::Doubt),
            (503, Outcome::Doubt),
            (599, Outcome::Doubt),
            (999, Outcome::Doubt),
        ] {
            assert_eq!(by_status(&answer(status, &[], "")), expected, "{status}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (name, value, expected) in [
            ("seconds", "7", Some(7)),
            ("none at all", "0", Some(1)),
            ("for ever", "99999999999999999999999", Some(86_400)),
            ("a date", "Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("a date gone by", "Sun, 06 Nov 1994 08:00:00 GMT", Some(1)),
            ("negative", "-5", None),
            ("a fraction", "1.5", None),
            ("a word", "soon", None),
            ("nothing", "", None),
        ] {
            let answer = answer(429, &[date, ("retry-after", value)], "");
            let expected = expected.map(SignedDuration::from_secs);
            assert_eq!(retry_after(&answer), expected, "{name}");
        }
        let undated = answer(429, &[("retry-after", date.1)], "");
        assert_eq!(retry_after(&undated), None, "no date to count from");
    }
}
