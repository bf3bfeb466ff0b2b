//! What needs somebody: a line for each thing, and one for all campaigns that are paused, however many.

use super::{Account, DeadLetters, Gateway, Spending};
use crate::{form, pages::campaigns::Campaign, ui};

/// Campaigns that a line names; the others are counted.
const NAMED: usize = 5;

/// Something for somebody to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Attention {
    pub words: String,
    pub what_now: String,
    /// Where it is done, if that is one place.
    pub path: Option<String>,
    /// If those are several.
    pub places: Vec<Place>,
    /// Beyond those that are named.
    pub more: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub name: String,
    pub path: String,
}

impl Attention {
    fn new(words: impl Into<String>, what_now: &str) -> Self {
        Self {
            words: words.into(),
            what_now: what_now.to_owned(),
            ..Self::default()
        }
    }

    fn at(self, path: impl Into<String>) -> Self {
        let path = Some(path.into());
        Self { path, ..self }
    }
}

pub fn attention(
    account: &Account,
    gateways: &[Gateway],
    campaigns: &[Campaign],
    dead: &DeadLetters,
) -> Vec<Attention> {
    let stopped = account.switches.all.then(|| {
        Attention::new(
            "Sending is switched off for the whole account.",
            "Nothing leaves until an owner switches it on again.",
        )
        .at("/settings")
    });
    let warnings = account.warnings.iter();
    let warnings = warnings.map(|warning| Attention::new(form::sentence(&warning.words), ""));
    stopped
        .into_iter()
        .chain(gateways.iter().filter_map(unwell))
        .chain(paused(campaigns))
        .chain(undone(dead))
        .chain(nearly_spent(&account.spending))
        .chain(warnings)
        .collect()
}

fn unwell(gateway: &Gateway) -> Option<Attention> {
    let is_well = matches!(gateway.health.state.as_str(), "closed" | "healthy" | "ok");
    let words = "Messages go by other gateways where a route has some; the rest waits.";
    (gateway.enabled && !is_well).then(|| {
        let found = Attention::new(format!("{} is not well.", gateway.name), words);
        found.at(format!("/gateways/{}", gateway.id))
    })
}

fn paused(campaigns: &[Campaign]) -> Option<Attention> {
    let paused: Vec<_> = campaigns
        .iter()
        .filter(|it| it.status == "paused")
        .collect();
    let path = |campaign: &Campaign| format!("/campaigns/{}", campaign.id);
    match paused.as_slice() {
        [] => None,
        [one] => {
            let words = format!("{} is paused.", one.name);
            let found = Attention::new(words, "Resume it, or cancel what has not left.");
            Some(found.at(path(one)))
        }
        several => {
            let words = format!("{} campaigns are paused.", several.len());
            let found = Attention::new(words, "Resume them, or cancel what has not left:");
            let places = several.iter().take(NAMED).map(|it| Place {
                name: it.name.clone(),
                path: path(it),
            });
            Some(Attention {
                places: places.collect(),
                more: several.len().saturating_sub(NAMED),
                ..found
            })
        }
    }
}

fn undone(dead: &DeadLetters) -> Option<Attention> {
    let letters = u64::try_from(dead.data.len()).unwrap_or_default();
    let things = ui::plural(letters, "thing", "things");
    let more = if dead.next_cursor.is_some() {
        "More than "
    } else {
        ""
    };
    let words = "Nothing is lost: each can be sent again or let go.";
    let found = Attention::new(format!("{more}{things} could not be worked on."), words);
    (letters > 0).then(|| found.at("/dead-letters"))
}

fn nearly_spent(spending: &Spending) -> impl Iterator<Item = Attention> {
    let Spending {
        hour,
        day,
        month,
        reserved,
    } = spending;
    let caps = [
        ("this hour", *hour, reserved.hour),
        ("today", *day, reserved.day),
        ("this month", *month, reserved.month),
    ];
    let is_near = |cap: Option<u64>, spent: u64| {
        cap.is_some_and(|cap| spent.saturating_mul(10) >= cap.saturating_mul(8))
    };
    let near = caps
        .into_iter()
        .filter(move |(_, cap, spent)| is_near(*cap, *spent));
    near.map(|(when, ..)| {
        Attention::new(
            format!("Over 80% of what may be spent {when} is spent."),
            "What goes over the limit is not sent. An owner can raise it.",
        )
        .at("/settings/limits")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn campaigns(status: &str, count: usize) -> Vec<Campaign> {
        let campaign = |number: usize| {
            let document = json!({
                "id": "cmp_01h455vb4pex5vsknk084sn02q", "name": format!("Spring {number}"), "status": status, "test": false,
                "policies": {}, "created": "2026-11-28T12:00:00Z",
            });
            serde_json::from_value(document).unwrap()
        };
        (1..=count).map(campaign).collect()
    }

    #[test]
    fn many_paused_campaigns_are_one_line_with_a_way_to_each() {
        for (name, count, words, places, more) in [
            ("none", 0, None, 0, 0),
            ("one", 1, Some("Spring 1 is paused."), 0, 0),
            ("some", 3, Some("3 campaigns are paused."), 3, 0),
            ("many", 8, Some("8 campaigns are paused."), 5, 3),
        ] {
            let mut active = campaigns("running", 2);
            active.extend(campaigns("paused", count));

            let found = paused(&active);

            let said = found.as_ref().map(|it| it.words.as_str());
            assert_eq!(said, words, "{name}");
            let found = found.unwrap_or_default();
            assert_eq!((found.places.len(), found.more), (places, more), "{name}");
            let one = (count == 1).then(|| "/campaigns/cmp_01h455vb4pex5vsknk084sn02q".to_owned());
            assert_eq!(found.path, one, "{name}");
        }
    }

    #[test]
    fn a_limit_is_near_from_four_fifths_on() {
        for (cap, spent, expected) in [
            (None, 100, 0),
            (Some(100), 79, 0),
            (Some(100), 80, 1),
            (Some(0), 0, 1),
        ] {
            let document = json!({"hour": null, "day": cap, "month": null, "reserved": {"hour": 0, "day": spent, "month": 0}});
            let spending: Spending = serde_json::from_value(document).unwrap();

            assert_eq!(nearly_spent(&spending).count(), expected, "{cap:?} {spent}");
        }
    }
}
