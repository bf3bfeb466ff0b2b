//! Addresses made of what people typed and of ids.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Ids, words and cursors stay readable.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

/// A part of a path, or a value of a query.
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// With those that say something.
pub fn with(path: &str, query: &[(&str, &str)]) -> String {
    let given = query.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = given
        .map(|(name, value)| format!("{name}={}", part(value)))
        .collect();
    if pairs.is_empty() {
        return path.to_owned();
    }
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_left_out() {
        for (name, query, expected) in [
            ("nothing", vec![], "/contacts"),
            ("empty", vec![("tag", "")], "/contacts"),
            (
                "some of it",
                vec![("list", ""), ("tag", "vip & co"), ("cursor", "a-b_c.d")],
                "/contacts?tag=vip%20%26%20co&cursor=a-b_c.d",
            ),
        ] {
            assert_eq!(with("/contacts", &query), expected, "{name}");
        }
        assert_eq!(
            with("/contacts?tag=a", &[("cursor", "b")]),
            "/contacts?tag=a&cursor=b"
        );
    }
}
