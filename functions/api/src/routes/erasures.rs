//! `/v1/privacy/erasures`: forgets a number, with all that is known of it. What is left is its keyed hash, by which nothing is sent to
//! it again and consents prove what they proved. The work itself is done by the function `privacy`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::PrivacyRequestId,
    privacy::{Act, Found, Place, Progress, Request},
    suppression::{Cause, Consent, Word},
};
use carillon_runtime::{
    input::{InPath, Input, Query},
    principal::{May, ReadPrivacy, WritePrivacy},
    problem::Problem,
    random,
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check,
    list::{Asked, Page, PageQuery},
    once::{Answer, Once},
    services::Api,
    time,
};

const PATH: &str = "/v1/privacy/erasures";
/// What waits on queues, dead ones too, and answers that are given again, end by themselves within this time.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureRequest {
    /// In E.164. Kept until the erasure is done, then as a keyed hash.
    #[schema(example = "+447700900123")]
    number: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ErasureView {
    #[schema(value_type = String, example = "prv_01h455vb4pex5vsknk084sn02q")]
    id: PrivacyRequestId,
    /// What stands for the number, in this account only.
    number_hash: String,
    status: ErasureStatus,
    #[schema(value_type = String, format = DateTime)]
    asked: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    done: Option<Timestamp>,
    /// When what waits on queues has ended too.
    #[schema(value_type = String, format = DateTime)]
    nothing_left_by: Timestamp,
    found: FoundView,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ErasureStatus {
    /// Nothing is sent to the number any more; the rest begins within a minute.
    Waiting,
    Working,
    /// Everything was gone through; a second time follows, for what was on its way.
    SecondLook,
    Done,
}

/// How much there was, so far.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FoundView {
    contacts: u32,
    /// Records that were redacted: who agreed is gone from them.
    consents: u32,
    inbound: u32,
    messages: u32,
    /// Of uploads, rejected rows, exports and stored events.
    rows: u32,
    dead_letters: u32,
    /// That your endpoints hadn't taken yet.
    events: u32,
}

impl FoundView {
    pub(super) fn new(found: Found) -> Self {
        let Found {
            contacts,
            consents,
            inbound,
            messages,
            rows,
            dead_letters,
            events,
        } = found;
        Self {
            contacts,
            consents,
            inbound,
            messages,
            rows,
            dead_letters,
            events,
        }
    }
}

impl ErasureView {
    fn new(erasure: Request) -> Self {
        let Request {
            id,
            account: _,
            act: _,
            number: _,
            number_hash,
            asked,
            progress,
            found,
            version: _,
        } = erasure;
        let (status, done) = match progress {
            Progress::Round {
                round: 1,
                place: Place::Records,
                ..
            } => (ErasureStatus::Waiting, None),
            Progress::Round { round: 1, .. } => (ErasureStatus::Working, None),
            Progress::Round { .. } => (ErasureStatus::SecondLook, None),
            Progress::Done { at } => (ErasureStatus::Done, Some(at)),
        };
        Self {
            id,
            number_hash,
            status,
            asked,
            done,
            nothing_left_by: done.unwrap_or(asked) + LONGEST_WAIT,
            found: FoundView::new(found),
        }
    }
}

/// Forgets a number. From now on nothing is sent to it; messages that wait end as `suppressed`, and reports keep adding up. The rest
/// is done in the background: ask for the erasure until it is `done`.
#[utoipa::path(
    post, path = "/v1/privacy/erasures", operation_id = "eraseNumber", tag = "privacy",
    security(("key" = ["privacy:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ErasureRequest,
    responses((status = 202, description = "It begins", body = ErasureView)),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WritePrivacy>,
    once: Once,
    Input { value, raw }: Input<ErasureRequest>,
) -> Result<Response, Problem> {
    let ErasureRequest { number } = value;
    let number = check::number("/number", &number, None)?;
    who.must_be_live()?;
    let now = time::now();
    let drawn: (PrivacyRequestId, Timestamp) = (random::id(now), now);
    let work = async |(id, asked): (PrivacyRequestId, Timestamp)| {
        let number_hash = api.key.number(who.account, number);
        let (account, hash) = (who.account, number_hash.clone());
        let erasure = Request::new((id, asked), account, Act::Erasure, number, hash);
        let audit = act::audit(&who, "number.erase", &number_hash, asked);
        api.privacy.create(&erasure, &audit).await?;
        let word = Word::new(Consent::OptedOut, asked, Cause::Erasure);
        api.suppressions
            // A repeat of this request may come late: who reads the log goes on from a minute ago.
            .take(who.account, &number_hash, &word, time::now())
            .await?;
        Ok(Answer::new(
            StatusCode::ACCEPTED,
            &ErasureView::new(erasure),
        ))
    };
    once.run(&api, &who, &raw, drawn, work).await
}

/// Erasures, the newest first.
#[utoipa::path(
    get, path = "/v1/privacy/erasures", operation_id = "listErasures", tag = "privacy",
    security(("key" = ["privacy:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<ErasureView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadPrivacy>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, PATH, query)?;
    let after = asked.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| Problem::unexplained())?;
    let limit = i32::try_from(asked.limit + 1).expect("a page is short");
    let erasures = api
        .privacy
        .list(who.account, Act::Erasure, after, limit)
        .await?;
    let place = |erasure: &Request| erasure.id.to_string();
    Ok(asked.answer(&api, &who, erasures, place, |erasure| {
        Some(ErasureView::new(erasure))
    }))
}

/// How far an erasure is.
#[utoipa::path(
    get, path = "/v1/privacy/erasures/{id}", operation_id = "getErasure", tag = "privacy",
    security(("key" = ["privacy:read"])),
    params(("id" = String, Path, description = "`prv_…`")),
    responses((status = 200, description = "The erasure", body = ErasureView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadPrivacy>,
    InPath(id): InPath<PrivacyRequestId>,
) -> Result<Response, Problem> {
    let erasure = api.privacy.find(who.account, Act::Erasure, id).await?;
    let erasure = erasure.ok_or_else(|| Problem::not_found("erasure"))?;
    Ok(Json(ErasureView::new(erasure)).into_response())
}
