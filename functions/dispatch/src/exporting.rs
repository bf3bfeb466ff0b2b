//! Exports that nobody writes: just asked for, out of their worker's time, or their worker died. Each is asked for again; a second
//! worker finds it taken.

use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

/// They are looked at this often, and at the beginning of each minute's invocation.
const EVERY: SignedDuration = SignedDuration::from_secs(15);

impl Dispatcher<'_> {
    pub async fn ask_for_exports(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.exports_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.exports_from = Some(now + EVERY);
        for request in self.state.exports.idle(now).await? {
            self.state.queues.export(&request).await?;
        }
        Ok(())
    }
}
