//! The dead-letter queues: a function's own, where it puts what it gives up, with the reason; and all of them, where they are emptied.

use aws_sdk_sqs::{
    Client,
    types::{Message, MessageAttributeValue, MessageSystemAttributeName},
};
use carillon_core::dead_letter::Why;

use crate::StoreError;

const WHY: &str = "why";
const RECEIVES: &str = "receives";
const SINCE: &str = "since";
/// Seconds that a letter is out of sight while it is looked at.
const LOOKED_AT: i32 = 60;

/// Beside the queues that a function reads.
#[derive(Debug, Clone)]
pub struct DeadLetterQueues {
    client: Client,
    urls: Vec<String>,
    tries: u32,
}

/// A record that its function gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage<'a> {
    pub body: &'a str,
    /// Whose it is, as the queue knows it.
    pub group: Option<&'a str>,
    pub why: Why,
    pub receives: u32,
    /// Milliseconds since the epoch, as SQS says them.
    pub since: Option<&'a str>,
}

impl DeadLetterQueues {
    /// `tries`: how often a queue hands a message out before it dies.
    pub fn new(client: Client, urls: Vec<String>, tries: u32) -> Self {
        Self {
            client,
            urls,
            tries,
        }
    }

    /// Whether this was the last try.
    pub fn is_last(&self, receives: u32) -> bool {
        receives >= self.tries
    }

    /// Puts a record beside the queue that it came from. `false` when there is no such queue.
    pub async fn bury(
        &self,
        queue_arn: &str,
        message: &DeadMessage<'_>,
    ) -> Result<bool, StoreError> {
        let queue = queue_arn.rsplit(':').next().unwrap_or_default();
        let beside = format!("/{queue}-dead");
        let Some(url) = self.urls.iter().find(|url| url.ends_with(&beside)) else {
            return Ok(false);
        };
        let send = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(message.body)
            .set_message_group_id(message.group.map(str::to_owned))
            .message_attributes(WHY, attribute(message.why.as_str()))
            .message_attributes(RECEIVES, attribute(&message.receives.to_string()));
        let send = match message.since {
            Some(since) => send.message_attributes(SINCE, attribute(since)),
            None => send,
        };
        let answer = send.send().await;
        let answer = answer.map_err(StoreError::service("bury a record"));
        answer.map(|_| true)
    }
}

fn attribute(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .expect("the type is set")
}

/// Reads and empties dead-letter queues.
#[derive(Debug, Clone)]
pub struct DeadLetterReader {
    client: Client,
}

/// A message of a dead-letter queue, as SQS and its function tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub message_id: String,
    pub body: String,
    pub group: Option<String>,
    pub why: Why,
    pub receives: u32,
    /// Milliseconds since the epoch.
    pub since: i64,
    handle: String,
}

impl DeadLetterReader {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Up to ten, which nobody else sees for a minute.
    pub async fn look(&self, url: &str) -> Result<Vec<Found>, StoreError> {
        let receive = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(10)
            .visibility_timeout(LOOKED_AT)
            .wait_time_seconds(0)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let answer = receive.send().await;
        let answer = answer.map_err(StoreError::service("look at dead letters"))?;
        Ok(answer
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(found)
            .collect())
    }

    pub async fn delete(&self, url: &str, found: &Found) -> Result<(), StoreError> {
        let delete = self.client.delete_message().queue_url(url);
        let deleted = delete.receipt_handle(&found.handle).send().await;
        deleted
            .map(drop)
            .map_err(StoreError::service("delete a dead letter"))
    }

    /// Puts it back into sight, for the alarm.
    pub async fn leave(&self, url: &str, found: &Found) -> Result<(), StoreError> {
        let change = self.client.change_message_visibility().queue_url(url);
        let changed = change.receipt_handle(&found.handle).visibility_timeout(0);
        let changed = changed.send().await;
        changed
            .map(drop)
            .map_err(StoreError::service("leave a dead letter"))
    }
}

fn found(message: Message) -> Option<Found> {
    let own = |name: &str| {
        let attribute = message.message_attributes.as_ref()?.get(name)?;
        attribute.string_value.clone()
    };
    let system = |name: &MessageSystemAttributeName| {
        let attributes = message.attributes.as_ref()?;
        attributes.get(name).cloned()
    };
    // Received across all queues, this look among them.
    let received = system(&MessageSystemAttributeName::ApproximateReceiveCount);
    let received = received.and_then(|count| count.parse::<u32>().ok());
    let by_its_function = own(RECEIVES).and_then(|count| count.parse().ok());
    let since = own(SINCE).or_else(|| system(&MessageSystemAttributeName::SentTimestamp));
    Some(Found {
        why: Why::parse(own(WHY).as_deref()),
        receives: by_its_function.unwrap_or(received.unwrap_or(1).saturating_sub(1)),
        since: since.and_then(|since| since.parse().ok()).unwrap_or(0),
        group: system(&MessageSystemAttributeName::MessageGroupId),
        message_id: message.message_id?,
        body: message.body.unwrap_or_default(),
        handle: message.receipt_handle?,
    })
}
