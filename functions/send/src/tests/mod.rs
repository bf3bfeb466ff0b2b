//! The function with tables and queues of its own, against the local stack.

mod batch_cache;
mod doubt;
mod events;
mod failures;
mod gateway;
mod retry;
mod safeguards;
mod simulated;
mod zones;

use std::{collections::BTreeMap, ops::Range};

use aws_lambda_events::sqs::SqsEvent;
use carillon_core::{
    batch::{Batch, BatchTerms, Stage},
    chunk::{Chunk, Pointer, source::Source},
    frame::{self, Recipient},
    id::AccountId,
    keyed_hash::DeploymentKey,
    limits::destinations::Destinations,
    phone::Phone,
    safeguards::Safeguards,
};
use carillon_runtime::{
    dial::{Dialer, Guard},
    gateways::GatewayCache,
};
use carillon_store::{
    batches::{Activity, Batches},
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
use carillon_testkit::stack;
use jiff::{SignedDuration, Timestamp};

use crate::{
    State, batch_cache::BatchCache, handle, opt_outs::OptOuts, safeguards::SafeguardCache,
    traffic::Traffic,
};

pub struct Setup {
    pub state: State,
    pub batches: Batches,
    pub suppressions: Suppressions,
    pub safeguards: SafeguardStore,
    pub accounts: GatewayAccounts,
    pub vault: Vault,
    /// Its tables.
    pub core: String,
    pub ledger: String,
}

impl Setup {
    pub async fn new() -> Self {
        let aws = stack::aws().await;
        let dynamodb = aws.dynamodb();
        let core = stack::table_like(&dynamodb, "CORE_TABLE").await;
        let ledger = stack::table_like(&dynamodb, "LEDGER_TABLE").await;
        let contacts = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
        let receipts = stack::queue(&aws.sqs(), "receipts").await;
        let key = DeploymentKey::from_secret("a secret of a test");
        let batches = Batches::new(dynamodb.clone(), &core);
        let suppressions = Suppressions::new(dynamodb.clone(), contacts);
        let safeguards = SafeguardStore::new(dynamodb.clone(), &core);
        let vault = Vault::new(aws.kms(), stack::variable("CREDENTIALS_KEY_ARN"));
        let accounts = GatewayAccounts::new(dynamodb.clone(), &core);
        let hooks_url = "https://hooks.example.com".to_owned();
        let urls = QueueUrls {
            receipts: Some(receipts),
            ..QueueUrls::default()
        };
        let state = State {
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 5),
            ledger: Ledger::new(dynamodb.clone(), &ledger),
            files: Files::new(aws.s3(), stack::variable("FILES_BUCKET")),
            queues: Queues::new(aws.sqs(), urls),
            traffic: Traffic::new(Rate::new(dynamodb.clone(), &core)),
            batches: BatchCache::new(batches.clone(), key.clone()),
            accounts: GatewayCache::new(accounts.clone(), vault.clone(), hooks_url),
            opt_outs: OptOuts::new(suppressions.clone(), key.clone()),
            safeguards: SafeguardCache::new(safeguards.clone()),
            spending: Spending::new(dynamodb.clone(), &core),
            velocity: Velocity::new(dynamodb, &core),
            clock: Box::new(Timestamp::now),
            dialer: Dialer::new(Guard::new("127.0.0.1".parse().unwrap())).unwrap(),
            lease: SignedDuration::from_mins(1),
            key,
        };
        Self {
            state,
            batches,
            suppressions,
            safeguards,
            accounts,
            vault,
            core,
            ledger,
        }
    }

    /// Everything may leave, but for what is changed.
    pub async fn allow(&self, account: AccountId, change: impl FnOnce(&mut Safeguards)) {
        let before = self.safeguards.find(account).await.unwrap();
        let mut safeguards = Safeguards {
            destinations: Destinations::ALL,
            version: before.version + 1,
            ..before
        };
        change(&mut safeguards);
        let audit = gateway::audit(account);
        let changed = self.safeguards.change(&safeguards, &audit).await;
        changed.unwrap().unwrap();
    }

    /// A batch that is ready, with a chunk of one recipient for each of the numbers.
    pub async fn batch(&self, terms: BatchTerms, numbers: &[u64]) {
        for (chunk, digits) in (0..).zip(numbers) {
            let pointer = Pointer {
                batch: terms.id,
                chunk,
            };
            let frame = frame::encode(&[recipient(*digits)]);
            let chunk = Chunk::new(1, Source::Inline(frame));
            let created = self.state.ledger.create_chunk(pointer, &chunk);
            created.await.unwrap();
        }
        let chunks = u32::try_from(numbers.len()).unwrap();
        let batch = Batch::new(terms, Stage::Ready, Some(chunks));
        let created = self.batches.create(&batch, Activity::Passive);
        created.await.unwrap();
    }

    /// A batch that is ready, with one chunk.
    pub async fn batch_of_one_chunk(&self, terms: BatchTerms, numbers: Range<u64>) {
        self.batch_of(terms, numbers.map(recipient).collect()).await;
    }

    /// The same, to these.
    pub async fn batch_of(&self, terms: BatchTerms, recipients: Vec<Recipient>) {
        let pointer = Pointer {
            batch: terms.id,
            chunk: 0,
        };
        let frame = frame::encode(&recipients);
        let ledger = &self.state.ledger;
        let put = ledger.put_recipients(pointer, frame, Timestamp::now());
        put.await.unwrap();
        let chunk = Chunk::new(recipients.len(), Source::Sibling);
        ledger.create_chunk(pointer, &chunk).await.unwrap();
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        let created = self.batches.create(&batch, Activity::Passive);
        created.await.unwrap();
    }

    /// The ids of the records that go back.
    pub async fn failed(&self, event: SqsEvent) -> Vec<String> {
        let deadline = Timestamp::now() + SignedDuration::from_secs(60);
        let answer = handle(&self.state, event, deadline).await;
        let failures = answer.batch_item_failures.into_iter();
        failures.map(|failure| failure.item_identifier).collect()
    }

    pub async fn chunk(&self, pointer: Pointer) -> Chunk {
        let found = self.state.ledger.find(pointer).await;
        found.unwrap().unwrap()
    }
}

fn recipient(digits: u64) -> Recipient {
    let number = Phone::from_digits(digits).unwrap();
    Recipient::new(number, BTreeMap::new(), None).in_country(number.country())
}
