//! A report that is read of digests is the report of the same batches, each of them counted.

use std::collections::HashSet;

use carillon_core::{
    batch::{Batch, BatchTerms, Lane, Prepared, RouteEntry, Stage},
    breakdown::Counter,
    chunk::{
        Chunk, ChunkState, Pointer,
        receipt::{Proof, Receipt, ReceiptStatus},
        slot::{Slot, SlotOutcome},
        source::Source,
    },
    content::TemplateVersion,
    digest::{self, Digest, Hour},
    id::{CampaignId, GatewayAccountId, TemplateId},
    phone::Country,
    reason::Reason,
    status::Totals,
};
use carillon_store::{
    batches::Activity,
    counts::{Of, count},
    queues::DigestRequest,
};
use carillon_testkit::{build, watched::Watch};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Reports, id_at};
use crate::tests::api_of;

/// Hours that batches are made in.
const HOURS: i64 = 6;
const BATCHES: u64 = 36;
const BYS: [&str; 10] = [
    "country", "gateway", "sender", "status", "reason", "campaign", "template", "lane", "day",
    "hour",
];

fn minute(minutes: i64) -> Timestamp {
    let begin: Timestamp = "2026-09-21T14:00:00Z".parse().unwrap();
    begin + SignedDuration::from_mins(minutes)
}

/// Numbers that look drawn, the same for each seed.
struct Drawn(u64);

impl Drawn {
    /// Below `end`.
    fn next(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.next(of) == 0
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        let place = self.next(values.len() as u64);
        values[usize::try_from(place).unwrap()]
    }
}

/// What batches may have in common.
struct Common {
    gateways: [GatewayAccountId; 2],
    templates: [Option<TemplateId>; 3],
    campaigns: [CampaignId; 2],
}

impl Reports {
    /// A batch with its chunks, closed or not; when it was made, and how many messages it has.
    async fn drawn(&self, drawn: &mut Drawn, common: &Common) -> (Timestamp, u64) {
        let seconds = drawn.next(u64::try_from(HOURS).unwrap() * 3_600);
        let made = minute(0) + SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        let later = SignedDuration::from_mins(i64::try_from(drawn.next(400)).unwrap());
        let route = RouteEntry {
            gateway: drawn.of(&common.gateways),
            parts_per_second: None,
            deduplicates_for: None,
            settles_after: None,
        };
        let mut terms = BatchTerms {
            id: id_at(made),
            account: self.caller.account,
            campaign: drawn.one_in(4).then(|| drawn.of(&common.campaigns)),
            test: drawn.one_in(4),
            lane: drawn.of(&[Lane::High, Lane::Normal, Lane::Low]),
            routes: vec![route],
            not_before: drawn.one_in(5).then(|| made + later),
            ..build::terms(made)
        };
        let template = drawn.of(&common.templates);
        terms.content.template = template.map(|id| TemplateVersion { id, version: 1 });
        if terms.campaign.is_some() {
            // Theirs are drawn long before.
            terms.id = id_at(made - later);
        }
        let chunks = if drawn.one_in(6) { 12 } else { 1 };
        let slots = 1 + drawn.next(3);
        let messages = u64::from(chunks) * slots;
        let mut batch = Batch::new(terms, Stage::Ready, Some(chunks));
        batch.progress.prepared = Some(Prepared {
            rows: messages + drawn.next(2),
            accepted: messages,
            parts: messages * 2,
            ..Prepared::default()
        });
        let created = self.api.batches.create(&batch, Activity::Passive).await;
        created.unwrap();
        let mut counter = Counter::new(&batch, minute(600));
        for number in 0..chunks {
            let chunk = chunk(drawn, made, usize::try_from(slots).unwrap());
            counter.count(&chunk);
            let pointer = Pointer {
                batch: batch.terms.id,
                chunk: number,
            };
            self.api.ledger.create_chunk(pointer, &chunk).await.unwrap();
        }
        if drawn.one_in(2) {
            let (id, totals, came_to) = (batch.terms.id, Totals::default(), counter.breakdown());
            let closed = self.api.batches.close(id, &totals, &came_to);
            closed.await.unwrap();
        }
        (made, messages)
    }

    /// As the function `export` does it.
    async fn digest(&self, hour: Hour) {
        let (account, now) = (self.caller.account, minute(600));
        let request = DigestRequest {
            digest: hour,
            account,
        };
        let digests = &self.api.digests;
        let Some((due, _)) = digests.begin(request, now).await.unwrap() else {
            return;
        };
        let (first, last) = digest::ids(hour.begins(), hour.ends()).unwrap();
        let batches = &self.api.batches;
        let mut listed = batches.between(account, first, last, 1_000).await.unwrap();
        listed.retain(|batch| batch.terms.campaign.is_none());
        let from = (batches, &self.api.ledger);
        let mut digest = Digest::default();
        for it in count(from, listed, Of::Kept, now).await.unwrap() {
            digest.add(&it.batch, it.breakdown, it.closed, now);
        }
        let kept = digests.keep(&due, &digest, Some(minute(9_000))).await;
        kept.unwrap().unwrap();
    }

    async fn digest_all(&self) {
        let first = Hour::of(minute(0)).count();
        for hour in first..first + HOURS {
            self.digest(Hour::from_count(hour)).await;
        }
    }

    /// Everything but when it was counted.
    async fn told(&self, query: &str) -> Value {
        let mut report = self.report(query).await;
        report["counted"] = Value::Null;
        report
    }
}

fn chunk(drawn: &mut Drawn, done: Timestamp, slots: usize) -> Chunk {
    let country = Country::parse(drawn.of(&["GB", "FR", "NP"])).ok();
    let mut chunk = Chunk::new(slots, Source::Sibling).in_country(country);
    chunk.state = ChunkState::Done;
    chunk.done = Some(done);
    for slot in 0..slots {
        let failed = drawn.one_in(4);
        chunk.slots[slot] = Slot {
            outcome: if failed {
                SlotOutcome::Failed
            } else {
                SlotOutcome::Accepted
            },
            reason: failed.then(|| drawn.of(&[Reason::Filtered, Reason::NoCredit])),
            attempt: 1,
            ..Slot::default()
        };
        let delivered = Receipt {
            status: ReceiptStatus::Delivered,
            attempt: 1,
            proof: Proof::Handset,
            reason: None,
            seconds: u32::try_from(drawn.next(500)).unwrap(),
        };
        chunk.receipts[slot] = (!failed && drawn.one_in(2)).then_some(delivered);
    }
    chunk
}

/// The queries of a time: by everything, and days and hours by several clocks.
fn queries(from: Timestamp, until: Timestamp) -> Vec<String> {
    let time = format!("from={from}&until={until}");
    let mut queries: Vec<String> = BYS
        .iter()
        .map(|by| format!("{time}&by={by}&zone=Etc/UTC"))
        .collect();
    for zone in [
        "Asia/Kathmandu",
        "Asia/Kolkata",
        "Europe/Paris",
        "Australia/Eucla",
    ] {
        queries.extend(["day", "hour"].map(|by| format!("{time}&by={by}&zone={zone}")));
    }
    queries.push(format!("{time}&previous=true"));
    queries
}

#[tokio::test]
async fn a_report_of_digests_is_the_report_of_the_same_batches_counted_one_by_one() {
    for seed in [3, 5, 8] {
        let (mut drawn, reports) = (Drawn(0x9E37_79B9_7F4A_7C15 * seed), Reports::new().await);
        let common = Common {
            gateways: [build::id(), build::id()],
            templates: [None, Some(build::id()), Some(build::id())],
            campaigns: [build::id(), build::id()],
        };
        let mut made = Vec::new();
        for _ in 0..BATCHES {
            made.push(reports.drawn(&mut drawn, &common).await);
        }
        // Whole hours; a day in Kathmandu, which begins at a quarter past; quarters; and what cuts through both.
        let times = [
            (0, 0, 360, 0),
            (255, 0, 360, 0),
            (15, 0, 315, 0),
            (7, 13, 333, 59),
            (61, 0, 62, 0),
        ];
        let times = times.map(|(from, from_s, until, until_s)| {
            let at = |minutes, seconds| minute(minutes) + SignedDuration::from_secs(seconds);
            (at(from, from_s), at(until, until_s))
        });
        let mut counted = Vec::new();
        for (from, until) in times {
            for query in queries(from, until) {
                counted.push((query.clone(), reports.told(&query).await));
            }
        }

        reports.digest_all().await;

        for (query, counted) in counted {
            assert_eq!(reports.told(&query).await, counted, "seed {seed}: {query}");
        }
        for (from, until) in times {
            let within = made.iter().filter(|(at, _)| (from..until).contains(at));
            let messages: u64 = within.map(|(_, messages)| messages).sum();
            let report = reports
                .report(&format!("from={from}&until={until}&by=lane"))
                .await;
            assert_eq!(
                report["total"]["accepted"], messages,
                "seed {seed}: {from} to {until}"
            );
            let groups = report["groups"].as_array().unwrap();
            let sum: u64 = groups
                .iter()
                .map(|it| it["accepted"].as_u64().unwrap())
                .sum();
            assert_eq!(sum, messages);
        }
    }
}

#[tokio::test]
async fn an_hour_that_has_a_digest_is_neither_listed_nor_counted() {
    let reports = Reports::new().await;
    for number in 0..40 {
        let batch = reports.batch(minute(number)).await;
        reports.with_chunk(batch).await;
    }
    let later = reports.batch(minute(70)).await;
    reports.with_chunk(later).await;
    reports.digest(Hour::of(minute(0))).await;
    // What only the digest knows.
    for number in 0..40 {
        let at = minute(number);
        let (first, last) = digest::ids(at, at + SignedDuration::from_millis(1)).unwrap();
        let account = reports.caller.account;
        let found = reports
            .api
            .batches
            .between(account, first, last, 10)
            .await
            .unwrap();
        for batch in found {
            reports
                .api
                .ledger
                .forget_chunks(batch.terms.id, 1)
                .await
                .unwrap();
        }
    }

    let of_both = reports
        .report(&format!("from={}&until={}", minute(0), minute(120)))
        .await;
    let of_a_part = reports
        .report(&format!("from={}&until={}", minute(0), minute(20)))
        .await;

    assert_eq!(
        (&of_both["batches"], &of_both["closed"]),
        (&json!(41), &json!(0))
    );
    assert_eq!(of_both["total"]["accepted"], 82);
    // Of a quarter by the digest, and of what is left one by one, of which the chunks are gone.
    assert_eq!(
        (&of_a_part["batches"], &of_a_part["total"]["accepted"]),
        (&json!(20), &json!(30))
    );
}

#[tokio::test]
async fn many_sends_that_are_still_open_are_read_by_the_hundred() {
    let reports = Reports::new().await;
    let mut made = HashSet::new();
    for number in 0..150 {
        let batch = reports.batch(minute(number % 50)).await;
        reports.with_chunk(batch).await;
        made.insert(batch);
    }
    let watch = Watch::default();
    let watched = Reports {
        api: api_of(&watch.over(&reports.aws), reports.settings.clone()),
        ..reports
    };

    let report = watched
        .report(&format!("from={}&until={}", minute(0), minute(60)))
        .await;

    assert_eq!(made.len(), 150);
    assert_eq!(report["total"]["accepted"], 300);
    // Two of batches with the one that ends them, two of chunks, digests, campaigns, replies, opt-outs, the clock, a count of requests.
    assert!(watch.calls() <= 14, "{} calls", watch.calls());
}

#[tokio::test]
async fn a_test_key_is_told_of_tests_alone() {
    let reports = Reports::new().await;
    for (number, test) in [(1, true), (2, false), (3, true)] {
        let terms = BatchTerms {
            id: id_at(minute(number)),
            account: reports.caller.account,
            campaign: None,
            test,
            ..build::terms(minute(number))
        };
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        let created = reports.api.batches.create(&batch, Activity::Passive).await;
        created.unwrap();
        reports.with_chunk(batch.terms.id).await;
    }
    reports.digest_all().await;
    let of_tests = reports.as_test();
    let query = format!("from={}&until={}", minute(0), minute(60));

    let live = reports.report(&query).await;
    let test = of_tests.report(&query).await;

    assert_eq!((&live["batches"], &test["batches"]), (&json!(3), &json!(2)));
}
