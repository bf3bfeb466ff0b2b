//! Hours of API sends that are to be counted: each minute, those of all accounts that are due. The function `export` counts them.

use carillon_store::{StoreError, digests::Due, queues::DigestRequest};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};

use crate::dispatcher::Dispatcher;

const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Hours that are asked for in a minute.
const A_MINUTE: i32 = 250;
const CONCURRENT: usize = 16;
/// An hour that nobody counted is asked for again after this, longer than `export` lives; one that can't be counted more and more seldom.
const AGAIN: SignedDuration = SignedDuration::from_mins(30);

impl Dispatcher<'_> {
    pub async fn ask_for_digests(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.memory.digests_from.is_some_and(|from| now < from) {
            return Ok(());
        }
        self.memory.digests_from = Some(now + EVERY);
        let state = self.state;
        let due = state.digests.due(now, A_MINUTE).await?;
        // Who dies between has the hour asked for later.
        let asked = stream::iter(due)
            .map(async |due: Due| {
                let later = now + AGAIN.max(now.duration_since(due.hour.ends()) / 8);
                let still = state.digests.ask_again(&due, later).await?;
                Ok::<_, StoreError>(still.then_some(DigestRequest {
                    digest: due.hour,
                    account: due.account,
                }))
            })
            .buffer_unordered(CONCURRENT);
        let asked: Vec<Option<DigestRequest>> = asked.try_collect().await?;
        let asked: Vec<DigestRequest> = asked.into_iter().flatten().collect();
        state.queues.digests(&asked).await
    }
}
