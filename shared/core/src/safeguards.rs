//! What an account lets leave, and what sending rules let leave now: looked at for each message, just before its window.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{
    batch::QuietHours,
    chunk::slot::SlotOutcome,
    hours::{Hours, Opening, Week},
    id::{AccountId, CampaignId},
    limits::{
        destinations::Destinations,
        frequency::{self, FrequencyCap},
        spend::SpendCaps,
        switches::{Switches, killed},
    },
    moment::by_clock,
    originator::Originator,
    phone::Country,
    reason::Reason,
    retention::Retention,
    rules::Class,
    zones::Zone,
};

/// An account's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Safeguards {
    pub account: AccountId,
    /// Where its hours, days and months begin. `None`: UTC.
    #[serde(default)]
    pub time_zone: Option<Zone>,
    pub destinations: Destinations,
    #[serde(default)]
    pub switches: Switches,
    /// Narrower than the rules' sending hours, by the recipient's clock.
    #[serde(default)]
    pub hours: Option<Week>,
    #[serde(default)]
    pub spend: Spending,
    /// Marketing to one number, at most.
    #[serde(default = "usual_frequency")]
    pub frequency: Vec<FrequencyCap>,
    /// Whether one-time passwords are kept from going too often to one number or one block of numbers.
    #[serde(default = "on")]
    pub velocity: bool,
    /// Whether marketing goes to those only who agreed to it.
    #[serde(default)]
    pub marketing_needs_consent: NeedsConsent,
    #[serde(default)]
    pub retention: Retention,
    /// Counts its edits; 0 is one that was never written.
    pub version: u32,
}

/// What becomes of marketing to a number without a consent record that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedsConsent {
    /// It is sent: consents are kept elsewhere.
    #[default]
    Off,
    /// It isn't sent.
    Skip,
}

/// In all, and to some countries.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spending {
    #[serde(default)]
    pub account: SpendCaps,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub countries: BTreeMap<Country, SpendCaps>,
}

fn usual_frequency() -> Vec<FrequencyCap> {
    frequency::DEFAULT.to_vec()
}

const fn on() -> bool {
    true
}

/// Whether a message may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Go,
    /// Not before then, for this reason.
    Wait(Timestamp, Reason),
    /// Never.
    End(SlotOutcome, Reason),
}

/// What of a message the verdict depends on.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub class: Class,
    pub country: Option<Country>,
    /// What its sending hours go by; `None` where they can't be read.
    pub hours: Option<&'a Hours>,
    pub sender: Option<&'a Originator>,
    pub campaign: Option<CampaignId>,
    pub quiet_hours: QuietHours,
    /// Not before this time by the recipient's clock.
    pub local: Option<DateTime>,
}

impl Safeguards {
    /// Of an account that has said nothing yet: nowhere may be sent to.
    pub fn of(account: AccountId) -> Self {
        Self {
            account,
            time_zone: None,
            destinations: Destinations::default(),
            switches: Switches::default(),
            hours: None,
            spend: Spending::default(),
            frequency: usual_frequency(),
            velocity: on(),
            marketing_needs_consent: NeedsConsent::Off,
            retention: Retention::default(),
            version: 0,
        }
    }

    pub fn clock(&self) -> TimeZone {
        self.time_zone.map_or(TimeZone::UTC, Zone::clock)
    }

    pub fn verdict(&self, subject: &Subject<'_>, now: Timestamp) -> Verdict {
        let Subject {
            class,
            country,
            hours,
            sender,
            campaign,
            quiet_hours,
            local,
        } = *subject;
        if killed(&self.switches, country, sender, campaign).is_some() {
            return Verdict::End(SlotOutcome::Suppressed, Reason::KillSwitch);
        }
        if !self.destinations.allow(country) {
            return Verdict::End(SlotOutcome::Suppressed, Reason::GeoBlocked);
        }
        if let Some(time) = local
            .and_then(|local| self.reach(local, hours))
            .filter(|time| *time > now)
        {
            return Verdict::Wait(time, Reason::LocalTime);
        }
        let too_late = Verdict::End(SlotOutcome::Expired, Reason::QuietExpired);
        let opening = match (class, hours) {
            (Class::Transactional, _) => Opening::Open,
            (Class::Marketing, Some(hours)) => hours.open(class, self.hours.as_ref(), now),
            (Class::Marketing, None) => Opening::Never,
        };
        match (opening, quiet_hours) {
            (Opening::Open, _) => Verdict::Go,
            (Opening::ClosedUntil(until), QuietHours::Hold) => {
                Verdict::Wait(until, Reason::QuietHours)
            }
            (Opening::ClosedUntil(_), QuietHours::Skip) | (Opening::Never, _) => too_late,
        }
    }

    /// When it is that time for a recipient; by the account's clock where nobody knows theirs.
    fn reach(&self, local: DateTime, hours: Option<&Hours>) -> Option<Timestamp> {
        let theirs = hours.and_then(|hours| hours.reach(local));
        theirs.or_else(|| by_clock(local, &self.clock()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "acc_01h455vb4pex5vsknk084sn02q";
    const CAMPAIGN: &str = "cmp_01h455vb4pex5vsknk084sn02q";

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    fn safeguards() -> Safeguards {
        Safeguards {
            destinations: Destinations::only([country("GB"), country("FR")]),
            ..Safeguards::of(ACCOUNT.parse().unwrap())
        }
    }

    fn hours(key: &str) -> Hours {
        key.parse().unwrap()
    }

    fn subject<'a>(code: &str, hours: &'a Hours) -> Subject<'a> {
        Subject {
            class: Class::Marketing,
            country: Some(country(code)),
            hours: Some(hours),
            sender: None,
            campaign: None,
            quiet_hours: QuietHours::Hold,
            local: None,
        }
    }

    /// A Saturday, in summer time.
    fn at(time: &str) -> Timestamp {
        format!("2026-08-01T{time}:00Z").parse().unwrap()
    }

    #[test]
    fn marketing_waits_for_sending_hours_or_ends() {
        let british = hours("GB");
        let marketing = subject("GB", &british);
        let transactional = Subject {
            class: Class::Transactional,
            ..marketing
        };
        let skips = Subject {
            quiet_hours: QuietHours::Skip,
            ..marketing
        };
        let unreadable = Subject {
            hours: None,
            ..marketing
        };
        let too_late = Verdict::End(SlotOutcome::Expired, Reason::QuietExpired);
        let evening = "20:30";
        let next = "2026-08-02T07:00:00Z".parse().unwrap();
        for (name, subject, time, expected) in [
            ("by day", marketing, "12:00", Verdict::Go),
            (
                "at night",
                marketing,
                evening,
                Verdict::Wait(next, Reason::QuietHours),
            ),
            ("a password", transactional, evening, Verdict::Go),
            ("not kept", skips, evening, too_late),
            ("nobody knows when", unreadable, "12:00", too_late),
        ] {
            assert_eq!(safeguards().verdict(&subject, at(time)), expected, "{name}");
        }
    }

    #[test]
    fn a_time_by_the_recipients_clock_is_waited_for_and_hours_are_looked_at_then() {
        let (everywhere, nowhere) = (hours("AU"), hours("unknown"));
        let local = |time: &str, hours| Subject {
            local: Some(time.parse().unwrap()),
            ..subject("GB", hours)
        };
        let wait = |time: &str| Verdict::Wait(time.parse().unwrap(), Reason::LocalTime);
        let morning = "2026-08-02T10:00";
        for (name, subject, expected) in [
            (
                "the last of its clocks",
                local(morning, &everywhere),
                wait("2026-08-02T02:00:00Z"),
            ),
            (
                "the account's, where none is known",
                local(morning, &nowhere),
                wait("2026-08-02T10:00:00Z"),
            ),
            (
                "it has come, and it is night",
                local("2026-08-01T10:00", &everywhere),
                Verdict::Wait("2026-08-02T01:00:00Z".parse().unwrap(), Reason::QuietHours),
            ),
        ] {
            assert_eq!(
                safeguards().verdict(&subject, at("12:00")),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn an_accounts_own_hours_narrow_the_rules() {
        let british = hours("GB");
        let own = Safeguards {
            hours: Some(Week::parse([("mon-fri", "10:00-12:00")]).unwrap()),
            ..safeguards()
        };

        let verdict = own.verdict(&subject("GB", &british), at("12:00"));

        let monday = "2026-08-03T09:00:00Z".parse().unwrap();
        assert_eq!(verdict, Verdict::Wait(monday, Reason::QuietHours));
    }

    #[test]
    fn what_is_switched_off_or_not_allowed_never_leaves() {
        let british = hours("GB");
        let sender: Originator = "Acme".parse().unwrap();
        let password = Subject {
            class: Class::Transactional,
            sender: Some(&sender),
            campaign: Some(CAMPAIGN.parse().unwrap()),
            ..subject("GB", &british)
        };
        let switched = |switches: Switches| Safeguards {
            switches,
            ..safeguards()
        };
        let all = Switches {
            account: true,
            ..Switches::default()
        };
        let names = Switches {
            senders: ["ACME".to_owned()].into(),
            ..Switches::default()
        };
        let elsewhere = Switches {
            countries: [country("FR")].into(),
            ..Switches::default()
        };
        let german = Subject {
            country: Some(country("DE")),
            ..password
        };
        let satellite = Subject {
            country: None,
            ..password
        };
        let stopped = Verdict::End(SlotOutcome::Suppressed, Reason::KillSwitch);
        let refused = Verdict::End(SlotOutcome::Suppressed, Reason::GeoBlocked);
        for (name, safeguards, subject, expected) in [
            ("nothing", safeguards(), password, Verdict::Go),
            ("all", switched(all), password, stopped),
            ("its sender", switched(names), password, stopped),
            (
                "another country",
                switched(elsewhere),
                password,
                Verdict::Go,
            ),
            (
                "a country that is not allowed",
                safeguards(),
                german,
                refused,
            ),
            ("no country", safeguards(), satellite, refused),
        ] {
            let verdict = safeguards.verdict(&subject, at("12:00"));

            assert_eq!(verdict, expected, "{name}");
        }
    }

    #[test]
    fn who_said_nothing_may_send_nowhere() {
        let said = serde_json::to_string(&safeguards()).unwrap();
        let british = hours("GB");
        let nobody = Safeguards::of(ACCOUNT.parse().unwrap());

        let verdict = nobody.verdict(&subject("GB", &british), at("12:00"));

        let refused = Verdict::End(SlotOutcome::Suppressed, Reason::GeoBlocked);
        assert_eq!(verdict, refused);
        assert_eq!(
            serde_json::from_str::<Safeguards>(&said).unwrap(),
            safeguards()
        );
    }
}
