//! The local stack that tests run against: `make test` starts one and names it in the environment.

use aws_sdk_dynamodb::{
    Client,
    types::{BillingMode, GlobalSecondaryIndex, TableDescription},
};
use aws_sdk_sqs::types::QueueAttributeName;
use carillon_core::id::AccountId;
use carillon_store::aws::Aws;
use uuid::Uuid;

/// The clients of the stack. Fails with what starts one.
pub async fn aws() -> Aws {
    variable("AWS_ENDPOINT_URL");
    Aws::from_environment().await
}

/// A variable that `make test` sets.
pub fn variable(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are configured by `make test`"
    )]
    let value = std::env::var(name);
    value.unwrap_or_else(|_| panic!("`{name}` is not set: this test needs the local stack. Run `make test`, which starts one"))
}

/// A new, empty table with the keys and indexes of the deployed one that `variable` names.
pub async fn table_like(client: &Client, name: &str) -> String {
    let deployed = variable(name);
    let described = client.describe_table().table_name(&deployed).send().await;
    let described = described.unwrap_or_else(|error| {
        panic!("`{deployed}` can't be described: {error:?}. Run `make test`")
    });
    let table = described.table.expect("a description");
    let copy = format!("test-{}-{}", name.to_lowercase(), Uuid::now_v7().simple());
    let create = client
        .create_table()
        .table_name(&copy)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(table.key_schema.clone())
        .set_attribute_definitions(table.attribute_definitions.clone())
        .set_global_secondary_indexes(Some(indexes(&table)).filter(|indexes| !indexes.is_empty()));
    create
        .send()
        .await
        .unwrap_or_else(|error| panic!("`{copy}` can't be created: {error:?}"));
    copy
}

/// A new, empty queue; its URL.
pub async fn queue(client: &aws_sdk_sqs::Client, name: &str) -> String {
    let name = format!("test-{name}-{}", Uuid::now_v7().simple());
    let created = client.create_queue().queue_name(&name).send().await;
    let created = created.unwrap_or_else(|error| panic!("`{name}` can't be created: {error:?}"));
    created.queue_url.expect("a new queue has a URL")
}

/// A new topic; its ARN.
pub async fn topic(client: &aws_sdk_sns::Client) -> String {
    let name = format!("test-{}", Uuid::now_v7().simple());
    let created = client.create_topic().name(&name).send().await;
    let created = created.unwrap_or_else(|error| panic!("`{name}` can't be created: {error:?}"));
    created.topic_arn.expect("a new topic has an ARN")
}

/// A new queue that gets what is published about an account; its URL.
pub async fn subscribed(
    sns: &aws_sdk_sns::Client,
    sqs: &aws_sdk_sqs::Client,
    topic: &str,
    account: AccountId,
) -> String {
    let url = queue(sqs, "alerts").await;
    let name = url
        .rsplit('/')
        .next()
        .expect("a queue's URL ends in its name");
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{name}");
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"{arn}"}}]}}"#
    );
    let open = sqs.set_queue_attributes().queue_url(&url);
    let opened = open.attributes(QueueAttributeName::Policy, policy).send();
    let opened = opened.await;
    opened.unwrap_or_else(|error| panic!("`{name}` can't be opened to a topic: {error:?}"));
    let subscribe = sns
        .subscribe()
        .topic_arn(topic)
        .protocol("sqs")
        .endpoint(arn)
        .attributes("FilterPolicy", format!(r#"{{"account":["{account}"]}}"#));
    let subscribed = subscribe.send().await;
    subscribed.unwrap_or_else(|error| panic!("`{topic}` can't be subscribed to: {error:?}"));
    url
}

/// The bodies of what is on a queue now, up to ten; they are gone from it afterwards.
pub async fn taken(client: &aws_sdk_sqs::Client, url: &str) -> Vec<String> {
    let receive = client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10);
    let received = receive.send().await;
    let received = received.unwrap_or_else(|error| panic!("`{url}` can't be read: {error:?}"));
    let mut bodies = Vec::new();
    for message in received.messages.unwrap_or_default() {
        let delete = client
            .delete_message()
            .queue_url(url)
            .set_receipt_handle(message.receipt_handle);
        let deleted = delete.send().await;
        deleted.unwrap_or_else(|error| panic!("`{url}` can't be emptied: {error:?}"));
        bodies.extend(message.body);
    }
    bodies
}

/// The bodies of what is on a queue now, up to ten.
pub async fn received(client: &aws_sdk_sqs::Client, url: &str) -> Vec<String> {
    let receive = client
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10);
    let received = receive.send().await;
    let received = received.unwrap_or_else(|error| panic!("`{url}` can't be read: {error:?}"));
    let messages = received.messages.unwrap_or_default().into_iter();
    messages.filter_map(|message| message.body).collect()
}

fn indexes(table: &TableDescription) -> Vec<GlobalSecondaryIndex> {
    let copied = table.global_secondary_indexes().iter().map(|index| {
        GlobalSecondaryIndex::builder()
            .set_index_name(index.index_name.clone())
            .set_key_schema(index.key_schema.clone())
            .set_projection(index.projection.clone())
            .build()
            .expect("name, keys and projection are those of an index")
    });
    copied.collect()
}
