//! Paths into JSON: `$.data.messages[0].id`. Names and indexes, no more.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Member(String),
    Item(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a path: expected names and indexes, such as `$.data.messages[0].id`")]
pub(super) struct BadPath(String);

impl TryFrom<String> for JsonPath {
    type Error = BadPath;

    fn try_from(source: String) -> Result<Self, BadPath> {
        let steps = source.strip_prefix('$').and_then(steps);
        steps.map(Self).ok_or(BadPath(source))
    }
}

fn steps(mut rest: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (index, following) = after.split_once(']')?;
            if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            steps.push(Step::Item(index.parse().ok()?));
            rest = following;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, following) = after.split_at(end);
            if name.is_empty() {
                return None;
            }
            steps.push(Step::Member(name.to_owned()));
            rest = following;
        }
    }
    Some(steps)
}

impl JsonPath {
    pub fn find<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Member(name) => value.get(name),
            Step::Item(index) => value.get(index),
        })
    }

    /// The text, number or truth value there, as text.
    pub fn text(&self, root: &Value) -> Option<String> {
        scalar(self.find(root)?)
    }
}

/// Gateways change their minds about `"0"` and `0`, so both are the same here.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_somewhere_or_nowhere() {
        let root = json!({"data": {"id": "x-1", "list": [{"code": 7}, null]}, "ok": true});
        for (name, path, expected) in [
            ("a member", "$.ok", Some("true")),
            ("deeper", "$.data.id", Some("x-1")),
            ("an item", "$.data.list[0].code", Some("7")),
            ("past the end", "$.data.list[9].code", None),
            ("null", "$.data.list[1]", None),
            ("an object", "$.data", None),
            ("everything", "$", None),
            ("a member of a text", "$.data.id.x", None),
            ("an item of an object", "$.data[0]", None),
        ] {
            let path = JsonPath::try_from(path.to_owned()).expect(name);
            assert_eq!(path.text(&root).as_deref(), expected, "{name}");
        }
        let item = JsonPath::try_from("$[1]".to_owned()).unwrap();
        assert_eq!(item.text(&json!([1, 2])).as_deref(), Some("2"));
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for path in [
            "", "data.id", "$data", "$.", "$..id", "$.a[", "$.a[]", "$.a[x]", "$.a[-1]",
        ] {
            assert!(JsonPath::try_from(path.to_owned()).is_err(), "{path}");
        }
    }
}
