//! The parts that pages are made of, as markup. `{{ ui::badge(…) }}` in a template; nothing here needs `|safe` there.

pub mod amount;
pub mod attributes;
mod boxes;
mod field;
mod figures;
mod icon;
mod progress;
pub mod tabs;
mod upload;

use std::fmt::{self, Write as _};

use askama::filters::HtmlSafe;

pub use self::{
    boxes::{boxes, tick},
    field::{Choice, Field},
    figures::{count, duration, percent, plural, time},
    icon::Icon,
    progress::{Part, bar, legend},
    upload::upload,
};
use crate::words::{Tone, Word};

/// Markup that is finished: what came from people is escaped in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Html(String);

impl Html {
    /// Of markup; whoever calls it has escaped what is in there.
    pub fn new(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }
}

impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

/// For text and for attributes in double quotes.
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            character => html.push(character),
        }
    }
    html
}

/// A status: a word, a shape and a colour, so that none of them is needed alone.
pub fn badge(word: &Word) -> Html {
    let Word { label, tone, .. } = word;
    let shape = match tone {
        Tone::Quiet => {
            "<circle cx=\"5\" cy=\"5\" r=\"3.5\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\"/>"
        }
        Tone::Busy => {
            "<path d=\"M5 1.5a3.5 3.5 0 1 1 0 7z\" fill=\"currentColor\"/><circle cx=\"5\" cy=\"5\" r=\"3.5\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\"/>"
        }
        Tone::Good => {
            "<path d=\"M1.5 5.4 4 7.9l4.5-5.6\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\"/>"
        }
        Tone::Warn => "<path d=\"M5 1 9.3 8.8H.7z\" fill=\"currentColor\"/>",
        Tone::Bad => {
            "<path d=\"m2 2 6 6m0-6-6 6\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\"/>"
        }
    };
    let tone = tone.class();
    Html(format!(
        "<span class=\"badge {tone}\"><svg width=\"10\" height=\"10\" viewBox=\"0 0 10 10\" aria-hidden=\"true\">{shape}</svg>{label}</span>"
    ))
}

/// The hidden field that proves that a form is ours.
pub fn token(token: &str) -> Html {
    Html(format!(
        "<input type=\"hidden\" name=\"{}\" value=\"{token}\">",
        crate::form::TOKEN
    ))
}

/// The hidden field by which a form that is sent twice is one request.
pub fn once() -> Html {
    let key = carillon_runtime::random::token();
    Html(format!(
        "<input type=\"hidden\" name=\"{}\" value=\"{key}\">",
        crate::form::ONCE
    ))
}

/// The way to the next page of a list, and back to its beginning.
pub fn pager(path: &str, cursor: Option<&str>, is_first: bool) -> Html {
    links(path, cursor, is_first, ["Back to the newest", "Older"])
}

/// Of a list whose order means nothing.
pub fn onward(path: &str, cursor: Option<&str>, is_first: bool) -> Html {
    links(
        path,
        cursor,
        is_first,
        ["Back to the first page", "Next page"],
    )
}

fn links(path: &str, cursor: Option<&str>, is_first: bool, [back, next]: [&str; 2]) -> Html {
    let mut links = String::new();
    if !is_first {
        write!(
            links,
            "<a class=\"button\" href=\"{}\">{back}</a>",
            escape(path)
        )
        .expect("a string takes everything");
    }
    if let Some(cursor) = cursor {
        let mark = if path.contains('?') { '&' } else { '?' };
        write!(
            links,
            "<a class=\"button\" rel=\"next\" href=\"{}{mark}cursor={}\">{next}</a>",
            escape(path),
            escape(cursor)
        )
        .expect("a string takes everything");
    }
    if links.is_empty() {
        return Html::default();
    }
    Html(format!(
        "<nav class=\"pager\" aria-label=\"Pages\">{links}</nav>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_typed_is_no_markup() {
        assert_eq!(
            escape("<b onclick='x'>\"&"),
            "&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;"
        );
    }
}
