//! Takes the calls of carriers: proves who calls, reads every report, puts them on a queue, answers in the carrier's words.

mod call;
mod take;
#[cfg(test)]
mod tests;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use carillon_core::keyed_hash::DeploymentKey;
use carillon_runtime::{config::Config, gateways::GatewayCache, logs};
use carillon_store::{
    aws::Aws,
    credentials::Vault,
    gateway_accounts::GatewayAccounts,
    queues::{QueueUrls, Queues},
};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

pub struct State {
    key: DeploymentKey,
    gateways: GatewayCache,
    queues: Queues,
    /// `None` in a deployment whose function URL is its own public URL.
    hooks_url: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logs::init(env!("CARGO_CRATE_NAME"));
    let state = State::from_environment().await?;
    let state = &state;
    run(service_fn(
        async |event: LambdaEvent<ApiGatewayV2httpRequest>| {
            Ok::<_, Error>(handle(state, event.payload, Timestamp::now()).await)
        },
    ))
    .await
}

async fn handle(
    state: &State,
    event: ApiGatewayV2httpRequest,
    now: Timestamp,
) -> ApiGatewayV2httpResponse {
    call::answer(match call::read(event) {
        Ok(call) => take::take(state, call, now).await,
        Err(refused) => refused.into(),
    })
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let key = aws
            .deployment_key(&Config::required("DEPLOYMENT_SECRET_ARN")?)
            .await?;
        let accounts = GatewayAccounts::new(aws.dynamodb(), Config::required("CORE_TABLE")?);
        let vault = Vault::new(aws.kms(), Config::required("CREDENTIALS_KEY_ARN")?);
        let hooks_url = Config::optional("HOOKS_URL");
        let urls = QueueUrls {
            receipts: Some(Config::required("RECEIPTS_QUEUE_URL")?),
            inbound: Some(Config::required("INBOUND_QUEUE_URL")?),
            ..QueueUrls::default()
        };
        Ok(Self {
            key,
            gateways: GatewayCache::new(accounts, vault, hooks_url.clone().unwrap_or_default()),
            queues: Queues::new(aws.sqs(), urls),
            hooks_url,
        })
    }
}
