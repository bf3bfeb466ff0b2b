//! What is counted in a report, and how it is shown.

use std::{borrow::Borrow, collections::BTreeMap};

use serde::Deserialize;

use crate::{
    money,
    ui::{self, Html, Part},
};

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Figures {
    pub accepted: u64,
    pub sent: u64,
    pub delivered: u64,
    pub clicked: u64,
    pub parts: u64,
    pub cost_micros: u64,
    pub without_price: u64,
    pub counts: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
pub struct Funnel {
    pub audience: u64,
    pub accepted: u64,
    pub sent: u64,
    pub delivered: u64,
    pub clicked: u64,
    pub replied: Option<u64>,
    pub opted_out: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub struct Latency {
    pub deliveries: u64,
    pub p50: Option<i64>,
    pub p90: Option<i64>,
    pub p99: Option<i64>,
}

/// One step of the funnel: how many came so far, of those of the step before.
pub struct Step {
    pub name: &'static str,
    pub count: u64,
    pub of: u64,
    pub tone: &'static str,
}

impl Step {
    pub fn bar(&self, all: impl Borrow<u64>) -> Html {
        ui::bar([Part::new(self.name, self.count, self.tone)], all)
    }
}

impl Figures {
    pub fn of<const N: usize>(&self, statuses: [&str; N]) -> u64 {
        let counts = statuses
            .iter()
            .filter_map(|status| self.counts.get(*status));
        counts.sum()
    }

    pub fn rate(&self) -> String {
        ui::percent(self.delivered, self.sent)
    }

    pub fn parts(&self) -> Vec<Part> {
        let failed = self.of(["undelivered", "failed", "expired"]);
        let (unclear, not_sent) = (self.of(["unknown"]), self.of(["suppressed", "cancelled"]));
        let ended = self.delivered + failed + unclear + not_sent;
        vec![
            Part::new("delivered", self.delivered, "good"),
            Part::new("on their way", self.accepted.saturating_sub(ended), "busy"),
            Part::new("failed", failed, "bad"),
            Part::new("unclear", unclear, "warn"),
            Part::new("not sent", not_sent, "quiet"),
        ]
    }

    pub fn bar(&self) -> Html {
        ui::bar(self.parts(), self.accepted)
    }

    pub fn cost(&self) -> String {
        let cost = money::shown(self.cost_micros);
        money::told(cost, self.cost_micros, self.without_price)
    }
}

impl Funnel {
    pub fn steps(&self) -> Vec<Step> {
        let step = |name, count, of, tone| Step {
            name,
            count,
            of,
            tone,
        };
        let mut steps = vec![
            step("Audience", self.audience, self.audience, "quiet"),
            step("Accepted", self.accepted, self.audience, "quiet"),
            step("Sent", self.sent, self.accepted, "busy"),
            step("Delivered", self.delivered, self.sent, "good"),
            step("Opened a link", self.clicked, self.delivered, "accent"),
        ];
        steps.extend(
            self.replied
                .map(|count| step("Wrote back", count, self.delivered, "accent")),
        );
        steps.extend(
            self.opted_out
                .map(|count| step("Opted out", count, self.delivered, "warn")),
        );
        steps
    }
}

impl Latency {
    /// Of so many of a hundred: an upper bound.
    fn within(seconds: Option<i64>) -> String {
        match seconds {
            None => "over a day".to_owned(),
            Some(seconds @ ..60) => format!("{seconds} s"),
            Some(seconds) => ui::duration(jiff::SignedDuration::from_secs(seconds)),
        }
    }

    pub fn median(&self) -> String {
        if self.deliveries == 0 {
            return "–".to_owned();
        }
        Self::within(self.p50)
    }

    pub fn most(&self) -> String {
        if self.deliveries == 0 {
            return "no deliveries yet".to_owned();
        }
        let (nine, all) = (Self::within(self.p90), Self::within(self.p99));
        format!("90% within {nine}, 99% within {all}")
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn figures(delivered: u64, sent: u64) -> Figures {
        Figures {
            accepted: sent,
            sent,
            delivered,
            parts: sent,
            counts: [("failed".to_owned(), sent - delivered)].into(),
            ..Figures::default()
        }
    }

    #[test]
    fn a_cost_without_prices_is_no_nought() {
        for (cost_micros, without_price, expected) in [
            (0, 0, "0"),
            (0, 3, "unknown"),
            (1_500_000, 3, "at least 1.5"),
        ] {
            let figures = Figures {
                cost_micros,
                without_price,
                ..figures(3, 3)
            };
            assert_eq!(figures.cost(), expected);
        }
    }
}
