//! How many contacts are in a segment, by looking at some of them. Ids are keyed hashes, so the contacts with the lowest ids are
//! a fair sample of all, and the last id that was looked at says how large a part of them it is.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    filter,
    id::{ContactId, SegmentId},
};
use carillon_runtime::{
    input::InPath,
    principal::{May, ReadContacts},
    problem::Problem,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::find;
use crate::{services::Api, time};

/// Contacts that a count looks at, at most.
const LOOKED_AT: usize = 10_000;
const TOGETHER: usize = 2_500;

#[derive(Debug, Serialize, ToSchema)]
pub struct SegmentCount {
    /// Of those that were looked at.
    matching: usize,
    looked_at: usize,
    /// All contacts were looked at.
    complete: bool,
    /// How many match of all: exactly when `complete`, else by the share that was looked at.
    estimate: u64,
}

/// How many contacts are in a segment: exactly up to 10,000 contacts, and by a sample of as many beyond.
#[utoipa::path(
    get, path = "/v1/segments/{id}/count", operation_id = "countSegment", tag = "contacts",
    security(("key" = ["contacts:read"])),
    params(("id" = String, Path, description = "`seg_…`")),
    responses((status = 200, description = "The count", body = SegmentCount)),
)]
pub async fn count(
    State(api): State<Api>,
    who: May<ReadContacts>,
    InPath(id): InPath<SegmentId>,
) -> Result<Response, Problem> {
    let segment = find(&api, &who, id).await?;
    let parsed = filter::parse(&segment.filter).map_err(|_| Problem::unexplained())?;
    let now = time::now();
    let (mut matching, mut looked_at, mut after) = (0, 0, None);
    loop {
        let read = api.contacts.page(who.account, after, TOGETHER).await?;
        let matches = read
            .iter()
            .filter(|contact| parsed.filter.matches(contact, now));
        matching += matches.count();
        looked_at += read.len();
        let complete = read.len() < TOGETHER;
        after = read.last().map(|contact| contact.id);
        if complete || looked_at >= LOOKED_AT {
            let share = after.filter(|_| !complete).map_or(1.0, share);
            let counted = SegmentCount {
                matching,
                looked_at,
                complete,
                estimate: scaled(matching, share),
            };
            return Ok(Json(counted).into_response());
        }
    }
}

/// Which part of all ids is up to this one.
pub fn share(last: ContactId) -> f64 {
    let first = last.uuid().as_bytes()[..4]
        .try_into()
        .expect("an id has 16 bytes");
    (f64::from(u32::from_be_bytes(first)) + 1.0) / (f64::from(u32::MAX) + 1.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate of a count"
)]
pub fn scaled(count: usize, share: f64) -> u64 {
    (count as f64 / share).round() as u64
}

#[cfg(test)]
mod tests {
    use carillon_core::{keyed_hash::DeploymentKey, phone::Phone};

    use super::*;

    #[test]
    fn a_sample_of_the_lowest_ids_tells_how_many_there_are() {
        let key = DeploymentKey::from_secret("a secret of a test");
        let account = "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let id =
            |row: u64| key.contact(account, Phone::from_digits(447_700_000_000 + row).unwrap());
        let mut ids: Vec<ContactId> = (0..50_000).map(id).collect();
        ids.sort_unstable();

        let estimate = scaled(5_000, share(ids[4_999]));

        // Within four deviations of a sample of five thousand.
        assert!((47_000..53_000).contains(&estimate), "{estimate}");
    }
}
