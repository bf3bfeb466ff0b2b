//! `/v1/lake`: whether an account's lake is filled each day.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Scope,
    export::{Numbers, lake::LakeSchedule},
};
use carillon_runtime::{
    input::Input,
    principal::{May, ReadExports, WriteExports},
    problem::{Code, Problem},
};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::exports::NumbersWord;
use crate::{act, services::Api, time};

/// How often a change is made to what it became meanwhile.
const TRIES: u8 = 2;

/// What is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LakeChange {
    /// Each day's messages as Parquet, written an hour after the day is over by UTC, and again four days later.
    daily: Option<bool>,
    /// Of days that are written from now on; left out at first: `full`.
    numbers: Option<NumbersWord>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LakeView {
    daily: bool,
    numbers: NumbersWord,
    /// The first day.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Date>,
    /// The last day that was asked for.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<Date>,
    /// The last day that was asked for again, when its messages had come to their ends.
    #[schema(value_type = Option<String>, format = Date)]
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<Date>,
}

impl LakeView {
    fn new(schedule: Option<LakeSchedule>) -> Self {
        let numbers = schedule.map_or(Numbers::Full, |schedule| schedule.numbers);
        Self {
            daily: schedule.is_some(),
            numbers: numbers.into(),
            since: schedule.map(|schedule| schedule.since),
            done: schedule.and_then(|schedule| schedule.done),
            again: schedule.and_then(|schedule| schedule.again),
        }
    }
}

/// Whether the lake is filled each day, and how far it is.
#[utoipa::path(
    get, path = "/v1/lake", operation_id = "getLake", tag = "exports",
    security(("key" = ["exports:read"])),
    responses((status = 200, description = "The lake", body = LakeView)),
)]
pub async fn get(State(api): State<Api>, who: May<ReadExports>) -> Result<Response, Problem> {
    let schedule = api.lakes.find(who.account).await?;
    Ok(Json(LakeView::new(schedule)).into_response())
}

/// Begins or ends filling the lake each day, from today on; who begins it needs the scope `messages:read` too. What is there stays, as long as files
/// of the lake are kept.
#[utoipa::path(
    patch, path = "/v1/lake", operation_id = "changeLake", tag = "exports",
    security(("key" = ["exports:write"])),
    request_body = LakeChange,
    responses((status = 200, description = "The lake, changed", body = LakeView)),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteExports>,
    Input { value, .. }: Input<LakeChange>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let LakeChange { daily, numbers } = value;
    let shows = daily == Some(true) || numbers.is_some();
    if shows && !who.scopes.contains(&Scope::MessagesRead) {
        let detail = format!("The lake needs the scope `{}` too.", Scope::MessagesRead);
        return Err(Problem::new(Code::ForbiddenScope, detail));
    }
    let now = time::now();
    let audit = act::audit(&who, "lake.change", who.account, now);
    // The dispatcher notes a day twice a day: whoever met it once doesn't so again.
    for _ in 0..TRIES {
        let current = api.lakes.find(who.account).await?;
        let next = daily.unwrap_or(current.is_some()).then(|| {
            let mut next = current.unwrap_or_else(|| LakeSchedule::new(Numbers::Full, now));
            next.numbers = numbers.map_or(next.numbers, Numbers::from);
            next
        });
        let set = api
            .lakes
            .set(who.account, current.as_ref(), next.as_ref(), &audit);
        if set.await?.is_ok() {
            return Ok(Json(LakeView::new(next)).into_response());
        }
    }
    let detail = "Others are changing the lake at the same time. Send the same request again.";
    Err(Problem::new(Code::Unavailable, detail).retry_after(1))
}
