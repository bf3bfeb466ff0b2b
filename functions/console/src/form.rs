//! A form as it was posted, and what is wrong with its fields. What the API refuses comes back beside the field it is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use axum::extract::FromRequestParts;
use bytes::Bytes;
use futures::{future, stream};
use http::{StatusCode, request::Parts};
use multer::Multipart;

use crate::pages::error::Refused;

/// The hidden field that proves that the form is ours.
pub const TOKEN: &str = "_token";
/// The hidden field that makes a repeated post the same request: an `Idempotency-Key`.
pub const ONCE: &str = "_once";

/// Fields in the order of the form; one may be there several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
    /// By field, as they were sent. None of a field that was left empty.
    files: BTreeMap<String, Bytes>,
    /// What is wrong, by field.
    errors: BTreeMap<String, String>,
    /// What is wrong with all of it.
    pub problem: Option<String>,
}

impl Form {
    pub fn parse(body: &[u8]) -> Self {
        let fields = url::form_urlencoded::parse(body);
        let fields = fields.into_owned();
        Self::of(fields.map(|(name, value)| (name, unix_lines(&value))))
    }

    /// Of `multipart/form-data`, by which browsers send files.
    pub async fn parse_parts(body: Bytes, boundary: &str) -> Result<Self, multer::Error> {
        let body = stream::once(future::ready(Ok::<_, Infallible>(body)));
        let mut parts = Multipart::new(body, boundary);
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await? {
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_none() {
                form.fields.push((name, unix_lines(&part.text().await?)));
                continue;
            }
            let file = part.bytes().await?;
            if !file.is_empty() {
                form.files.insert(name, file);
            }
        }
        Ok(form)
    }

    pub fn of<K: Into<String>, V: Into<String>>(fields: impl IntoIterator<Item = (K, V)>) -> Self {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self {
            fields: fields.collect(),
            ..Self::default()
        }
    }

    /// As it was typed; empty when it isn't there.
    pub fn get(&self, name: &str) -> &str {
        let mut found = self.fields.iter().filter(|(field, _)| field == name);
        found.next().map_or("", |(_, value)| value)
    }

    /// Without white space around it. `None` when nothing was typed.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let of_name = self.fields.iter().filter(move |(field, _)| field == name);
        of_name.map(|(_, value)| value.as_str())
    }

    pub fn file(&self, name: &str) -> Option<&Bytes> {
        self.files.get(name)
    }

    pub fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|found| found == value)
    }

    pub fn error(&self, name: &str) -> Option<&str> {
        self.errors.get(name).map(String::as_str)
    }

    /// All that is wrong with fields, for the head of a long form.
    pub fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.errors.iter();
        errors
            .map(|(name, words)| (name.as_str(), words.as_str()))
            .collect()
    }

    pub fn refuse(&mut self, name: impl Into<String>, words: impl Into<String>) {
        self.errors
            .entry(name.into())
            .or_insert_with(|| words.into());
    }

    /// Texts by language, as rows: the field that is marked, the language, the text. What is typed is never thrown away unsaid.
    pub fn refuse_languages(&mut self, rows: impl IntoIterator<Item = (String, String, String)>) {
        let mut known = BTreeSet::new();
        for (field, language, text) in rows {
            let language = language.to_lowercase();
            if language.is_empty() && !text.trim().is_empty() {
                self.refuse(
                    field,
                    "Say in which language this is, such as fr, or empty the row.",
                );
            } else if !language.is_empty() && !known.insert(language) {
                self.refuse(field, "This language has a text already, further up.");
            }
        }
    }

    /// As if this had been typed into the field, and nothing else.
    pub fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }

    /// With a field that was not sent: what it is when nobody has chosen.
    #[must_use]
    pub fn or(mut self, name: &str, value: &str) -> Self {
        if self.all(name).next().is_none() {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// What is wrong with another form, of which this is what is shown.
    #[must_use]
    pub fn with_errors_of(self, other: Self) -> Self {
        Self {
            fields: self.fields,
            ..other
        }
    }

    pub fn is_refused(&self) -> bool {
        !self.errors.is_empty() || self.problem.is_some()
    }

    /// Of the page that shows it again.
    pub fn status(&self) -> StatusCode {
        if self.is_refused() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        }
    }

    /// The form again, with what the API has against it. `fields`: a pointer's beginning, and the field that it is about; of several
    /// that fit, the first.
    pub fn refused_by(mut self, refused: &Refused, fields: &[(&str, &str)]) -> Self {
        let mut elsewhere = Vec::new();
        for error in &refused.errors {
            let fits = |(pointer, _): &&(&str, &str)| error.pointer.starts_with(pointer);
            match fields.iter().find(fits) {
                Some((_, field)) => self.refuse(*field, sentence(&error.detail)),
                None => elsewhere.push(sentence(&error.detail)),
            }
        }
        self.problem = if !elsewhere.is_empty() {
            Some(elsewhere.join(" "))
        } else if refused.errors.is_empty() {
            Some(sentence(&refused.detail))
        } else {
            None
        };
        self
    }
}

/// Forms end lines with two characters, and in a message each of them counts.
fn unix_lines(value: &str) -> String {
    value.replace("\r\n", "\n")
}

/// What the API says begins small and ends without a full stop.
pub fn sentence(words: &str) -> String {
    let mut characters = words.chars();
    let first: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let rest = characters.as_str();
    let end = if words.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    format!("{first}{rest}{end}")
}

impl<S: Send + Sync> FromRequestParts<S> for Form {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(Refused::unexplained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::FieldError;

    #[test]
    fn no_text_is_thrown_away_for_want_of_its_language() {
        let row = |language: &str, text: &str| {
            (
                format!("{language}-{text}"),
                language.to_owned(),
                text.to_owned(),
            )
        };
        let mut form = Form::default();

        form.refuse_languages([
            row("fr", "Salut"),
            row("", " "),
            row("", "Ciao"),
            row("FR", "Coucou"),
        ]);

        let wrong: Vec<_> = form.errors().into_iter().map(|(field, _)| field).collect();
        assert_eq!(wrong, ["-Ciao", "FR-Coucou"]);
    }

    #[tokio::test]
    async fn a_line_break_is_one_character() {
        let encoded = Form::parse(b"text=one%0D%0Atwo");
        let parts =
            "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\none\r\ntwo\r\n--x--\r\n";
        let parts = Form::parse_parts(parts.into(), "x").await.unwrap();

        assert_eq!(encoded.get("text"), "one\ntwo");
        assert_eq!(parts.get("text"), "one\ntwo");
    }

    fn refused(errors: &[(&str, &str)]) -> Refused {
        let errors = errors.iter().map(|(pointer, detail)| FieldError {
            pointer: (*pointer).to_owned(),
            detail: (*detail).to_owned(),
        });
        Refused {
            detail: "all of it".to_owned(),
            errors: errors.collect(),
            ..Refused::unexplained()
        }
    }

    #[test]
    fn what_is_wrong_stands_beside_its_field() {
        let fields = [("/content", "text"), ("/name", "name")];
        for (name, errors, text, problem) in [
            (
                "in a field",
                vec![("/content/text", "it is empty")],
                Some("It is empty."),
                None,
            ),
            (
                "elsewhere",
                vec![("/lane", "there is no such lane")],
                None,
                Some("There is no such lane."),
            ),
            ("in all", vec![], None, Some("All of it.")),
        ] {
            let form = Form::of([("text", "Hi")]).refused_by(&refused(&errors), &fields);

            assert_eq!(form.error("text"), text, "{name}");
            assert_eq!(form.problem.as_deref(), problem, "{name}");
            assert_eq!(form.get("text"), "Hi", "{name}");
        }
    }

    #[test]
    fn fields_are_read_as_they_were_typed() {
        let form = Form::parse(b"name=Spring+%26+summer&list=a&list=b&empty=++");

        assert_eq!(form.get("name"), "Spring & summer");
        assert_eq!(form.all("list").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(form.given("empty"), None);
        assert_eq!(form.get("missing"), "");
    }

    #[test]
    fn a_file_is_kept_as_it_was_sent() {
        let body = b"--x\r\ncontent-disposition: form-data; name=\"country\"\r\n\r\nGB\r\n\
            --x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n\xff\xfe\x00\r\n\
            --x\r\ncontent-disposition: form-data; name=\"other\"; filename=\"\"\r\n\r\n\r\n--x--\r\n";

        let form = Form::parse_parts(Bytes::from_static(body), "x");
        let form = futures::executor::block_on(form).unwrap();

        assert_eq!(form.get("country"), "GB");
        assert_eq!(
            form.file("file").map(AsRef::as_ref),
            Some(&b"\xff\xfe\x00"[..])
        );
        assert_eq!(form.file("other"), None, "nothing was chosen");
    }
}
