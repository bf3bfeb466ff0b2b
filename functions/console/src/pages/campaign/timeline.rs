//! When a campaign's messages left and came to their ends: how many so far, as lines.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::{
    chart::{self, Line},
    console::Console,
    pages::error::Refused,
    signed_in::SignedIn,
    ui::{self, Html},
};

#[derive(Debug, Deserialize)]
struct Timeline {
    step_seconds: i64,
    columns: Vec<Events>,
    later: Events,
    counted: u64,
    accepted: u64,
}

#[derive(Debug, Deserialize)]
struct Events {
    sent: u64,
    delivered: u64,
    failed: u64,
}

pub struct Shown {
    pub chart: Html,
    /// What the lines leave out.
    pub hint: Option<String>,
}

/// `None` where nothing has happened yet.
pub async fn timeline(
    console: &Console,
    who: &SignedIn,
    campaign: &str,
) -> Result<Option<Shown>, Refused> {
    let timeline: Timeline = console.get(who, &format!("{campaign}/timeline")).await?;
    Ok(timeline.shown())
}

impl Timeline {
    fn shown(&self) -> Option<Shown> {
        let line = |label, tone, of: fn(&Events) -> u64| Line {
            label,
            tone,
            added: self.columns.iter().map(of).collect(),
        };
        let lines = [
            line("left", "busy", |it| it.sent),
            line("delivered", "good", |it| it.delivered),
            line("failed", "bad", |it| it.failed),
        ];
        let happened = lines.iter().flat_map(|line| &line.added).any(|it| *it > 0);
        let ends: Vec<String> = (1..)
            .map(|step| self.end(step))
            .take(self.columns.len())
            .collect();
        happened.then(|| Shown {
            chart: chart::lines("Messages over time", "start", &ends, &lines),
            hint: self.hint(),
        })
    }

    /// Of a column, from when the first message could leave.
    fn end(&self, step: i64) -> String {
        match step.saturating_mul(self.step_seconds) {
            seconds @ ..60 => format!("{seconds} s"),
            seconds if seconds < 3_600 && seconds % 60 != 0 => {
                format!("{} min {} s", seconds / 60, seconds % 60)
            }
            seconds => ui::duration(SignedDuration::from_secs(seconds)),
        }
    }

    fn hint(&self) -> Option<String> {
        let mut said = Vec::new();
        if self.counted < self.accepted {
            said.push(format!(
                "Of {} of {} messages, evenly taken.",
                ui::count(self.counted),
                ui::count(self.accepted)
            ));
        }
        let Events {
            sent,
            delivered,
            failed,
        } = self.later;
        let later = sent + delivered + failed;
        if later > 0 {
            let came = ui::plural(later, "event came", "events came");
            said.push(format!("{came} later than shown here."));
        }
        (!said.is_empty()).then(|| said.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(sent: u64, delivered: u64) -> Events {
        Events {
            sent,
            delivered,
            failed: 0,
        }
    }

    #[test]
    fn a_share_and_what_came_later_are_said() {
        let timeline = Timeline {
            step_seconds: 30,
            columns: vec![events(3, 0), events(0, 2), events(0, 0)],
            later: events(0, 1),
            counted: 200_000,
            accepted: 1_000_000,
        };

        let shown = timeline.shown().unwrap();

        let chart = shown.chart.to_string();
        for words in ["30 s", "1 min", "1 min 30 s", "<title>delivered: 2</title>"] {
            assert!(chart.contains(words), "{words}: {chart}");
        }
        let hint =
            "Of 200,000 of 1,000,000 messages, evenly taken. 1 event came later than shown here.";
        assert_eq!(shown.hint.as_deref(), Some(hint));
    }

    #[test]
    fn where_nothing_has_happened_there_is_no_chart() {
        let timeline = Timeline {
            step_seconds: 1,
            columns: vec![events(0, 0)],
            later: events(0, 0),
            counted: 5,
            accepted: 5,
        };

        assert!(timeline.shown().is_none());
    }
}
