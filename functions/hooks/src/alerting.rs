//! Alerts to members, of some events. After the webhooks, and whatever becomes of it: what fails here must bring no event to an endpoint
//! twice.

use std::time::Duration;

use carillon_core::{alert::Alert, event::Event};
use carillon_runtime::logs::chain;
use carillon_store::alerts::AlertTopic;
use futures::{StreamExt, stream};

use crate::state::State;

/// For all alerts of a delivery: after the last call, its function has little more than this.
const TIMEOUT: Duration = Duration::from_secs(3);
const CONCURRENT: usize = 8;

pub struct Alerting {
    pub topic: AlertTopic,
    /// Where alerts lead: the URL of the console, without a slash at the end.
    pub console: String,
}

pub async fn tell(state: &State, events: &[Event]) {
    let Some(Alerting { topic, console }) = &state.alerting else {
        return;
    };
    let told = events.iter().filter(|event| event.only.is_none());
    let alerts = told.filter_map(|event| Some((event, Alert::of(event, console)?)));
    let publish = stream::iter(alerts)
        .map(async |(event, alert)| (event, topic.publish(event.account, &alert).await))
        .buffer_unordered(CONCURRENT)
        .for_each(async |(event, published)| {
            if let Err(error) = published {
                tracing::error!(metric = "hooks.alert_lost", event = %event.id, error = chain(&error), "members can't be told of an event");
            }
        });
    if tokio::time::timeout(TIMEOUT, publish).await.is_err() {
        tracing::error!(
            metric = "hooks.alert_lost",
            "SNS doesn't answer: members may not be told of events"
        );
    }
}
