//! Reports of what is over and forgotten, and of what people did, against the local stack.

mod digests;

use carillon_core::{
    api_key::{Mode, Scope},
    batch::{Batch, BatchTerms, Stage},
    breakdown::{Breakdown, Place, Tally},
    chunk::{Chunk, ChunkState, Pointer, slot::SlotOutcome, source::Source},
    frame::{self, Recipient},
    id::BatchId,
    inbound::QueuedInbound,
    phone::{Country, Phone},
    quota::Quotas,
    status::{Status, Totals},
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::{principal::Principal, problem::Code};
use carillon_store::{
    audit::Actor, aws::Aws, batches::Activity, counts::Of, inbound_log::LoggedInbound,
};
use carillon_testkit::{build, stack};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::once::{Caller, World, in_time};
use crate::{
    bootstrap,
    routes::days,
    services::{Api, Settings},
    sums,
};

struct Reports {
    api: Api,
    caller: Caller,
    aws: Aws,
    settings: Settings,
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap() + SignedDuration::from_mins(minutes)
}

/// As a request draws it.
fn id_at(made: Timestamp) -> BatchId {
    BatchId::at(made, *build::token().last_chunk().unwrap())
}

fn number(last: u64) -> Phone {
    Phone::from_digits(447_700_900_000 + last).unwrap()
}

impl Reports {
    async fn new() -> Self {
        let mut world = World::new().await;
        let contacts_table = stack::table_like(&world.aws.dynamodb(), "CONTACTS_TABLE").await;
        world.settings = Settings {
            contacts_table,
            ..world.settings
        };
        let caller = world.caller(Mode::Live).await;
        Self {
            api: world.api(),
            caller,
            aws: world.aws,
            settings: world.settings,
        }
    }

    /// A batch of the API to two numbers, both sent to.
    async fn batch(&self, began: Timestamp) -> BatchId {
        let terms = BatchTerms {
            id: id_at(began),
            account: self.caller.account,
            campaign: None,
            test: false,
            ..build::terms(began)
        };
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        let id = batch.terms.id;
        let created = self.api.batches.create(&batch, Activity::Passive).await;
        created.unwrap();
        id
    }

    async fn with_chunk(&self, batch: BatchId) {
        let recipients: Vec<Recipient> = [1, 2]
            .map(|last| Recipient::new(number(last), [].into(), None))
            .into();
        let mut chunk = Chunk::new(2, Source::Inline(frame::encode(&recipients)));
        chunk.state = ChunkState::Done;
        chunk.done = Some(at(0));
        for slot in &mut chunk.slots {
            slot.outcome = SlotOutcome::Accepted;
            slot.attempt = 1;
        }
        let pointer = Pointer { batch, chunk: 0 };
        assert!(self.api.ledger.create_chunk(pointer, &chunk).await.unwrap());
    }

    async fn wrote(&self, last: u64, minutes: i64) {
        let logged = LoggedInbound {
            message: QueuedInbound {
                account: self.caller.account,
                gateway: Some(build::id()),
                from: number(last),
                to: "12345".to_owned(),
                text: "Thank you".to_owned(),
                provider_id: Some(format!("{last}-{minutes}")),
                at: at(minutes),
            },
            meaning: None,
        };
        let hash = self.api.key.number(self.caller.account, number(last));
        let put = self.api.inbound.put(&logged, &hash, at(minutes)).await;
        put.unwrap();
    }

    async fn opted_out(&self, last: u64, minutes: i64, cause: Cause) {
        let word = Word {
            consent: Consent::OptedOut,
            said: at(minutes),
            cause,
            number: Some(number(last)),
            inbound: None,
            reason: None,
        };
        let hash = self.api.key.number(self.caller.account, number(last));
        let suppressions = &self.api.suppressions;
        let taken = suppressions.take(self.caller.account, &hash, &word, at(minutes));
        taken.await.unwrap();
    }

    /// The same account, asked with a test key.
    fn as_test(&self) -> Self {
        let account = self.caller.account;
        let scopes = Scope::ALL.to_vec();
        let key = bootstrap::draw(&self.api, account, "test", Mode::Test, scopes, at(0));
        Self {
            api: self.api.clone(),
            caller: Caller { account, key },
            aws: self.aws.clone(),
            settings: self.settings.clone(),
        }
    }

    async fn report(&self, query: &str) -> Value {
        self.get(&format!("/v1/reports?{query}")).await
    }

    async fn get(&self, path: &str) -> Value {
        let key = self.caller.key.secret.expose();
        let request = Request::get(path);
        let request = request.header("authorization", format!("Bearer {key}"));
        let answer = self
            .caller
            .ask(&self.api, request, &json!({}), in_time())
            .await;
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.body);
        answer.body
    }
}

fn came_to(delivered: u64) -> Breakdown {
    let mut breakdown = Breakdown::default();
    let place = Place {
        country: Country::parse("GB").ok(),
        gateway: None,
        sender: None,
        status: Status::Delivered,
        reason: None,
    };
    let tally = Tally {
        messages: delivered,
        submitted: delivered,
        delivered,
        ..Tally::default()
    };
    breakdown.cells.insert(place, tally);
    breakdown
}

#[tokio::test]
async fn a_closed_batch_is_told_when_its_chunks_are_forgotten_and_an_open_one_is_counted() {
    let reports = Reports::new().await;
    let closed = reports.batch(at(0)).await;
    let totals = Totals {
        accepted: 9,
        delivered: 9,
        ..Totals::default()
    };
    let batches = &reports.api.batches;
    batches.close(closed, &totals, &came_to(9)).await.unwrap();
    let open = reports.batch(at(5)).await;
    reports.with_chunk(open).await;
    let earlier = reports.batch(at(-90)).await;
    batches.close(earlier, &totals, &came_to(4)).await.unwrap();

    let of_time = format!("from={}&until={}&previous=true", at(-60), at(60));
    let of_time = reports.report(&of_time).await;
    let of_batch = reports.report(&format!("batch={closed}")).await;

    let total = &of_time["total"];
    assert_eq!(
        (&total["accepted"], &total["delivered"]),
        (&json!(11), &json!(9))
    );
    assert_eq!(
        (&of_time["batches"], &of_time["closed"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(of_time["previous"]["delivered"], 4, "{of_time}");
    let groups = of_time["groups"].as_array().unwrap();
    let by_country: Vec<_> = groups
        .iter()
        .map(|it| (&it["key"], &it["accepted"]))
        .collect();
    assert_eq!(
        by_country,
        [(&Value::Null, &json!(2)), (&json!("GB"), &json!(9))]
    );
    assert_eq!(of_batch["total"]["delivered"], 9);
}

/// Of so many chunks, of which the ledger has none, and whose last count is known.
async fn large(reports: &Reports, began: Timestamp, chunks: u32) -> BatchId {
    let terms = BatchTerms {
        id: id_at(began),
        account: reports.caller.account,
        test: false,
        ..build::terms(began)
    };
    let mut batch = Batch::new(terms, Stage::Ready, Some(chunks));
    batch.progress.totals = Some(Totals {
        accepted: 5_000,
        submitted: 400,
        in_flight: 4_700,
        delivered: 300,
        ..Totals::default()
    });
    let created = reports.api.batches.create(&batch, Activity::Active).await;
    created.unwrap();
    batch.terms.id
}

#[tokio::test]
async fn a_batch_too_large_to_be_counted_is_told_by_its_last_count_until_it_is_closed() {
    let reports = Reports::new().await;
    let batch = large(&reports, at(0), 20_001).await;
    let query = format!("batch={batch}&by=status");

    let open = reports.report(&query).await;

    let told = |report: &Value| {
        let total = &report["total"];
        let figures = ["accepted", "sent", "delivered"].map(|it| total[it].as_u64().unwrap());
        let of = ["closed", "by_last_count"].map(|it| report[it].as_u64().unwrap());
        (figures, of)
    };
    assert_eq!(told(&open), ([5_000, 400, 300], [0, 1]), "{open}");
    let groups = open["groups"].as_array().unwrap();
    let by_status: Vec<_> = groups
        .iter()
        .map(|it| (&it["key"], &it["accepted"], &it["sent"]))
        .collect();
    let (delivered, sent) = (json!("delivered"), json!("sent"));
    assert_eq!(
        by_status,
        [
            (&delivered, &json!(300), &json!(300)),
            (&sent, &json!(4_700), &json!(100))
        ]
    );

    let batches = &reports.api.batches;
    let totals = Totals::default();
    batches.close(batch, &totals, &came_to(9)).await.unwrap();
    let closed = reports.report(&query).await;
    assert_eq!(told(&closed), ([9, 9, 9], [1, 0]), "{closed}");
}

#[tokio::test]
async fn a_campaign_too_large_to_be_counted_hides_nothing_else_of_its_time() {
    let reports = Reports::new().await;
    large(&reports, at(1), 40_001).await;
    let small = reports.batch(at(2)).await;
    reports.with_chunk(small).await;
    let totals = Totals::default();
    let closed = large(&reports, at(3), 40_001).await;
    let batches = &reports.api.batches;
    batches.close(closed, &totals, &came_to(9)).await.unwrap();

    let report = format!("from={}&until={}", at(0), at(60));
    let report = reports.report(&report).await;

    let of = ["batches", "closed", "by_last_count"].map(|it| report[it].as_u64().unwrap());
    assert_eq!(of, [3, 1, 1], "{report}");
    assert_eq!(report["total"]["accepted"], 5_000 + 2 + 9);
    assert_eq!(report["total"]["delivered"], 300 + 9);
}

#[tokio::test]
async fn batches_are_counted_as_long_as_there_is_room_for_their_chunks() {
    let reports = Reports::new().await;
    let (first, second) = (reports.batch(at(0)).await, reports.batch(at(1)).await);
    reports.with_chunk(first).await;
    reports.with_chunk(second).await;
    let batches = reports.api.batches.find_all(&[first, second]).await;
    let mut left = 1;

    let told = sums::count_within(&reports.api, batches.unwrap(), Of::Ledger, &mut left, at(2));

    let told = told.await.unwrap();
    let mut of: Vec<_> = told
        .iter()
        .map(|it| (it.last_count, it.breakdown.total().messages))
        .collect();
    of.sort_unstable();
    assert_eq!(of, [(false, 2), (true, 0)]);
}

#[tokio::test]
async fn a_time_that_no_key_can_name_is_told_as_far_as_keys_go() {
    let reports = Reports::new().await;
    let batch = reports.batch(at(0)).await;
    reports.with_chunk(batch).await;
    reports.wrote(1, 10).await;

    for (from, until) in [
        ("1900-01-01T00:00:00Z", "9999-12-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2286-11-20T17:46:40Z"),
    ] {
        let told = reports.report(&format!("from={from}&until={until}")).await;

        assert_eq!(told["total"]["accepted"], 2, "{from} {until}: {told}");
        assert_eq!(told["funnel"]["replied"], 1, "{from} {until}: {told}");
    }
}

#[tokio::test]
async fn answers_count_once_for_each_person_and_of_a_batch_only_its_recipients() {
    let reports = Reports::new().await;
    let batch = reports.batch(at(0)).await;
    reports.with_chunk(batch).await;
    for (last, minutes) in [(1, 10), (1, 20), (7, 30), (2, -10), (2, 3 * 24 * 60 + 1)] {
        reports.wrote(last, minutes).await;
    }
    reports.opted_out(2, 15, Cause::Reply).await;
    reports.opted_out(8, 25, Cause::Link).await;
    reports.opted_out(1, 35, Cause::Request).await;

    let of_batch = reports.report(&format!("batch={batch}")).await;
    let of_time = format!("from={}&until={}", at(0), at(60));
    let of_time = reports.report(&of_time).await;

    let answers = |report: &Value| {
        let funnel = &report["funnel"];
        ["audience", "sent", "replied", "opted_out"].map(|step| funnel[step].as_u64())
    };
    assert_eq!(answers(&of_batch), [Some(2), Some(2), Some(1), Some(1)]);
    assert_eq!(answers(&of_time), [Some(2), Some(2), Some(2), Some(2)]);
}

#[tokio::test]
async fn answers_to_a_batch_are_not_counted_where_too_many_chunks_may_be_theirs() {
    let reports = Reports::new().await;
    let (within, beyond) = (
        large(&reports, at(0), 1_000).await,
        large(&reports, at(0), 1_001).await,
    );
    reports.wrote(1, 10).await;

    for (batch, expected) in [(within, json!(0)), (beyond, Value::Null)] {
        let report = reports.report(&format!("batch={batch}")).await;

        let funnel = &report["funnel"];
        assert_eq!(
            (&funnel["replied"], &funnel["opted_out"]),
            (&expected, &expected),
            "{report}"
        );
    }
}

#[tokio::test]
async fn a_timeline_tells_of_every_message_of_a_batch() {
    let reports = Reports::new().await;
    let batch = reports.batch(at(0)).await;
    reports.with_chunk(batch).await;

    let timeline = reports.get(&format!("/v1/batches/{batch}/timeline")).await;

    let columns = timeline["columns"].as_array().unwrap();
    let sent: u64 = columns.iter().filter_map(|it| it["sent"].as_u64()).sum();
    assert_eq!((sent, &timeline["counted"]), (2, &json!(2)), "{timeline}");
    let begins: Timestamp = timeline["begins"].as_str().unwrap().parse().unwrap();
    assert_eq!(begins, at(0));
}

#[tokio::test]
async fn days_tell_of_every_campaign_or_say_that_there_are_too_many() {
    let reports = Reports::new().await;
    for minutes in 0..5 {
        large(&reports, at(minutes), 600).await;
    }
    let who = Principal {
        account: reports.caller.account,
        actor: Actor::Operator,
        mode: Mode::Live,
        scopes: Scope::ALL.to_vec(),
        quotas: Quotas {
            key: 1,
            account: 1,
            recipients: 1,
        },
    };

    let told = async |most| days::of_campaigns(&reports.api, &who, at(0), at(9), (2, most)).await;
    let (all, too_many) = (told(6).await.unwrap(), told(5).await);

    let mut starts: Vec<Timestamp> = all.iter().map(|(starts, _)| *starts).collect();
    starts.sort_unstable();
    assert_eq!(starts, [0, 1, 2, 3, 4].map(at));
    assert_eq!(too_many.unwrap_err().code, Code::InvalidRequest);
}

#[tokio::test]
async fn days_tell_of_campaigns_by_their_last_count_and_of_api_sends() {
    let reports = Reports::new().await;
    let now = Timestamp::now();
    let sent = reports.batch(now - SignedDuration::from_secs(2)).await;
    reports.with_chunk(sent).await;
    let began = now - SignedDuration::from_secs(3);
    let yesterday = now - SignedDuration::from_hours(24);
    for made in [began, yesterday] {
        let terms = BatchTerms {
            id: id_at(made),
            account: reports.caller.account,
            test: false,
            ..build::terms(made)
        };
        let mut batch = Batch::new(terms, Stage::Ready, Some(50));
        batch.progress.totals = Some(Totals {
            accepted: 5_000,
            submitted: 400,
            in_flight: 4_700,
            delivered: 300,
            ..Totals::default()
        });
        let created = reports.api.batches.create(&batch, Activity::Active).await;
        created.unwrap();
    }

    let told = reports.get("/v1/reports/days?days=3&zone=UTC").await;

    let days = told["days"].as_array().unwrap();
    let figures = |day: &Value| {
        ["campaigns", "accepted", "by_api", "sent", "delivered"].map(|it| day[it].as_u64().unwrap())
    };
    let days: Vec<_> = days.iter().map(figures).collect();
    let campaign = [1, 5_000, 0, 400, 300];
    assert_eq!(days, [[0; 5], campaign, [1, 5_002, 2, 402, 300]], "{told}");
    let dates = told["days"].as_array().unwrap();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(dates[2]["date"], today.to_string());
}
