//! A bar of parts: how far something is, and what became of it. Its parts stand beside it as words and numbers.

use std::{borrow::Borrow, fmt::Write as _};

use super::{Html, count, escape, percent};

/// A part of a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub label: &'static str,
    pub count: u64,
    /// `good`, `busy`, …: see `console.css`.
    pub tone: &'static str,
}

impl Part {
    pub const fn new(label: &'static str, count: u64, tone: &'static str) -> Self {
        Self { label, count, tone }
    }
}

/// Thousandths of its width.
const WIDTH: u64 = 1_000;

/// What the parts leave of `all` stays empty.
pub fn bar(parts: impl AsRef<[Part]>, all: impl Borrow<u64>) -> Html {
    let (parts, all) = (parts.as_ref(), *all.borrow());
    let mut rects = String::new();
    let mut words = Vec::new();
    let mut x = 0;
    for Part {
        label,
        count: number,
        tone,
    } in parts.iter().filter(|part| part.count > 0)
    {
        let share = u128::from(*number) * u128::from(WIDTH) / u128::from(all.max(1));
        // What there is of it is seen.
        let width = u64::try_from(share)
            .unwrap_or(WIDTH)
            .max(4)
            .min(WIDTH - x.min(WIDTH));
        write!(
            rects,
            "<rect class=\"{tone}\" x=\"{x}\" width=\"{width}\" height=\"8\"/>"
        )
        .expect("a string takes everything");
        x += width;
        words.push(format!("{label} {}", percent(*number, all)));
    }
    let words = match words.as_slice() {
        [] => "nothing yet".to_owned(),
        words => words.join(", "),
    };
    Html::new(format!(
        "<svg class=\"bar\" viewBox=\"0 0 {WIDTH} 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">{rects}</svg>",
        escape(&words)
    ))
}

/// The parts that there are, with their colours.
pub fn legend(parts: impl AsRef<[Part]>, all: impl Borrow<u64>) -> Html {
    let (parts, all) = (parts.as_ref(), *all.borrow());
    let there = parts.iter().filter(|part| part.count > 0);
    let entries: String = there
        .map(
            |Part {
                 label,
                 count: number,
                 tone,
             }| {
                format!(
                    "<li class=\"{tone}\"><span>{}</span> <b>{}</b> <small>{}</small></li>",
                    escape(label),
                    count(*number),
                    percent(*number, all)
                )
            },
        )
        .collect();
    Html::new(format!("<ul class=\"legend\">{entries}</ul>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_its_parts() {
        let parts = [
            Part::new("delivered", 900, "good"),
            Part::new("failed", 1, "bad"),
            Part::new("waiting", 0, "quiet"),
        ];

        let html = bar(parts, 1_000_u64).to_string();

        assert!(
            html.contains("aria-label=\"delivered 90.0%, failed 0.1%\""),
            "{html}"
        );
        assert!(
            html.contains("<rect class=\"good\" x=\"0\" width=\"900\""),
            "{html}"
        );
        assert!(
            html.contains("<rect class=\"bad\" x=\"900\" width=\"4\""),
            "{html}"
        );
        assert!(!html.contains("quiet"), "{html}");
    }
}
