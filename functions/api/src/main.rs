//! The REST API. Invoked with the cloud's own permissions instead of over HTTP, it makes accounts and their first keys.

mod act;
mod app;
mod bootstrap;
mod check;
mod deliver;
mod edit;
mod fields;
mod list;
mod messages;
mod once;
mod openapi;
mod pin;
mod report;
mod routes;
mod services;
#[cfg(test)]
mod tests;
mod time;
mod warnings;
mod wording;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use axum::Router;
use carillon_runtime::{http_event, logs};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use tower::ServiceExt;

use crate::{once::Deadline, services::Api};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let api = Api::from_environment().await?;
    let router = app::router(api.clone());
    let (api, router) = (&api, &router);
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::from_milliseconds(event.context.deadline);
        handle(api, router, event.payload, deadline).await
    }))
    .await
}

/// An HTTP request has a context; everything else comes from somebody who may invoke the function.
async fn handle(
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
