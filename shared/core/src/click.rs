//! Who opened a tracked link: a person, or a program that looks at links before a person does; and by what device. Nothing of
//! the caller is kept but these two words.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::message_id::MessageId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    Phone,
    Tablet,
    Computer,
    Other,
}

/// What a request says of who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    pub device: Device,
    /// Previews of messengers, scanners of links, crawlers: kept, but not counted as clicks.
    pub is_program: bool,
}

/// A tracked link was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    pub message: MessageId,
    /// Which of its links, from 0.
    pub link: usize,
    pub at: Timestamp,
    pub visitor: Visitor,
    /// Tells requests of one moment apart.
    pub request: String,
}

/// What became of one link of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkClicks {
    /// By persons.
    pub clicks: u64,
    /// By devices of persons.
    pub devices: BTreeMap<Device, u64>,
    /// Opened by programs.
    pub programs: u64,
    people: HashSet<(u32, u8)>,
}

impl LinkClicks {
    pub fn add(&mut self, click: &Click) {
        if click.visitor.is_program {
            self.programs += 1;
            return;
        }
        self.clicks += 1;
        *self.devices.entry(click.visitor.device).or_default() += 1;
        self.people
            .insert((click.message.chunk, click.message.slot));
    }

    /// Recipients who opened it.
    pub fn recipients(&self) -> u64 {
        self.people.len() as u64
    }
}

impl Device {
    pub const ALL: [Self; 4] = [Self::Phone, Self::Tablet, Self::Computer, Self::Other];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Computer => "computer",
            Self::Other => "other",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|device| device.as_str() == word)
    }

    fn of(agent: &str) -> Self {
        let has = |word: &str| agent.contains(word);
        if has("ipad") || has("tablet") || has("kindle") || has("silk/") {
            Self::Tablet
        } else if has("iphone") || has("ipod") || has("mobile") || has("opera mini") {
            Self::Phone
        } else if has("android") {
            Self::Tablet
        } else if has("windows") || has("macintosh") || has("x11") || has("cros ") {
            Self::Computer
        } else {
            Self::Other
        }
    }
}

impl Visitor {
    /// By the headers `User-Agent` and `Sec-Purpose` (or `Purpose`), as far as they tell the truth.
    pub fn of(agent: Option<&str>, purpose: Option<&str>) -> Self {
        let agent = agent.unwrap_or_default().to_ascii_lowercase();
        let ahead = purpose.is_some_and(|purpose| {
            let purpose = purpose.to_ascii_lowercase();
            purpose.contains("prefetch") || purpose.contains("preview")
        });
        Self {
            device: Device::of(&agent),
            is_program: ahead || is_program(&agent),
        }
    }

    /// Whatever it says of itself.
    #[must_use]
    pub fn as_program(self) -> Self {
        Self {
            is_program: true,
            ..self
        }
    }
}

/// No browser calls itself nothing, or without `Mozilla/` (but for Opera Mini's old ones).
fn is_program(agent: &str) -> bool {
    let is_browser = agent.starts_with("mozilla/") || agent.starts_with("opera/");
    !is_browser || PROGRAMS.iter().any(|word| agent.contains(word)) || names_a_bot(agent)
}

/// A word that ends with `bot`, as in `Googlebot/2.1` or `AdsBot-Google`. Cubot makes phones.
fn names_a_bot(agent: &str) -> bool {
    agent.match_indices("bot").any(|(at, _)| {
        let next = agent[at + 3..].chars().next();
        let ends = next.is_none_or(|next| !next.is_ascii_alphabetic());
        ends && !agent[..at].ends_with("cu")
    })
}

/// Parts of what programs call themselves beside `Mozilla/`, in small letters, as their makers document them: crawlers and previews
/// of search engines and messengers, link scanners of mail and of safe browsing, headless browsers, and tools.
const PROGRAMS: [&str; 40] = [
    "crawler",
    "spider",
    "preview",
    "scanner",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-externalagent",
    "meta-externalfetcher",
    "whatsapp",
    "line-poker",
    "kakaotalk-scrap",
    "skypeuripreview",
    "slack-imgproxy",
    "discordapp",
    "pinterest/0.",
    "vkshare",
    "embedly",
    "google-safety",
    "google-read-aloud",
    "googleother",
    "google-inspectiontool",
    "mediapartners-google",
    "google web preview",
    "googleimageproxy",
    "yahoo! slurp",
    "proofpoint",
    "barracuda",
    "mimecast",
    "messagelabs",
    "symantec",
    "trendmicro",
    "safelinks",
    "microsoft office",
    "ms-office",
    "office existence",
    "headlesschrome",
    "phantomjs",
    "puppeteer",
    "playwright",
    "lighthouse",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// One on a line: `program` or a device, a tab, what it calls itself.
    const AGENTS: &str = include_str!("../data/user-agents.txt");

    #[test]
    fn programs_are_told_from_people_and_devices_from_each_other() {
        let mut seen = 0;
        for line in AGENTS.lines().filter(|line| !line.starts_with('#')) {
            let (expected, agent) = line.split_once('\t').expect("a word, a tab, an agent");
            let visitor = Visitor::of(Some(agent), None);

            let word = if visitor.is_program {
                "program"
            } else {
                visitor.device.as_str()
            };

            assert_eq!(word, expected, "{agent}");
            seen += 1;
        }
        assert!(seen > 80, "{seen} agents");
    }

    #[test]
    fn who_says_nothing_or_looks_ahead_is_a_program() {
        let person = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
        for (name, agent, purpose, expected) in [
            ("a person", Some(person), None, false),
            ("nothing", None, None, true),
            ("empty", Some(""), None, true),
            ("ahead", Some(person), Some("prefetch;prerender"), true),
            ("a preview", Some(person), Some("preview"), true),
            ("another purpose", Some(person), Some("other"), false),
        ] {
            assert_eq!(Visitor::of(agent, purpose).is_program, expected, "{name}");
        }
    }

    #[test]
    fn a_recipient_counts_once_and_programs_never() {
        let message: MessageId = "msg_01h455vb4pex5vsknk084sn02q000010".parse().unwrap();
        let click = |slot, is_program| Click {
            message: MessageId { slot, ..message },
            link: 0,
            at: Timestamp::UNIX_EPOCH,
            visitor: Visitor {
                device: Device::Phone,
                is_program,
            },
            request: String::new(),
        };
        let mut counted = LinkClicks::default();

        for (slot, is_program) in [(1, false), (1, false), (2, true), (3, false)] {
            counted.add(&click(slot, is_program));
        }

        assert_eq!(
            (counted.clicks, counted.recipients(), counted.programs),
            (3, 2, 1)
        );
        assert_eq!(counted.devices, [(Device::Phone, 3)].into());
    }
}
