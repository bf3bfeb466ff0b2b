//! When a campaign is to go out, as requests say it and as answers show it.

use carillon_core::{
    campaign::Policies,
    moment::{Moment, by_clock},
    zones::Zone,
};
use carillon_runtime::problem::Problem;
use jiff::{Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check;

/// One moment for everybody (`at`), or a time by each recipient's clock (`local`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// With `Z` or an offset; with `time_zone` beside it, without: `2026-12-24T10:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The clock of `at`, such as `Europe/Paris`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Without an offset: `2026-12-24T10:00`. A number that may be in several zones waits for the last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
}

impl From<Moment> for Schedule {
    fn from(moment: Moment) -> Self {
        match moment {
            Moment::At(at) => Self {
                at: Some(at.to_string()),
                ..Self::default()
            },
            Moment::Local(local) => Self {
                local: Some(local.to_string()),
                ..Self::default()
            },
        }
    }
}

impl Schedule {
    /// `under`: where its fields are in the request.
    pub fn check(&self, under: &str, now: Timestamp) -> Result<Moment, Problem> {
        let pointer = |field: &str| format!("{under}/{field}");
        match (&self.at, &self.time_zone, &self.local) {
            (Some(at), zone, None) => {
                let at = match zone {
                    None => absolute(&pointer("at"), at)?,
                    Some(zone) => by_zone(&pointer("at"), at, &pointer("time_zone"), zone)?,
                };
                Ok(Moment::At(check::time(&pointer("at"), at, now)?))
            }
            (None, None, Some(local)) => {
                let pointer = pointer("local");
                let moment = Moment::Local(civil(&pointer, local)?);
                let reached = [moment.first(), moment.last()];
                for time in reached {
                    let time =
                        time.ok_or_else(|| check::content(&pointer, &"no calendar has that time"))?;
                    check::time(&pointer, time, now)?;
                }
                Ok(moment)
            }
            _ => {
                let words = "give `at` (with an offset, or with `time_zone`) or `local`, not both and not neither";
                Err(check::content(&pointer("at"), &words))
            }
        }
    }
}

/// A moment of each recipient's own can't be spread over a time too. `pointer`: of the moment.
pub fn beside_pace(
    pointer: &str,
    moment: Option<Moment>,
    policies: &Policies,
) -> Result<(), Problem> {
    if moment.and_then(Moment::local).is_none() || policies.spread_over.is_none() {
        return Ok(());
    }
    let words = "a campaign goes by its recipients' clocks or is spread over a time, not both; take back one of them";
    Err(check::content(pointer, &words))
}

fn absolute(pointer: &str, text: &str) -> Result<Timestamp, Problem> {
    let words = "expected a time such as `2026-12-24T10:00:00Z`; without `Z` or an offset it needs `time_zone`";
    text.parse().map_err(|_| check::content(pointer, &words))
}

fn by_zone(pointer: &str, at: &str, zone_pointer: &str, zone: &str) -> Result<Timestamp, Problem> {
    let zone = Zone::parse(zone).map_err(|error| check::content(zone_pointer, &error))?;
    let beyond = || check::content(pointer, &"no calendar has that time");
    by_clock(civil(pointer, at)?, &zone.clock()).ok_or_else(beyond)
}

/// jiff reads a time with an offset too, and leaves the offset out: here that would be another time than the one that is meant.
fn civil(pointer: &str, text: &str) -> Result<DateTime, Problem> {
    let words = "expected a time without an offset, such as `2026-12-24T10:00`";
    let refused = || check::content(pointer, &words);
    if text.parse::<Timestamp>().is_ok() {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use carillon_core::batch::{DoubtPolicy, QuietHours};
    use serde_json::{Value, json};

    use super::*;

    fn checked(schedule: Value) -> Result<Schedule, String> {
        let now = "2026-11-28T12:00:00Z".parse().unwrap();
        let schedule: Schedule = serde_json::from_value(schedule).unwrap();
        let moment = schedule.check("/schedule", now).map_err(|problem| {
            let error = &problem.errors[0];
            format!("{}: {}", error.pointer, error.detail)
        })?;
        Ok(moment.into())
    }

    #[test]
    fn a_time_is_one_moment_or_each_recipients_own() {
        for (given, shown) in [
            (
                json!({"at": "2026-12-24T10:00:00Z"}),
                json!({"at": "2026-12-24T10:00:00Z"}),
            ),
            (
                json!({"at": "2026-12-24T10:00:00+01:00"}),
                json!({"at": "2026-12-24T09:00:00Z"}),
            ),
            (
                json!({"at": "2026-12-24T10:00", "time_zone": "europe/paris"}),
                json!({"at": "2026-12-24T09:00:00Z"}),
            ),
            (
                json!({"local": "2026-12-24T10:00"}),
                json!({"local": "2026-12-24T10:00:00"}),
            ),
        ] {
            let found = checked(given.clone()).map(|it| serde_json::to_value(it).unwrap());

            assert_eq!(found, Ok(shown), "{given}");
        }
    }

    #[test]
    fn what_is_no_time_or_two_is_refused_and_says_how_to_write_it() {
        for (given, pointer, words) in [
            (json!({}), "/schedule/at", "not both and not neither"),
            (
                json!({"at": "2026-12-24T10:00:00Z", "local": "2026-12-24T10:00"}),
                "/schedule/at",
                "not both",
            ),
            (
                json!({"at": "2026-12-24T10:00"}),
                "/schedule/at",
                "time_zone",
            ),
            (
                json!({"at": "2026-12-24T10:00", "time_zone": "Paris"}),
                "/schedule/time_zone",
                "IANA",
            ),
            (
                json!({"at": "2026-12-24T10:00:00Z", "time_zone": "Europe/Paris"}),
                "/schedule/at",
                "without an offset",
            ),
            (
                json!({"local": "2026-12-24T10:00:00+01:00"}),
                "/schedule/local",
                "without an offset",
            ),
            (
                json!({"at": "2026-11-28T11:59:00Z"}),
                "/schedule/at",
                "over",
            ),
            (
                json!({"local": "2026-11-28T23:00"}),
                "/schedule/local",
                "over",
            ),
            (
                json!({"local": "2027-12-24T10:00"}),
                "/schedule/local",
                "a year ahead",
            ),
        ] {
            let error = checked(given.clone()).unwrap_err();

            assert!(
                error.starts_with(pointer) && error.contains(words),
                "{given}: {error}"
            );
        }
    }

    #[test]
    fn everybodys_own_clock_and_a_pace_are_not_both() {
        let local = Moment::Local("2026-12-24T10:00".parse().unwrap());
        let at = Moment::At("2026-12-24T10:00:00Z".parse().unwrap());
        for (name, moment, spread_over, refused) in [
            ("a clock alone", Some(local), None, false),
            ("a pace alone", None, Some(3_600), false),
            ("a moment and a pace", Some(at), Some(3_600), false),
            ("both", Some(local), Some(3_600), true),
        ] {
            let policies = Policies {
                spread_over,
                ..policies()
            };

            let checked = beside_pace("/schedule/local", moment, &policies);

            assert_eq!(checked.is_err(), refused, "{name}");
        }
    }

    fn policies() -> Policies {
        Policies {
            doubt: DoubtPolicy::AtMostOnce,
            quiet_hours: QuietHours::Hold,
            valid_for: 7_200,
            spread_over: None,
        }
    }
}
