//! What campaigns sent to a number. The ledger has no index of that: each campaign's manifest says which chunk may hold the number,
//! and its frame whether it does.

use carillon_core::{id::BatchId, phone::Phone};
use carillon_runtime::{principal::Principal, problem::Problem};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{
    messages::{Message, OpenChunk},
    services::Api,
    time,
};

/// Manifests that are read together: that of ten million recipients has three megabytes.
const TOGETHER: usize = 8;

/// At most one of each of the newest campaigns.
pub async fn by_campaigns(
    api: &Api,
    who: &Principal,
    number: Phone,
    since: Timestamp,
    newest: u8,
) -> Result<Vec<Message>, Problem> {
    if newest == 0 {
        return Ok(Vec::new());
    }
    let campaigns = api.campaigns.list(who.account, None, newest.into()).await?;
    let mut batches = Vec::new();
    for campaign in campaigns {
        batches.extend(campaign.plan.batch().filter(|_| who.sees(campaign.test)));
    }
    let messages = batches
        .into_iter()
        .map(|batch| by_batch(api, who, batch, number, since));
    let messages = stream::iter(messages);
    let messages: Vec<_> = messages.buffered(TOGETHER).try_collect().await?;
    Ok(messages.into_iter().flatten().collect())
}

async fn by_batch(
    api: &Api,
    who: &Principal,
    id: BatchId,
    number: Phone,
    since: Timestamp,
) -> Result<Option<Message>, Problem> {
    let batch = api.batches.find(id).await?;
    let batch = batch.filter(|batch| batch.terms.account == who.account);
    let Some(batch) = batch.filter(|batch| batch.terms.starts() >= since) else {
        return Ok(None);
    };
    let Some(manifest) = api.files.find_manifest(id).await? else {
        return Ok(None);
    };
    for chunk in manifest.may_hold(number) {
        let open = OpenChunk::find(api, &batch, chunk).await?;
        if let Some(message) = open.and_then(|open| open.to_number(number, time::now())) {
            return Ok(Some(message));
        }
    }
    Ok(None)
}
