//! Plain sentences from counts: the figure, and the action. And what to do about a reason.

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use crate::{
    breakdown::{Breakdown, Tally},
    grouped::Grouped,
    reason::Reason,
    status::Status,
};

/// Of fewer messages nothing is said: a share of them means little.
const LEAST: u64 = 50;
/// Two shares of deliveries that differ by so many hundredths differ.
const APART: u64 = 10;
/// So many hundredths less than before is a fall.
const FELL: u64 = 5;
/// So many hundredths that opt out are many.
const TOO_MANY: u64 = 2;
/// Something that gets worse on each of so many days in a row is a trend.
const DAYS: usize = 4;
/// So many hundredths more for a delivered message are worth a sentence.
const DEARER: u64 = 20;
/// A reason for so many hundredths of all is worth a sentence.
const OFTEN: u64 = 5;

/// For people, and in their words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insight(String);

impl Insight {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for Insight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What was sent on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    pub tally: Tally,
}

/// What else is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// Of the time before.
    pub previous: Option<Tally>,
    /// Days of the time, oldest first, without those that reports still come for.
    pub days: &'a [Day],
    /// People who opted out.
    pub opted_out: Option<u64>,
}

/// What is worth saying, the weightiest first.
pub fn of(breakdown: &Breakdown, around: Around<'_>) -> Vec<Insight> {
    let total = breakdown.total();
    if total.messages < LEAST {
        return Vec::new();
    }
    let mut said: Vec<Insight> = fell(total, around.previous).into_iter().collect();
    said.extend(falls(around.days));
    said.extend(rises(around.days));
    said.extend(gateways_apart(breakdown));
    said.extend(opted_out(total, around.opted_out));
    said.extend(frequent_reasons(breakdown, total.messages));
    said.extend(in_doubt(total));
    said.extend(without_price(total));
    said
}

const fn rate(tally: &Tally) -> u64 {
    let submitted = if tally.submitted == 0 {
        1
    } else {
        tally.submitted
    };
    tally.delivered * 100 / submitted
}

fn fell(total: Tally, previous: Option<Tally>) -> Option<Insight> {
    let previous = previous.filter(|previous| previous.submitted >= LEAST)?;
    let (now, then) = (rate(&total), rate(&previous));
    (total.submitted >= LEAST && now + FELL <= then).then(|| {
        Insight(format!(
            "{now}% were delivered, in the time before {then}%. Look by gateway and by country for what has changed."
        ))
    })
}

/// The first and the last of the days, up to the last one, of which each is worse than the one before, and how many they are.
fn worse_each_day(
    days: &[Day],
    is_counted: impl Fn(&Tally) -> bool,
    is_worse: impl Fn(&Tally, &Tally) -> bool,
) -> Option<(Day, Day, usize)> {
    let days: Vec<Day> = days
        .iter()
        .filter(|day| is_counted(&day.tally))
        .copied()
        .collect();
    let pairs = days.windows(2).rev();
    let worse = pairs.take_while(|pair| is_worse(&pair[0].tally, &pair[1].tally));
    let count = worse.count() + 1;
    let last = days.last().filter(|_| count >= DAYS)?;
    Some((days[days.len() - count], *last, count))
}

fn falls(days: &[Day]) -> Option<Insight> {
    let is_worse = |a: &Tally, b: &Tally| {
        u128::from(b.delivered) * u128::from(a.submitted)
            < u128::from(a.delivered) * u128::from(b.submitted)
    };
    let (first, last, count) = worse_each_day(days, |it| it.submitted >= LEAST, is_worse)?;
    let (then, now) = (rate(&first.tally), rate(&last.tally));
    (now + FELL <= then).then(|| {
        Insight(format!(
            "Each day for {count} days fewer were delivered: {then}% on {}, {now}% on {}. Look by gateway and by country for where it fell, and route around it.",
            first.date, last.date
        ))
    })
}

/// What a delivered message cost.
fn rises(days: &[Day]) -> Option<Insight> {
    let is_counted = |it: &Tally| it.delivered >= LEAST && it.cost > 0 && it.without_price == 0;
    let product = |cost: u64, delivered: u64| u128::from(cost) * u128::from(delivered);
    let is_worse =
        |a: &Tally, b: &Tally| product(b.cost, a.delivered) > product(a.cost, b.delivered);
    let (first, last, count) = worse_each_day(days, is_counted, is_worse)?;
    let (then, now) = (first.tally, last.tally);
    let hundredths = product(now.cost, then.delivered) * 100 / product(then.cost, now.delivered);
    let more = u64::try_from(hundredths)
        .unwrap_or(u64::MAX)
        .saturating_sub(100);
    (more >= DEARER).then(|| {
        Insight(format!(
            "Each day for {count} days a delivered message cost more: {} on {}, {} on {}, {more}% more. Look by country for what is sent where, and give more of it to the gateway that delivers it for less.",
            price(then),
            first.date,
            price(now),
            last.date
        ))
    })
}

/// Of a delivered message, in the account's currency.
fn price(tally: Tally) -> String {
    let micros = tally.cost / tally.delivered.max(1);
    format!("{}.{:04}", micros / 1_000_000, micros % 1_000_000 / 100)
}

fn opted_out(total: Tally, opted_out: Option<u64>) -> Option<Insight> {
    let opted_out = opted_out?;
    (total.delivered >= LEAST && opted_out * 100 >= total.delivered * TOO_MANY).then(|| {
        Insight(format!(
            "{} opted out after {} deliveries ({}%). Send less often, or only to those who asked for it.",
            Grouped(opted_out),
            Grouped(total.delivered),
            opted_out * 100 / total.delivered
        ))
    })
}

/// By country: gateway accounts that deliver less than the best one there.
fn gateways_apart(breakdown: &Breakdown) -> Vec<Insight> {
    let groups = breakdown.by(|place| (place.country, place.gateway));
    let mut said = Vec::new();
    for ((country, gateway), tally) in &groups {
        let (Some(country), Some(gateway)) = (country, gateway) else {
            continue;
        };
        let others = groups.iter().filter(|((other, by), tally)| {
            *other == Some(*country)
                && by.is_some_and(|by| by != *gateway)
                && tally.submitted >= LEAST
        });
        let best = others.max_by_key(|(_, tally)| rate(tally));
        let Some(((_, Some(better)), best)) = best else {
            continue;
        };
        if tally.submitted >= LEAST && rate(tally) + APART <= rate(best) {
            said.push(Insight(format!(
                "Delivery to {country} by {gateway} is {}%, by {better} {}%. Give {better} more of {country}, or ask the first why.",
                rate(tally),
                rate(best)
            )));
        }
    }
    said
}

fn frequent_reasons(breakdown: &Breakdown, all: u64) -> Vec<Insight> {
    let mut failed = breakdown.clone();
    failed
        .cells
        .retain(|place, _| place.status != Status::Delivered);
    let mut reasons: Vec<(Reason, u64)> = failed
        .by(|place| place.reason)
        .into_iter()
        .filter_map(|(reason, tally)| Some((reason?, tally.messages)))
        .filter(|(_, messages)| messages * 100 >= all * OFTEN)
        .collect();
    reasons.sort_by_key(|(_, messages)| std::cmp::Reverse(*messages));
    let sentence = |(reason, messages): (Reason, u64)| {
        let (words, remedy) = (reason.facts().words, reason.remedy());
        Insight(format!(
            "{} of {} messages ({}%) did not arrive because {words}. {remedy}",
            Grouped(messages),
            Grouped(all),
            messages * 100 / all
        ))
    };
    reasons.into_iter().map(sentence).collect()
}

fn in_doubt(total: Tally) -> Option<Insight> {
    let Tally {
        doubted, resent, ..
    } = total;
    (doubted * 100 >= total.messages).then(|| {
        Insight(format!(
            "{} messages left without a clear answer, {} of them were sent again. Look at the gateway's health.",
            Grouped(doubted),
            Grouped(resent)
        ))
    })
}

fn without_price(total: Tally) -> Option<Insight> {
    (total.without_price > 0).then(|| {
        Insight(format!(
            "{} messages have no price, so the cost is too low. Give their gateway account or route a price for each part.",
            Grouped(total.without_price)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{breakdown::Place, phone::Country};

    /// Country, gateway account, status, reason, messages.
    type Cell<'a> = (&'a str, Option<&'a str>, Status, Option<Reason>, u64);

    fn breakdown(cells: &[Cell<'_>]) -> Breakdown {
        let mut breakdown = Breakdown::default();
        for (country, gateway, status, reason, messages) in cells {
            let place = Place {
                country: Country::parse(country).ok(),
                gateway: gateway.map(|id| id.parse().unwrap()),
                sender: None,
                status: *status,
                reason: *reason,
            };
            let delivered = if *status == Status::Delivered {
                *messages
            } else {
                0
            };
            let tally = Tally {
                messages: *messages,
                submitted: *messages,
                delivered,
                ..Tally::default()
            };
            breakdown.cells.insert(place, tally);
        }
        breakdown
    }

    #[test]
    fn a_sentence_has_the_figure_and_the_action() {
        let a = Some("gwa_01h455vb4pex5vsknk084sn02q");
        let b = Some("gwa_01h455vb4pex5vsknk084sn02r");
        for (name, cells, expected) in [
            (
                "nothing is wrong",
                vec![("GB", a, Status::Delivered, None, 100)],
                vec![],
            ),
            (
                "too few to say",
                vec![("GB", a, Status::Failed, Some(Reason::Filtered), 49)],
                vec![],
            ),
            (
                "one gateway delivers less",
                vec![
                    ("GB", a, Status::Delivered, None, 81),
                    ("GB", a, Status::Undelivered, None, 19),
                    ("GB", b, Status::Delivered, None, 97),
                    ("GB", b, Status::Undelivered, None, 3),
                ],
                vec![
                    "Delivery to GB by gwa_01h455vb4pex5vsknk084sn02q is 81%, by gwa_01h455vb4pex5vsknk084sn02r 97%. Give gwa_01h455vb4pex5vsknk084sn02r more of GB, or ask the first why.",
                ],
            ),
            (
                "to different countries",
                vec![
                    ("GB", a, Status::Delivered, None, 50),
                    ("GB", a, Status::Undelivered, None, 50),
                    ("FR", b, Status::Delivered, None, 100),
                ],
                vec![],
            ),
            (
                "a frequent reason",
                vec![
                    ("GB", a, Status::Delivered, None, 90),
                    ("GB", a, Status::Failed, Some(Reason::Filtered), 10),
                ],
                vec![
                    "10 of 100 messages (10%) did not arrive because the network filtered the message as spam. Change the text, links and capitals above all, and see that the sender is registered: networks took it for spam.",
                ],
            ),
            (
                "a rare one",
                vec![
                    ("GB", a, Status::Delivered, None, 96),
                    ("GB", a, Status::Failed, Some(Reason::Filtered), 4),
                ],
                vec![],
            ),
        ] {
            let said = of(&breakdown(&cells), Around::default());

            let said: Vec<&str> = said.iter().map(Insight::as_str).collect();
            assert_eq!(said, expected, "{name}");
        }
    }

    #[test]
    fn a_fall_and_many_opt_outs_are_told() {
        let a = Some("gwa_01h455vb4pex5vsknk084sn02q");
        let cells = [
            ("GB", a, Status::Delivered, None, 90),
            ("GB", a, Status::Undelivered, None, 10),
        ];
        let before = |delivered| {
            Some(Tally {
                messages: 100,
                submitted: 100,
                delivered,
                ..Tally::default()
            })
        };
        for (name, previous, opted_out, expected) in [
            ("as before", before(94), Some(1), vec![]),
            ("nothing before", None, None, vec![]),
            (
                "less than before",
                before(95),
                None,
                vec![
                    "90% were delivered, in the time before 95%. Look by gateway and by country for what has changed.",
                ],
            ),
            (
                "many opt-outs",
                None,
                Some(2),
                vec![
                    "2 opted out after 90 deliveries (2%). Send less often, or only to those who asked for it.",
                ],
            ),
        ] {
            let around = Around {
                previous,
                opted_out,
                days: &[],
            };

            let said = of(&breakdown(&cells), around);

            let said: Vec<&str> = said.iter().map(Insight::as_str).collect();
            assert_eq!(said, expected, "{name}");
        }
    }

    #[test]
    fn what_gets_worse_day_by_day_is_told_with_the_first_and_the_last_day() {
        // Delivered of a hundred that were sent, and what all of them cost.
        let days = |days: &[(u64, u64)]| -> Vec<Day> {
            let date = |number: usize| Date::new(2026, 11, i8::try_from(number + 1).unwrap());
            let day = |(number, (delivered, cost)): (usize, &(u64, u64))| Day {
                date: date(number).unwrap(),
                tally: Tally {
                    messages: 100,
                    submitted: 100,
                    delivered: *delivered,
                    cost: *cost,
                    ..Tally::default()
                },
            };
            days.iter().enumerate().map(day).collect()
        };
        let falls = "Each day for 4 days fewer were delivered: 97% on 2026-11-02, 90% on 2026-11-05. Look by gateway and by country for where it fell, and route around it.";
        let dearer = "Each day for 4 days a delivered message cost more: 0.0400 on 2026-11-01, 0.0480 on 2026-11-04, 20% more. Look by country for what is sent where, and give more of it to the gateway that delivers it for less.";
        let delivered = |rates: [u64; 5]| rates.map(|rate| (rate, 0));
        for (name, days, expected) in [
            (
                "it falls",
                days(&delivered([95, 97, 95, 92, 90])),
                vec![falls],
            ),
            ("by little", days(&delivered([97, 96, 95, 94, 93])), vec![]),
            (
                "it came back",
                days(&delivered([97, 95, 92, 90, 91])),
                vec![],
            ),
            (
                "for three days",
                days(&delivered([90, 90, 97, 92, 90])),
                vec![],
            ),
            (
                "too few to count are passed over",
                days(&[(95, 0), (97, 0), (95, 0), (92, 0), (90, 0)])
                    .into_iter()
                    .chain([Day {
                        date: Date::constant(2026, 11, 6),
                        tally: Tally {
                            submitted: 9,
                            delivered: 9,
                            ..Tally::default()
                        },
                    }])
                    .collect(),
                vec![falls],
            ),
            (
                "it gets dearer",
                days(&[
                    (100, 4_000_000),
                    (100, 4_200_000),
                    (100, 4_500_000),
                    (100, 4_800_000),
                ]),
                vec![dearer],
            ),
            (
                "by little",
                days(&[
                    (100, 4_000_000),
                    (100, 4_200_000),
                    (100, 4_500_000),
                    (100, 4_700_000),
                ]),
                vec![],
            ),
        ] {
            let around = Around {
                days: &days,
                ..Around::default()
            };
            let whole = breakdown(&[("GB", None, Status::Delivered, None, 500)]);

            let said = of(&whole, around);

            let said: Vec<&str> = said.iter().map(Insight::as_str).collect();
            assert_eq!(said, expected, "{name}");
        }
    }
}
