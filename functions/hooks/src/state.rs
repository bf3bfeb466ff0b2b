//! What one environment keeps: clients, endpoints that it has read, how they answered lately.

use std::time::Duration;

use carillon_gateways::AllowedHosts;
use carillon_runtime::{
    config::Config,
    dial::{Dialer, Guard},
};
use carillon_store::{
    alerts::AlertTopic,
    aws::Aws,
    credentials::Vault,
    dead_letter_queues::DeadLetterQueues,
    event_bus::EventBus,
    files::Files,
    queues::{QueueUrls, Queues},
    webhooks::{Backlogs, Deliveries, DeliveryCounts, Endpoints, Replays},
};
use lambda_runtime::Error;

use crate::{
    alerting::Alerting, endpoints::EndpointCache, nudge::Nudge, standing::Standings, tally::Tally,
};

/// From the first byte out to the status line in.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(20);

pub struct State {
    pub dead: DeadLetterQueues,
    pub endpoints: EndpointCache,
    pub backlogs: Backlogs,
    pub deliveries: Deliveries,
    pub replays: Replays,
    pub archive: Files,
    /// The deployment's own, where it has one.
    pub bus: Option<EventBus>,
    /// To members; none in tests.
    pub alerting: Option<Alerting>,
    pub dialer: Dialer,
    pub standings: Standings,
    pub tally: Tally,
    pub nudge: Nudge,
}

impl State {
    pub async fn from_environment() -> Result<Self, Error> {
        let aws = Aws::from_environment().await;
        let core = Config::required("CORE_TABLE")?;
        let dynamodb = aws.dynamodb();
        let vault = Vault::new(aws.kms(), Config::required("CREDENTIALS_KEY_ARN")?);
        let endpoints = Endpoints::new(dynamodb.clone(), &core);
        let backlogs = Backlogs::new(dynamodb.clone(), &core);
        let allowed = Config::optional("WEBHOOK_PRIVATE_HOSTS").unwrap_or_default();
        let allowed: AllowedHosts = allowed.parse()?;
        let dead = Config::list("DEAD_LETTER_URLS");
        let urls = QueueUrls {
            hooks: Some(Config::required("HOOKS_QUEUE_URL")?),
            ..QueueUrls::default()
        };
        Ok(Self {
            dead: DeadLetterQueues::new(aws.sqs(), dead, Config::parsed("QUEUE_TRIES")?),
            endpoints: EndpointCache::new(endpoints, backlogs.clone(), vault),
            backlogs,
            deliveries: Deliveries::new(dynamodb.clone(), &core),
            replays: Replays::new(dynamodb.clone(), &core),
            bus: Config::optional("EVENT_BUS_NAME")
                .map(|name| EventBus::new(aws.eventbridge(), name)),
            alerting: Some(Alerting {
                topic: AlertTopic::new(aws.sns(), Config::required("ALERTS_TOPIC_ARN")?),
                console: Config::required("PUBLIC_URL")?,
            }),
            archive: Files::new(aws.s3(), Config::required("FILES_BUCKET")?),
            dialer: Dialer::within(Guard::new(allowed), CALL_TIMEOUT)?,
            standings: Standings::default(),
            tally: Tally::new(DeliveryCounts::new(dynamodb, core)),
            nudge: Nudge::new(Queues::new(aws.sqs(), urls)),
        })
    }
}
