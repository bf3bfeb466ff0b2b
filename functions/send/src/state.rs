//! What one environment of `send` keeps: clients, caches and settings.

use carillon_core::keyed_hash::DeploymentKey;
use carillon_runtime::{
    config::Config,
    dial::{Dialer, Guard},
    gateways::GatewayCache,
};
use carillon_store::{
    aws::Aws,
    batches::Batches,
    credentials::Vault,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    gateway_accounts::GatewayAccounts,
    ledger::Ledger,
    queues::{QueueUrls, Queues},
    rate::Rate,
    safeguards::SafeguardStore,
    spending::Spending,
    suppressions::Suppressions,
    velocity::Velocity,
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Error;

use crate::{
    batch_cache::BatchCache, opt_outs::OptOuts, safeguards::SafeguardCache, traffic::Traffic,
};

/// What time it is. Tests have their own.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

pub struct State {
    pub dead: DeadLetterQueues,
    pub key: DeploymentKey,
    pub ledger: Ledger,
    pub files: Files,
    pub queues: Queues,
    pub traffic: Traffic,
    pub batches: BatchCache,
    pub accounts: GatewayCache,
    pub opt_outs: OptOuts,
    pub safeguards: SafeguardCache,
    pub spending: Spending,
    pub velocity: Velocity,
    pub dialer: Dialer,
    pub clock: Clock,
    /// How long a lease lasts: longer than this function lives.
    pub lease: SignedDuration,
}

impl State {
    pub async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let dynamodb = aws.dynamodb();
        let core = Config::required("CORE_TABLE")?;
        let key = aws
            .deployment_key(&Config::required("DEPLOYMENT_SECRET_ARN")?)
            .await?;
        let urls = QueueUrls {
            receipts: Some(Config::required("RECEIPTS_QUEUE_URL")?),
            inbound: Some(Config::required("INBOUND_QUEUE_URL")?),
            hooks: Config::optional("HOOKS_QUEUE_URL"),
            ..QueueUrls::default()
        };
        let contacts = Config::required("CONTACTS_TABLE")?;
        let allowed = Config::optional("ALLOWED_PRIVATE_HOSTS").unwrap_or_default();
        let guard = Guard::new(allowed.parse()?);
        let dead = Config::list("DEAD_LETTER_URLS");
        Ok(Self {
            dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
            ledger: Ledger::new(dynamodb.clone(), Config::required("LEDGER_TABLE")?),
            files: Files::new(aws.s3(), Config::required("FILES_BUCKET")?),
            queues: Queues::new(aws.sqs(), urls),
            traffic: Traffic::new(Rate::new(dynamodb.clone(), &core)),
            batches: BatchCache::new(Batches::new(dynamodb.clone(), &core), key.clone()),
            accounts: GatewayCache::new(
                GatewayAccounts::new(dynamodb.clone(), &core),
                Vault::new(aws.kms(), Config::required("CREDENTIALS_KEY_ARN")?),
                Config::required("HOOKS_URL")?,
            ),
            opt_outs: OptOuts::new(Suppressions::new(dynamodb.clone(), contacts), key.clone()),
            safeguards: SafeguardCache::new(SafeguardStore::new(dynamodb.clone(), &core)),
            spending: Spending::new(dynamodb.clone(), &core),
            velocity: Velocity::new(dynamodb.clone(), &core),
            dialer: Dialer::new(guard)?,
            clock: Box::new(Timestamp::now),
            lease: SignedDuration::from_secs(Config::parsed("LEASE_SECONDS")?),
            key,
        })
    }

    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
