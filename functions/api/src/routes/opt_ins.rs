//! `/v1/opt-ins`: asks the owner of a number whether they want messages. Their YES becomes a consent record (`inbound` writes it).

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use carillon_core::{
    batch::{DoubtPolicy, Lane, QuietHours},
    consent::ConsentScope,
    content::{Content, Texts},
    frame::Recipient,
    hours::hours_key,
    message_id::MessageId,
    opt_in::{ANSWERED_WITHIN, Asked, names_its_answer, question},
    originator::Originator,
    rules::Class,
};
use carillon_runtime::{
    input::Input,
    principal::{May, SendMessages},
    problem::{Code, Problem},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::consents::ScopeWord;
use crate::{
    check,
    deliver::{Drawn, Sending, deliver},
    once::{Answer, Once},
    pin,
    services::Api,
    time,
};

/// Characters of a question.
const TEXT: usize = 480;
/// A question that couldn't be sent so long isn't any more.
const VALID_FOR: SignedDuration = SignedDuration::from_hours(24);
/// What the question is called in its text: it isn't read for placeholders.
const QUESTION: &str = "question";

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptInRequest {
    /// In E.164.
    #[schema(example = "+447700900123")]
    number: String,
    /// The question, word for word, with who asks and the word that agrees, such as YES. Left out: the account's name, YES and STOP.
    #[schema(min_length = 1, max_length = 480)]
    text: Option<String>,
    /// What a YES agrees to; left out, `marketing`.
    scope: Option<ScopeWord>,
    /// A number or short code that can be answered; left out, the gateway's own.
    sender: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct OptInView {
    /// The message that asks.
    #[schema(value_type = String)]
    message: MessageId,
    scope: ScopeWord,
    /// As it is sent.
    text: String,
    /// A later answer counts for nothing, and until then the number isn't asked again.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

/// Asks a number whether its owner wants messages. When they answer YES within seven days, that is a consent record with the method
/// `double_opt_in` and their message as evidence: `POST /v1/consents/search` finds it.
#[utoipa::path(
    post, path = "/v1/opt-ins", operation_id = "askToOptIn", tag = "messages",
    security(("key" = ["messages:send"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = OptInRequest,
    responses((status = 202, description = "The question is stored, and goes out as soon as it can", body = OptInView)),
)]
pub async fn ask(
    State(api): State<Api>,
    who: May<SendMessages>,
    once: Once,
    Input { value, raw }: Input<OptInRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let checked = checked(value)?;
    let work = async |drawn: Drawn| {
        let asked = asked(&api, &who, &checked, drawn).await?;
        let sending = sending(&api, &who, &checked, &asked, drawn).await?;
        // First what an answer needs: it may come at once.
        let number = checked.recipient.number;
        api.consents.ask(who.account, number, &asked).await?;
        deliver(&api, sending, drawn).await?;
        let Asked {
            message,
            scope,
            text,
            at: _,
            expires,
            answered: _,
        } = asked;
        let view = OptInView {
            message,
            scope: scope.into(),
            text,
            expires,
        };
        Ok(Answer::new(StatusCode::ACCEPTED, &view))
    };
    once.run(&api, &who, &raw, Drawn::now(time::now()), work)
        .await
}

struct Checked {
    recipient: Recipient,
    text: Option<String>,
    scope: ConsentScope,
    sender: Option<Originator>,
}

fn checked(request: OptInRequest) -> Result<Checked, Problem> {
    let OptInRequest {
        number,
        text,
        scope,
        sender,
    } = request;
    let (number, country) = check::located("/number", &number, None)?;
    let text = text.as_deref().map(checked_text).transpose()?;
    let hours = hours_key(number, country, None);
    Ok(Checked {
        recipient: Recipient::new(number, BTreeMap::new(), None).located(hours),
        text,
        scope: scope.map_or(ConsentScope::Marketing, Into::into),
        sender: check::sender("/sender", sender)?,
    })
}

fn checked_text(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if !(1..=TEXT).contains(&text.chars().count()) {
        return Err(check::content("/text", &"expected 1 to 480 characters"));
    }
    if !names_its_answer(text) {
        let words = "it doesn't say what to answer; name a word that agrees, such as `YES`";
        return Err(check::content("/text", &words));
    }
    Ok(text.to_owned())
}

/// The question, unless the number may not be asked.
async fn asked(
    api: &Api,
    who: &May<SendMessages>,
    checked: &Checked,
    drawn: Drawn,
) -> Result<Asked, Problem> {
    let (account, number) = (who.account, checked.recipient.number);
    let hash = api.key.number(account, number);
    if api.suppressions.holds(account, &hash).await? {
        let detail = "The number has opted out. Only its owner can end that, by START.";
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let message = MessageId {
        batch: drawn.batch,
        chunk: 0,
        slot: 0,
    };
    let before = api.consents.asked(account, number).await?;
    if let Some(before) = before.filter(|it| it.message != message && it.is_open(drawn.at)) {
        let detail = format!(
            "The number was asked by `{}` and hasn't answered. It can be asked again after {}.",
            before.message, before.expires
        );
        return Err(Problem::new(Code::InvalidState, detail));
    }
    let text = words(api, who, checked).await?;
    Ok(Asked {
        message,
        scope: checked.scope,
        text,
        at: drawn.at,
        expires: drawn.at + ANSWERED_WITHIN,
        answered: None,
    })
}

/// The request's own, or ours with the account's name.
async fn words(api: &Api, who: &May<SendMessages>, checked: &Checked) -> Result<String, Problem> {
    if let Some(text) = &checked.text {
        return Ok(text.clone());
    }
    let account = api.accounts.find(who.account).await?;
    let account = account.ok_or_else(Problem::unexplained)?;
    Ok(question(&account.name))
}

async fn sending(
    api: &Api,
    who: &May<SendMessages>,
    checked: &Checked,
    asked: &Asked,
    drawn: Drawn,
) -> Result<Sending, Problem> {
    let mut recipient = checked.recipient.clone();
    recipient
        .vars
        .insert(QUESTION.to_owned(), asked.text.clone());
    let recipients = vec![recipient];
    let lane = Lane::Normal;
    let wanted = pin::Wanted {
        mode: who.mode,
        lane,
        sender: checked.sender.as_ref(),
        recipients: Some(&recipients),
    };
    let pinned = pin::pin_send(api, who.account, wanted, drawn.batch).await?;
    let content = Content::from(format!("{{{{{QUESTION}}}}}"));
    let texts = Texts::parse(&content).map_err(|error| Problem::internal(&error))?;
    Ok(Sending {
        account: who.account,
        campaign: None,
        test: false,
        recipients,
        content,
        texts,
        pinned,
        lane,
        // Asked twice is once too often.
        policy: DoubtPolicy::AtMostOnce,
        class: Class::Transactional,
        quiet_hours: QuietHours::default(),
        valid_for: VALID_FOR,
        send_at: None,
    })
}
