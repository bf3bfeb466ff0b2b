//! `/v1/suppressions`: whom the account must not text. A number never stands in a path or a query: it is in the body.

pub mod export;
pub mod import;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::EventId,
    phone::Phone,
    suppression::{Cause, Consent, Suppression, Word},
};
use carillon_runtime::{
    input::{Input, Query},
    principal::{May, Principal, ReadSuppressions, WriteSuppressions},
    problem::Problem,
};
use carillon_store::suppressions::Listed;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check,
    list::{Asked, Page, PageQuery},
    services::Api,
    time,
};

const PATH: &str = "/v1/suppressions";
/// Characters of a reason at most.
const REASON: usize = 500;

#[derive(Debug, Serialize, ToSchema)]
pub struct SuppressionView {
    /// In E.164; absent when it was erased, and only its keyed hash is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// What stands for the number, in this account only.
    number_hash: String,
    /// When this account learnt of it.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When it was said last.
    #[schema(value_type = String, format = DateTime)]
    said: Timestamp,
    cause: CauseWord,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The message that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    inbound: Option<EventId>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SuppressionCause)]
enum CauseWord {
    /// Its owner wrote so.
    Reply,
    /// By the link in a message.
    Link,
    /// By the API or the console.
    Request,
    Import,
    /// Its owner's data was erased.
    Erasure,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppressionRequest {
    /// In E.164.
    number: String,
    /// Why, for whoever asks later: 1 to 500 characters.
    reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberRequest {
    /// In E.164.
    number: String,
}

impl SuppressionView {
    fn new(listed: Listed) -> Self {
        let Listed {
            place: _,
            number_hash,
            suppression,
        } = listed;
        Self::of(number_hash, suppression)
    }

    fn of(number_hash: String, suppression: Suppression) -> Self {
        let Suppression {
            consent: _,
            said,
            since,
            cause,
            number,
            inbound,
            reason,
        } = suppression;
        let cause = match cause {
            Cause::Reply => CauseWord::Reply,
            Cause::Link => CauseWord::Link,
            Cause::Request => CauseWord::Request,
            Cause::Import => CauseWord::Import,
            Cause::Erasure => CauseWord::Erasure,
        };
        Self {
            number: number.map(Phone::e164),
            number_hash,
            since,
            said,
            cause,
            reason,
            inbound,
        }
    }
}

/// Whom the account must not text, the latest first.
#[utoipa::path(
    get, path = "/v1/suppressions", operation_id = "listSuppressions", tag = "suppressions",
    security(("key" = ["suppressions:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<SuppressionView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadSuppressions>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, PATH, query)?;
    let after = asked.after.as_deref();
    let listed = api
        .suppressions
        .page(who.account, after, asked.limit + 1)
        .await?;
    let place = |listed: &Listed| listed.place.clone();
    Ok(asked.answer(&api, &who, listed, place, |listed| {
        Some(SuppressionView::new(listed))
    }))
}

/// Whether one number must not be texted, and why. A POST, since numbers don't belong into URLs.
#[utoipa::path(
    post, path = "/v1/suppressions/search", operation_id = "findSuppression", tag = "suppressions",
    security(("key" = ["suppressions:read"])),
    request_body = NumberRequest,
    responses(
        (status = 200, description = "It must not be texted", body = SuppressionView),
        (status = 404, description = "It may be texted"),
    ),
)]
pub async fn search(
    State(api): State<Api>,
    who: May<ReadSuppressions>,
    Input { value, .. }: Input<NumberRequest>,
) -> Result<Response, Problem> {
    let NumberRequest { number } = value;
    let number = check::number("/number", &number, None)?;
    let hash = api.key.number(who.account, number);
    let stands = api.suppressions.find(who.account, &hash).await?;
    let stands = stands.filter(Suppression::holds);
    let stands = stands.ok_or_else(|| Problem::not_found("suppression"))?;
    Ok(Json(SuppressionView::of(hash, stands)).into_response())
}

/// From now on the account doesn't text this number, whatever it is asked to send. Nothing is sent to tell its owner.
#[utoipa::path(
    post, path = "/v1/suppressions", operation_id = "addSuppression", tag = "suppressions",
    security(("key" = ["suppressions:write"])),
    request_body = SuppressionRequest,
    responses((status = 200, description = "What holds now", body = SuppressionView)),
)]
pub async fn add(
    State(api): State<Api>,
    who: May<WriteSuppressions>,
    Input { value, .. }: Input<SuppressionRequest>,
) -> Result<Response, Problem> {
    let (hash, stands) = say(&api, &who, value, Consent::OptedOut).await?;
    Ok(Json(SuppressionView::of(hash, stands)).into_response())
}

/// The number may be texted again. Only its owner can want that: the reason says how they told you.
#[utoipa::path(
    post, path = "/v1/suppressions/remove", operation_id = "removeSuppression", tag = "suppressions",
    security(("key" = ["suppressions:write"])),
    request_body = SuppressionRequest,
    responses((status = 204, description = "It may be texted")),
)]
pub async fn remove(
    State(api): State<Api>,
    who: May<WriteSuppressions>,
    Input { value, .. }: Input<SuppressionRequest>,
) -> Result<Response, Problem> {
    say(&api, &who, value, Consent::OptedIn).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn say(
    api: &Api,
    who: &Principal,
    request: SuppressionRequest,
    consent: Consent,
) -> Result<(String, Suppression), Problem> {
    let SuppressionRequest { number, reason } = request;
    let number = check::number("/number", &number, None)?;
    let reason = checked_reason("/reason", &reason)?;
    who.must_be_live()?;
    let now = time::now();
    let hash = api.key.number(who.account, number);
    let action = match consent {
        Consent::OptedOut => "suppression.add",
        Consent::OptedIn => "suppression.remove",
    };
    let standing = api.suppressions.find(who.account, &hash).await?;
    if consent == Consent::OptedIn && !standing.is_some_and(|stands| stands.holds()) {
        return Err(Problem::not_found("suppression"));
    }
    // The entry names what stands for the number: a log of acts is kept longer than a number may be.
    api.audit
        .record(&act::audit(who, action, &hash, now))
        .await?;
    let word = Word {
        number: Some(number),
        reason: Some(reason),
        ..Word::new(consent, now, Cause::Request)
    };
    let stands = api
        .suppressions
        .take(who.account, &hash, &word, now)
        .await?;
    Ok((hash, stands))
}

fn checked_reason(pointer: &str, reason: &str) -> Result<String, Problem> {
    let reason = reason.trim();
    if (1..=REASON).contains(&reason.chars().count()) {
        return Ok(reason.to_owned());
    }
    Err(check::content(pointer, &"expected 1 to 500 characters"))
}
