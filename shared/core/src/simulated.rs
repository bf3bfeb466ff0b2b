//! The gateway of test keys: no HTTP, only a table. What a number answers depends on its last digits, +1 500 555 00xx.

use jiff::SignedDuration;

use crate::{outcome::Outcome, phone::Phone, reason::Reason, report::ReportWord};

/// +1 500 555 0000: the last two digits of a number of this block say what happens to it.
const BLOCK: u64 = 15_005_550_000;

/// What a simulated message comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    pub outcome: Outcome,
    /// In the order in which they are sent, which need not be the order of a message's life.
    pub reports: Vec<SimulatedReport>,
    pub inbound: Option<SimulatedInbound>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedReport {
    /// From the outcome.
    pub after: SignedDuration,
    pub word: ReportWord,
    pub reason: Option<Reason>,
}

/// What the recipient answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedInbound {
    /// From the outcome.
    pub after: SignedDuration,
    pub text: &'static str,
}

/// `last` is why the call before this one left the message unsent, where there was one: a number that throttles does so once.
pub fn simulate(to: Phone, last: Option<Reason>) -> Simulation {
    use ReportWord as Word;
    let first = last != Some(Reason::Throttled);
    match to.digits().wrapping_sub(BLOCK) {
        1 | 9 => refused(Reason::BadNumber),
        2 => refused(Reason::NoRoute),
        3 => refused(Reason::GeoBlocked),
        4 => refused(Reason::OptedOut),
        11 => reported(&[(2, Word::Undelivered, Some(Reason::Absent))]),
        12 => reported(&[(2, Word::Expired, Some(Reason::InNetwork))]),
        13 => reported(&[]),
        14 => reported(&[(2, Word::Delivered, None), (3, Word::Delivered, None)]),
        15 => reported(&[(2, Word::Delivered, None), (4, Word::Sent, None)]),
        16 => without_reports(Outcome::Doubt),
        17 => replied("STOP"),
        18 => replied("HELP"),
        19 if first => throttled(1),
        // Out of the sending hours, for five seconds.
        20 if first => throttled(5),
        21 => refused(Reason::FraudSuspected),
        22 => refused(Reason::Budget),
        _ => delivered(),
    }
}

fn delivered() -> Simulation {
    reported(&[(2, ReportWord::Delivered, None)])
}

/// Accepted, then these reports: seconds from the outcome, word, reason.
fn reported(reports: &[(i64, ReportWord, Option<Reason>)]) -> Simulation {
    let reports = reports
        .iter()
        .map(|(seconds, word, reason)| SimulatedReport {
            after: SignedDuration::from_secs(*seconds),
            word: *word,
            reason: *reason,
        });
    Simulation {
        outcome: Outcome::Accepted { provider_id: None },
        reports: reports.collect(),
        inbound: None,
    }
}

fn replied(text: &'static str) -> Simulation {
    let after = SignedDuration::from_secs(3);
    Simulation {
        inbound: Some(SimulatedInbound { after, text }),
        ..delivered()
    }
}

fn refused(reason: Reason) -> Simulation {
    without_reports(Outcome::Refused(reason))
}

fn throttled(seconds: i64) -> Simulation {
    let after = Some(SignedDuration::from_secs(seconds));
    without_reports(Outcome::Throttled { after })
}

const fn without_reports(outcome: Outcome) -> Simulation {
    Simulation {
        outcome,
        reports: Vec::new(),
        inbound: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: &str, last: Option<Reason>) -> String {
        let simulation = simulate(Phone::from_e164(number).unwrap(), last);
        let outcome = match simulation.outcome {
            Outcome::Accepted { .. } => "accepted".to_owned(),
            Outcome::Refused(reason) => reason.to_string(),
            Outcome::Throttled { after } => format!("throttled {}", after.unwrap().as_secs()),
            Outcome::Doubt => "doubt".to_owned(),
            other => panic!("{other:?}"),
        };
        let reports = simulation.reports.iter().map(|report| {
            let reason = report.reason.map_or("", Reason::code);
            format!(", {} {:?} {reason}", report.after.as_secs(), report.word)
        });
        let reply = simulation.inbound.map(|reply| format!(", {}", reply.text));
        format!(
            "{outcome}{}{}",
            reports.collect::<String>().trim_end(),
            reply.unwrap_or_default()
        )
    }

    #[test]
    fn each_magic_number_does_its_trick() {
        for (name, number, expected) in [
            ("invalid", "+15005550001", "validation.bad_number"),
            ("unroutable", "+15005550002", "gateway.no_route"),
            ("country not allowed", "+15005550003", "policy.geo_blocked"),
            ("opted out", "+15005550004", "policy.opted_out"),
            ("not SMS-capable", "+15005550009", "validation.bad_number"),
            ("delivered", "+15005550010", "accepted, 2 Delivered"),
            (
                "undelivered",
                "+15005550011",
                "accepted, 2 Undelivered handset.absent",
            ),
            (
                "expired",
                "+15005550012",
                "accepted, 2 Expired expiry.in_network",
            ),
            ("no report", "+15005550013", "accepted"),
            (
                "reported twice",
                "+15005550014",
                "accepted, 2 Delivered , 3 Delivered",
            ),
            (
                "out of order",
                "+15005550015",
                "accepted, 2 Delivered , 4 Sent",
            ),
            ("ambiguous", "+15005550016", "doubt"),
            (
                "replies STOP",
                "+15005550017",
                "accepted, 2 Delivered, STOP",
            ),
            (
                "replies HELP",
                "+15005550018",
                "accepted, 2 Delivered, HELP",
            ),
            ("throttled", "+15005550019", "throttled 1"),
            ("outside the hours", "+15005550020", "throttled 5"),
            ("fraud", "+15005550021", "policy.fraud_suspected"),
            ("over the cap", "+15005550022", "policy.budget"),
            (
                "a neighbour of the block",
                "+15005550099",
                "accepted, 2 Delivered",
            ),
            ("below the block", "+15005549999", "accepted, 2 Delivered"),
            ("any other number", "+447700900123", "accepted, 2 Delivered"),
        ] {
            assert_eq!(shown(number, None), expected, "{name}");
        }
    }

    #[test]
    fn what_was_throttled_goes_through_the_next_time() {
        for number in ["+15005550019", "+15005550020"] {
            assert_eq!(
                shown(number, Some(Reason::Throttled)),
                "accepted, 2 Delivered",
                "{number}"
            );
        }
    }
}
