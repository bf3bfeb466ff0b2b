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
