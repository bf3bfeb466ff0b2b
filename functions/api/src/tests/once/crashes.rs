//! A process that dies after any of its calls, and the attempt that comes after it.

use std::collections::BTreeSet;

use carillon_core::{
    api_key::Mode,
    chunk::Pointer,
    id::{BatchId, CampaignId},
    phone::Phone,
};
use carillon_store::{keys, queues::PrepareRequest};
use carillon_testkit::{mortal, stack};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Caller, World, long_over};
use crate::tests::{Answer, api_of};

/// More calls than any of these requests makes.
const ENOUGH: u32 = 40;

fn refused_for_now(answer: &Answer) -> bool {
    let told = (answer.status.as_u16(), answer.body["code"].as_str());
    told == (503, Some("unavailable")) && answer.headers.contains_key("retry-after")
}

#[tokio::test]
async fn a_send_that_dies_after_any_of_its_calls_is_finished_by_the_next_attempt() {
    let world = World::new().await;
    let numbers = ["+447700900001", "+447700900002"];
    let body = json!({"to": numbers, "text": "Hi"});
    let mut died = 0;

    for calls in 0..ENOUGH {
        let caller = world.caller(Mode::Test).await;
        let mortal = api_of(&mortal::after(&world.aws, calls), world.settings.clone());
        let request = caller.post("/v1/messages");
        let first = caller.ask(&mortal, request, &body, long_over()).await;
        let again = caller.send(&world.api(), "/v1/messages", &body).await;

        assert_eq!(again.status, 202, "after {calls} calls: {}", again.body);
        assert_sent_once(&world, &caller, &again.body, &numbers, calls).await;
        if first.status == 202 {
            // Whatever became of the record, nobody is told of other messages.
            assert_eq!(first.body, again.body, "after {calls} calls");
            if again.headers.contains_key("idempotent-replayed") {
                break;
            }
        } else {
            assert!(
                refused_for_now(&first),
                "after {calls} calls: {}",
                first.body
            );
        }
        died += 1;
    }
    // Two counts, the reservation, that its hour will be counted, the batch and its place in the list, the chunk, an index entry for each
    // number, the pointer, the answer.
    assert_eq!(died, 11);
}

/// One batch with a message for each number, found by the number, and on its way.
async fn assert_sent_once(
    world: &World,
    caller: &Caller,
    body: &Value,
    numbers: &[&str],
    calls: u32,
) {
    let api = world.api();
    let batches = api.batches.list(caller.account, None, 10).await.unwrap();
    let batch: BatchId = body["batch"].as_str().unwrap().parse().unwrap();
    let found: Vec<_> = batches.iter().map(|batch| batch.terms.id).collect();
    assert_eq!(found, [batch], "after {calls} calls");
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), numbers.len());
    for (message, number) in messages.iter().zip(numbers) {
        let number = Phone::parse(number, None).unwrap();
        let hash = api.key.number(caller.account, number);
        let sent = api
            .ledger
            .sent_to(caller.account, &hash, Timestamp::UNIX_EPOCH, 10)
            .await
            .unwrap();
        let sent: Vec<_> = sent.iter().map(ToString::to_string).collect();
        assert_eq!(
            sent,
            [message["id"].as_str().unwrap()],
            "after {calls} calls"
        );
    }
    let pointer = Pointer { batch, chunk: 0 };
    let chunk = api.ledger.find(pointer).await.unwrap().unwrap();
    assert_eq!(chunk.slots.len(), numbers.len());
    assert!(chunk.wake.is_some(), "a lost pointer is found");
    let pointers: BTreeSet<Pointer> = stack::received(&world.aws.sqs(), &world.lane)
        .await
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert!(pointers.contains(&pointer), "after {calls} calls");
}

#[tokio::test]
async fn a_start_that_dies_after_any_of_its_calls_is_finished_by_the_next_attempt() {
    let world = World::new().await;
    let draft = json!({
        "name": "Spring",
        "audience": {"type": "inline", "recipients": ["+447700900001"]},
        "content": {"text": "Hi"},
    });
    let mut died = 0;

    for calls in 0..ENOUGH {
        let caller = world.caller(Mode::Test).await;
        let made = caller.send(&world.api(), "/v1/campaigns", &draft).await;
        let id = made.body["id"].as_str().unwrap();
        let path = format!("/v1/campaigns/{id}/start");
        let mortal = api_of(&mortal::after(&world.aws, calls), world.settings.clone());
        let request = caller.post(&path);
        let first = caller.ask(&mortal, request, &json!({}), long_over()).await;
        let again = caller.send(&world.api(), &path, &json!({})).await;

        assert_eq!(again.status, 202, "after {calls} calls: {}", again.body);
        assert_started_once(&world, &caller, id.parse().unwrap(), calls).await;
        if again.headers.contains_key("idempotent-replayed") {
            assert_eq!(first.body, again.body);
            break;
        }
        assert!(
            first.status == 202 || refused_for_now(&first),
            "after {calls} calls: {}",
            first.body
        );
        died += 1;
    }
    assert!((8..ENOUGH).contains(&died), "it died {died} times");
}

async fn assert_started_once(world: &World, caller: &Caller, campaign: CampaignId, calls: u32) {
    let api = world.api();
    let batches = api.batches.list(caller.account, None, 10).await.unwrap();
    assert_eq!(batches.len(), 1, "after {calls} calls");
    let batch = batches[0].terms.id;
    let asked: BTreeSet<String> = stack::received(&world.aws.sqs(), &world.prepare)
        .await
        .into_iter()
        .collect();
    let request = PrepareRequest {
        batch,
        campaign,
        account: caller.account,
    };
    let request = serde_json::to_string(&request).unwrap();
    assert!(asked.contains(&request), "after {calls} calls: {asked:?}");
    let entries = api.audit.list(caller.account, None, 10).await.unwrap();
    let starts = entries
        .iter()
        .filter(|entry| entry.action == "campaign.start");
    assert_eq!(starts.count(), 1, "after {calls} calls");
}

#[tokio::test]
async fn a_send_that_began_goes_on_though_its_gateway_is_gone() {
    let world = World::new().await;
    let caller = world.caller(Mode::Live).await;
    let gateway = json!({"kind": "simulated", "name": "Mine"});
    let gateway = caller.send(&world.api(), "/v1/gateways", &gateway).await;
    let gateway = gateway.body["id"].as_str().unwrap().parse().unwrap();
    let body = json!({"to": ["+447700900001"], "text": "Hi"});
    // The count, the reservation, gateways, routes, senders and safeguards, that its hour will be counted, the batch and its place in the list; of one recipient none are counted.
    let mortal = api_of(&mortal::after(&world.aws, 9), world.settings.clone());
    let request = caller.post("/v1/messages");
    let first = caller.ask(&mortal, request, &body, long_over()).await;
    let delete = world.aws.dynamodb().delete_item();
    delete
        .table_name(&world.settings.core_table)
        .set_key(Some(keys::gateway(caller.account, gateway).item()))
        .send()
        .await
        .unwrap();

    let again = caller.send(&world.api(), "/v1/messages", &body).await;

    assert!(refused_for_now(&first), "{}", first.body);
    assert_eq!(again.status, 202, "{}", again.body);
    let batch = again.body["batch"].as_str().unwrap().parse().unwrap();
    let batch = world.api().batches.find(batch).await.unwrap().unwrap();
    assert_eq!(batch.terms.routes[0].gateway, gateway);
}
