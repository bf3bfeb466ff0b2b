//! What one environment of `api` keeps: clients and settings, made once.

use std::{ops::Deref, sync::Arc};

use axum::extract::FromRef;
use carillon_core::{
    contact::{List, Segment},
    keyed_hash::DeploymentKey,
    quota::Quotas,
    routing::Route,
    sender::Sender,
};
use carillon_gateways::AllowedHosts;
use carillon_runtime::{config::Config, cursor::Cursors, principal::Authenticator, quota::Limiter};
use carillon_store::{
    accounts::Accounts,
    alerts::AlertSubscriptions,
    api_keys::ApiKeys,
    audiences::Audiences,
    audit::AuditLog,
    aws::Aws,
    batches::Batches,
    campaigns::Campaigns,
    consents::Consents,
    contacts::Contacts,
    credentials::Vault,
    dead_letters::DeadLetters,
    digests::Digests,
    export_files::ExportFiles,
    export_schedules::ExportSchedules,
    exports::Exports,
    files::Files,
    gateway_accounts::GatewayAccounts,
    idempotency::Idempotency,
    imports::Imports,
    inbound_log::InboundLog,
    lakes::Lakes,
    ledger::Ledger,
    link_blocks::LinkBlocks,
    members::Members,
    privacy::PrivacyRequests,
    queues::{QueueUrls, Queues},
    quotas::RequestCounts,
    rate::Rate,
    records::Records,
    replies::ReplySettings,
    safeguards::SafeguardStore,
    schedules::{ScheduleNames, Schedules},
    sent_before::SentLately,
    spending::Spending,
    suppressions::Suppressions,
    templates::Templates,
    upload_form::UploadForms,
    uploads::Uploads,
    webhooks::{Backlogs, Deliveries, DeliveryCounts, Endpoints, Replays},
};
use lambda_runtime::Error;

/// The state of every route.
#[derive(Clone)]
pub struct Api(Arc<Services>);

pub struct Services {
    pub key: DeploymentKey,
    pub settings: Settings,
    pub authenticator: Authenticator,
    pub cursors: Cursors,
    pub accounts: Accounts,
    pub alerts: AlertSubscriptions,
    pub api_keys: ApiKeys,
    pub audiences: Audiences,
    pub audit: AuditLog,
    pub batches: Batches,
    pub campaigns: Campaigns,
    pub consents: Consents,
    pub contacts: Contacts,
    pub dead_letters: DeadLetters,
    pub digests: Digests,
    pub privacy: PrivacyRequests,
    pub export_files: ExportFiles,
    pub exports: Exports,
    pub export_schedules: ExportSchedules,
    pub files: Files,
    pub gateways: GatewayAccounts,
    pub idempotency: Idempotency,
    pub imports: Imports,
    pub inbound: InboundLog,
    pub lakes: Lakes,
    pub ledger: Ledger,
    pub limiter: Limiter,
    pub lists: Records<List>,
    pub link_blocks: LinkBlocks,
    pub members: Members,
    pub queues: Queues,
    pub rate: Rate,
    pub replies: ReplySettings,
    pub routes: Records<Route>,
    pub safeguards: SafeguardStore,
    pub schedules: Schedules,
    pub spending: Spending,
    pub segments: Records<Segment>,
    pub suppressions: Suppressions,
    pub senders: Records<Sender>,
    pub sent_lately: SentLately,
    pub templates: Templates,
    pub upload_forms: UploadForms,
    pub uploads: Uploads,
    pub vault: Vault,
    pub webhooks: Endpoints,
    pub backlogs: Backlogs,
    pub deliveries: Deliveries,
    pub delivery_counts: DeliveryCounts,
    pub replays: Replays,
}

/// What the template says.
#[derive(Debug, Clone)]
pub struct Settings {
    pub ledger_table: String,
    pub core_table: String,
    pub contacts_table: String,
    pub files_bucket: String,
    pub credentials_key_arn: String,
    pub alerts_topic_arn: String,
    pub queues: QueueUrls,
    pub schedules: ScheduleNames,
    /// All without a slash at the end.
    pub public_url: String,
    pub hooks_url: String,
    pub links_url: String,
    pub allowed_hosts: AllowedHosts,
    /// Private hosts that customers' webhooks may be at; none but in tests.
    pub webhook_hosts: AllowedHosts,
    /// Of accounts that have none of their own.
    pub quotas: Quotas,
}

impl Settings {
    pub fn from_environment() -> Result<Self, Error> {
        let queues = QueueUrls {
            prepare: Some(Config::required("PREPARE_QUEUE_URL")?),
            dispatch: Some(Config::required("DISPATCH_QUEUE_URL")?),
            exports: Some(Config::required("EXPORTS_QUEUE_URL")?),
            high: Some(Config::required("LANE_HIGH_QUEUE_URL")?),
            normal: Some(Config::required("LANE_NORMAL_QUEUE_URL")?),
            low: Some(Config::required("LANE_LOW_QUEUE_URL")?),
            imports: Some(Config::required("IMPORTS_QUEUE_URL")?),
            // Only for dead letters.
            receipts: Some(Config::required("RECEIPTS_QUEUE_URL")?),
            inbound: Some(Config::required("INBOUND_QUEUE_URL")?),
            hooks: Some(Config::required("HOOKS_QUEUE_URL")?),
        };
        let schedules = ScheduleNames {
            group: Config::required("SCHEDULE_GROUP")?,
            role_arn: Config::required("SCHEDULE_ROLE_ARN")?,
            prepare_queue_arn: Config::required("PREPARE_QUEUE_ARN")?,
            dead_letters_arn: Config::required("SCHEDULE_DLQ_ARN")?,
        };
        let allowed = Config::optional("ALLOWED_PRIVATE_HOSTS").unwrap_or_default();
        let webhook_hosts = Config::optional("WEBHOOK_PRIVATE_HOSTS").unwrap_or_default();
        Ok(Self {
            ledger_table: Config::required("LEDGER_TABLE")?,
            core_table: Config::required("CORE_TABLE")?,
            contacts_table: Config::required("CONTACTS_TABLE")?,
            files_bucket: Config::required("FILES_BUCKET")?,
            credentials_key_arn: Config::required("CREDENTIALS_KEY_ARN")?,
            alerts_topic_arn: Config::required("ALERTS_TOPIC_ARN")?,
            queues,
            schedules,
            public_url: Config::required("PUBLIC_URL")?,
            hooks_url: Config::required("HOOKS_URL")?,
            links_url: Config::required("LINKS_URL")?,
            allowed_hosts: allowed.parse()?,
            webhook_hosts: webhook_hosts.parse()?,
            quotas: Quotas {
                key: Config::parsed("API_REQUESTS_PER_KEY")?,
                account: Config::parsed("API_REQUESTS_PER_ACCOUNT")?,
                recipients: Config::parsed("API_RECIPIENTS_PER_ACCOUNT")?,
            },
        })
    }
}

impl Api {
    pub async fn from_environment() -> Result<Self, Error> {
        let settings = Settings::from_environment()?;
        let secret = Config::required("DEPLOYMENT_SECRET_ARN")?;
        let aws = Aws::from_environment().await;
        let key = aws.deployment_key(&secret).await?;
        Ok(Self::new(&aws, key, settings))
    }

    pub fn new(aws: &Aws, key: DeploymentKey, settings: Settings) -> Self {
        let dynamodb = aws.dynamodb();
        let core = settings.core_table.as_str();
        let bucket = settings.files_bucket.as_str();
        let api_keys = ApiKeys::new(dynamodb.clone(), core);
        let accounts = Accounts::new(dynamodb.clone(), core);
        let authenticator = Authenticator::new(
            api_keys.clone(),
            accounts.clone(),
            key.clone(),
            settings.quotas,
        );
        let services = Services {
            authenticator,
            cursors: Cursors::new(key.clone()),
            accounts,
            alerts: AlertSubscriptions::new(
                aws.sns(),
                settings.alerts_topic_arn.as_str(),
                dynamodb.clone(),
                core,
                key.clone(),
            ),
            api_keys,
            audiences: Audiences {
                lists: Records::new(dynamodb.clone(), core),
                segments: Records::new(dynamodb.clone(), core),
                contacts: Contacts::new(dynamodb.clone(), settings.contacts_table.as_str()),
            },
            audit: AuditLog::new(dynamodb.clone(), core),
            batches: Batches::new(dynamodb.clone(), core),
            campaigns: Campaigns::new(dynamodb.clone(), core),
            consents: Consents::new(
                dynamodb.clone(),
                settings.contacts_table.as_str(),
                key.clone(),
            ),
            contacts: Contacts::new(dynamodb.clone(), settings.contacts_table.as_str()),
            dead_letters: DeadLetters::new(dynamodb.clone(), core),
            digests: Digests::new(dynamodb.clone(), core),
            privacy: PrivacyRequests::new(dynamodb.clone(), core),
            export_files: ExportFiles::new(aws.s3(), bucket),
            exports: Exports::new(dynamodb.clone(), core),
            export_schedules: ExportSchedules::new(dynamodb.clone(), core),
            files: Files::new(aws.s3(), bucket),
            gateways: GatewayAccounts::new(dynamodb.clone(), core),
            idempotency: Idempotency::new(dynamodb.clone(), core),
            imports: Imports::new(dynamodb.clone(), core),
            inbound: InboundLog::new(dynamodb.clone(), settings.contacts_table.as_str()),
            lakes: Lakes::new(dynamodb.clone(), core),
            rate: Rate::new(dynamodb.clone(), core),
            replies: ReplySettings::new(dynamodb.clone(), core),
            routes: Records::new(dynamodb.clone(), core),
            safeguards: SafeguardStore::new(dynamodb.clone(), core),
            spending: Spending::new(dynamodb.clone(), core),
            lists: Records::new(dynamodb.clone(), core),
            segments: Records::new(dynamodb.clone(), core),
            senders: Records::new(dynamodb.clone(), core),
            suppressions: Suppressions::new(dynamodb.clone(), settings.contacts_table.as_str()),
            sent_lately: SentLately::new(dynamodb.clone(), core),
            templates: Templates::new(dynamodb.clone(), core),
            link_blocks: LinkBlocks::new(dynamodb.clone(), core),
            members: Members::new(dynamodb.clone(), core, key.clone()),
            limiter: Limiter::new(RequestCounts::new(dynamodb.clone(), core)),
            uploads: Uploads::new(dynamodb.clone(), core),
            webhooks: Endpoints::new(dynamodb.clone(), core),
            backlogs: Backlogs::new(dynamodb.clone(), core),
            deliveries: Deliveries::new(dynamodb.clone(), core),
            delivery_counts: DeliveryCounts::new(dynamodb.clone(), core),
            replays: Replays::new(dynamodb.clone(), core),
            ledger: Ledger::new(dynamodb, settings.ledger_table.as_str()),
            queues: Queues::new(aws.sqs(), settings.queues.clone()),
            schedules: Schedules::new(aws.scheduler(), settings.schedules.clone()),
            upload_forms: UploadForms::new(aws, bucket),
            vault: Vault::new(aws.kms(), settings.credentials_key_arn.as_str()),
            key,
            settings,
        };
        Self(Arc::new(services))
    }
}

impl Deref for Api {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

impl FromRef<Api> for Authenticator {
    fn from_ref(api: &Api) -> Self {
        api.authenticator.clone()
    }
}

impl FromRef<Api> for Limiter {
    fn from_ref(api: &Api) -> Self {
        api.limiter.clone()
    }
}
