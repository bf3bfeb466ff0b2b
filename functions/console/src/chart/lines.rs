//! Sums that grow over time, as lines: how many so far.

use std::fmt::Write as _;

use super::{FOOT, HEAD, HEIGHT, WIDTH, figure, round_up, scaled, share};
use crate::ui::{Html, Part, count, escape, legend};

/// Labels below, at most.
const LABELS: usize = 5;

/// One line: what is added in each step.
pub struct Line {
    pub label: &'static str,
    pub tone: &'static str,
    pub added: Vec<u64>,
}

/// Of the same steps, each with the label of its end.
pub fn lines(title: &str, first: &str, ends: &[String], lines: &[Line]) -> Html {
    let sum = |line: &Line| line.added.iter().sum::<u64>();
    let top = round_up(lines.iter().map(sum).max().unwrap_or_default());
    let plot = HEIGHT - FOOT;
    // Points know no shares: they stand in a plot of their own, which is drawn out to the width.
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {plot}\" height=\"{plot}\" preserveAspectRatio=\"none\">"
    );
    let across = |step: usize| {
        let steps = u64::try_from(ends.len().max(1)).unwrap_or(1);
        WIDTH * u64::try_from(step).unwrap_or(steps) / steps
    };
    for line in lines {
        let (mut sum, mut points) = (0, format!("0,{plot}"));
        for (step, added) in line.added.iter().enumerate() {
            sum += added;
            let y = plot - scaled(sum, top, plot - HEAD);
            write!(points, " {},{y}", across(step + 1)).expect("a string takes everything");
        }
        write!(
            svg,
            "<polyline class=\"line {}\" points=\"{points}\"><title>{}: {}</title></polyline>",
            line.tone,
            escape(line.label),
            count(sum)
        )
        .expect("a string takes everything");
    }
    svg.push_str("</svg>");
    let (steps, every) = (ends.len(), ends.len().div_ceil(LABELS).max(1));
    let (mut rows, y) = (String::new(), HEIGHT - 4);
    let labels = std::iter::once(first).chain(ends.iter().map(String::as_str));
    let marks = labels.enumerate();
    for (step, label) in marks.filter(|(step, _)| is_marked(*step, steps, every)) {
        let anchor = match step {
            0 => "start",
            step if step == steps => "end",
            _ => "middle",
        };
        // A phone has room for half of them.
        let on_a_phone = is_marked(step, steps, 2 * every);
        let more = if on_a_phone { "" } else { " more" };
        write!(
            svg,
            "<text class=\"axis{more}\" x=\"{}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
            share(across(step)),
            escape(label)
        )
        .expect("a string takes everything");
    }
    for (step, end) in ends.iter().enumerate() {
        let cells: String = lines
            .iter()
            .map(|line| {
                format!(
                    "<td>{}</td>",
                    count(line.added.get(step).copied().unwrap_or(0))
                )
            })
            .collect();
        write!(
            rows,
            "<tr><th scope=\"row\">{}</th>{cells}</tr>",
            escape(end)
        )
        .expect("a string takes everything");
    }
    let parts: Vec<Part> = lines
        .iter()
        .map(|line| Part::new(line.label, sum(line), line.tone))
        .collect();
    let most = parts.iter().map(|part| part.count).max().unwrap_or(0);
    let heads: Vec<&str> = lines.iter().map(|line| line.label).collect();
    figure(
        title,
        (top, &svg),
        &legend(parts, most),
        ("Until", &heads),
        &rows,
    )
}

/// Which steps have a label: both ends, and between them those that are whole distances from the last, with room to the first.
fn is_marked(step: usize, steps: usize, every: usize) -> bool {
    let between = step >= every && (steps - step).is_multiple_of(every);
    step == 0 || step == steps || between
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_apart_and_at_both_ends() {
        for (steps, every, expected) in [
            (3, 1, vec![0, 1, 2, 3]),
            (3, 2, vec![0, 3]),
            (9, 2, vec![0, 3, 5, 7, 9]),
            (9, 4, vec![0, 5, 9]),
            (1, 2, vec![0, 1]),
        ] {
            let marked = (0..=steps).filter(|step| is_marked(*step, steps, every));
            assert_eq!(marked.collect::<Vec<_>>(), expected, "{steps}, {every}");
        }
    }

    #[test]
    fn a_line_ends_at_its_sum_and_its_steps_stand_behind_it() {
        let sent = Line {
            label: "sent",
            tone: "busy",
            added: vec![40, 0, 60],
        };
        let ends = ["10 s", "20 s", "30 s"].map(str::to_owned);

        let chart = lines("Timeline", "0 s", &ends, &[sent]).to_string();

        assert!(chart.contains("<title>sent: 100</title>"), "{chart}");
        // 100 is the top of the scale, twelve below the edge.
        assert!(chart.contains(&format!(" {WIDTH},12\"")), "{chart}");
        let row = "<tr><th scope=\"row\">30 s</th><td>60</td></tr>";
        assert!(chart.contains(row), "{chart}");
    }
}
