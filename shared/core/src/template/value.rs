//! Values as they go into a text: without the control characters that hide, reverse or break it.

/// Adds a value, cleaned, unless nothing is left of it but blanks; says whether it did.
pub(super) fn push(text: &mut String, value: &str) -> bool {
    if value.bytes().all(is_plain) {
        let is_blank = value.bytes().all(|byte| byte == b' ');
        if !is_blank {
            text.push_str(value);
        }
        return !is_blank;
    }
    let start = text.len();
    text.extend(value.chars().filter(|character| !is_control(*character)));
    if text[start..].trim().is_empty() {
        text.truncate(start);
        return false;
    }
    true
}

/// Printable ASCII, which most values are made of.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// C0 (but the newline), DEL and C1, and the controls of the bidirectional algorithm (UAX #9 section 2).
fn is_control(character: char) -> bool {
    matches!(character,
        '\0'..='\t' | '\u{0B}'..='\u{1F}' | '\u{7F}'..='\u{9F}'
        | '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
