//! Numbers and times as people read them. Templates lend what they hand over, so everything takes both.

use std::borrow::Borrow;

use carillon_core::grouped::Grouped;
use jiff::{SignedDuration, Timestamp, fmt::strtime, tz::TimeZone};

use super::Html;

/// `12,345`.
pub fn count(number: impl Borrow<u64>) -> String {
    Grouped(*number.borrow()).to_string()
}

/// `1 message`, `12,345 messages`.
pub fn plural(number: impl Borrow<u64>, one: &str, many: &str) -> String {
    let number = *number.borrow();
    let word = if number == 1 { one } else { many };
    format!("{} {word}", count(number))
}

/// Of all, rounded so that only all of it is 100 % and only nothing of it is 0 %.
pub fn percent(part: impl Borrow<u64>, all: impl Borrow<u64>) -> String {
    let (part, all) = (*part.borrow(), *all.borrow());
    if all == 0 {
        return "–".to_owned();
    }
    let thousandths = u128::from(part) * 1_000 / u128::from(all);
    match thousandths {
        0 if part > 0 => "< 0.1%".to_owned(),
        0 => "0%".to_owned(),
        1_000.. => "100%".to_owned(),
        some => format!("{}.{}%", some / 10, some % 10),
    }
}

/// `27 Nov, 14:03`, in UTC; a script makes it the reader's own time.
pub fn time(at: impl Borrow<Timestamp>) -> Html {
    let at = *at.borrow();
    let year = |at: Timestamp| at.to_zoned(TimeZone::UTC).year();
    // Nobody asks for the year of what is near.
    let shown = if year(at) == year(Timestamp::now()) {
        format(at, "%-d %b, %H:%M")
    } else {
        format(at, "%-d %b %Y, %H:%M")
    };
    let full = format(at, "%A, %-d %B %Y, %H:%M:%S UTC");
    Html::new(format!(
        "<time datetime=\"{at}\" title=\"{full}\">{shown}</time>"
    ))
}

fn format(at: Timestamp, pattern: &str) -> String {
    let zoned = at.to_zoned(TimeZone::UTC);
    strtime::format(pattern, &zoned).unwrap_or_else(|_| at.to_string())
}

/// `4 min`, `1 h 20 min`: to the next larger step, since nobody wants it to the second.
pub fn duration(of: SignedDuration) -> String {
    let seconds = of.as_secs();
    let minutes = (seconds + 30) / 60;
    match (minutes, minutes / 60, minutes % 60) {
        _ if seconds < 60 => "under a minute".to_owned(),
        (..60, ..) => format!("{minutes} min"),
        (_, hours @ ..24, 0) => format!("{hours} h"),
        (_, hours @ ..24, rest) => format!("{hours} h {rest} min"),
        _ => match (seconds + 43_200) / 86_400 {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_all_of_it_is_100_percent() {
        for (part, all, expected) in [
            (0, 0, "–"),
            (0, 10, "0%"),
            (1, 1_000_000, "< 0.1%"),
            (999_999, 1_000_000, "99.9%"),
            (5, 5, "100%"),
            (1, 3, "33.3%"),
        ] {
            assert_eq!(percent(part, all), expected, "{part} of {all}");
        }
    }

    #[test]
    fn a_duration_is_told_as_people_tell_it() {
        for (seconds, expected) in [
            (5, "under a minute"),
            (240, "4 min"),
            (4_800, "1 h 20 min"),
            (7_200, "2 h"),
            (200_000, "2 days"),
        ] {
            assert_eq!(duration(SignedDuration::from_secs(seconds)), expected);
        }
    }
}
