//! What digests cost, and what a report of thirty days costs with them and without: each step is a process of its own, so that a proxy counts
//! its calls and their units.
//!
//! `make bench-reports`, which runs `tests/bench/reports.py`.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that fails has nothing to show"
)]

use std::{env, time::Instant};

use carillon_api::{Api, Settings, router};
use carillon_core::{
    api_key::{Mode, Scope},
    batch::{Batch, BatchTerms, Lane, Prepared, RouteEntry, Stage},
    breakdown::Counter,
    chunk::{
        Chunk, ChunkState, Pointer,
        receipt::{Proof, Receipt, ReceiptStatus},
        slot::{Slot, SlotOutcome},
        source::Source,
    },
    digest::{self, Digest, Hour},
    frame::{self, Recipient},
    id::{AccountId, BatchId},
    keyed_hash::DeploymentKey,
    phone::{Country, Phone},
    quota::Quotas,
    reason::Reason,
    status::Totals,
};
use carillon_runtime::principal::Principal;
use carillon_store::{
    audit::Actor,
    batches::Activity,
    counts::{Of, count},
    queues::{DigestRequest, QueueUrls},
    schedules::ScheduleNames,
};
use carillon_testkit::{build, stack};
use futures::{StreamExt, stream};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt;

/// The newest hour; days of copies lie before it.
fn hour() -> Hour {
    Hour::of("2026-11-20T10:00:00Z".parse().unwrap())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["tables"] => tables().await,
        [core, ledger, contacts, account, step, number] => {
            let bench = Bench {
                api: api(core, ledger, contacts).await,
                account: account.parse().unwrap(),
            };
            let (began, number) = (Instant::now(), number.parse().unwrap());
            match *step {
                "write" => bench.write(number).await,
                "close" => bench.close().await,
                "digest" => bench.digest().await,
                "copy" => bench.copy(number).await,
                "report" => bench.report(number).await,
                step => panic!("`{step}` is no step"),
            }
            println!("seconds {:.2}", began.elapsed().as_secs_f64());
        }
        _ => panic!("`make bench-reports` knows its arguments"),
    }
}

/// Empty ones, and an account.
async fn tables() {
    let dynamodb = stack::aws().await.dynamodb();
    let mut names = Vec::new();
    for like in ["CORE_TABLE", "LEDGER_TABLE", "CONTACTS_TABLE"] {
        names.push(stack::table_like(&dynamodb, like).await);
    }
    let account: AccountId = build::id();
    println!("{} {account}", names.join(" "));
}

async fn api(core: &str, ledger: &str, contacts: &str) -> Api {
    let settings = Settings {
        core_table: core.to_owned(),
        ledger_table: ledger.to_owned(),
        contacts_table: contacts.to_owned(),
        files_bucket: String::new(),
        credentials_key_arn: String::new(),
        alerts_topic_arn: String::new(),
        queues: QueueUrls::default(),
        schedules: ScheduleNames {
            group: String::new(),
            role_arn: String::new(),
            prepare_queue_arn: String::new(),
            dead_letters_arn: String::new(),
        },
        public_url: String::new(),
        hooks_url: String::new(),
        links_url: String::new(),
        allowed_hosts: "".parse().unwrap(),
        webhook_hosts: "".parse().unwrap(),
        quotas: quotas(),
    };
    let key = DeploymentKey::from_secret("a secret of a benchmark");
    Api::new(&stack::aws().await, key, settings)
}

fn quotas() -> Quotas {
    Quotas {
        key: 1_000,
        account: 1_000,
        recipients: 1_000,
    }
}

struct Bench {
    api: Api,
    account: AccountId,
}

impl Bench {
    /// So many one-time passwords, evenly over the hour.
    async fn write(&self, sends: i64) {
        let routes: Vec<RouteEntry> = [build::id(), build::id()]
            .map(|gateway| RouteEntry {
                gateway,
                parts_per_second: None,
                deduplicates_for: None,
                settles_after: None,
            })
            .into();
        let written = stream::iter(0..sends).map(|number| {
            let made = hour().begins() + SignedDuration::from_millis(3_599_000 * number / sends);
            self.send(number, made, routes.clone())
        });
        written.buffer_unordered(32).collect::<Vec<()>>().await;
    }

    async fn send(&self, number: i64, made: Timestamp, routes: Vec<RouteEntry>) {
        let terms = BatchTerms {
            id: BatchId::at(made, *build::token().last_chunk().unwrap()),
            account: self.account,
            campaign: None,
            test: false,
            lane: Lane::High,
            content: "{{code}} is your code for Fontana. Don't share it.".into(),
            routes,
            ..build::terms(made)
        };
        let mut batch = Batch::new(terms, Stage::Ready, Some(1));
        batch.progress.prepared = Some(Prepared {
            rows: 1,
            accepted: 1,
            parts: 1,
            ..Prepared::default()
        });
        let created = self.api.batches.create(&batch, Activity::Passive).await;
        created.unwrap();
        let pointer = Pointer {
            batch: batch.terms.id,
            chunk: 0,
        };
        let written = self
            .api
            .ledger
            .create_chunk(pointer, &chunk(number, made))
            .await;
        assert!(written.unwrap());
    }

    async fn listed(&self) -> Vec<Batch> {
        let (mut first, last) = digest::ids(hour().begins(), hour().ends()).unwrap();
        let mut all = Vec::new();
        loop {
            let page = self
                .api
                .batches
                .between(self.account, first, last, 500)
                .await
                .unwrap();
            let Some(next) = page.last().and_then(|batch| batch.terms.id.next()) else {
                return all;
            };
            first = next;
            all.extend(page);
        }
    }

    /// As the dispatcher does three days later.
    async fn close(&self) {
        let batches = self.listed().await;
        let closed = stream::iter(batches).map(async |batch| {
            let pointer = Pointer {
                batch: batch.terms.id,
                chunk: 0,
            };
            let chunk = self.api.ledger.find(pointer).await.unwrap().unwrap();
            let mut counter = Counter::new(&batch, Timestamp::now());
            counter.count(&chunk);
            let (id, totals, came_to) = (batch.terms.id, Totals::default(), counter.breakdown());
            let closed = self.api.batches.close(id, &totals, &came_to);
            closed.await.unwrap();
        });
        closed.buffer_unordered(32).collect::<Vec<()>>().await;
    }

    /// As the function `export` does it.
    async fn digest(&self) {
        let now = hour().first_look();
        let request = DigestRequest {
            digest: hour(),
            account: self.account,
        };
        let digests = &self.api.digests;
        let (due, _) = digests.begin(request, now).await.unwrap().unwrap();
        let (mut first, last) = digest::ids(hour().begins(), hour().ends()).unwrap();
        let (from, mut digest) = ((&self.api.batches, &self.api.ledger), Digest::default());
        loop {
            let page = from
                .0
                .between(self.account, first, last, 500)
                .await
                .unwrap();
            let Some(next) = page.last().and_then(|batch| batch.terms.id.next()) else {
                break;
            };
            first = next;
            for it in count(from, page, Of::Kept, now).await.unwrap() {
                digest.add(&it.batch, it.breakdown, it.closed, now);
            }
        }
        println!("bytes {}", digest.pack().unwrap().len());
        let again = Some(now + SignedDuration::from_hours(24));
        digests.keep(&due, &digest, again).await.unwrap().unwrap();
    }

    /// The digest of the hour for each hour of some days before it.
    async fn copy(&self, days: i64) {
        let digests = &self.api.digests;
        let mut own = None;
        let hours = digests.between(self.account, hour()..=hour(), 1, |_, digest| own = digest);
        hours.await.unwrap();
        let own = own.unwrap();
        for before in 1..days * 24 {
            let hour = Hour::from_count(hour().count() - before);
            let mut copy = Digest::default();
            for (kind, sum) in &own.sums {
                let [made, starts] = [kind.made, kind.starts].map(|quarter| {
                    digest::Quarter::of(quarter.begins() - SignedDuration::from_hours(before))
                });
                copy.sums.insert(
                    digest::Kind {
                        made,
                        starts,
                        ..*kind
                    },
                    sum.clone(),
                );
            }
            let expected = digests.expect(self.account, hour.begins(), hour.ends());
            expected.await.unwrap();
            let request = DigestRequest {
                digest: hour,
                account: self.account,
            };
            let (due, _) = digests
                .begin(request, Timestamp::now())
                .await
                .unwrap()
                .unwrap();
            digests.keep(&due, &copy, None).await.unwrap().unwrap();
        }
    }

    /// Of so many hours that end with the hour.
    async fn report(&self, hours: i64) {
        let until = hour().ends();
        let from = until - SignedDuration::from_hours(hours);
        let uri = format!("/v1/reports?from={from}&until={until}&by=day&zone=Asia/Kathmandu");
        let mut request = Request::get(uri).body(axum::body::Body::empty()).unwrap();
        request.extensions_mut().insert(Principal {
            account: self.account,
            actor: Actor::Operator,
            mode: Mode::Live,
            scopes: Scope::ALL.to_vec(),
            quotas: quotas(),
        });
        let answer = router(self.api.clone()).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status.as_u16(), 200, "{body}");
        println!("accepted {}", body["total"]["accepted"]);
    }
}

fn chunk(number: i64, made: Timestamp) -> Chunk {
    let place = usize::try_from(number).unwrap();
    let country = Country::parse(["GB", "FR", "US", "IN", "NP"][place % 5]).ok();
    let phone = Phone::from_digits(447_700_900_000 + u64::try_from(number).unwrap() % 1_000);
    let vars = [("code".to_owned(), "493021".to_owned())];
    let recipient = Recipient::new(phone.unwrap(), vars.into(), None);
    let source = Source::Inline(frame::encode(std::slice::from_ref(&recipient)));
    let mut chunk = Chunk::new(1, source).in_country(country);
    chunk.state = ChunkState::Done;
    chunk.done = Some(made);
    let failed = place.is_multiple_of(33);
    chunk.slots[0] = Slot {
        outcome: if failed {
            SlotOutcome::Failed
        } else {
            SlotOutcome::Accepted
        },
        reason: failed.then_some([Reason::Filtered, Reason::BadSender][place % 2]),
        attempt: 1,
        route: u8::try_from(place % 2).unwrap(),
        ..Slot::default()
    };
    let delivered = Receipt {
        status: ReceiptStatus::Delivered,
        attempt: 1,
        proof: Proof::Handset,
        reason: None,
        seconds: 1 + u32::try_from(place % 40).unwrap(),
    };
    chunk.receipts[0] = (!failed && !place.is_multiple_of(25)).then_some(delivered);
    chunk
}
