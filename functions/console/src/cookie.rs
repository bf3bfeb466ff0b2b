//! Cookies that only this host gets, only over TLS, and that no script reads. Browsers take those of a loopback address as if it were TLS.

use http::{HeaderMap, HeaderValue, header};

/// The session's token.
pub const SESSION: &str = "__Host-carillon";
/// What a sign-in must come back with.
pub const WAY: &str = "__Host-carillon-way";
/// Light or dark.
pub const THEME: &str = "__Host-carillon-theme";

pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// `seconds`: how long the browser keeps it.
pub fn set(name: &str, value: &str, seconds: i64) -> HeaderValue {
    let cookie =
        format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    HeaderValue::from_str(&cookie).expect("our own cookies are plain characters")
}

pub fn clear(name: &str) -> HeaderValue {
    set(name, "", 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=1; __Host-carillon=token; __Host-carillon-theme=dark"),
        );

        assert_eq!(find(&headers, SESSION), Some("token"));
        assert_eq!(find(&headers, THEME), Some("dark"));
        assert_eq!(find(&headers, "Host-carillon"), None);
    }

    #[test]
    fn a_session_is_for_this_host_and_no_script() {
        assert_eq!(
            set(SESSION, "token", 60),
            "__Host-carillon=token; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60"
        );
    }
}
