//! Changing what others may change too: under the `ETag` of what was read.

use carillon_runtime::problem::{Code, Problem};
use http::{HeaderMap, header};

pub fn etag(version: u32) -> String {
    format!("\"{version}\"")
}

pub fn expected<'a>(headers: &'a HeaderMap, thing: &str) -> Result<&'a str, Problem> {
    let given = headers
        .get(header::IF_MATCH)
        .and_then(|value| value.to_str().ok());
    given.ok_or_else(|| {
        let detail = format!(
            "Send the `ETag` of the {thing} that you read as `If-Match`, so that nobody's change is lost."
        );
        Problem::new(Code::PreconditionRequired, detail)
    })
}

pub fn stale(thing: &str) -> Problem {
    let detail = format!(
        "Somebody changed the {thing} since you read it. Read it again, and make your change to that."
    );
    Problem::new(Code::EtagMismatch, detail)
}
