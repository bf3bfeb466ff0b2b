//! What comes in with a request, or a problem that names the field.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::problem::{Code, FieldError, Problem};

/// Bodies are no longer than this; a function's event has room for 6 MB.
pub const MAX_BODY: usize = 5 * 1024 * 1024;

/// A JSON body, with its bytes. No body is an empty object.
#[derive(Debug)]
pub struct Input<T> {
    pub value: T,
    pub raw: Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let typed = is_json(request.headers());
        let raw = Bytes::from_request(request, state).await;
        let raw = raw.map_err(|refused| unreadable(refused.status()).into_response())?;
        if raw.is_empty() {
            let value = parse(b"{}").map_err(IntoResponse::into_response)?;
            return Ok(Self { value, raw });
        }
        if !typed {
            let detail = "Send the body as JSON, with the header `Content-Type: application/json`.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail).into_response());
        }
        let value = parse(&raw).map_err(IntoResponse::into_response)?;
        Ok(Self { value, raw })
    }
}

/// A body that may come as JSON or as CSV, as it came.
#[derive(Debug)]
pub struct Content {
    pub kind: ContentKind,
    pub raw: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    Json,
    Csv,
}

impl<S: Send + Sync> FromRequest<S> for Content {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let kind = if is_type(request.headers(), "text/csv") {
            ContentKind::Csv
        } else if is_json(request.headers()) {
            ContentKind::Json
        } else {
            let detail = "Send the body as JSON or as CSV, with the header `Content-Type: application/json` or `text/csv`.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail).into_response());
        };
        let raw = Bytes::from_request(request, state).await;
        let raw = raw.map_err(|refused| unreadable(refused.status()).into_response())?;
        Ok(Self { kind, raw })
    }
}

fn unreadable(status: StatusCode) -> Problem {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = "The body is larger than 5 MiB. Split it, or upload the recipients as a file: `POST /v1/uploads`.";
        return Problem::new(Code::PayloadTooLarge, detail);
    }
    Problem::new(
        Code::InvalidRequest,
        "The body could not be read. Send it again.",
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    is_type(headers, "application/json")
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given.and_then(|value| value.to_str().ok());
    given.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case(wanted)
    })
}

/// Reads JSON; what is wrong with it is told with a pointer, and without repeating any value.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, Problem> {
    let mut parser = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let path = pointer(error.path());
        refused(path, error.inner())
    })?;
    parser
        .end()
        .map_err(|error| refused(String::new(), &error))?;
    Ok(value)
}

fn refused(pointer: String, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body stops being JSON at line {line}, column {column}.");
        return Problem::new(Code::InvalidJson, detail);
    }
    let words = error.to_string();
    // serde_json says where it stopped; the pointer says it better.
    let words = words
        .rsplit_once(" at line ")
        .map_or(words.as_str(), |(words, _)| words);
    if words.starts_with("unknown field ") {
        let known = words.split_once(", ").map_or("", |(_, known)| known);
        let detail = format!(
            "there is no such field; {}",
            known.replace("there are no fields", "expected none")
        );
        let error = FieldError::new(pointer, Code::UnknownField.as_str(), detail);
        return Problem::of_fields(Code::UnknownField, vec![error]);
    }
    // serde points at the object that has it twice.
    let twice = words.strip_prefix("duplicate field `");
    let pointer = match twice.and_then(|rest| rest.split_once('`')) {
        Some((field, _)) if !pointer.ends_with(&format!("/{}", escape(field))) => {
            format!("{pointer}/{}", escape(field))
        }
        _ => pointer,
    };
    let (code, detail) = field_error(words);
    Problem::of_fields(
        Code::InvalidRequest,
        vec![FieldError::new(pointer, code, detail)],
    )
}

/// serde's words quote what they found, which may be somebody's number: only what was expected is repeated.
fn field_error(words: &str) -> (&'static str, String) {
    if words.starts_with("missing field ") {
        return ("missing_field", format!("{words}; add it"));
    }
    for (beginning, code) in [
        ("invalid type: ", "wrong_type"),
        ("invalid value: ", "wrong_value"),
        ("invalid length ", "wrong_length"),
        ("unknown variant ", "wrong_value"),
    ] {
        if words.starts_with(beginning) {
            let expected = words
                .rsplit_once(", expected ")
                .map_or("something else", |(_, rest)| rest);
            return (code, format!("expected {expected}"));
        }
    }
    if words.starts_with("duplicate field ") {
        return (
            "duplicate_field",
            "the field is there twice; keep one".to_owned(),
        );
    }
    // Words of our own types.
    ("wrong_value", words.to_owned())
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let steps = path.iter().map(|segment| match segment {
        Segment::Seq { index } => index.to_string(),
        Segment::Map { key } => escape(key),
        Segment::Enum { variant } => escape(variant),
        Segment::Unknown => String::new(),
    });
    steps
        .filter(|step| !step.is_empty())
        .flat_map(|step| ["/".to_owned(), step])
        .collect()
}

fn escape(step: &str) -> String {
    step.replace('~', "~0").replace('/', "~1")
}

/// The query's parameters. Unknown ones are refused where `T` refuses unknown fields.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let axum::extract::Query(value) = read.map_err(|error| {
            let words = error.body_text();
            let words = words
                .rsplit_once(": ")
                .map_or(words.as_str(), |(_, words)| words);
            let (_, words) = field_error(words);
            let words = format!(
                "The query can't be read: {words}. Check the names and values of its parameters."
            );
            Problem::new(Code::InvalidRequest, words)
        })?;
        Ok(Self(value))
    }
}

/// What stands in the path. What can't be an id is the id of nothing.
#[derive(Debug)]
pub struct InPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        let Path(value) = read.map_err(|_| Problem::not_found("thing"))?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Order {
        name: String,
        #[serde(default)]
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only read by serde")]
    struct Item {
        count: u8,
    }

    #[test]
    fn what_is_wrong_with_a_body_is_told_with_a_pointer() {
        for (name, body, code, pointer, detail) in [
            (
                "an unknown field",
                r#"{"name":"a","size":1}"#,
                "unknown_field",
                "/size",
                "there is no such field; expected `name` or `items`",
            ),
            (
                "an unknown field inside",
                r#"{"name":"a","items":[{"count":1},{"count":2,"a/b":1}]}"#,
                "unknown_field",
                "/items/1/a~1b",
                "there is no such field; expected `count`",
            ),
            (
                "a wrong type",
                r#"{"name":"a","items":[{"count":"447700900123"}]}"#,
                "wrong_type",
                "/items/0/count",
                "expected u8",
            ),
            (
                "a missing field",
                r#"{"items":[]}"#,
                "missing_field",
                "",
                "missing field `name`; add it",
            ),
            (
                "too large a number",
                r#"{"name":"a","items":[{"count":300}]}"#,
                "wrong_value",
                "/items/0/count",
                "expected u8",
            ),
            (
                "twice the same",
                r#"{"name":"a","name":"b"}"#,
                "duplicate_field",
                "/name",
                "the field is there twice; keep one",
            ),
            (
                "not an object",
                "[]",
                "wrong_length",
                "",
                "expected struct Order with 2 elements",
            ),
        ] {
            let problem = parse::<Order>(body.as_bytes()).unwrap_err();

            let [error] = problem.errors.as_slice() else {
                panic!("{name}")
            };
            assert_eq!(
                (error.code, error.pointer.as_str(), error.detail.as_str()),
                (code, pointer, detail),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_not_json_is_told_with_its_place() {
        for (name, body, detail) in [
            (
                "cut off",
                "{\"name\":",
                "The body stops being JSON at line 1, column 8.",
            ),
            (
                "a comma too many",
                "{\"name\":\"a\",\n}",
                "The body stops being JSON at line 2, column 1.",
            ),
            (
                "something after it",
                "{\"name\":\"a\"} b",
                "The body stops being JSON at line 1, column 14.",
            ),
        ] {
            let problem = parse::<Order>(body.as_bytes()).unwrap_err();

            assert_eq!(
                (problem.code, problem.detail.as_str()),
                (Code::InvalidJson, detail),
                "{name}"
            );
        }
    }
}
