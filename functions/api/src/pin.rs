//! The ways out of a batch, pinned to it when it begins.

use carillon_core::{
    api_key::Mode,
    batch::{MAX_ROUTES, RouteEntry},
    id::{AccountId, BatchId},
    originator::Originator,
};
use carillon_gateways::GatewayKind;
use carillon_runtime::{
    principal::Principal,
    problem::{Code, Problem},
};
use carillon_store::gateway_accounts::GatewayRecord;

use crate::services::Api;

/// All enabled gateway accounts of an account, oldest first. What a test key sends is simulated, whatever there is.
pub async fn routes(
    api: &Api,
    account: AccountId,
    mode: Mode,
    sender: Option<&Originator>,
) -> Result<Vec<RouteEntry>, Problem> {
    if mode == Mode::Test {
        return Ok(Vec::new());
    }
    let gateways = api.gateways.list(account).await?;
    let enabled = gateways.iter().filter(|gateway| gateway.enabled);
    let entries = enabled.filter_map(|gateway| entry(gateway, sender));
    let entries: Vec<_> = entries.take(MAX_ROUTES).collect();
    if entries.is_empty() {
        let detail = "Messages leave by a gateway, and this account has none. Add one with `POST /v1/gateways`, or use a \
                      test key, whose messages are simulated.";
        return Err(Problem::new(Code::NoGateway, detail));
    }
    Ok(entries)
}

/// Those of an API send. One that was begun before goes on by those that it began with, whatever there is now.
pub async fn routes_of(
    api: &Api,
    who: &Principal,
    sender: Option<&Originator>,
    batch: BatchId,
) -> Result<Vec<RouteEntry>, Problem> {
    match routes(api, who.account, who.mode, sender).await {
        Err(problem) if problem.code == Code::NoGateway => {
            let begun = api.batches.find(batch).await?;
            begun.map(|batch| batch.terms.routes).ok_or(problem)
        }
        routes => routes,
    }
}

/// `None` for one whose configuration this version can't read.
pub fn entry(gateway: &GatewayRecord, sender: Option<&Originator>) -> Option<RouteEntry> {
    let kind: GatewayKind = gateway.kind.parse().ok()?;
    let adapter = kind.open(&gateway.config).ok()?;
    let entry = RouteEntry {
        gateway: gateway.id,
        sender: sender.map(ToString::to_string),
        parts_per_second: gateway.parts_per_second,
        cost_per_part: gateway.cost_per_part,
        deduplicates_for: None,
        settles_after: None,
    };
    Some(entry.with_capabilities(adapter.capabilities()))
}
