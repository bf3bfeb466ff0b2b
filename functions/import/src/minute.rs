//! Each minute: imports that nobody works on are asked for again. They were given back when a function's time was over, their worker
//! died, or their message was lost.

use carillon_store::{StoreError, imports::AGAIN};
use jiff::Timestamp;

use crate::Importer;

impl Importer {
    pub async fn ask_again(&self, now: Timestamp) -> Result<(), StoreError> {
        for request in self.imports.active().await? {
            if self.imports.may_ask(request, now, now + AGAIN).await? {
                self.queues.import(&request).await?;
                tracing::info!(import = %request.import, "an import that nobody worked on is asked for again");
            }
        }
        Ok(())
    }
}
