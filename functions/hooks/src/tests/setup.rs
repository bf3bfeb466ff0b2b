//! An account of its own in tables of its own, with the endpoints and events that a test needs.

use super::*;

/// What the tests let a call take.
const CALL: Duration = Duration::from_secs(2);

pub struct Setup {
    pub aws: Aws,
    pub core: String,
    pub queue: String,
    pub state: State,
    pub vault: Vault,
    pub account: AccountId,
}

impl Setup {
    pub async fn new() -> Self {
        let aws = stack::aws().await;
        let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
        let vault = Vault::new(aws.kms(), stack::variable("CREDENTIALS_KEY_ARN"));
        let queue = stack::queue(&aws.sqs(), "hooks").await;
        let state = Self::state(&aws, &core, &vault, &queue);
        Self {
            aws,
            core,
            queue,
            state,
            vault,
            account: build::id(),
        }
    }

    /// As a new environment begins.
    pub fn state(aws: &Aws, core: &str, vault: &Vault, queue: &str) -> State {
        let urls = QueueUrls {
            hooks: Some(queue.to_owned()),
            ..QueueUrls::default()
        };
        let dynamodb = aws.dynamodb();
        let backlogs = Backlogs::new(dynamodb.clone(), core);
        let endpoints = Endpoints::new(dynamodb.clone(), core);
        let guard = Guard::new("127.0.0.1".parse().unwrap());
        State {
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 5),
            endpoints: EndpointCache::new(endpoints, backlogs.clone(), vault.clone()),
            backlogs,
            deliveries: Deliveries::new(dynamodb.clone(), core),
            replays: Replays::new(dynamodb.clone(), core),
            archive: Files::new(aws.s3(), stack::variable("FILES_BUCKET")),
            bus: None,
            alerting: None,
            dialer: Dialer::within(guard, CALL).unwrap(),
            standings: Standings::default(),
            tally: Tally::new(DeliveryCounts::new(dynamodb, core)),
            nudge: Nudge::new(Queues::new(aws.sqs(), urls)),
        }
    }

    /// An environment that dies after so many calls to AWS.
    pub fn mortal(&self, calls: u32) -> State {
        let aws = mortal::after(&self.aws, calls);
        let vault = Vault::new(aws.kms(), stack::variable("CREDENTIALS_KEY_ARN"));
        Self::state(&aws, &self.core, &vault, &self.queue)
    }

    pub fn restart(&mut self) {
        self.state = Self::state(&self.aws, &self.core, &self.vault, &self.queue);
    }

    pub async fn endpoint(&self, url: &str) -> Made {
        self.endpoint_of(url, "*", Grouping::Single).await
    }

    pub async fn endpoint_of(&self, url: &str, events: &str, grouping: Grouping) -> Made {
        let secret = EndpointSecret::from_random(random::bytes::<{ secret::BYTES }>());
        let endpoint = Endpoint {
            id: build::id(),
            account: self.account,
            url: url.to_owned(),
            events: events.parse::<Wanted>().unwrap(),
            description: None,
            grouping,
            state: EndpointState::Enabled,
            created: Timestamp::now(),
            version: 1,
        };
        let shown = secret.expose();
        let sealed = self.vault.seal(self.account, endpoint.id, shown.as_bytes());
        let kept = KeptEndpoint {
            secrets: vec![KeptSecret {
                sealed: sealed.await.unwrap(),
                until: None,
            }],
            endpoint,
        };
        let endpoints = &self.state.endpoints.endpoints;
        endpoints.create(&kept, &self.audit()).await.unwrap();
        Made {
            id: kept.endpoint.id,
            secret,
        }
    }

    pub fn audit(&self) -> Audit {
        Audit {
            id: build::id(),
            at: Timestamp::now(),
            account: self.account,
            actor: Actor::Operator,
            action: "test".to_owned(),
            target: self.account.to_string(),
        }
    }

    pub fn event(&self, slot: u8) -> Event {
        let message = MessageId {
            batch: build::id(),
            chunk: 0,
            slot,
        };
        let data = MessageEvent {
            message,
            batch: message.batch,
            status: Status::Delivered,
            reason: None,
        };
        Event::of_message(self.account, 1, data, Timestamp::now())
    }

    pub fn events(&self, count: u8) -> Vec<Event> {
        (0..count).map(|slot| self.event(slot)).collect()
    }

    /// As the queue brings them, one record. How many records fail.
    pub async fn deliver(&self, events: Vec<Event>) -> usize {
        self.deliver_by(&self.state, events).await
    }

    pub async fn deliver_by(&self, state: &State, events: Vec<Event>) -> usize {
        let body = QueuedEvents {
            account: self.account,
            events,
        };
        let body = serde_json::to_string(&body).unwrap();
        let event = json!({"Records": [{"messageId": "m0", "body": body}]});
        let deadline = Timestamp::now() + SignedDuration::from_secs(90);
        let answer = handle(state, event, "test", deadline).await.unwrap();
        answer["batchItemFailures"].as_array().unwrap().len()
    }

    /// The minute's look, which ends when nothing more is due; no longer than `seconds`.
    pub async fn sweep(&self, seconds: i64) {
        let now = Timestamp::now();
        let stop = now + SignedDuration::from_secs(seconds);
        let end = stop + SignedDuration::from_secs(5);
        sweep::sweep(&self.state, &random::token(), stop, end)
            .await
            .unwrap();
    }

    pub async fn log(&self, endpoint: WebhookId) -> Vec<Parked> {
        self.state
            .deliveries
            .list(endpoint, None, 500)
            .await
            .unwrap()
    }

    /// As if their time had come.
    pub async fn make_due(&self, endpoint: WebhookId) {
        let now = Timestamp::now();
        for mut parked in self.log(endpoint).await {
            let attempts = parked.delivery.attempts;
            if parked.due.is_some() {
                parked.due = Some(now);
                assert!(
                    self.state
                        .deliveries
                        .settle(&parked, attempts)
                        .await
                        .unwrap()
                );
            }
        }
        self.state
            .backlogs
            .close(self.account, endpoint, now)
            .await
            .unwrap();
        self.state.endpoints.forget(self.account);
        self.state.standings.succeeded(endpoint);
    }

    pub async fn found(&self, id: WebhookId) -> Endpoint {
        let endpoints = &self.state.endpoints.endpoints;
        let found = endpoints.find(self.account, id).await.unwrap();
        found.unwrap().endpoint
    }
}

pub struct Made {
    pub id: WebhookId,
    pub secret: EndpointSecret,
}

pub fn ids(events: &[Event]) -> Vec<EventId> {
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    ids.sort();
    ids
}
