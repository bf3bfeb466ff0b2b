//! Short links in messages. One is its recipient's own way to opt out: opened, it asks; answered, nothing more is sent. The others
//! lead to an address that stood in the text, and note who opened them.

mod link;
mod opt_out;
mod page;
#[cfg(test)]
mod tests;
mod visit;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use carillon_core::{
    keyed_hash::DeploymentKey,
    link::{Codes, Purpose},
};
use carillon_runtime::{config::Config, logs, logs::chain};
use carillon_store::{
    StoreError,
    accounts::Accounts,
    aws::Aws,
    batches::Batches,
    files::Files,
    ledger::Ledger,
    link_blocks::LinkBlocks,
    queues::{QueueUrls, Queues},
    suppressions::Suppressions,
};
use http::{Method, StatusCode};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};

use crate::{link::Link, page::Page, visit::Visit};

pub struct State {
    key: DeploymentKey,
    codes: Codes,
    accounts: Accounts,
    batches: Batches,
    blocks: LinkBlocks,
    ledger: Ledger,
    files: Files,
    suppressions: Suppressions,
    queues: Queues,
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

/// A GET opts nobody out, whoever makes it: scanners of links open all of them.
async fn handle(
    state: &State,
    event: ApiGatewayV2httpRequest,
    now: Timestamp,
) -> ApiGatewayV2httpResponse {
    let page = answer(state, &event, now).await;
    page.unwrap_or_else(|error| {
        tracing::error!(error = chain(&error), "a link can't be answered");
        Page::TryAgain
    })
    .answer()
}

async fn answer(
    state: &State,
    event: &ApiGatewayV2httpRequest,
    now: Timestamp,
) -> Result<Page, StoreError> {
    let path = event.raw_path.as_deref().unwrap_or_default();
    let code = path.strip_prefix("/l/").unwrap_or_default();
    let method = &event.request_context.http.method;
    if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
        return Ok(Page::NotAllowed);
    }
    let Some(link) = link::find(state, code).await? else {
        return Ok(Page::Unknown);
    };
    match (link.purpose, method) {
        (Purpose::OptOut, &Method::POST) => opt_out(state, &link, now).await,
        (Purpose::OptOut, _) => ask(state, &link).await,
        (Purpose::Lead(_), &Method::POST) => Ok(Page::NotAllowed),
        (Purpose::Lead(target), _) => {
            visit::open(state, &link, target, Visit::of(event), now).await
        }
    }
}

async fn ask(state: &State, link: &Link) -> Result<Page, StoreError> {
    let account = state.accounts.find(link.batch.terms.account).await?;
    Ok(account.map_or(Page::Unknown, |account| Page::Ask { name: account.name }))
}

/// Written down before the answer.
async fn opt_out(state: &State, link: &Link, now: Timestamp) -> Result<Page, StoreError> {
    let recorded = opt_out::record(state, link, now).await?;
    Ok(recorded.map_or(Page::Unknown, |()| Page::Done))
}

impl Page {
    fn status(&self) -> StatusCode {
        match self {
            Self::Ask { .. } | Self::Done => StatusCode::OK,
            Self::Lead { .. } => StatusCode::FOUND,
            Self::Ended => StatusCode::GONE,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TryAgain => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl State {
    async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
        let key = aws.deployment_key(&secret).await?;
        let core = Config::required("CORE_TABLE")?;
        let urls = QueueUrls {
            hooks: Config::optional("HOOKS_QUEUE_URL"),
            ..QueueUrls::default()
        };
        Ok(Self {
            codes: Codes::new(&key),
            accounts: Accounts::new(aws.dynamodb(), &core),
            batches: Batches::new(aws.dynamodb(), &core),
            blocks: LinkBlocks::new(aws.dynamodb(), core),
            ledger: Ledger::new(aws.dynamodb(), Config::required("LEDGER_TABLE")?),
            files: Files::new(aws.s3(), Config::required("FILES_BUCKET")?),
            suppressions: Suppressions::new(aws.dynamodb(), Config::required("CONTACTS_TABLE")?),
            queues: Queues::new(aws.sqs(), urls),
            key,
        })
    }
}
