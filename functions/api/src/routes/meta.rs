//! What the API says of itself: its document, and its problems. Needs no key.

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing,
};
use carillon_runtime::{
    input::InPath,
    problem::{Code, Facts, Problem},
};
use http::header;
use serde::Serialize;
use utoipa::{ToSchema, openapi::OpenApi};

use crate::services::Api;

/// Serves the document, which can't describe itself before it is complete.
pub fn document(document: &OpenApi) -> Router<Api> {
    let json = document
        .to_json()
        .expect("the document is representable in JSON");
    let get = routing::get(async || ([(header::CONTENT_TYPE, "application/json")], json));
    Router::new().route("/v1/openapi.json", get)
}

/// A code that a problem can have.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemView {
    code: &'static str,
    status: u16,
    title: &'static str,
    /// Whether the same request may succeed later.
    retryable: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Problems {
    data: Vec<ProblemView>,
}

impl ProblemView {
    fn new(code: Code) -> Self {
        let Facts {
            code,
            status,
            retryable,
            title,
        } = code.facts();
        Self {
            code,
            status: status.as_u16(),
            title,
            retryable,
        }
    }
}

/// Every code that a problem can have.
#[utoipa::path(
    get, path = "/v1/problems", operation_id = "listProblems", tag = "problems",
    security(()),
    responses((status = 200, description = "All of them", body = Problems)),
)]
pub async fn problems() -> Response {
    let data = Code::ALL.into_iter().map(ProblemView::new).collect();
    Json(Problems { data }).into_response()
}

/// A code that a problem can have: where `doc_url` points.
#[utoipa::path(
    get, path = "/v1/problems/{code}", operation_id = "getProblem", tag = "problems",
    security(()),
    params(("code" = String, Path)),
    responses((status = 200, description = "What the code means", body = ProblemView)),
)]
pub async fn problem(InPath(code): InPath<String>) -> Result<Response, Problem> {
    let known = Code::ALL.into_iter().find(|known| known.as_str() == code);
    let known = known.ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            "There is no such code. `GET /v1/problems` lists them.",
        )
    })?;
    Ok(Json(ProblemView::new(known)).into_response())
}
