//! Events on an `EventBridge` bus of the deployment's owner: each as its webhook would say it, under its own type.

use std::time::Duration;

use aws_sdk_eventbridge::{
    Client,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use carillon_core::{event::Event, webhook::Envelope};
use futures::{StreamExt, TryStreamExt, stream};

use crate::StoreError;

/// Who says it, for the patterns of rules.
const SOURCE: &str = "carillon";
/// Entries of a call, by `EventBridge`'s rule.
const TOGETHER: usize = 10;
/// How often refused entries are put again before the call fails.
const TRIES: u32 = 4;
/// Calls at once.
const CONCURRENT: usize = 8;

#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { client, name }
    }

    /// When it returns, all of them are on the bus; some may be twice.
    pub async fn put(&self, events: &[Event]) -> Result<(), StoreError> {
        let entries: Vec<_> = events.iter().map(|event| self.entry(event)).collect();
        let calls: Vec<_> = entries.chunks(TOGETHER).map(<[_]>::to_vec).collect();
        stream::iter(calls)
            .map(|entries| self.put_together(entries))
            .buffer_unordered(CONCURRENT)
            .try_collect()
            .await
    }

    async fn put_together(&self, entries: Vec<PutEventsRequestEntry>) -> Result<(), StoreError> {
        let operation = "put events on the bus";
        let mut left = entries;
        for attempt in 0..TRIES {
            let call = self.client.put_events().set_entries(Some(left.clone()));
            let answer = call.send().await.map_err(StoreError::service(operation))?;
            left = refused(left, answer.entries());
            if left.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Err(StoreError::Busy {
            operation,
            source: format!("{} entries were refused {TRIES} times", left.len()).into(),
        })
    }

    fn entry(&self, event: &Event) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(&event.kind)
            .detail(Envelope::single(event).body)
            .resources(event.account.to_string())
            .time(DateTime::from_millis(event.timestamp.as_millisecond()))
            .build()
    }
}

/// Those whose answer, in the same place, has an error.
fn refused(
    entries: Vec<PutEventsRequestEntry>,
    answers: &[PutEventsResultEntry],
) -> Vec<PutEventsRequestEntry> {
    let failed = |place: usize| {
        let answer = answers.get(place);
        answer.is_none_or(|answer| answer.error_code().is_some())
    };
    let entries = entries.into_iter().enumerate();
    let entries = entries.filter(|(place, _)| failed(*place));
    entries.map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_refused_is_put_again() {
        let entry = |name: &str| PutEventsRequestEntry::builder().detail_type(name).build();
        let taken = PutEventsResultEntry::builder().event_id("1").build();
        let failed = PutEventsResultEntry::builder()
            .error_code("InternalFailure")
            .build();
        let entries = ["a", "b", "c", "d"].map(entry).to_vec();

        let left = refused(entries, &[taken.clone(), failed, taken]);

        let left: Vec<_> = left
            .iter()
            .filter_map(|entry| entry.detail_type())
            .collect();
        assert_eq!(left, ["b", "d"], "one without an answer was not taken");
    }
}
