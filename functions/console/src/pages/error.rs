//! When something can't be shown or done: what, why, and what now.

use askama::Template;
use axum::response::{IntoResponse, Response};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use http::{Method, StatusCode, Uri};

use crate::{
    ask::FieldError,
    respond::{go, page},
    shell::Theme,
};

/// What the API, or a page itself, has against a request. A page with a form shows it there; else it is a page of its own.
#[derive(Debug, Clone)]
pub struct Refused {
    pub status: StatusCode,
    pub title: String,
    /// What happened and the way out.
    pub detail: String,
    /// The API's, stable; empty where it isn't the API's.
    pub code: String,
    /// By fields.
    pub errors: Vec<FieldError>,
    pub request_id: String,
}

impl Refused {
    pub fn new(status: StatusCode, title: &str, detail: &str) -> Self {
        Self {
            status,
            title: title.to_owned(),
            detail: detail.to_owned(),
            code: String::new(),
            errors: Vec::new(),
            request_id: String::new(),
        }
    }

    pub fn unexplained() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something on our side went wrong",
            "Try again. If it stays like this, tell your operator.",
        )
    }

    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "There is no such page",
            "It may have been deleted, or the address is not complete.",
        )
    }

    /// It was about fields or about the state of things: the form can say so.
    pub fn belongs_to_form(&self) -> bool {
        matches!(
            self.status,
            StatusCode::BAD_REQUEST
                | StatusCode::UNPROCESSABLE_ENTITY
                | StatusCode::CONFLICT
                | StatusCode::PRECONDITION_FAILED
        )
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        if let StoreError::Busy { .. } = error {
            tracing::warn!(error = chain(&error), "a page could not be made for now");
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Too much is going on",
                "Reload the page in a moment.",
            );
        }
        tracing::error!(error = chain(&error), "a page could not be made");
        Self::unexplained()
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    theme: Theme,
    refused: Refused,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status;
        let theme = Theme::default();
        (
            status,
            page(&ErrorPage {
                theme,
                refused: self,
            }),
        )
            .into_response()
    }
}

pub async fn nowhere() -> Refused {
    Refused::not_found()
}

/// The address of a form, which a reload or the address bar may ask for: it leads to the page that has the form.
pub async fn not_so(method: Method, uri: Uri) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Refused::not_found().into_response();
    }
    let (page, _) = uri.path().rsplit_once('/').unwrap_or_default();
    go(if page.is_empty() { "/" } else { page })
}
