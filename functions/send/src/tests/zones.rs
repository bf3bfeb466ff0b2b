//! A campaign across three time zones, from its file to the last message: prepared, released and sent by the functions themselves,
//! while a day passes in a minute.

use carillon_core::{
    batch::{Batch, BatchTerms, DoubtPolicy, Lane, QuietHours, Stage},
    campaign::{Audience, Campaign, Content, Plan, Policies, Words},
    chunk::Pointer,
    id::UploadId,
    rules::Class,
};
use carillon_store::{
    audiences::Audiences,
    batches::Batches,
    campaigns::Campaigns,
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    deliveries::Deliveries,
    dispatcher_lock::DispatcherLock,
    exports::Exports,
    queues::{PrepareRequest, QueueUrls, Queues},
    rate::Rate,
    records::Records,
    uploads::{Upload, UploadFormat, Uploads},
};
use carillon_testkit::{build, stack};
use dispatch::dispatcher::Dispatcher;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use prepare::{preparation::Preparation, source::Source};

use super::{
    Setup,
    gateway::{Ability, FakeGateway, Says, audit, routing},
    safeguards::TestClock,
};
use crate::worker::work;

/// The first of numbers, how many there are, by which clock they live, and when marketing may begin there.
const GROUPS: [(u64, u64, &str, civil::Time); 3] = [
    (
        447_700_900_000,
        130,
        "Europe/London",
        civil::time(8, 0, 0, 0),
    ),
    (
        12_122_345_000,
        110,
        "America/New_York",
        civil::time(9, 0, 0, 0),
    ),
    (
        13_102_345_000,
        120,
        "America/Los_Angeles",
        civil::time(9, 0, 0, 0),
    ),
];

const STEP: SignedDuration = SignedDuration::from_mins(20);

/// A campaign that was started, and the functions that it goes through.
struct Journey {
    sending: Setup,
    preparation: Preparation,
    dispatch: dispatch::State,
    low: String,
    clock: TestClock,
    request: PrepareRequest,
}

impl Journey {
    async fn of(terms: BatchTerms, mut sending: Setup, rows: &str) -> Self {
        let clock = TestClock::default();
        clock.go_to(terms.began);
        let read = clock.clone();
        sending.state.clock = Box::new(move || read.now());
        let aws = stack::aws().await;
        let (dynamodb, core) = (aws.dynamodb(), sending.core.clone());
        let low = stack::queue(&aws.sqs(), "low").await;
        let urls = QueueUrls {
            low: Some(low.clone()),
            dispatch: Some(stack::queue(&aws.sqs(), "dispatch").await),
            ..QueueUrls::default()
        };
        let queues = Queues::new(aws.sqs(), urls);
        let batches = Batches::new(dynamodb.clone(), &core);
        let preparation = Preparation {
            dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 3),
            batches: batches.clone(),
            source: Source {
                campaigns: Campaigns::new(dynamodb.clone(), &core),
                uploads: Uploads::new(dynamodb.clone(), &core),
                files: sending.state.files.clone(),
                // Nobody asks it: the audience is a file.
                audiences: Audiences {
                    lists: Records::new(dynamodb.clone(), &core),
                    segments: Records::new(dynamodb.clone(), &core),
                    contacts: Contacts::new(dynamodb.clone(), &core),
                },
                batches: batches.clone(),
                ledger: sending.state.ledger.clone(),
            },
            files: sending.state.files.clone(),
            safeguards: sending.safeguards.clone(),
            suppressions: sending.suppressions.clone(),
            consents: Consents::new(dynamodb.clone(), &core, sending.state.key.clone()),
            ledger: sending.state.ledger.clone(),
            queues: queues.clone(),
            key: sending.state.key.clone(),
        };
        let dispatch = dispatch::State {
            batches,
            ledger: sending.state.ledger.clone(),
            queues,
            rate: Rate::new(dynamodb.clone(), &core),
            deliveries: Deliveries::new(dynamodb.clone(), &core),
            safeguards: sending.safeguards.clone(),
            spending: carillon_store::spending::Spending::new(dynamodb.clone(), &core),
            told: carillon_store::told::Told::new(dynamodb.clone(), &core),
            digests: carillon_store::digests::Digests::new(dynamodb.clone(), &core),
            lakes: carillon_store::lakes::Lakes::new(dynamodb.clone(), &core),
            export_schedules: carillon_store::export_schedules::ExportSchedules::new(
                dynamodb.clone(),
                &core,
            ),
            exports: Exports::new(dynamodb.clone(), &core),
            lock: DispatcherLock::new(dynamodb, &core),
            sweep_after: SignedDuration::from_mins(15),
            prepare_again: SignedDuration::from_mins(15),
            unknown_after: SignedDuration::from_hours(72),
        };
        let request = begin(&preparation, terms, rows).await;
        Self {
            sending,
            preparation,
            dispatch,
            low,
            clock,
            request,
        }
    }

    async fn prepare(&self) {
        let deadline = self.clock.now() + SignedDuration::from_mins(15);
        let prepared = self.preparation.prepare(&self.request, deadline).await;
        prepared.unwrap();
    }

    async fn batch(&self) -> Batch {
        let found = self.sending.batches.find(self.request.batch).await;
        found.unwrap().unwrap()
    }

    /// A second of the dispatcher, and workers for what it released.
    async fn second(&self, dispatcher: &mut Dispatcher<'_>) {
        let now = self.clock.now();
        dispatcher.tick(now).await.unwrap();
        let sqs = stack::aws().await.sqs();
        loop {
            let bodies = stack::taken(&sqs, &self.low).await;
            if bodies.is_empty() {
                return;
            }
            for body in bodies {
                let pointer: Pointer = serde_json::from_str(&body).unwrap();
                let deadline = now + SignedDuration::from_secs(60);
                let worked = work(&self.sending.state, pointer, deadline).await;
                worked.unwrap();
            }
        }
    }
}

/// What `api` does when a campaign is started.
async fn begin(preparation: &Preparation, terms: BatchTerms, rows: &str) -> PrepareRequest {
    let Source {
        campaigns,
        uploads,
        files,
        audiences: _,
        batches: _,
        ledger: _,
    } = &preparation.source;
    let (account, now, upload): (_, _, UploadId) = (terms.account, terms.began, build::id());
    let made = Upload {
        id: upload,
        account,
        format: UploadFormat::Csv,
        created: now,
    };
    uploads.create(&made, &audit(account)).await.unwrap();
    let content = rows.to_owned().into();
    files.put_upload(account, upload, content).await.unwrap();
    let campaign = Campaign {
        id: terms.campaign.unwrap(),
        account,
        test: terms.test,
        name: "Across three zones".to_owned(),
        audience: Audience::Upload {
            upload,
            default_country: None,
            phone_column: None,
        },
        content: Content {
            words: Words::Text {
                text: terms.content.text.clone(),
            },
            encoding: None,
            tracking: None,
        },
        sender: None,
        lane: Lane::Low,
        class: terms.class,
        policies: Policies {
            doubt: DoubtPolicy::AtMostOnce,
            quiet_hours: QuietHours::Hold,
            valid_for: 86_400,
            spread_over: None,
        },
        plan: Plan::Draft,
        wanted_at: None,
        series: None,
        occurrence: None,
        created: now,
        changed: now,
        version: 1,
    };
    campaigns.create(&campaign, &audit(account)).await.unwrap();
    let started = Campaign {
        plan: Plan::Started { batch: terms.id },
        version: 2,
        ..campaign
    };
    let request = PrepareRequest {
        batch: terms.id,
        campaign: started.id,
        account,
    };
    let batch = Batch::new(terms, Stage::Preparing, None);
    let by = audit(account);
    let begun = campaigns.begin(&started, &batch, None, &by);
    begun.await.unwrap().unwrap();
    request
}

fn rows() -> String {
    let numbers = GROUPS
        .iter()
        .flat_map(|(first, count, ..)| *first..first + count);
    let rows: Vec<String> = numbers.map(|number| format!("+{number}\n")).collect();
    format!("phone\n{}", rows.concat())
}

/// The group of a number.
fn group_of(number: &str) -> usize {
    let number: u64 = number.trim_start_matches('+').parse().unwrap();
    let is_of = |(first, count, ..): &(u64, u64, &str, civil::Time)| {
        (*first..first + count).contains(&number)
    };
    GROUPS.iter().position(is_of).unwrap()
}

#[tokio::test]
async fn a_campaign_reaches_each_zone_when_its_hours_begin() {
    let setup = Setup::new().await;
    let all: u64 = GROUPS.iter().map(|(_, count, ..)| count).sum();
    let answers = vec![Says::Accepted; usize::try_from(all).unwrap()];
    let gateway = FakeGateway::new(&answers, Says::Nothing);
    let began: Timestamp = "2026-12-02T05:00:00Z".parse().unwrap();
    let mut terms = BatchTerms {
        test: false,
        policy: DoubtPolicy::AtMostOnce,
        class: Class::Marketing,
        routing: routing(1),
        expires_at: began + SignedDuration::from_hours(24),
        ..build::terms(began)
    };
    // A number may be the sender everywhere.
    terms.routing.senders[0].originator = "+447700900999".parse().unwrap();
    let account = terms.account;
    let route = setup.route(account, gateway.url(), Ability::Nothing).await;
    terms.routes.push(route);
    setup.allow(account, |_| {}).await;
    let journey = Journey::of(terms, setup, &rows()).await;
    let mut sent: Vec<(usize, Timestamp)> = Vec::new();

    journey.prepare().await;
    let mut dispatcher = Dispatcher::new(&journey.dispatch, "test", Timestamp::MAX);
    while journey.clock.now() < began + SignedDuration::from_hours(16) {
        journey.second(&mut dispatcher).await;
        let now = journey.clock.now();
        let numbers = gateway.numbers().into_iter().skip(sent.len());
        sent.extend(numbers.map(|number| (group_of(&number), now)));
        journey.clock.go_to(now + STEP);
    }

    let batch = journey.batch().await;
    for (group, (_, count, zone, opens)) in GROUPS.into_iter().enumerate() {
        let zone = TimeZone::get(zone).unwrap();
        let of_group = sent.iter().filter(|(it, _)| *it == group);
        let times: Vec<civil::Time> = of_group
            .map(|(_, at)| at.to_zoned(zone.clone()).time())
            .collect();
        assert_eq!(u64::try_from(times.len()).unwrap(), count, "{zone:?}");
        let until = opens + STEP;
        assert!(
            times.iter().all(|time| (opens..until).contains(time)),
            "{zone:?}: {times:?}"
        );
    }
    assert_eq!(batch.progress.prepared.map(|it| it.accepted), Some(all));
    assert_eq!(batch.progress.stage, Stage::Finished);
}
