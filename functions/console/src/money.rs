//! Prices and limits: millionths of the account's currency with us, decimals for people.

use std::borrow::Borrow;

use crate::form::Form;

const MILLIONTHS: u64 = 1_000_000;
const DIGITS: usize = 6;

/// `7500` as `0.0075`.
pub fn shown(millionths: impl Borrow<u64>) -> String {
    let millionths = *millionths.borrow();
    let (whole, rest) = (millionths / MILLIONTHS, millionths % MILLIONTHS);
    let rest = format!("{rest:06}");
    match rest.trim_end_matches('0') {
        "" => whole.to_string(),
        rest => format!("{whole}.{rest}"),
    }
}

/// A sum of which some may have no price: that is said before the figure is believed.
pub fn told(sum: String, millionths: u64, without_price: u64) -> String {
    match (without_price, millionths) {
        (0, _) => sum,
        (_, 0) => "unknown".to_owned(),
        _ => format!("at least {sum}"),
    }
}

/// `0.0075`, or with a comma, as `7500`. `None`: it is no amount.
pub fn read(text: &str) -> Option<u64> {
    let text = text.trim().replace(',', ".");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && rest.is_empty())
        || !digits(whole)
        || !digits(rest)
        || rest.len() > DIGITS
    {
        return None;
    }
    let whole: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let rest: u64 = format!("{rest:0<6}").parse().ok()?;
    whole.checked_mul(MILLIONTHS)?.checked_add(rest)
}

/// Of a field, if something was typed. What is no amount is refused there.
pub fn given(form: &mut Form, name: &str) -> Option<u64> {
    let text = form.given(name)?.to_owned();
    let amount = read(&text);
    if amount.is_none() {
        let words =
            "This is no amount. Write it as 0.0075, with six digits after the point at most.";
        form.refuse(name, words);
    }
    amount
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_shown() {
        for (text, amount) in [
            ("0", 0),
            ("0.0075", 7_500),
            ("12", 12_000_000),
            ("12.5", 12_500_000),
            ("0.000001", 1),
        ] {
            assert_eq!(read(text), Some(amount), "{text}");
            assert_eq!(shown(amount), text);
        }
        assert_eq!(read(" 0,5 "), Some(500_000));
        assert_eq!(read(".5"), Some(500_000));
        for text in [
            "",
            ".",
            "-1",
            "1.0000001",
            "1e3",
            "five",
            "99999999999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
