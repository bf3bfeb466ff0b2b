//! Batches of pointers, against the local stack.

use std::collections::BTreeSet;

use carillon_core::{batch::Lane, chunk::Pointer};
use carillon_store::queues::{QueueUrls, Queues};
use carillon_testkit::{build, stack};

#[tokio::test]
async fn every_pointer_of_many_arrives_on_its_lane() {
    let sqs = stack::aws().await.sqs();
    let name = format!("test-lane-{}", uuid::Uuid::now_v7().simple());
    let url = sqs
        .create_queue()
        .queue_name(name)
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let urls = QueueUrls {
        low: Some(url.clone()),
        ..QueueUrls::default()
    };
    let queues = Queues::new(sqs.clone(), urls);
    let batch = build::id();
    let pointers: Vec<Pointer> = (0..37).map(|chunk| Pointer { batch, chunk }).collect();

    queues
        .send_pointers(Lane::Low, build::id(), &pointers)
        .await
        .unwrap();

    let mut arrived = BTreeSet::new();
    while arrived.len() < pointers.len() {
        let received = sqs
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(10)
            .send()
            .await
            .unwrap();
        assert!(
            !received.messages().is_empty(),
            "only {} arrived",
            arrived.len()
        );
        arrived.extend(
            received
                .messages()
                .iter()
                .map(|message| serde_json::from_str::<Pointer>(message.body().unwrap()).unwrap()),
        );
    }
    assert_eq!(arrived, pointers.into_iter().collect());
}

#[tokio::test]
async fn a_queue_that_was_not_given_is_an_error_and_not_a_loss() {
    let queues = Queues::new(stack::aws().await.sqs(), QueueUrls::default());

    let sent = queues
        .send_pointers(Lane::High, build::id(), &[build::pointer()])
        .await;

    assert!(sent.is_err());
    assert!(
        queues.send_events(Vec::new()).await.is_ok(),
        "customer events may be off"
    );
}
