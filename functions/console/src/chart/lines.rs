//! Sums that grow over time, as lines: how many so far.

use std::fmt::Write as _;

use super::{FOOT, HEIGHT, LEFT, WIDTH, figure, grid, round_up, scaled};
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
    let mut svg = grid(top);
    let across = |step: usize| {
        let steps = u64::try_from(ends.len().max(1)).unwrap_or(1);
        LEFT + (WIDTH - LEFT) * u64::try_from(step).unwrap_or(steps) / steps
    };
    for line in lines {
        let (mut sum, mut points) = (0, format!("{LEFT},{}", HEIGHT - FOOT));
        for (step, added) in line.added.iter().enumerate() {
            sum += added;
            let y = HEIGHT - FOOT - scaled(sum, top, HEIGHT - FOOT - 12);
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
    let every = ends.len().div_ceil(LABELS).max(1);
    let (mut rows, y) = (String::new(), HEIGHT - 4);
    let marks =
        std::iter::once((0, first)).chain(ends.iter().enumerate().filter_map(|(step, end)| {
            let is_marked = (ends.len() - step - 1).is_multiple_of(every);
            is_marked.then_some((step + 1, end.as_str()))
        }));
    for (step, label) in marks {
        let anchor = match step {
            0 => "start",
            step if step == ends.len() => "end",
            _ => "middle",
        };
        write!(
            svg,
            "<text class=\"axis\" x=\"{}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
            across(step),
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
    figure(title, &svg, &legend(parts, most), ("Until", &heads), &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

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
