//! The gateway's own ids of messages: in the ledger before the outcomes that they belong to.

use carillon_core::session::Planned;
use carillon_store::StoreError;
use futures::future::join_all;

use crate::outgoing::{Way, message};

/// What their gateway calls messages.
pub type Ids = Vec<(Planned, String)>;

/// Of the messages of a window.
pub async fn keep(way: Way<'_>, window: u32, ids: &[(Planned, String)]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let (ledger, now) = (&way.state.ledger, way.state.now());
    ledger
        .put_provider_ids(way.pointer, window, &by_slot(ids), now)
        .await?;
    map(way, ids).await
}

/// Of messages that were found when their gateway was asked, since the window before.
pub async fn keep_found(
    way: Way<'_>,
    window: u32,
    ids: &[(Planned, String)],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let (ledger, now) = (&way.state.ledger, way.state.now());
    ledger
        .put_found_provider_ids(way.pointer, window, &by_slot(ids), now)
        .await?;
    map(way, ids).await
}

fn by_slot(ids: &[(Planned, String)]) -> Vec<(usize, String)> {
    let by_slot = ids.iter().map(|(planned, id)| (planned.slot, id.clone()));
    by_slot.collect()
}

/// For gateways whose reports echo nothing of ours.
async fn map(way: Way<'_>, ids: &[(Planned, String)]) -> Result<(), StoreError> {
    if way.account.gateway.capabilities().echoes_our_id {
        return Ok(());
    }
    let (ledger, now) = (&way.state.ledger, way.state.now());
    let maps = ids.iter().map(|(planned, id)| {
        let message = message(way.pointer, planned.slot);
        ledger.map_provider_id(way.account.id, id, message, planned.attempt, now)
    });
    join_all(maps).await.into_iter().collect()
}
