//! The function `api`.

use carillon_api::{Api, Deadline, handle, router};
use carillon_runtime::logs;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let api = Api::from_environment().await?;
    let router = router(api.clone());
    let (api, router) = (&api, &router);
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Deadline::from_milliseconds(event.context.deadline);
        handle(api, router, event.payload, deadline).await
    }))
    .await
}
