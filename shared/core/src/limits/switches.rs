//! Kill switches: what is stopped at once, whatever else would allow it. `send` looks before each window.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{id::CampaignId, originator::Originator, phone::Country};

/// What an account has stopped. Nothing, as it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switches {
    /// Everything.
    #[serde(default)]
    pub account: bool,
    #[serde(default)]
    pub countries: BTreeSet<Country>,
    /// Senders as they are shown to recipients, in any letters: `ACME` stops `Acme` too.
    #[serde(default)]
    pub senders: BTreeSet<String>,
    #[serde(default)]
    pub campaigns: BTreeSet<CampaignId>,
}

/// Which switch it is, the widest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    Account,
    Country,
    Sender,
    Campaign,
}

/// The switch that stops a message to this country, from this sender, of this campaign.
pub fn killed(
    switches: &Switches,
    country: Option<Country>,
    sender: Option<&Originator>,
    campaign: Option<CampaignId>,
) -> Option<Switch> {
    let Switches {
        account,
        countries,
        senders,
        campaigns,
    } = switches;
    let is_sender = |sender: &Originator| {
        let mut stopped = senders.iter();
        stopped.any(|stopped| stopped.eq_ignore_ascii_case(sender.as_str()))
    };
    if *account {
        Some(Switch::Account)
    } else if country.is_some_and(|country| countries.contains(&country)) {
        Some(Switch::Country)
    } else if sender.is_some_and(is_sender) {
        Some(Switch::Sender)
    } else if campaign.is_some_and(|campaign| campaigns.contains(&campaign)) {
        Some(Switch::Campaign)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_switch_is_named() {
        let country = |code| Country::parse(code).unwrap();
        let campaign = |last| {
            format!("cmp_01h455vb4pex5vsknk084sn02{last}")
                .parse()
                .unwrap()
        };
        let switches = Switches {
            account: false,
            countries: [country("NG")].into(),
            senders: ["Acme".to_owned(), "+447700900123".to_owned()].into(),
            campaigns: [campaign("q")].into(),
        };
        let all = Switches {
            account: true,
            ..switches.clone()
        };
        for (name, switches, to, sender, of, expected) in [
            (
                "nothing stopped",
                &Switches::default(),
                Some("NG"),
                Some("Acme"),
                Some("q"),
                None,
            ),
            (
                "everything stopped",
                &all,
                Some("NG"),
                Some("Acme"),
                Some("q"),
                Some(Switch::Account),
            ),
            (
                "the country",
                &switches,
                Some("NG"),
                Some("Acme"),
                Some("q"),
                Some(Switch::Country),
            ),
            (
                "the sender, in other letters",
                &switches,
                Some("GB"),
                Some("ACME"),
                Some("q"),
                Some(Switch::Sender),
            ),
            (
                "a number as sender",
                &switches,
                Some("GB"),
                Some("+447700900123"),
                None,
                Some(Switch::Sender),
            ),
            (
                "the campaign",
                &switches,
                Some("GB"),
                Some("Other"),
                Some("q"),
                Some(Switch::Campaign),
            ),
            (
                "none of them",
                &switches,
                Some("GB"),
                Some("Other"),
                Some("r"),
                None,
            ),
            ("nothing known of it", &switches, None, None, None, None),
        ] {
            let sender: Option<Originator> = sender.map(|sender| sender.parse().unwrap());

            let which = killed(switches, to.map(country), sender.as_ref(), of.map(campaign));

            assert_eq!(which, expected, "{name}");
        }
    }

    #[test]
    fn what_was_stored_without_a_switch_has_it_off() {
        assert_eq!(
            serde_json::from_str::<Switches>("{}").unwrap(),
            Switches::default()
        );
    }
}
