//! Where in a call or an answer a value stands: `query:m | json:$.id` takes the first that is there.

use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use serde_json::Value;

use super::path::JsonPath;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Sources(Vec<Source>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Query(String),
    Form(String),
    Header(HeaderName),
    Json(JsonPath),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no place: expected `query:NAME`, `form:NAME`, `header:NAME` or `json:$.PATH`, or several with ` | ` between them"
)]
pub(super) struct BadSource(String);

impl TryFrom<String> for Sources {
    type Error = BadSource;

    fn try_from(text: String) -> Result<Self, BadSource> {
        let sources = text.split('|').map(|one| source(one.trim()));
        sources
            .collect::<Option<_>>()
            .map(Self)
            .ok_or(BadSource(text))
    }
}

fn source(text: &str) -> Option<Source> {
    let (kind, name) = text.split_once(':')?;
    if name.is_empty() {
        return None;
    }
    Some(match kind {
        "query" => Source::Query(name.to_owned()),
        "form" => Source::Form(name.to_owned()),
        "header" => Source::Header(name.parse().ok()?),
        "json" => Source::Json(JsonPath::try_from(name.to_owned()).ok()?),
        _ => return None,
    })
}

/// A call or an answer, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    pub query: &'a [(String, String)],
    pub form: &'a [(String, String)],
    pub headers: &'a HeaderMap,
    pub json: Option<&'a Value>,
}

impl Sources {
    /// The first value there that isn't empty.
    pub fn read(&self, fields: Fields<'_>) -> Option<String> {
        self.all(fields).next().map(|(_, value)| value)
    }

    /// Each value there that isn't empty, in the order of the places.
    pub fn all<'a>(&'a self, fields: Fields<'a>) -> impl Iterator<Item = (&'a Source, String)> {
        let read = move |source: &'a Source| Some((source, source.read(fields)?));
        self.0
            .iter()
            .filter_map(read)
            .filter(|(_, value)| !value.is_empty())
    }

    /// The array there, for calls that carry several reports.
    pub fn array<'a>(&self, json: Option<&'a Value>) -> Option<&'a [Value]> {
        self.0.iter().find_map(|source| match source {
            Source::Json(path) => path.find(json?)?.as_array().map(Vec::as_slice),
            _ => None,
        })
    }
}

impl Source {
    fn read(&self, fields: Fields<'_>) -> Option<String> {
        let named = |fields: &[(String, String)], name: &str| {
            let field = fields.iter().find(|(field, _)| field == name)?;
            Some(field.1.clone())
        };
        match self {
            Self::Query(name) => named(fields.query, name),
            Self::Form(name) => named(fields.form, name),
            Self::Header(name) => Some(fields.headers.get(name)?.to_str().ok()?.to_owned()),
            Self::Json(path) => path.text(fields.json?),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::form;

    fn sources(text: &str) -> Result<Sources, BadSource> {
        text.to_owned().try_into()
    }

    #[test]
    fn the_first_place_with_a_value_is_taken() {
        let (query, form) = (form(b"m=from+query&empty="), form(b"id=from%20form"));
        let mut headers = HeaderMap::new();
        headers.insert("x-id", "from header".parse().unwrap());
        let json = json!({"id": "from json", "list": [1, 2]});
        let fields = Fields {
            query: &query,
            form: &form,
            headers: &headers,
            json: Some(&json),
        };

        for (text, expected) in [
            ("query:m", Some("from query")),
            ("form:id", Some("from form")),
            ("header:X-Id", Some("from header")),
            ("json:$.id", Some("from json")),
            ("query:none | json:$.id", Some("from json")),
            ("query:empty|form:id", Some("from form")),
            ("query:m | json:$.id", Some("from query")),
            ("json:$.none", None),
        ] {
            assert_eq!(
                sources(text).unwrap().read(fields).as_deref(),
                expected,
                "{text}"
            );
        }
        assert_eq!(
            sources("json:$.list")
                .unwrap()
                .array(Some(&json))
                .map(<[_]>::len),
            Some(2)
        );
        assert_eq!(sources("json:$.id").unwrap().array(Some(&json)), None);
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for text in [
            "",
            "m",
            "query:",
            "cookie:m",
            "json:id",
            "query:m |",
            "header:a b",
        ] {
            assert_eq!(sources(text), Err(BadSource(text.to_owned())), "{text}");
        }
    }
}
