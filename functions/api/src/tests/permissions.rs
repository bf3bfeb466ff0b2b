//! No route without a scope, and no scope that isn't looked at: what the document says of each operation is what its handler does.

use axum::body::Body;
use carillon_core::api_key::{Mode, Scope};
use http::Request;
use serde_json::Value;

use super::{answer, api, key};
use crate::{app, openapi};

/// What needs no key, and why it needn't.
const OPEN: [&str; 4] = [
    // They say nothing of anybody.
    "listProblems",
    "getProblem",
    "listRules",
    "getRule",
];

struct Operation {
    name: String,
    method: String,
    path: String,
    /// `None` where none is declared.
    scopes: Option<Vec<String>>,
}

fn operations() -> Vec<Operation> {
    let document = openapi::complete(app::described().into_openapi(), "");
    let document = serde_json::to_value(&document).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push(Operation {
                name: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: fill(path),
                scopes: scopes(&operation["security"]),
            });
        }
    }
    operations
}

fn scopes(security: &Value) -> Option<Vec<String>> {
    let scopes = security[0]["key"].as_array()?;
    Some(
        scopes
            .iter()
            .map(|scope| scope.as_str().unwrap().to_owned())
            .collect(),
    )
}

/// A path with an id that could be.
fn fill(path: &str) -> String {
    let prefix = match path.split('/').nth(2).unwrap() {
        "messages" => return path.replace("{id}", &format!("msg_{}", "0".repeat(32))),
        "batches" => "bat",
        "campaigns" => "cmp",
        "uploads" => "upl",
        "webhooks" => "whk",
        "contacts" => "cnt",
        "lists" => "lst",
        "segments" => "seg",
        "gateways" => "gwa",
        "keys" => "key",
        "members" => "mbr",
        "templates" => "tpl",
        _ => {
            return path
                .replace("{code}", "not_found")
                .replace("{country}", "FR");
        }
    };
    path.replace("{id}", &format!("{prefix}_01h455vb4pex5vsknk084sn02q"))
}

async fn status(operation: &Operation, scopes: Option<&[Scope]>) -> u16 {
    let api = api();
    let mut request = Request::builder()
        .method(operation.method.as_str())
        .uri(&operation.path);
    if let Some(scopes) = scopes {
        let key = key(&api, Mode::Live, scopes);
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let request = request.body(Body::empty()).unwrap();
    answer(app::router(api), request).await.status.as_u16()
}

#[tokio::test]
async fn every_operation_needs_exactly_the_scope_that_it_declares() {
    for operation in operations() {
        let name = &operation.name;
        if OPEN.contains(&name.as_str()) {
            assert_eq!(status(&operation, None).await, 200, "{name}");
            continue;
        }
        let declared = operation.scopes.as_deref().unwrap_or_default();
        let [declared] = declared else {
            panic!("{name} declares {declared:?} instead of one scope")
        };
        let (own, others): (Vec<_>, Vec<_>) = Scope::ALL
            .into_iter()
            .partition(|scope| scope.as_str() == declared);

        assert_eq!(status(&operation, None).await, 401, "{name} without a key");
        assert_eq!(
            status(&operation, Some(&others)).await,
            403,
            "{name} with every scope but its own"
        );
        let allowed = status(&operation, Some(&own)).await;
        assert!(
            ![401, 403].contains(&allowed),
            "{name} with its scope is answered with {allowed}"
        );
    }
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_without_looking_it_up() {
    let api = api();
    let good = key(&api, Mode::Live, &Scope::ALL);
    let router = app::router(api);
    for (name, header) in [
        ("another scheme", format!("Basic {good}")),
        (
            "another mode",
            format!("Bearer {}", good.replacen("live", "test", 1)),
        ),
        ("one character too many", format!("Bearer {good}0")),
        ("none", "Bearer".to_owned()),
    ] {
        let request = Request::get("/v1/keys").header("authorization", header);

        let answer = answer(router.clone(), request.body(Body::empty()).unwrap()).await;

        // A look-up would fail here, as 500.
        assert_eq!(answer.status.as_u16(), 401, "{name}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer", "{name}");
    }
}
