//! A campaign as its own document says it: to whom, what, when, how fast, and what becomes of what can't leave. In the words of people.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use serde::Deserialize;

use crate::ui::{self, Html};

#[derive(Debug, Clone, Deserialize)]
pub struct Planned {
    pub name: String,
    pub audience: Audience,
    pub content: Content,
    pub sender: Option<String>,
    pub lane: String,
    pub class: String,
    pub schedule: Option<Schedule>,
    pub policies: Policies,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Audience {
    Inline {
        recipients: u64,
    },
    Upload {
        upload: String,
        default_country: Option<String>,
        phone_column: Option<String>,
    },
    Contacts {
        lists: Vec<String>,
        segments: Vec<String>,
        exclude_lists: Vec<String>,
        exclude_segments: Vec<String>,
    },
    FailedOf {
        campaign: String,
        messages: u64,
    },
}

#[derive(Debug, Clone, Deserialize)]
pub struct Content {
    pub text: Option<String>,
    pub template: Option<TemplateOf>,
    pub encoding: Option<String>,
    pub links: Option<Links>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct TemplateOf {
    pub id: String,
    /// Left out, it is the newest.
    pub version: Option<u32>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Links {
    pub track: bool,
    /// Seconds.
    pub valid_for: Option<i64>,
}

/// One of the two.
#[derive(Debug, Clone, Deserialize)]
pub struct Schedule {
    pub at: Option<Timestamp>,
    pub local: Option<DateTime>,
}

impl Schedule {
    pub fn when(&self) -> Html {
        match (self.at, self.local) {
            (Some(at), _) => ui::time(at),
            (None, Some(local)) => Html::new(format!(
                "{}, by each recipient's clock",
                day_and_time(local)
            )),
            (None, None) => Html::default(),
        }
    }
}

/// As the API answers, none is left out but the pace.
#[derive(Debug, Clone, Deserialize)]
pub struct Policies {
    pub doubt: String,
    pub quiet_hours: String,
    pub valid_for: i64,
    pub spread_over: Option<i64>,
}

/// What lists, segments and templates are called.
pub type Names = BTreeMap<String, String>;

/// A line of the review: what it is about, and a sentence.
pub struct Line {
    pub about: &'static str,
    pub words: String,
}

impl Planned {
    pub fn kind(&self) -> &'static str {
        match self.class.as_str() {
            "transactional" => "Service",
            _ => "Marketing",
        }
    }

    pub fn tracks_links(&self) -> bool {
        self.content.links.is_some_and(|links| links.track)
    }

    /// All of it, in the order in which somebody would ask. `clock`: the account's.
    pub fn lines(&self, names: &Names, clock: &TimeZone) -> Vec<Line> {
        let line = |about, words| Line { about, words };
        let mut lines = vec![
            line("To", self.audience.words(names)),
            line("Leaves", self.leaves(clock)),
            line("Pace", self.pace()),
            line("Sending hours", self.hours()),
            line("Too late", self.too_late()),
            line("Sender", self.from()),
            line("Priority", self.priority().to_owned()),
            line("If no answer comes", self.doubt().to_owned()),
            line("Links", self.links().to_owned()),
        ];
        if self.content.encoding.as_deref() == Some("smart") {
            let words = "Characters that make a message dearer are swapped for plain ones.";
            lines.push(line("Characters", words.to_owned()));
        }
        lines
    }

    fn leaves(&self, clock: &TimeZone) -> String {
        match &self.schedule {
            None => "As soon as you start it.".to_owned(),
            Some(Schedule { at: Some(at), .. }) => format!("{}.", moment(*at, clock)),
            Some(Schedule { local, .. }) => local.map_or_else(String::new, |local| {
                format!("{}, by each recipient's own clock.", day_and_time(local))
            }),
        }
    }

    pub fn pace(&self) -> String {
        match self.policies.spread_over {
            Some(over) => format!("Spread evenly over {}.", length(over)),
            None => "As fast as the gateways take it.".to_owned(),
        }
    }

    fn hours(&self) -> String {
        if self.class != "marketing" {
            return "Leaves at any hour: it is a service message.".to_owned();
        }
        let missed = match self.policies.quiet_hours.as_str() {
            "skip" => "What meets closed hours is not sent at all.",
            _ => "What meets closed hours waits until they open.",
        };
        format!("Only in the hours of each recipient's country, by their clock. {missed}")
    }

    fn too_late(&self) -> String {
        let valid_for = length(self.policies.valid_for);
        format!("What has not left {valid_for} after its start is never sent.")
    }

    fn from(&self) -> String {
        let own = "Whatever the route or gateway uses.";
        let sender = self.sender.as_ref();
        sender.map_or_else(|| own.to_owned(), |sender| format!("{sender}."))
    }

    fn priority(&self) -> &'static str {
        match self.lane.as_str() {
            "high" => "Before everything else, one-time passwords too.",
            "normal" => "Before other campaigns.",
            _ => "After one-time passwords and single messages, as campaigns go.",
        }
    }

    fn doubt(&self) -> &'static str {
        match self.policies.doubt.as_str() {
            "at_least_once" => "It is sent once more: somebody may get it twice.",
            _ => "It is not sent again: nobody gets it twice.",
        }
    }

    fn links(&self) -> &'static str {
        if self.tracks_links() {
            "Addresses become short links, and you see who opens them."
        } else {
            "Addresses stay as they are written; clicks are not counted."
        }
    }
}

impl Audience {
    fn words(&self, names: &Names) -> String {
        match self {
            Self::Inline { recipients } => {
                let numbers = ui::plural(recipients, "number", "numbers");
                format!("{numbers} that you pasted.")
            }
            Self::Upload { .. } => "Everybody in the file that you uploaded.".to_owned(),
            Self::FailedOf { messages, .. } => {
                let messages = ui::plural(messages, "message", "messages");
                format!("{messages} of an earlier campaign that did not get through.")
            }
            Self::Contacts {
                lists,
                segments,
                exclude_lists,
                exclude_segments,
            } => {
                let wanted = places(lists, segments, names);
                let refused = places(exclude_lists, exclude_segments, names);
                if refused.is_empty() {
                    format!("Everybody {}.", joined(&wanted, "or"))
                } else {
                    let (wanted, refused) = (joined(&wanted, "or"), joined(&refused, "or"));
                    format!("Everybody {wanted}, but nobody {refused}.")
                }
            }
        }
    }

    /// The ids of what has a name.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let ids: [&[String]; 4] = match self {
            Self::Contacts {
                lists,
                segments,
                exclude_lists,
                exclude_segments,
            } => [lists, segments, exclude_lists, exclude_segments],
            _ => [&[], &[], &[], &[]],
        };
        ids.into_iter().flatten().map(String::as_str)
    }
}

fn places(lists: &[String], segments: &[String], names: &Names) -> Vec<String> {
    let named = |id: &String| names.get(id).unwrap_or(id).clone();
    let lists = lists
        .iter()
        .map(|id| format!("on the list “{}”", named(id)));
    let segments = segments
        .iter()
        .map(|id| format!("in the segment “{}”", named(id)));
    lists.chain(segments).collect()
}

fn joined(words: &[String], last: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., one] => format!("{} {last} {one}", rest.join(", ")),
    }
}

/// `Thursday, 24 December 2026, 10:00 (Europe/Paris)`.
pub fn moment(at: Timestamp, clock: &TimeZone) -> String {
    let here = at.to_zoned(clock.clone());
    let zone = clock.iana_name().unwrap_or("UTC");
    format!("{} ({zone})", day_and_time(here.datetime()))
}

pub fn day_and_time(time: DateTime) -> String {
    time.strftime("%A, %-d %B %Y, %H:%M").to_string()
}

/// Exact, unlike `ui::duration`: somebody chose it.
fn length(seconds: i64) -> String {
    let whole = |unit: i64| (seconds % unit == 0).then(|| (seconds / unit).unsigned_abs());
    if let Some(days) = whole(86_400) {
        return ui::plural(days, "day", "days");
    }
    if let Some(hours) = whole(3_600) {
        return ui::plural(hours, "hour", "hours");
    }
    if let Some(minutes) = whole(60) {
        return ui::plural(minutes, "minute", "minutes");
    }
    ui::duration(SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn planned(more: &Value) -> Planned {
        let mut document = json!({
            "name": "Spring", "lane": "low", "class": "marketing", "sender": "ACME",
            "audience": {"type": "contacts", "lists": ["lst_1"], "segments": ["seg_1", "seg_2"], "exclude_lists": [], "exclude_segments": ["seg_3"]},
            "content": {"text": "Hi", "links": {"track": true}},
            "policies": {"doubt": "at_most_once", "quiet_hours": "hold", "valid_for": 259_200},
        });
        let fields = document.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    fn said(planned: &Planned, about: &str) -> String {
        let names = [("lst_1", "VIPs"), ("seg_1", "Paris"), ("seg_3", "Staff")];
        let names = names.map(|(id, name)| (id.to_owned(), name.to_owned()));
        let clock = TimeZone::get("Europe/Paris").unwrap();
        let lines = planned.lines(&Names::from(names), &clock);
        let line = lines.into_iter().find(|line| line.about == about);
        line.unwrap().words
    }

    #[test]
    fn a_plan_is_told_as_people_tell_it() {
        let policies = |more: Value| {
            let mut policies =
                json!({"doubt": "at_most_once", "quiet_hours": "hold", "valid_for": 3_600});
            policies
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({"policies": policies})
        };
        for (name, more, about, expected) in [
            (
                "names, and ids without one",
                json!({}),
                "To",
                "Everybody on the list “VIPs”, in the segment “Paris” or in the segment “seg_2”, but nobody in the segment “Staff”.",
            ),
            ("at once", json!({}), "Leaves", "As soon as you start it."),
            (
                "a moment, by the account's clock",
                json!({"schedule": {"at": "2026-12-24T09:00:00Z"}}),
                "Leaves",
                "Thursday, 24 December 2026, 10:00 (Europe/Paris).",
            ),
            (
                "everybody's own clock",
                json!({"schedule": {"local": "2026-12-24T10:00:00"}}),
                "Leaves",
                "Thursday, 24 December 2026, 10:00, by each recipient's own clock.",
            ),
            (
                "spread",
                policies(json!({"spread_over": 5_400})),
                "Pace",
                "Spread evenly over 90 minutes.",
            ),
            (
                "closed hours",
                policies(json!({"quiet_hours": "skip"})),
                "Sending hours",
                "Only in the hours of each recipient's country, by their clock. What meets closed hours is not sent at all.",
            ),
            (
                "a service message",
                json!({"class": "transactional"}),
                "Sending hours",
                "Leaves at any hour: it is a service message.",
            ),
            (
                "validity",
                json!({}),
                "Too late",
                "What has not left 3 days after its start is never sent.",
            ),
        ] {
            assert_eq!(said(&planned(&more), about), expected, "{name}");
        }
    }
}
