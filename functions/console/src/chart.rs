//! Charts as inline SVG, made here: readable without colour, and with their figures as a table behind them. They are as wide as there is
//! room and always as high, so that a phone shows them as large as a desk: across, places are shares of the width, and words keep their size.

mod lines;

use std::fmt::Write as _;

pub use self::lines::{Line, lines};

use crate::ui::{self, Html, Part, count, escape};

/// A column of a chart.
pub struct Bar {
    pub label: String,
    /// From the bottom up.
    pub parts: Vec<Part>,
}

const HEIGHT: u64 = 200;
/// Of it, where nothing is drawn but words.
const FOOT: u64 = 24;
const HEAD: u64 = 12;
/// The width, in parts of a hundredth of a percent.
const WIDTH: u64 = 10_000;
/// Between columns, at most.
const GAP: u64 = 140;
/// The width of a figure's digit, in pixels.
const DIGIT: usize = 8;
/// Of columns, at most.
const LABELS: u64 = 10;

/// Columns of parts on top of each other, with a line for each quarter of the highest.
pub fn bars(title: &str, bars: &[Bar]) -> Html {
    let sum = |bar: &Bar| bar.parts.iter().map(|part| part.count).sum::<u64>();
    let top = round_up(bars.iter().map(sum).max().unwrap_or_default());
    let plot = HEIGHT - FOOT;
    let mut svg = String::new();
    let columns = u64::try_from(bars.len().max(1)).unwrap_or(1);
    let wide = WIDTH / columns;
    let gap = GAP.min(wide / 3);
    // As many labels as there is room for, the last one among them.
    let every = columns.div_ceil(LABELS).max(1);
    let mut rows = String::new();
    for (place, bar) in (0_u64..).zip(bars) {
        let x = place * WIDTH / columns + gap / 2;
        let mut y = plot;
        let mut cells = String::new();
        for part in &bar.parts {
            let high = scaled(part.count, top, plot - HEAD);
            y = y.saturating_sub(high);
            if high > 0 {
                write!(
                    svg,
                    "<rect class=\"{}\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{high}\" rx=\"1\"><title>{}: {} {}</title></rect>",
                    part.tone,
                    share(x),
                    share(wide - gap),
                    escape(&bar.label),
                    count(part.count),
                    escape(part.label)
                )
                .expect("a string takes everything");
            }
            write!(cells, "<td>{}</td>", count(part.count)).expect("a string takes everything");
        }
        let from_last = columns - 1 - place;
        if from_last.is_multiple_of(every) {
            // A phone has room for half of them.
            let more = if from_last.is_multiple_of(2 * every) {
                ""
            } else {
                " more"
            };
            write!(
                svg,
                "<text class=\"axis{more}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                share(x + (wide - gap) / 2),
                HEIGHT - 4,
                escape(&bar.label)
            )
            .expect("a string takes everything");
        }
        write!(
            rows,
            "<tr><th scope=\"row\">{}</th>{cells}</tr>",
            escape(&bar.label)
        )
        .expect("a string takes everything");
    }
    let heads = bars
        .first()
        .map(|bar| bar.parts.as_slice())
        .unwrap_or_default();
    let heads: Vec<&str> = heads.iter().map(|part| part.label).collect();
    figure(title, (top, &svg), &legend(bars), ("Day", &heads), &rows)
}

/// The scale beside the plot, as wide as its figures, and its lines behind it: at the bottom, the middle and the top.
fn scale(top: u64) -> (String, String) {
    let (plot, mut grid) = (HEIGHT - FOOT, String::new());
    let wide = DIGIT * count(top).len().max(4);
    let mut values = format!("<svg class=\"scale\" width=\"{wide}\" height=\"{HEIGHT}\">");
    for quarter in [0, 2, 4] {
        let y = plot - (plot - HEAD) * quarter / 4;
        let value = count(top * quarter / 4);
        write!(
            values,
            "<text class=\"axis\" x=\"100%\" y=\"{}\" text-anchor=\"end\">{value}</text>",
            y + 4
        )
        .expect("a string takes everything");
        write!(
            grid,
            "<line class=\"grid\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"
        )
        .expect("a string takes everything");
    }
    values.push_str("</svg>");
    (values, grid)
}

/// With its scale and its legend, and its figures as a table behind it.
fn figure(
    title: &str,
    (top, svg): (u64, &str),
    legend: &Html,
    (first, heads): (&str, &[&str]),
    rows: &str,
) -> Html {
    let heads: String = heads
        .iter()
        .map(|head| format!("<th scope=\"col\">{}</th>", escape(head)))
        .collect();
    let title = escape(title);
    let (values, grid) = scale(top);
    Html::new(format!(
        "<figure class=\"chart\"><div class=\"plot\" role=\"img\" aria-label=\"{title}\">{values}\
         <svg height=\"{HEIGHT}\">{grid}{svg}</svg></div>{legend}\
         <details><summary>Show the figures</summary><table><thead><tr><th scope=\"col\">{first}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></details></figure>"
    ))
}

/// As SVG has it.
fn share(of_width: u64) -> String {
    format!("{}.{:02}%", of_width / 100, of_width % 100)
}

/// The parts of all columns together, with their colours.
fn legend(bars: &[Bar]) -> Html {
    let mut sums: Vec<Part> = Vec::new();
    for part in bars.iter().flat_map(|bar| &bar.parts) {
        match sums.iter_mut().find(|sum| sum.label == part.label) {
            Some(sum) => sum.count += part.count,
            None => sums.push(part.clone()),
        }
    }
    let all = sums.iter().map(|part| part.count).sum::<u64>();
    ui::legend(sums, all)
}

fn scaled(value: u64, top: u64, height: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(height) / u128::from(top.max(1));
    let scaled = u64::try_from(scaled).unwrap_or(height);
    // What there is of it is seen.
    if value > 0 { scaled.max(2) } else { 0 }
}

/// The next of 4, 10, 20, 40, 100, …: a scale whose quarters are whole.
fn round_up(value: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [4, 10, 20] {
            let top = step.saturating_mul(factor);
            if top >= value && top % 4 == 0 || top == u64::MAX {
                return top;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        for (value, expected) in [
            (0, 4),
            (4, 4),
            (5, 20),
            (21, 40),
            (300, 400),
            (9_700, 10_000),
        ] {
            assert_eq!(round_up(value), expected, "{value}");
        }
    }

    #[test]
    fn ninety_columns_have_room_and_ten_labels() {
        let bar = |day: u32| Bar {
            label: format!("day {day}"),
            parts: vec![Part::new("delivered", 1, "good")],
        };

        let html = bars("Messages", &(0..90).map(bar).collect::<Vec<_>>()).to_string();

        let labels = html.matches("text-anchor=\"middle\"").count();
        assert_eq!(labels, 10, "{html}");
        assert!(html.contains(">day 89</text>"), "the last one");
    }

    #[test]
    fn columns_share_the_width_and_stand_on_the_ground() {
        let bar = |sent: u64| Bar {
            label: "a day".to_owned(),
            parts: vec![Part::new("delivered", sent, "good")],
        };

        let html = bars("Messages", &[bar(4), bar(2), bar(0), bar(4)]).to_string();

        let first = "x=\"0.70%\" y=\"12\" width=\"23.60%\" height=\"164\"";
        assert!(html.contains(first), "{html}");
        let second = "x=\"25.70%\" y=\"94\" width=\"23.60%\" height=\"82\"";
        assert!(html.contains(second), "{html}");
        assert!(!html.contains("x=\"50.70%\""), "nothing was sent: {html}");
        assert!(html.contains("x=\"75.70%\""), "{html}");
    }

    #[test]
    fn the_figures_stand_behind_the_chart() {
        let bar = Bar {
            label: "<27 Nov>".to_owned(),
            parts: vec![Part::new("delivered", 1_200, "good")],
        };

        let html = bars("Messages", &[bar]).to_string();

        assert!(html.contains("<td>1,200</td>"), "{html}");
        assert!(html.contains("&lt;27 Nov&gt;"), "{html}");
    }
}
