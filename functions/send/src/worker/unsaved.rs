//! The gateway's ids of a window, which are in the ledger before its outcomes: without them the reports of a gateway that echoes nothing of
//! ours find no message.

use std::{sync::Arc, time::Duration};

use carillon_gateways::GatewayAccount;
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use jiff::SignedDuration;

use super::Work;
use crate::{
    outgoing::Way,
    provider_ids::{self, Ids},
};

/// After a failure they are tried again after each of these, as long as there is time for that and the write after it.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
const ROOM: SignedDuration = SignedDuration::from_secs(6);

pub struct Unsaved {
    pub account: Arc<GatewayAccount>,
    pub route: u8,
    pub window: u32,
    pub ids: Ids,
}

impl Work<'_> {
    pub(super) async fn save_provider_ids(&mut self) -> Result<(), StoreError> {
        let Some(unsaved) = &self.unsaved else {
            return Ok(());
        };
        let way = Way {
            state: self.state,
            pointer: self.pointer,
            terms: &self.plan.terms,
            ways: self.ways,
            account: &unsaved.account,
            route: unsaved.route,
        };
        provider_ids::keep(way, unsaved.window, &unsaved.ids).await?;
        self.unsaved = None;
        Ok(())
    }

    /// Before the write that parks a chunk after a failure. That one is tried whatever comes of this: a message that was accepted is not
    /// to be in doubt, and sent again, for want of its id.
    pub(super) async fn save_provider_ids_at_last(&mut self) {
        for pause in PAUSES {
            if self.unsaved.is_none() {
                return;
            }
            if self.state.now() + ROOM >= self.deadline {
                break;
            }
            tokio::time::sleep(pause).await;
            if let Err(error) = self.save_provider_ids().await {
                tracing::warn!(batch = %self.pointer.batch, chunk = self.pointer.chunk, error = chain(&error), "a gateway's ids could not be written");
            }
        }
        if self.unsaved.is_some() {
            tracing::error!(batch = %self.pointer.batch, chunk = self.pointer.chunk, "messages lack their gateway's ids: reports that name nothing else find none of them");
        }
    }
}
