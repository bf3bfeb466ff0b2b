//! `/v1/consents`: proof of what the owners of numbers agreed to. Added, never changed. Numbers are in bodies, not in URLs.

use std::net::IpAddr;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    consent::{ConsentRecord, ConsentScope, Method, Sealed},
    id::{ConsentId, EventId},
    language::{InvalidLanguage, Language},
    phone::Phone,
};
use carillon_runtime::{
    input::Input,
    principal::{May, ReadContacts, WriteContacts},
    problem::Problem,
    random,
};
use carillon_store::consents::Proved;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check,
    list::Page,
    once::{Answer, Once},
    services::Api,
    time,
};

/// Characters of the text that somebody read.
const TEXT: usize = 5_000;
/// Of every other field.
const FIELD: usize = 1_000;
/// Records of a page.
const USUAL: u16 = 50;
const MOST: u16 = 100;

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConsentScope)]
pub enum ScopeWord {
    Marketing,
    Transactional,
    All,
}

impl From<ScopeWord> for ConsentScope {
    fn from(scope: ScopeWord) -> Self {
        match scope {
            ScopeWord::Marketing => Self::Marketing,
            ScopeWord::Transactional => Self::Transactional,
            ScopeWord::All => Self::All,
        }
    }
}

impl From<ConsentScope> for ScopeWord {
    fn from(scope: ConsentScope) -> Self {
        match scope {
            ConsentScope::Marketing => Self::Marketing,
            ConsentScope::Transactional => Self::Transactional,
            ConsentScope::All => Self::All,
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConsentMethod)]
enum MethodWord {
    /// A box that was ticked, or a form that was sent.
    WebForm,
    /// A word that was texted.
    Keyword,
    /// A message asked, and its recipient answered it.
    DoubleOptIn,
    Paper,
    /// On the telephone.
    Voice,
    InPerson,
    /// Another system's record, as you say: `given` is needed.
    Import,
}

impl From<MethodWord> for Method {
    fn from(method: MethodWord) -> Self {
        match method {
            MethodWord::WebForm => Self::WebForm,
            MethodWord::Keyword => Self::Keyword,
            MethodWord::DoubleOptIn => Self::DoubleOptIn,
            MethodWord::Paper => Self::Paper,
            MethodWord::Voice => Self::Voice,
            MethodWord::InPerson => Self::InPerson,
            MethodWord::Import => Self::Import,
        }
    }
}

impl From<Method> for MethodWord {
    fn from(method: Method) -> Self {
        match method {
            Method::WebForm => Self::WebForm,
            Method::Keyword => Self::Keyword,
            Method::DoubleOptIn => Self::DoubleOptIn,
            Method::Paper => Self::Paper,
            Method::Voice => Self::Voice,
            Method::InPerson => Self::InPerson,
            Method::Import => Self::Import,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRequest {
    /// In E.164. The record keeps its keyed hash only.
    #[schema(example = "+447700900123")]
    number: String,
    scope: ScopeWord,
    method: MethodWord,
    /// When its owner agreed. Left out: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    given: Option<Timestamp>,
    /// Proves nothing from then on. Left out: it doesn't expire.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    /// Where: a page, a form, a shop.
    #[schema(min_length = 1, max_length = 1_000)]
    source: String,
    /// What they read or heard before they agreed, word for word.
    #[schema(min_length = 1, max_length = 5_000)]
    text: String,
    /// Of `text`, such as `en` or `pt-BR`.
    language: Option<String>,
    /// Where what proves it is kept, or what it says.
    #[schema(min_length = 1, max_length = 1_000)]
    evidence: Option<String>,
    /// Who they said they were.
    #[schema(min_length = 1, max_length = 1_000)]
    identity: Option<String>,
    /// The address that a form was sent from.
    #[schema(value_type = Option<String>)]
    ip: Option<String>,
    #[schema(min_length = 1, max_length = 1_000)]
    user_agent: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ConsentView {
    #[schema(value_type = String)]
    id: ConsentId,
    /// Its place among the records of its number, from 1.
    place: u32,
    scope: ScopeWord,
    method: MethodWord,
    #[schema(value_type = String, format = DateTime)]
    given: Timestamp,
    /// When we were told.
    #[schema(value_type = String, format = DateTime)]
    recorded: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
    source: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    language: Option<Language>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    /// The message that says so, where one came through Carillon: see `/v1/inbound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    inbound: Option<EventId>,
    /// When its owner's data was erased, and with it `evidence`, `identity`, `ip` and `user_agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    redacted: Option<Timestamp>,
    /// Over all of this and over the record before it.
    seal: String,
    /// `false`: it isn't what was written, or the record before it was taken away.
    intact: bool,
}

impl ConsentView {
    fn new(sealed: Sealed, intact: bool) -> Self {
        let Sealed {
            place,
            record,
            previous: _,
            seal,
        } = sealed;
        let ConsentRecord {
            id,
            scope,
            method,
            given,
            recorded,
            expires,
            source,
            text,
            language,
            evidence,
            identity,
            ip,
            user_agent,
            inbound,
            redacted,
        } = record;
        Self {
            id,
            place,
            scope: scope.into(),
            method: method.into(),
            given,
            recorded,
            expires,
            source,
            text,
            language,
            evidence,
            identity,
            ip,
            user_agent,
            inbound,
            redacted,
            seal,
            intact,
        }
    }
}

/// Records that the owner of a number agreed. It doesn't end an opt-out: while the number is on `/v1/suppressions`, nothing is sent
/// to it, whatever it agreed to.
#[utoipa::path(
    post, path = "/v1/consents", operation_id = "recordConsent", tag = "contacts",
    security(("key" = ["contacts:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = ConsentRequest,
    responses((status = 201, description = "The record", body = ConsentView)),
)]
pub async fn record(
    State(api): State<Api>,
    who: May<WriteContacts>,
    once: Once,
    Input { value, raw }: Input<ConsentRequest>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let now = time::now();
    let drawn: (ConsentId, Timestamp) = (random::id(now), now);
    let given = value.given;
    let (number, record) = checked(value, drawn)?;
    let work = async |(id, recorded): (ConsentId, Timestamp)| {
        // By the first attempt's clock and id, or a repeat would be another record.
        let record = ConsentRecord {
            id,
            given: given.unwrap_or(recorded),
            recorded,
            ..record
        };
        is_in_order(&record)?;
        let audit = act::audit(&who, "consent.record", id, recorded);
        api.audit.record(&audit).await?;
        let sealed = api.consents.record(who.account, number, &record).await?;
        Ok(Answer::new(
            StatusCode::CREATED,
            &ConsentView::new(sealed, true),
        ))
    };
    once.run(&api, &who, &raw, drawn, work).await
}

/// What the body says by itself.
fn checked(
    request: ConsentRequest,
    (id, now): (ConsentId, Timestamp),
) -> Result<(Phone, ConsentRecord), Problem> {
    let ConsentRequest {
        number,
        scope,
        method,
        given,
        expires,
        source,
        text,
        language,
        evidence,
        identity,
        ip,
        user_agent,
    } = request;
    let number = check::number("/number", &number, None)?;
    if given.is_none() && matches!(method, MethodWord::Import) {
        return Err(check::content(
            "/given",
            &"an imported consent needs the time at which it was given",
        ));
    }
    let field = |pointer: &str, field: Option<String>| {
        field.map(|field| words(pointer, &field, FIELD)).transpose()
    };
    let record = ConsentRecord {
        id,
        scope: scope.into(),
        method: method.into(),
        given: given.unwrap_or(now),
        recorded: now,
        expires,
        source: words("/source", &source, FIELD)?,
        text: words("/text", &text, TEXT)?,
        language: language.as_deref().map(checked_language).transpose()?,
        evidence: field("/evidence", evidence)?,
        identity: field("/identity", identity)?,
        ip: ip.as_deref().map(checked_ip).transpose()?,
        user_agent: field("/user_agent", user_agent)?,
        inbound: None,
        redacted: None,
    };
    Ok((number, record))
}

fn words(pointer: &str, words: &str, most: usize) -> Result<String, Problem> {
    let words = words.trim();
    if (1..=most).contains(&words.chars().count()) {
        return Ok(words.to_owned());
    }
    let expected = format!("expected 1 to {most} characters");
    Err(check::content(pointer, &expected))
}

fn checked_language(text: &str) -> Result<Language, Problem> {
    let parsed = text.parse();
    parsed.map_err(|error: InvalidLanguage| check::content("/language", &error))
}

fn checked_ip(text: &str) -> Result<IpAddr, Problem> {
    let parsed = text.parse();
    parsed.map_err(|_| {
        check::content(
            "/ip",
            &"expected an address such as `192.0.2.1` or `2001:db8::1`",
        )
    })
}

fn is_in_order(record: &ConsentRecord) -> Result<(), Problem> {
    if record.given > record.recorded {
        return Err(check::content(
            "/given",
            &"expected a time that is over, as `2026-01-31T12:00:00Z`",
        ));
    }
    if record
        .expires
        .is_some_and(|expires| expires <= record.given)
    {
        return Err(check::content(
            "/expires",
            &"it would expire before it was given; give a later time, or none",
        ));
    }
    Ok(())
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentSearch {
    /// In E.164.
    number: String,
    /// How many: 1 to 100, 50 when not given.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u16>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What was recorded for one number, newest first. A POST, since numbers don't belong into URLs.
#[utoipa::path(
    post, path = "/v1/consents/search", operation_id = "searchConsents", tag = "contacts",
    security(("key" = ["contacts:read"])),
    request_body = ConsentSearch,
    responses((status = 200, description = "A page", body = Page<ConsentView>)),
)]
pub async fn search(
    State(api): State<Api>,
    who: May<ReadContacts>,
    Input { value, .. }: Input<ConsentSearch>,
) -> Result<Response, Problem> {
    let ConsentSearch {
        number,
        limit,
        cursor,
    } = value;
    let number = check::number("/number", &number, None)?;
    let limit = limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        let expected = format!("expected 1 to {MOST}");
        return Err(check::content("/limit", &expected));
    }
    // A cursor goes on with the number that it was given for.
    let hash = api.key.number(who.account, number);
    let sealed_for = format!("/v1/consents/search?{hash}");
    let before = cursor.map(|cursor| api.cursors.open(who.account, &sealed_for, &cursor));
    let before = before
        .transpose()?
        .map(|place| place.parse().map_err(|_| Problem::unexplained()))
        .transpose()?;
    let mut page = api
        .consents
        .page(who.account, number, before, i32::from(limit) + 1)
        .await?;
    let more = page.len() > usize::from(limit);
    page.truncate(limit.into());
    let last = page.last().filter(|_| more);
    let next_cursor = last.map(|last| {
        let place = last.sealed.place.to_string();
        api.cursors.seal(who.account, &sealed_for, &place)
    });
    let data: Vec<ConsentView> = page
        .into_iter()
        .map(|Proved { sealed, is_intact }| ConsentView::new(sealed, is_intact))
        .collect();
    Ok(Json(Page { data, next_cursor }).into_response())
}
