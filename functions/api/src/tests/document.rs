//! `docs/openapi.json` is what the code says.

use std::path::Path;

use crate::{app, openapi};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// In the file there is no deployment yet.
const URL: &str = "https://api.example.com";

#[test]
fn the_document_is_fresh() {
    let document = openapi::complete(app::described().into_openapi(), URL);
    let fresh = document.to_pretty_json().unwrap() + "\n";
    #[expect(
        clippy::disallowed_methods,
        reason = "asks whoever runs the test, not the deployment"
    )]
    let update = std::env::var("CARILLON_UPDATE").is_ok_and(|value| value == "1");
    if update {
        std::fs::write(PATH, &fresh).unwrap();
    }

    let stored = std::fs::read_to_string(Path::new(PATH)).unwrap_or_default();

    assert!(
        stored == fresh,
        "docs/openapi.json is stale: `CARILLON_UPDATE=1 cargo test --profile local -p api` writes it anew"
    );
}

#[test]
fn the_document_is_openapi_3_1_and_every_operation_has_a_name() {
    let document = openapi::complete(app::described().into_openapi(), URL);
    let json = serde_json::to_value(&document).unwrap();

    assert_eq!(json["openapi"], "3.1.0");
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in json["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(
                names.insert(name),
                "{method} {path}: `{name}` is there twice"
            );
            assert!(
                operation["responses"]["default"].is_object(),
                "{method} {path}"
            );
        }
    }
}

/// Generators of clients refuse the whole document for one that doesn't.
#[test]
fn each_reference_leads_somewhere() {
    let document = openapi::complete(app::described().into_openapi(), URL);
    let json = serde_json::to_value(&document).unwrap();
    let mut found = Vec::new();
    references(&json, &mut found);

    assert!(found.len() > 100, "{} references", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("inside the document");
        assert!(json.pointer(pointer).is_some(), "{reference}");
    }
}

fn references<'a>(value: &'a serde_json::Value, found: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(serde_json::Value::as_str));
            for field in fields.values() {
                references(field, found);
            }
        }
        serde_json::Value::Array(items) => {
            for item in items {
                references(item, found);
            }
        }
        _ => {}
    }
}
