//! Public holidays on which marketing isn't sent.

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calendar {
    /// Code du travail, article L3133-1. Not the two more of Alsace and Moselle, nor those of the overseas departments: a mobile
    /// number doesn't tell where it lives.
    France,
}

/// (month, day)
const FRANCE: [(i8, i8); 8] = [
    (1, 1),
    (5, 1),
    (5, 8),
    (7, 14),
    (8, 15),
    (11, 1),
    (11, 11),
    (12, 25),
];
/// Days after Easter: its Monday, Ascension, Whit Monday.
const FRANCE_AFTER_EASTER: [i64; 3] = [1, 39, 50];

impl Calendar {
    pub fn is_holiday(self, date: Date) -> bool {
        match self {
            Calendar::France => {
                let easter = easter(date.year());
                let moves =
                    |days: &i64| easter.checked_add(days.days()).is_ok_and(|day| day == date);
                FRANCE.contains(&(date.month(), date.day()))
                    || FRANCE_AFTER_EASTER.iter().any(moves)
            }
        }
    }
}

/// Easter Sunday of the Gregorian calendar, by the method of Meeus, Jones and Butcher.
fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let moon = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - moon - of_century % 4) % 7;
    let late = (golden + 11 * moon + 22 * weekday) / 451;
    let days = moon + weekday - 7 * late + 114;
    let part = |value: i32| i8::try_from(value).expect("a month or a day");
    let year = i16::try_from(year).expect("it came as one");
    Date::new(year, part(days / 31), part(days % 31 + 1)).expect("Easter is in March or April")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_is_where_the_almanac_has_it() {
        for expected in [
            date(1818, 3, 22),
            date(2000, 4, 23),
            date(2024, 3, 31),
            date(2026, 4, 5),
            date(2027, 3, 28),
            date(2038, 4, 25),
            date(2049, 4, 18),
        ] {
            assert_eq!(easter(expected.year()), expected);
        }
    }

    #[test]
    fn france_has_eleven_public_holidays() {
        for (name, day, expected) in [
            ("new year", date(2027, 1, 1), true),
            ("Good Friday", date(2027, 3, 26), false),
            ("Easter Monday", date(2027, 3, 29), true),
            ("Ascension", date(2027, 5, 6), true),
            ("Whit Monday", date(2027, 5, 17), true),
            ("the national day", date(2027, 7, 14), true),
            ("the day after", date(2027, 7, 15), false),
            ("Christmas", date(2026, 12, 25), true),
            ("the day after Christmas", date(2026, 12, 26), false),
        ] {
            assert_eq!(Calendar::France.is_holiday(day), expected, "{name}");
        }
        let days = date(2027, 1, 1).series(1.day()).take(365);
        let count = days.filter(|day| Calendar::France.is_holiday(*day)).count();
        assert_eq!(count, 11);
    }
}
