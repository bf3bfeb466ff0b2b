//! What adapters share in reading a configuration and in saying what is wrong with it.

use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;

use crate::{AllowedHosts, Credentials, FieldProblem, problem::below};

/// A configuration of this shape; none at all is an empty one. The problem points to the field that doesn't fit.
pub(crate) fn read<T: DeserializeOwned>(config: &Value) -> Result<T, Vec<FieldProblem>> {
    let empty = Value::Object(Map::new());
    let config = if config.is_null() { &empty } else { config };
    serde_path_to_error::deserialize(config).map_err(|error| {
        let problem = FieldProblem::new(pointer(error.path()), error.inner().to_string());
        vec![problem]
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .fold("/config".to_owned(), |pointer, segment| match segment {
            Segment::Seq { index } => below(&pointer, &index.to_string()),
            Segment::Map { key } => below(&pointer, key),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        })
}

/// Collects what is wrong with the settings of one gateway account.
pub(crate) struct Check<'a> {
    credentials: &'a Credentials,
    allowed: &'a AllowedHosts,
    pub problems: Vec<FieldProblem>,
}

impl<'a> Check<'a> {
    /// Secrets that can't be sent in a header are found here, whatever they are for.
    pub fn new(credentials: &'a Credentials, allowed: &'a AllowedHosts) -> Self {
        let mut check = Self {
            credentials,
            allowed,
            problems: Vec::new(),
        };
        for name in credentials.names() {
            let secret = credentials.get(name);
            let pointer = below("/credentials", name);
            match secret {
                None => check.problem(pointer, "The secret is empty."),
                // The lines of a key in PEM belong to it, and it is never sent.
                Some(key) if key.starts_with("-----BEGIN ") => {}
                Some(secret) if secret.chars().any(char::is_control) => check.problem(
                    pointer,
                    "The secret has a line break or another control character. Was too much copied?",
                ),
                Some(_) => {}
            }
        }
        check
    }

    pub fn problem(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        self.problems.push(FieldProblem::new(pointer, message));
    }

    /// A secret that the adapter can't do without; `what` says what it is at the gateway.
    pub fn secret(&mut self, name: &str, what: &str) {
        if self.credentials.get(name).is_none() {
            let pointer = below("/credentials", name);
            self.problem(pointer, format!("`{name}` is missing: {what}."));
        }
    }

    /// Secrets that this kind has no use for are mistakes.
    pub fn no_others(&mut self, known: &[&str]) {
        let credentials = self.credentials;
        for name in credentials.names().filter(|name| !known.contains(name)) {
            let expected = known.join("`, `");
            let pointer = below("/credentials", name);
            self.problem(
                pointer,
                format!("There is no use for `{name}`. Expected: `{expected}`."),
            );
        }
    }

    /// A name that stands in a URL as it is.
    pub fn path_segment(&mut self, pointer: &str, name: &str) {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if name.is_empty() || !name.bytes().all(fits) {
            self.problem(
                pointer,
                "It stands in a URL: write letters, digits, `-`, `_`, `.` and `~` only.",
            );
        }
    }

    /// A number that the gateway, or sense, sets bounds to.
    pub fn within(&mut self, pointer: &str, number: u16, bounds: RangeInclusive<u16>) {
        if !bounds.contains(&number) {
            let (least, most) = bounds.into_inner();
            let message = format!("This is {number}. It must be {least} to {most}.");
            self.problem(pointer, message);
        }
    }

    /// The beginning of every URL of the gateway's API.
    pub fn base_url(&mut self, pointer: &str, url: &str) {
        let Ok(parsed) = Url::parse(url) else {
            return self.problem(
                pointer,
                "This is no URL. It must begin like `https://sms.example.net`.",
            );
        };
        let private = parsed.scheme() == "http" && self.allowed.contains(&parsed);
        if parsed.scheme() != "https" && !private {
            self.problem(pointer, "The URL must begin with `https://`.");
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            self.problem(pointer, "A user in a URL shows in logs. Leave it out.");
        }
        if parsed.query().is_some() || parsed.fragment().is_some() || url.ends_with('/') {
            self.problem(
                pointer,
                "Write the URL without a query, a `#` or a `/` at its end.",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Example {
        number: Option<u8>,
    }

    #[test]
    fn a_problem_points_to_its_field() {
        let pointers = |config: Value| {
            let problems = read::<Example>(&config).unwrap_err();
            problems
                .into_iter()
                .map(|it| it.pointer)
                .collect::<Vec<_>>()
        };

        assert_eq!(read(&Value::Null), Ok(Example { number: None }));
        assert_eq!(pointers(json!({"number": "x"})), ["/config/number"]);
        assert_eq!(pointers(json!({"other": 1})), ["/config/other"]);
    }

    #[test]
    fn a_url_and_secrets_are_looked_at() {
        let credentials = serde_json::from_value(
            json!({"token": "a\nb", "other": "x", "key": "-----BEGIN PRIVATE KEY-----\nx"}),
        )
        .unwrap();
        let allowed = "127.0.0.1:9900".parse().unwrap();
        let mut check = Check::new(&credentials, &allowed);

        check.secret("password", "the password of the account");
        check.no_others(&["token", "password", "key"]);
        check.base_url("/config/fine", "https://sms.example.net/api");
        check.base_url("/config/private", "http://127.0.0.1:9900");
        check.base_url("/config/plain", "http://sms.example.net");
        check.base_url("/config/slash", "https://sms.example.net/");
        check.base_url("/config/none", "sms");
        check.path_segment("/config/plan", "a1-B_2.~");
        check.path_segment("/config/path", "a/b");
        check.path_segment("/config/empty", "");

        let pointers: Vec<_> = check.problems.iter().map(|it| &*it.pointer).collect();
        assert_eq!(
            pointers,
            [
                "/credentials/token",
                "/credentials/password",
                "/credentials/other",
                "/config/plain",
                "/config/slash",
                "/config/none",
                "/config/path",
                "/config/empty"
            ]
        );
    }
}
