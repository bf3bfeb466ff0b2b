//! Letters of every queue, and a round past the queues of the local stack.

use carillon_core::{
    batch::{Batch, BatchTerms, Stage},
    chunk::Pointer,
    dead_letter::{DeadQueue, Subject, Why},
    id::AccountId,
};
use carillon_store::{
    aws::Aws,
    batches::Activity,
    dead_letter_queues::{DeadLetterQueues, DeadMessage},
    queues::PrepareRequest,
};
use carillon_testkit::{build, mortal, stack};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{State, letter, queue, round};

#[test]
fn a_body_tells_what_it_is_about_and_an_unknown_one_nothing() {
    let pointer = build::pointer();
    let request = PrepareRequest {
        batch: pointer.batch,
        campaign: build::id(),
        account: build::id(),
    };
    let message = format!("msg_{}", "0".repeat(32));
    let report = json!({"about": {"message": {"message": message, "attempt": 1}}, "word": "delivered", "at": "2026-11-23T00:00:00Z"});
    let by_provider = json!({"about": {"provider_id": {"gateway": build::id::<carillon_core::id::GatewayAccount>(), "id": "x"}}, "word": "delivered", "at": "2026-11-23T00:00:00Z"});
    let subject = |batch, chunk| Subject {
        batch: Some(batch),
        chunk,
        ..Subject::default()
    };
    for (name, queue, body, expected, account) in [
        (
            "a pointer",
            DeadQueue::LaneLow,
            json!(pointer),
            subject(pointer.batch, Some(pointer.chunk)),
            None,
        ),
        (
            "a request to prepare, from its schedule",
            DeadQueue::Schedules,
            json!(request),
            Subject {
                campaign: Some(request.campaign),
                ..subject(request.batch, None)
            },
            Some(request.account),
        ),
        (
            "a wake",
            DeadQueue::Dispatch,
            json!({"wake": pointer.batch}),
            subject(pointer.batch, None),
            None,
        ),
        (
            "a report",
            DeadQueue::Receipts,
            json!({"reports": [report]}),
            Subject {
                message: Some(message.parse().unwrap()),
                ..subject(
                    message
                        .parse::<carillon_core::message_id::MessageId>()
                        .unwrap()
                        .batch,
                    Some(0),
                )
            },
            None,
        ),
        (
            "a report by the gateway's id",
            DeadQueue::Receipts,
            json!({"reports": [by_provider]}),
            Subject::default(),
            None,
        ),
        (
            "a minute of the dispatcher",
            DeadQueue::Schedules,
            json!({"source": "aws.scheduler"}),
            Subject::default(),
            None,
        ),
        (
            "poison",
            DeadQueue::LaneLow,
            json!("poison"),
            Subject::default(),
            None,
        ),
    ] {
        let told = letter::told(queue, &body.to_string());

        assert_eq!((told.subject, told.account), (expected, account), "{name}");
    }
}

#[test]
fn a_message_has_one_id_however_often_it_is_found() {
    let first = letter::id("a", 1_790_000_000_000);
    let again = letter::id("a", 1_790_000_000_000);
    let other = letter::id("b", 1_790_000_000_000);
    let later = letter::id("a", 1_790_000_000_001);

    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!(first < later && other < later);
}

#[test]
fn queues_are_named_with_their_urls() {
    let read = queue("lane_high=http://127.0.0.1/a?b=c").unwrap();

    assert_eq!(
        read,
        (DeadQueue::LaneHigh, "http://127.0.0.1/a?b=c".to_owned())
    );
    assert!(queue("lane_top=http://127.0.0.1").is_err());
    assert!(queue("http://127.0.0.1").is_err());
}

struct World {
    aws: Aws,
    core: String,
    url: String,
    state: State,
}

async fn world() -> World {
    let aws = stack::aws().await;
    let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
    let name = format!("test-{}-dead", uuid::Uuid::now_v7().simple());
    let created = aws.sqs().create_queue().queue_name(name).send().await;
    let url = created.unwrap().queue_url.unwrap();
    let queues = vec![(DeadQueue::LaneLow, url.clone())];
    let state = State::new(&aws, &core, queues);
    World {
        aws,
        core,
        url,
        state,
    }
}

impl World {
    async fn send(&self, body: &str) {
        let send = self.aws.sqs().send_message().queue_url(&self.url);
        send.message_body(body).send().await.unwrap();
    }

    async fn round(&self) {
        let deadline = Timestamp::now() + SignedDuration::from_secs(20);
        round::make(&self.state, deadline).await.unwrap();
    }

    async fn batch(&self, account: AccountId) -> Pointer {
        let terms = BatchTerms {
            account,
            ..build::terms(Timestamp::now())
        };
        let batch = Batch::new(terms, Stage::Ready, Some(1));
        let created = self.state.batches.create(&batch, Activity::Passive);
        created.await.unwrap();
        Pointer {
            batch: batch.terms.id,
            chunk: 0,
        }
    }
}

#[tokio::test]
async fn each_letter_comes_to_its_account_and_nobodys_stay_in_sight() {
    let world = world().await;
    let (ann, bea): (AccountId, AccountId) = (build::id(), build::id());
    let of_ann = world.batch(ann).await;
    let of_bea = world.batch(bea).await;
    for body in [
        json!(of_ann).to_string(),
        json!(of_bea).to_string(),
        json!(build::pointer()).to_string(),
        "poison".to_owned(),
    ] {
        world.send(&body).await;
    }

    world.round().await;
    world.round().await;

    for (account, pointer) in [(ann, of_ann), (bea, of_bea)] {
        let letters = world.state.letters.list(account, None, 10).await.unwrap();
        assert_eq!(letters.len(), 1);
        let letter = &letters[0].letter;
        assert_eq!(
            (letter.queue, letter.why, letter.test),
            (DeadQueue::LaneLow, Why::Unanswered, true)
        );
        assert_eq!(letter.subject.batch, Some(pointer.batch));
        assert_eq!(letters[0].body, json!(pointer).to_string());
    }
    assert_eq!(world.state.letters.count().await.unwrap(), 2);
    let left = stack::received(&world.aws.sqs(), &world.url).await;
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn what_its_function_said_of_it_is_told() {
    let world = world().await;
    let account = build::id();
    let body = json!(world.batch(account).await).to_string();
    let since = Timestamp::from_millisecond(1_790_000_000_000).unwrap();
    let milliseconds = since.as_millisecond().to_string();
    let beside = DeadLetterQueues::new(world.aws.sqs(), vec![world.url.clone()], 5);
    let queue = world.url.rsplit('/').next().unwrap();
    let arn = format!(
        "arn:aws:sqs:us-east-1:000000000000:{}",
        &queue[..queue.len() - 5]
    );
    let message = DeadMessage {
        body: &body,
        group: None,
        why: Why::Store,
        receives: 5,
        since: Some(&milliseconds),
    };

    let buried = beside.bury(&arn, &message).await.unwrap();
    let elsewhere = beside.bury("arn:aws:sqs:us-east-1:0:other", &message).await;
    world.round().await;

    assert!(buried && !elsewhere.unwrap());
    let letters = world.state.letters.list(account, None, 10).await.unwrap();
    let letter = &letters[0].letter;
    assert_eq!(
        (letter.why, letter.receives, letter.since),
        (Why::Store, 5, since)
    );
}

#[tokio::test]
async fn a_round_that_dies_before_it_deletes_keeps_one_letter() {
    let world = world().await;
    let account = build::id();
    let body = json!(world.batch(account).await).to_string();
    world.send(&body).await;
    let queues = vec![(DeadQueue::LaneLow, world.url.clone())];
    let found = world.state.reader.look(&world.url).await.unwrap();
    world
        .state
        .reader
        .leave(&world.url, &found[0])
        .await
        .unwrap();
    // The look, the batch, the letter.
    let mortal = mortal::after(&world.aws, 3);
    let dying = State::new(&mortal, &world.core, queues);
    let deadline = Timestamp::now() + SignedDuration::from_secs(20);
    let died = round::make(&dying, deadline).await;
    let mut left = world.state.reader.look(&world.url).await.unwrap();
    while left.is_empty() {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        left = world.state.reader.look(&world.url).await.unwrap();
    }
    world
        .state
        .reader
        .leave(&world.url, &left[0])
        .await
        .unwrap();

    world.round().await;

    assert!(died.is_err());
    assert_eq!(world.state.letters.count().await.unwrap(), 1);
    let left = stack::received(&world.aws.sqs(), &world.url).await;
    assert!(left.is_empty(), "{left:?}");
}
