//! A campaign that was started, in tables of its own.

#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use std::ops::Range;

use carillon_core::{
    batch::{Batch, BatchTerms, DoubtPolicy, Lane, Prepared, QuietHours, Stage},
    campaign::{Audience, Campaign, Content, Plan, Policies},
    chunk::{Chunk, Pointer},
    id::UploadId,
    keyed_hash::DeploymentKey,
};
use carillon_store::{
    audiences::Audiences,
    audit::{Actor, Audit},
    batches::Batches,
    campaigns::Campaigns,
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    ledger::Ledger,
    queues::{PrepareRequest, QueueUrls, Queues},
    records::Records,
    safeguards::SafeguardStore,
    suppressions::Suppressions,
    uploads::{Upload, UploadFormat, Uploads},
};
use carillon_testkit::{build, stack};
use jiff::{SignedDuration, Timestamp};
use prepare::{preparation::Preparation, source::Source};

pub struct Setup {
    pub preparation: Preparation,
    pub request: PrepareRequest,
    upload: UploadId,
    sqs: aws_sdk_sqs::Client,
    dispatch: String,
}

pub fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_000).unwrap()
}

/// When the function that prepares ends.
pub fn deadline() -> Timestamp {
    now() + SignedDuration::from_mins(15)
}

/// A row for each of the numbers.
pub fn csv_of(numbers: Range<u64>) -> String {
    let rows: Vec<_> = numbers.map(|number| format!("+{number},Ann\n")).collect();
    "phone,name\n".to_owned() + &rows.concat()
}

impl Setup {
    /// A campaign to an upload that has not arrived yet.
    pub async fn new() -> Self {
        let upload = build::id();
        let audience = Audience::Upload {
            upload,
            default_country: None,
            phone_column: None,
        };
        Self {
            upload,
            ..Self::of(audience).await
        }
    }

    pub async fn of(audience: Audience) -> Self {
        let aws = stack::aws().await;
        let (dynamodb, sqs) = (aws.dynamodb(), aws.sqs());
        let core = stack::table_like(&dynamodb, "CORE_TABLE").await;
        let ledger = stack::table_like(&dynamodb, "LEDGER_TABLE").await;
        let contacts = stack::table_like(&dynamodb, "CONTACTS_TABLE").await;
        let name = format!("test-dispatch-{}", uuid::Uuid::now_v7().simple());
        let queue = sqs.create_queue().queue_name(name).send().await.unwrap();
        let dispatch = queue.queue_url.unwrap();
        let urls = QueueUrls {
            dispatch: Some(dispatch.clone()),
            ..QueueUrls::default()
        };
        let key = DeploymentKey::from_secret("a secret of a test");
        let files = Files::new(aws.s3(), stack::variable("FILES_BUCKET"));
        let preparation = Preparation {
            dead: DeadLetterQueues::new(sqs.clone(), Vec::new(), 3),
            batches: Batches::new(dynamodb.clone(), &core),
            source: Source {
                campaigns: Campaigns::new(dynamodb.clone(), &core),
                uploads: Uploads::new(dynamodb.clone(), &core),
                files: files.clone(),
                audiences: Audiences {
                    lists: Records::new(dynamodb.clone(), &core),
                    segments: Records::new(dynamodb.clone(), &core),
                    contacts: Contacts::new(dynamodb.clone(), &contacts),
                },
                batches: Batches::new(dynamodb.clone(), &core),
                ledger: Ledger::new(dynamodb.clone(), &ledger),
            },
            files,
            safeguards: SafeguardStore::new(dynamodb.clone(), &core),
            suppressions: Suppressions::new(dynamodb.clone(), &contacts),
            consents: Consents::new(dynamodb.clone(), contacts, key.clone()),
            ledger: Ledger::new(dynamodb, ledger),
            queues: Queues::new(sqs.clone(), urls),
            key,
        };
        let request = start(&preparation, audience).await;
        Self {
            preparation,
            request,
            upload: build::id(),
            sqs,
            dispatch,
        }
    }

    /// Another campaign of the same account, to these numbers; what becomes of its rows.
    pub async fn another(&self, terms: BatchTerms, csv: &str) -> Prepared {
        let prepared = self.campaign(terms, csv).await.batch().await.progress;
        prepared.prepared.unwrap_or_default()
    }

    /// Another campaign of the same account, to these numbers, prepared.
    pub async fn campaign(&self, terms: BatchTerms, csv: &str) -> Self {
        let other = self.planned(terms, csv).await;
        other.prepare().await;
        other
    }

    /// Another campaign of the same account, to these numbers, not prepared yet.
    pub async fn planned(&self, terms: BatchTerms, csv: &str) -> Self {
        let upload = build::id();
        let audience = Audience::Upload {
            upload,
            default_country: None,
            phone_column: None,
        };
        let other = Self {
            upload,
            ..self.beside(terms, audience).await
        };
        other.give(UploadFormat::Csv, csv).await;
        other
    }

    /// Another campaign of the same account, to an audience, not prepared yet.
    pub async fn beside(&self, terms: BatchTerms, audience: Audience) -> Self {
        let terms = BatchTerms {
            account: self.request.account,
            ..terms
        };
        let request = begin(&self.preparation, terms, audience).await;
        Self {
            preparation: self.preparation.clone(),
            request,
            upload: build::id(),
            sqs: self.sqs.clone(),
            dispatch: self.dispatch.clone(),
        }
    }

    /// Puts the upload that the campaign waits for.
    pub async fn give(&self, format: UploadFormat, content: &str) {
        let account = self.request.account;
        let Source { uploads, files, .. } = &self.preparation.source;
        let upload = Upload {
            id: self.upload,
            account,
            format,
            created: now(),
        };
        uploads.create(&upload, &audit(account)).await.unwrap();
        let content = content.to_owned().into();
        files
            .put_upload(account, self.upload, content)
            .await
            .unwrap();
    }

    pub async fn prepare(&self) {
        self.preparation
            .prepare(&self.request, deadline())
            .await
            .unwrap();
    }

    pub async fn batch(&self) -> Batch {
        let found = self.preparation.batches.find(self.request.batch).await;
        found.unwrap().unwrap()
    }

    pub async fn chunk(&self, chunk: u32) -> Option<Chunk> {
        let pointer = Pointer {
            batch: self.request.batch,
            chunk,
        };
        self.preparation.ledger.find(pointer).await.unwrap()
    }

    pub async fn rejected(&self) -> String {
        let PrepareRequest { account, batch, .. } = self.request;
        let csv = self.preparation.files.read_rejected(account, batch).await;
        String::from_utf8(csv.unwrap().unwrap().to_vec()).unwrap()
    }

    /// How often the dispatcher was woken.
    pub async fn wakes(&self) -> usize {
        let receive = self.sqs.receive_message().queue_url(&self.dispatch);
        let received = receive.max_number_of_messages(10).send().await.unwrap();
        received.messages().len()
    }
}

async fn start(preparation: &Preparation, audience: Audience) -> PrepareRequest {
    begin(preparation, build::terms(now()), audience).await
}

/// A campaign, and its batch, as `api` begins it.
async fn begin(preparation: &Preparation, terms: BatchTerms, audience: Audience) -> PrepareRequest {
    let request = PrepareRequest {
        batch: terms.id,
        campaign: terms.campaign.unwrap(),
        account: terms.account,
    };
    let campaign = Campaign {
        id: request.campaign,
        account: request.account,
        test: terms.test,
        name: "Spring".to_owned(),
        audience,
        content: Content::from(terms.content.text.clone()),
        sender: None,
        lane: Lane::Low,
        class: terms.class,
        policies: Policies {
            doubt: DoubtPolicy::AtMostOnce,
            quiet_hours: QuietHours::Hold,
            valid_for: 3600,
            spread_over: None,
        },
        plan: Plan::Draft,
        wanted_at: None,
        series: None,
        occurrence: None,
        created: now(),
        changed: now(),
        version: 1,
    };
    let campaigns = &preparation.source.campaigns;
    let (made, started_by) = (audit(request.account), audit(request.account));
    campaigns.create(&campaign, &made).await.unwrap();
    let started = Campaign {
        plan: Plan::Started { batch: terms.id },
        version: 2,
        ..campaign
    };
    let batch = Batch::new(terms, Stage::Preparing, None);
    let begun = campaigns.begin(&started, &batch, None, &started_by);
    begun.await.unwrap().unwrap();
    request
}

pub fn audit(account: carillon_core::id::AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: now(),
        account,
        actor: Actor::Operator,
        action: "test".to_owned(),
        target: "test".to_owned(),
    }
}
