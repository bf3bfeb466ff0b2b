//! The function `console`.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::Router;
use carillon_api::Deadline;
use carillon_console::{Console, router};
use carillon_runtime::{http_event, logs};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use tower::ServiceExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init("carillon_console");
    let router = router(Console::from_environment().await?);
    let router = &router;
    run(service_fn(
        async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
            let deadline = Deadline::from_milliseconds(event.context.deadline);
            handle(router, event.payload, deadline).await
        },
    ))
    .await
}

async fn handle(
    router: &Router,
    event: ApiGatewayV2httpRequest,
    deadline: Deadline,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let mut request = http_event::request(event)?;
    request.extensions_mut().insert(deadline);
    let response = router.clone().oneshot(request).await?;
    Ok(http_event::response(response).await?)
}
