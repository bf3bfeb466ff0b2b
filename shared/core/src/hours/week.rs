//! A week of hours, as clocks on the wall show them: a window a day, or none.

use std::{collections::BTreeMap, fmt};

use jiff::civil::Weekday;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: &str = "every day";
const MINUTES: u16 = 24 * 60;

/// From a minute of the day on, to another, which is outside already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: u16,
    pub to: u16,
}

/// From Monday on. Written as `{"mon-fri": "09:00-18:00", "sat": "10:00-17:00"}`; a day that isn't named is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Week([Option<Window>; 7]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableWeek {
    #[error("`{0}` is no day; write `mon` to `sun`, days in a row as `mon-fri`, or `every day`")]
    Day(String),
    #[error("`{0}` is named twice; write one window for each day")]
    Twice(&'static str),
    #[error(
        "`{0}` is no window; write two times of a day, such as `09:00-20:00`, the earlier first; `24:00` is midnight"
    )]
    Window(String),
}

impl Week {
    /// From days and windows as people write them.
    pub fn parse<'a>(
        days: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Week, UnreadableWeek> {
        let mut week = Week::default();
        for (days, window) in days {
            let window = Window::parse(window)?;
            for day in parse_days(days)? {
                if week.0[day].replace(window).is_some() {
                    return Err(UnreadableWeek::Twice(DAYS[day]));
                }
            }
        }
        Ok(week)
    }

    pub fn on(&self, day: Weekday) -> Option<Window> {
        let monday = usize::try_from(day.to_monday_zero_offset()).expect("it is 0 to 6");
        self.0[monday]
    }

    /// What is inside both.
    #[must_use]
    pub fn and(&self, other: &Week) -> Week {
        let day = |day: usize| self.0[day]?.and(other.0[day]?);
        Week(std::array::from_fn(day))
    }

    /// Closed every day.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl Window {
    fn parse(text: &str) -> Result<Window, UnreadableWeek> {
        let window = text.split_once('-').and_then(|(from, to)| {
            let window = Window {
                from: minute(from)?,
                to: minute(to)?,
            };
            (window.from < window.to).then_some(window)
        });
        window.ok_or_else(|| UnreadableWeek::Window(text.to_owned()))
    }

    fn and(self, other: Window) -> Option<Window> {
        let from = self.from.max(other.from);
        let to = self.to.min(other.to);
        (from < to).then_some(Window { from, to })
    }
}

/// `09:30` as minutes of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= MINUTES).then_some(minute)
}

fn parse_days(text: &str) -> Result<std::ops::RangeInclusive<usize>, UnreadableWeek> {
    let day = |text| DAYS.iter().position(|day| *day == text);
    let days = match text.split_once('-') {
        _ if text == EVERY_DAY => Some(0..=6),
        None => day(text).map(|day| day..=day),
        Some((first, last)) => day(first).zip(day(last)).map(|(first, last)| first..=last),
    };
    let days = days.filter(|days| !days.is_empty());
    days.ok_or_else(|| UnreadableWeek::Day(text.to_owned()))
}

/// `09:00-20:00`
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Window { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

/// A day an entry.
impl Serialize for Week {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let days = DAYS.iter().zip(self.0);
        serializer.collect_map(days.filter_map(|(day, window)| Some((day, window?.to_string()))))
    }
}

impl<'de> Deserialize<'de> for Week {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Week, D::Error> {
        let days = BTreeMap::<String, String>::deserialize(deserializer)?;
        let days = days
            .iter()
            .map(|(days, window)| (days.as_str(), window.as_str()));
        Week::parse(days).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(days: &[(&str, &str)]) -> Result<Week, UnreadableWeek> {
        Week::parse(days.iter().copied())
    }

    #[test]
    fn days_and_windows_are_read_or_said_to_be_wrong() {
        use UnreadableWeek::{Day, Twice, Window};

        let error = |days: &[(&str, &str)]| week(days).err();
        for (name, days, expected) in [
            ("nothing", &[][..], None),
            ("a day", &[("sat", "10:00-17:30")], None),
            ("to midnight", &[("every day", "00:00-24:00")], None),
            (
                "a range and a day",
                &[("mon-sat", "09:00-21:00"), ("sun", "12:00-21:00")],
                None,
            ),
            (
                "no day",
                &[("monday", "09:00-20:00")],
                Some(Day("monday".into())),
            ),
            (
                "days backwards",
                &[("sat-mon", "09:00-20:00")],
                Some(Day("sat-mon".into())),
            ),
            (
                "a day twice",
                &[("mon-fri", "09:00-20:00"), ("fri", "09:00-12:00")],
                Some(Twice("fri")),
            ),
            (
                "one time",
                &[("mon", "09:00")],
                Some(Window("09:00".into())),
            ),
            (
                "a window that is over before it begins",
                &[("mon", "20:00-09:00")],
                Some(Window("20:00-09:00".into())),
            ),
            (
                "an empty window",
                &[("mon", "09:00-09:00")],
                Some(Window("09:00-09:00".into())),
            ),
            (
                "more than a day",
                &[("mon", "09:00-24:01")],
                Some(Window("09:00-24:01".into())),
            ),
            (
                "sixty minutes",
                &[("mon", "09:60-20:00")],
                Some(Window("09:60-20:00".into())),
            ),
            (
                "a sign",
                &[("mon", "+9:00-20:00")],
                Some(Window("+9:00-20:00".into())),
            ),
        ] {
            assert_eq!(error(days), expected, "{name}");
        }
    }

    #[test]
    fn a_week_is_written_so_that_it_can_be_read() {
        let given = week(&[("mon-fri", "09:00-18:00"), ("sun", "00:00-24:00")]).unwrap();

        let json = serde_json::to_string(&given).unwrap();

        assert!(json.starts_with(r#"{"mon":"09:00-18:00","tue""#), "{json}");
        assert_eq!(serde_json::from_str::<Week>(&json).unwrap(), given);
    }

    #[test]
    fn both_weeks_narrow() {
        let narrow = |a, b| week(a).unwrap().and(&week(b).unwrap());
        for (name, a, b, expected) in [
            (
                "the later begin and the earlier end",
                &[("mon", "09:00-20:00")],
                &[("mon", "08:00-18:00")],
                &[("mon", "09:00-18:00")][..],
            ),
            (
                "a day of one",
                &[("mon-tue", "09:00-20:00")],
                &[("tue", "09:00-20:00")],
                &[("tue", "09:00-20:00")],
            ),
            (
                "nothing in common",
                &[("mon", "09:00-12:00")],
                &[("mon", "12:00-20:00")],
                &[],
            ),
        ] {
            assert_eq!(narrow(a, b), week(expected).unwrap(), "{name}");
        }
    }
}
