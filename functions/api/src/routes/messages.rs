//! `/v1/messages`: sending without a campaign, and looking at what became of it.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Mode,
    batch::{self, DoubtPolicy},
    frame::Recipient,
    id::AccountId,
    message_id::MessageId,
    originator::Originator,
    rules,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, ReadMessages, SendMessages},
    problem::Problem,
};
use futures::{
    FutureExt,
    future::{self, Either},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use utoipa::ToSchema;

use crate::{
    check,
    deliver::{Drawn, Sending, Taken, deliver},
    fields::{Class, Lane, Policy, QuietHours, To},
    messages::{Message, OpenChunk, StatusWord, WhyNot},
    once::{Answer, Once},
    pin, sent_to,
    services::Api,
    time,
    wording::{self, EncodingPolicy, LinkTracking, TemplateInput, Wording},
};

/// Recipients of one request at most.
const MOST: usize = 1_000;
/// Messages that a search answers with at most.
const FOUND: i32 = 100;
/// Campaigns that a search looks through at most.
const CAMPAIGNS: u8 = 50;
/// How far back a search looks when it isn't told.
const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(24 * 30);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// A number in E.164, or up to 1,000 recipients.
    to: To,
    /// With placeholders, as `{{name}}` or `{{name|default}}`. Instead of a template.
    #[schema(example = "Your code is 481516.")]
    text: Option<String>,
    /// Instead of a text.
    template: Option<TemplateInput>,
    /// Left out: the template's own, else `auto`.
    encoding: Option<EncodingPolicy>,
    /// Left out: addresses in the text stay as they are.
    links: Option<LinkTracking>,
    /// A number, a short code, or a name of up to 11 characters; left out, the gateway's own.
    sender: Option<String>,
    /// Left out: `high` for one recipient, `normal` for several.
    lane: Option<Lane>,
    /// Seconds after which it is not sent any more, 60 to 604,800; left out, three days.
    #[schema(minimum = 60, maximum = 604_800)]
    valid_for: Option<i64>,
    /// Not before then.
    #[schema(value_type = Option<String>, format = DateTime)]
    send_at: Option<Timestamp>,
    /// Left out: `at_least_once` in the lane `high`, else `at_most_once`.
    policy: Option<Policy>,
    /// Left out: `transactional`.
    class: Option<Class>,
    /// Of marketing; left out, `hold`.
    quiet_hours: Option<QuietHours>,
    /// The country, two letters of ISO 3166-1, of numbers without `+`.
    #[schema(example = "GB")]
    default_country: Option<String>,
}

/// What was taken: it is stored, and goes out as soon as it can.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    #[schema(value_type = String)]
    batch: carillon_core::id::BatchId,
    /// In the order of the request.
    messages: Vec<AcceptedMessage>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AcceptedMessage {
    #[schema(value_type = String)]
    id: MessageId,
    to: String,
    parts: u32,
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// Of marketing that isn't sent: its recipient had enough of it lately, or never agreed to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<WhyNot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl Accepted {
    pub fn new(
        batch: carillon_core::id::BatchId,
        taken: Vec<Taken>,
        send_at: Option<Timestamp>,
    ) -> Self {
        let status = if send_at.is_some() {
            "scheduled"
        } else {
            "queued"
        };
        let message = |Taken {
                           id,
                           recipient,
                           parts,
                           suppressed,
                       }: Taken| AcceptedMessage {
            id,
            to: recipient.number.e164(),
            parts,
            status: if suppressed.is_some() {
                "suppressed"
            } else {
                status
            },
            reason: suppressed.map(WhyNot::new),
            reference: recipient.reference,
        };
        let messages = taken.into_iter().map(message).collect();
        Self { batch, messages }
    }
}

/// Sends a text to one recipient or to many.
#[utoipa::path(
    post, path = "/v1/messages", operation_id = "sendMessages", tag = "messages",
    security(("key" = ["messages:send"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "Required with a list of recipients")),
    request_body = SendRequest,
    responses((status = 202, description = "Stored, and on its way", body = Accepted)),
)]
pub async fn send(
    State(api): State<Api>,
    who: May<SendMessages>,
    once: Once,
    Input { value, raw }: Input<SendRequest>,
) -> Result<Response, Problem> {
    if matches!(value.to, To::Many(_)) {
        once.require_key()?;
    }
    let by_template = value.template.is_some();
    let checked = check(&api, who.account, value).boxed();
    let checked = if by_template {
        // It may be another one by now than at an earlier attempt, whose answer is repeated all the same.
        Either::Left(checked)
    } else {
        Either::Right(future::ready(Ok(checked.await?)))
    };
    let work = async |drawn: Drawn| {
        let checked = checked.await?;
        let sending = sending(&api, &who, checked, drawn).await?;
        let send_at = sending.send_at;
        let taken = deliver(&api, sending, drawn).await?;
        let accepted = Accepted::new(drawn.batch, taken, send_at);
        Ok(Answer::new(StatusCode::ACCEPTED, &accepted))
    };
    once.run(&api, &who, &raw, Drawn::now(time::now()), work)
        .await
}

/// What can be said of a request without the time.
struct Checked {
    recipients: Vec<Recipient>,
    wording: Wording,
    sender: Option<Originator>,
    lane: batch::Lane,
    policy: DoubtPolicy,
    class: rules::Class,
    quiet_hours: batch::QuietHours,
    valid_for: SignedDuration,
    send_at: Option<Timestamp>,
}

async fn check(api: &Api, account: AccountId, request: SendRequest) -> Result<Checked, Problem> {
    let SendRequest {
        to,
        text,
        template,
        encoding,
        links,
        sender,
        lane,
        valid_for,
        send_at,
        policy,
        class,
        quiet_hours,
        default_country,
    } = request;
    let content = wording::words("", text, template, encoding, links)?;
    let wording = wording::find(api, account, "", &content).await?;
    let sender = check::sender("/sender", sender)?;
    let valid_for = check::validity("/valid_for", valid_for)?;
    let country = check::country("/default_country", default_country.as_deref())?;
    let place = check::Place {
        pointer: "/to",
        most: MOST,
        country,
    };
    let recipients = check::to(to, &place, &wording.texts)?;
    check::distinct(&recipients, "/to")?;
    let usual = if recipients.len() == 1 {
        Lane::High
    } else {
        Lane::Normal
    };
    let lane = batch::Lane::from(lane.unwrap_or(usual));
    Ok(Checked {
        recipients,
        wording,
        sender,
        lane,
        policy: policy.map_or_else(|| DoubtPolicy::default_of(lane), Into::into),
        class: class.map_or(rules::Class::Transactional, Into::into),
        quiet_hours: quiet_hours.map(Into::into).unwrap_or_default(),
        valid_for,
        send_at,
    })
}

async fn sending(
    api: &Api,
    who: &May<SendMessages>,
    checked: Checked,
    drawn: Drawn,
) -> Result<Sending, Problem> {
    let Checked {
        recipients,
        wording,
        sender,
        lane,
        policy,
        class,
        quiet_hours,
        valid_for,
        send_at,
    } = checked;
    if recipients.len() > 1 {
        let count = recipients.len();
        api.limiter
            .admit_recipients(who, count, time::now())
            .await?;
    }
    let wanted = pin::Wanted {
        mode: who.mode,
        lane,
        sender: sender.as_ref(),
        recipients: Some(&recipients),
    };
    let pinned = pin::pin_send(api, who.account, wanted, drawn.batch).await?;
    // By the first attempt's clock, or a repeat would come too late.
    let send_at = send_at
        .map(|at| check::time("/send_at", at, drawn.at))
        .transpose()?;
    Ok(Sending {
        account: who.account,
        campaign: None,
        test: who.mode == Mode::Test,
        recipients,
        content: wording.content,
        texts: wording.texts,
        pinned,
        lane,
        policy,
        class,
        quiet_hours,
        valid_for,
        send_at,
    })
}

/// A message, wherever it was sent from.
#[utoipa::path(
    get, path = "/v1/messages/{id}", operation_id = "getMessage", tag = "messages",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`msg_…`")),
    responses((status = 200, description = "The message as it is now", body = Message)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<MessageId>,
) -> Result<Response, Problem> {
    let message = find(&api, &who, id).await?;
    let message = message.ok_or_else(|| Problem::not_found("message"))?;
    Ok(Json(message).into_response())
}

/// The id says where the message is; its batch says whose it is.
async fn find(
    api: &Api,
    who: &May<ReadMessages>,
    id: MessageId,
) -> Result<Option<Message>, Problem> {
    let batch = api.batches.find(id.batch).await?;
    let own = batch.filter(|batch| batch.terms.account == who.account);
    let Some(batch) = own.filter(|batch| who.sees(batch.terms.test)) else {
        return Ok(None);
    };
    let chunk = OpenChunk::find(api, &batch, id.chunk).await?;
    let message = chunk.and_then(|chunk| chunk.message(usize::from(id.slot), time::now()));
    Ok(message)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// A number in E.164.
    to: String,
    /// Left out: thirty days ago.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// How many of the newest campaigns are looked through too, 50 at most; left out, none.
    #[serde(default)]
    #[schema(maximum = 50)]
    campaigns: u8,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Found {
    /// Newest first, 100 at most.
    data: Vec<Message>,
}

/// What was sent to a number by `POST /v1/messages` and, where they are asked for, by campaigns. A POST, since numbers don't belong
/// into URLs.
#[utoipa::path(
    post, path = "/v1/messages/search", operation_id = "searchMessages", tag = "messages",
    security(("key" = ["messages:read"])),
    request_body = SearchRequest,
    responses((status = 200, description = "The messages as they are now", body = Found)),
)]
pub async fn search(
    State(api): State<Api>,
    who: May<ReadMessages>,
    Input { value, .. }: Input<SearchRequest>,
) -> Result<Response, Problem> {
    let SearchRequest {
        to,
        since,
        campaigns,
    } = value;
    let number = check::number("/to", &to, None)?;
    if campaigns > CAMPAIGNS {
        let words = format!("expected at most {CAMPAIGNS} campaigns");
        return Err(check::content("/campaigns", &words));
    }
    let since = since.unwrap_or_else(|| time::now() - LOOKS_BACK);
    let hash = api.key.number(who.account, number);
    let ids = api.ledger.sent_to(who.account, &hash, since, FOUND).await?;
    let mut data = sent_to::by_campaigns(&api, &who, number, since, campaigns).await?;
    for id in ids {
        data.extend(find(&api, &who, id).await?);
    }
    data.sort_by_key(|message| Reverse((message.at, message.id.to_string())));
    data.truncate(FOUND.unsigned_abs() as usize);
    Ok(Json(Found { data }).into_response())
}
