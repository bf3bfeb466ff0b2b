//! The REST API. Invoked with the cloud's own permissions instead of over HTTP, it makes accounts and their first keys.
//!
//! A library, so that `console` acts through the same router in its own process, with a member as the [`Principal`] of its
//! requests: each rule, check and audit entry is here and nowhere else.
//!
//! [`Principal`]: carillon_runtime::principal::Principal

mod act;
mod app;
mod bootstrap;
mod check;
mod deliver;
mod edit;
mod fields;
mod list;
mod marketing;
mod messages;
mod once;
mod openapi;
mod pin;
mod report;
mod responses;
mod routes;
mod sent_to;
mod services;
mod summary;
mod sums;
#[cfg(test)]
mod tests;
mod time;
mod timeline;
mod warnings;
mod wording;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::Router;
use carillon_runtime::http_event;
use lambda_runtime::Error;
use serde_json::Value;
use tower::ServiceExt;

pub use crate::{
    app::router,
    once::Deadline,
    services::{Api, Services, Settings},
};

/// An HTTP request has a context; everything else comes from somebody who may invoke the function.
pub async fn handle(
    api: &Api,
    router: &Router,
    event: Value,
    deadline: Deadline,
) -> Result<Value, Error> {
    if event.get("requestContext").is_none() {
        return Ok(bootstrap::handle(api, event).await?);
    }
    let event: ApiGatewayV2httpRequest = serde_json::from_value(event)?;
    let mut request = http_event::request(event)?;
    request.extensions_mut().insert(deadline);
    let response = router.clone().oneshot(request).await?;
    Ok(serde_json::to_value(http_event::response(response).await?)?)
}
