//! `/v1/dead-letters`: what failed every try. Sent again it goes through every check again; a pointer to what has expired, was
//! cancelled or was sent sends nothing.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    dead_letter::{DeadLetter, DeadQueue, Subject},
    id::{BatchId, CampaignId, DeadLetterId},
    message_id::MessageId,
};
use carillon_runtime::{
    input::{Input, Query},
    principal::{May, Principal, ReadMessages, SendMessages},
    problem::{Code, FieldError, Problem},
};
use carillon_store::dead_letters::Kept;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check,
    list::{Asked, Page, PageQuery},
    services::Api,
    time,
};

/// Letters of one request at most.
const MOST: usize = 100;
/// Letters worked on at once.
const CONCURRENT: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Queue {
    /// Requests to prepare a campaign.
    Prepare,
    /// Wakes of the dispatcher.
    Dispatch,
    Exports,
    LaneHigh,
    LaneNormal,
    LaneLow,
    /// Delivery reports.
    Receipts,
    /// Replies of handsets.
    Inbound,
    /// Requests to import contacts.
    Imports,
    /// Events for your webhooks.
    Hooks,
    /// Starts of scheduled campaigns.
    Schedules,
}

impl From<DeadQueue> for Queue {
    fn from(queue: DeadQueue) -> Self {
        match queue {
            DeadQueue::Prepare => Self::Prepare,
            DeadQueue::Dispatch => Self::Dispatch,
            DeadQueue::Exports => Self::Exports,
            DeadQueue::LaneHigh => Self::LaneHigh,
            DeadQueue::LaneNormal => Self::LaneNormal,
            DeadQueue::LaneLow => Self::LaneLow,
            DeadQueue::Receipts => Self::Receipts,
            DeadQueue::Inbound => Self::Inbound,
            DeadQueue::Imports => Self::Imports,
            DeadQueue::Hooks => Self::Hooks,
            DeadQueue::Schedules => Self::Schedules,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetterView {
    #[schema(value_type = String)]
    id: DeadLetterId,
    queue: Queue,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<CampaignId>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    /// Of the batch: up to 100 messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<u32>,
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<MessageId>,
    /// `unreadable`, `store`, `early`, `contended`, `panicked`, `failed` or `unanswered`.
    reason: &'static str,
    /// The same as a sentence.
    detail: &'static str,
    /// How often it was tried.
    tries: u32,
    /// When it was first sent to its queue.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When it was found dead.
    #[schema(value_type = String, format = DateTime)]
    died: Timestamp,
    test: bool,
}

impl DeadLetterView {
    fn new(letter: &DeadLetter) -> Self {
        let DeadLetter {
            id,
            account: _,
            test,
            queue,
            subject,
            why,
            receives,
            since,
            died,
        } = *letter;
        let Subject {
            campaign,
            batch,
            chunk,
            message,
        } = subject;
        Self {
            id,
            queue: queue.into(),
            campaign,
            batch,
            chunk,
            message,
            reason: why.as_str(),
            detail: why.sentence(),
            tries: receives,
            since,
            died,
            test,
        }
    }
}

/// What failed every try, newest first. It is kept for 30 days.
#[utoipa::path(
    get, path = "/v1/dead-letters", operation_id = "listDeadLetters", tag = "dead letters",
    security(("key" = ["messages:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<DeadLetterView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadMessages>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/dead-letters", query)?;
    let letters = api
        .dead_letters
        .list(who.account, asked.place()?, asked.reads())
        .await?;
    let place = |kept: &Kept| kept.letter.id.to_string();
    Ok(asked.answer(&api, &who, letters, place, |kept| {
        let seen = who.sees(kept.letter.test);
        seen.then(|| DeadLetterView::new(&kept.letter))
    }))
}

/// Which letters: `ids`, or those of a `queue`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chosen {
    /// Up to 100.
    #[schema(value_type = Option<Vec<String>>)]
    ids: Option<Vec<DeadLetterId>>,
    /// The newest 100 of this queue; `more` says whether there are others.
    queue: Option<Queue>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Done {
    data: Vec<DoneLetter>,
    /// Whether the queue has more of them.
    more: bool,
}

#[derive(Debug, Serialize, ToSchema)]
struct DoneLetter {
    #[schema(value_type = String)]
    id: DeadLetterId,
    result: DoneResult,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DoneResult {
    /// It is on its queue again.
    Redriven,
    Discarded,
    /// There is no such letter in this account.
    NotFound,
}

/// Sends letters to their queues again, where every check is made again.
#[utoipa::path(
    post, path = "/v1/dead-letters/redrive", operation_id = "redriveDeadLetters", tag = "dead letters",
    security(("key" = ["messages:send"])),
    request_body = Chosen,
    responses((status = 200, description = "What became of each", body = Done)),
)]
pub async fn redrive(
    State(api): State<Api>,
    who: May<SendMessages>,
    Input { value, .. }: Input<Chosen>,
) -> Result<Response, Problem> {
    let act = async |kept: Kept| {
        let id = kept.letter.id;
        let audit = act::audit(&who, "dead_letter.redrive", id, time::now());
        api.audit.record(&audit).await?;
        // Twice on its queue it is harmless, nowhere it is lost: the queue first.
        api.queues.redrive(&kept).await?;
        api.dead_letters.delete(who.account, id).await?;
        Ok(DoneResult::Redriven)
    };
    each(&api, &who, value, act).await
}

/// Discards letters for good. What they were about stays as it is.
#[utoipa::path(
    post, path = "/v1/dead-letters/discard", operation_id = "discardDeadLetters", tag = "dead letters",
    security(("key" = ["messages:send"])),
    request_body = Chosen,
    responses((status = 200, description = "What became of each", body = Done)),
)]
pub async fn discard(
    State(api): State<Api>,
    who: May<SendMessages>,
    Input { value, .. }: Input<Chosen>,
) -> Result<Response, Problem> {
    let act = async |kept: Kept| {
        let id = kept.letter.id;
        let audit = act::audit(&who, "dead_letter.discard", id, time::now());
        let discarded = api.dead_letters.discard(who.account, id, &audit).await?;
        Ok(if discarded {
            DoneResult::Discarded
        } else {
            DoneResult::NotFound
        })
    };
    each(&api, &who, value, act).await
}

async fn each<F>(
    api: &Api,
    who: &Principal,
    chosen: Chosen,
    act: impl Fn(Kept) -> F,
) -> Result<Response, Problem>
where
    F: Future<Output = Result<DoneResult, Problem>>,
{
    let (letters, more) = find(api, who, chosen).await?;
    let done = stream::iter(letters).map(async |(id, kept)| {
        let result = match kept {
            Some(kept) => act(kept).await?,
            None => DoneResult::NotFound,
        };
        Ok::<_, Problem>(DoneLetter { id, result })
    });
    let data = done.buffered(CONCURRENT).try_collect().await?;
    Ok(Json(Done { data, more }).into_response())
}

/// The letters that were chosen, as far as the caller has them; whether there are more.
async fn find(
    api: &Api,
    who: &Principal,
    Chosen { ids, queue }: Chosen,
) -> Result<(Vec<(DeadLetterId, Option<Kept>)>, bool), Problem> {
    match (ids, queue) {
        (Some(ids), None) => Ok((by_ids(api, who, ids).await?, false)),
        (None, Some(queue)) => by_queue(api, who, queue).await,
        _ => {
            let words = "give either `ids` or `queue`";
            let error = FieldError::new("", "missing_field", words);
            Err(Problem::of_fields(Code::InvalidRequest, vec![error]))
        }
    }
}

async fn by_ids(
    api: &Api,
    who: &Principal,
    mut ids: Vec<DeadLetterId>,
) -> Result<Vec<(DeadLetterId, Option<Kept>)>, Problem> {
    if !(1..=MOST).contains(&ids.len()) {
        let words = format!("expected 1 to {MOST} ids");
        return Err(check::content("/ids", &words));
    }
    ids.sort_unstable();
    ids.dedup();
    let found = stream::iter(ids).map(async |id| {
        let kept = api.dead_letters.find(who.account, id).await?;
        let seen = kept.filter(|kept| who.sees(kept.letter.test));
        Ok::<_, Problem>((id, seen))
    });
    found.buffered(CONCURRENT).try_collect().await
}

async fn by_queue(
    api: &Api,
    who: &Principal,
    queue: Queue,
) -> Result<(Vec<(DeadLetterId, Option<Kept>)>, bool), Problem> {
    let page = i32::try_from(5 * MOST).expect("a page");
    let (mut chosen, mut after) = (Vec::new(), None);
    loop {
        let letters = api.dead_letters.list(who.account, after, page).await?;
        after = letters.last().map(|kept| kept.letter.id);
        let mine = letters.into_iter().filter(|Kept { letter, .. }| {
            Queue::from(letter.queue) == queue && who.sees(letter.test)
        });
        chosen.extend(mine.map(|kept| (kept.letter.id, Some(kept))));
        if after.is_none() || chosen.len() > MOST {
            break;
        }
    }
    let more = chosen.len() > MOST;
    chosen.truncate(MOST);
    Ok((chosen, more))
}
