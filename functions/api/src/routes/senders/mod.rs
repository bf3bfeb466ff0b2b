//! `/v1/senders`: the numbers and names that messages come from, where they may be used, and what is registered for them.

mod registration;

use std::collections::BTreeSet;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::{GatewayAccountId, SenderId},
    originator::{Originator, OriginatorKind},
    phone::Country,
    sender::{Sender, Standing},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadGateways, WriteGateways},
    problem::{Code, Problem},
    random,
};
use carillon_store::records::{Record, Stale};
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::registration::Registration;
use crate::{act, check, edit, services::Api, time};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderRequest {
    /// A number, a short code, or a name of up to 11 characters.
    #[schema(example = "+12025550123")]
    sender: String,
    /// Where it may be used, two letters each. Left out: wherever its kind may be. A short code needs its countries.
    #[serde(default)]
    countries: Vec<String>,
    /// The gateways that it is set up at. Left out: all of them.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    gateways: Vec<GatewayAccountId>,
    #[serde(default)]
    registration: Registration,
}

/// What is left out stays; what is given replaces what was there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SenderChange {
    countries: Option<Vec<String>>,
    #[schema(value_type = Option<Vec<String>>)]
    gateways: Option<Vec<GatewayAccountId>>,
    registration: Option<Registration>,
    /// `false`: nothing that begins from then on leaves under it.
    enabled: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SenderView {
    #[schema(value_type = String)]
    id: SenderId,
    sender: String,
    kind: Kind,
    #[schema(value_type = Vec<String>)]
    countries: Vec<Country>,
    #[schema(value_type = Vec<String>)]
    gateways: Vec<GatewayAccountId>,
    registration: Registration,
    enabled: bool,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SenderKind)]
enum Kind {
    LongCode,
    TollFree,
    ShortCode,
    /// Letters. Nobody can answer it.
    Name,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Senders {
    data: Vec<SenderView>,
}

impl From<Sender> for SenderView {
    fn from(sender: Sender) -> Self {
        let Sender {
            id,
            account: _,
            originator,
            standing:
                Standing {
                    countries,
                    registration,
                },
            gateways,
            enabled,
            created,
            version: _,
        } = sender;
        let kind = match originator.kind() {
            OriginatorKind::LongCode => Kind::LongCode,
            OriginatorKind::TollFree => Kind::TollFree,
            OriginatorKind::ShortCode => Kind::ShortCode,
            OriginatorKind::Name => Kind::Name,
        };
        Self {
            id,
            sender: originator.to_string(),
            kind,
            countries,
            gateways,
            registration: registration.into(),
            enabled,
            created,
        }
    }
}

/// Adds a sender. Routes may have it in their pools, and messages that name it are held to what is registered for it.
#[utoipa::path(
    post, path = "/v1/senders", operation_id = "createSender", tag = "senders",
    security(("key" = ["gateways:write"])),
    request_body = SenderRequest,
    responses((status = 201, description = "The sender", body = SenderView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteGateways>,
    Input { value, .. }: Input<SenderRequest>,
) -> Result<Response, Problem> {
    let SenderRequest {
        sender,
        countries,
        gateways,
        registration,
    } = value;
    who.must_be_live()?;
    let originator: Originator = sender
        .parse()
        .map_err(|error| check::content("/sender", &error))?;
    let now = time::now();
    let sender = Sender {
        id: random::id(now),
        account: who.account,
        originator,
        standing: Standing::default(),
        gateways: Vec::new(),
        enabled: true,
        created: now,
        version: 1,
    };
    let change = SenderChange {
        countries: Some(countries),
        gateways: Some(gateways),
        registration: Some(registration),
        enabled: None,
    };
    let sender = changed(&api, sender, change).await?;
    is_new(&api.senders.list(who.account).await?, &sender)?;
    let audit = act::audit(&who, "sender.create", sender.id, now);
    api.senders.create(&sender, &audit).await?;
    let location = [(header::LOCATION, format!("/v1/senders/{}", sender.id))];
    Ok((StatusCode::CREATED, location, answer(sender)).into_response())
}

fn is_new(senders: &[Sender], sender: &Sender) -> Result<(), Problem> {
    if senders.len() >= Sender::MOST {
        let detail = format!("An account has at most {} senders.", Sender::MOST);
        return Err(Problem::new(Code::LimitReached, detail));
    }
    let same = |other: &&Sender| other.originator == sender.originator;
    match senders.iter().find(same) {
        Some(there) => {
            let words = format!("this account has it already; change `{}` instead", there.id);
            Err(check::content("/sender", &words))
        }
        None => Ok(()),
    }
}

/// All senders, oldest first.
#[utoipa::path(
    get, path = "/v1/senders", operation_id = "listSenders", tag = "senders",
    security(("key" = ["gateways:read"])),
    responses((status = 200, description = "All of them", body = Senders)),
)]
pub async fn list(State(api): State<Api>, who: May<ReadGateways>) -> Result<Response, Problem> {
    let senders = api.senders.list(who.account).await?;
    let data = senders.into_iter().map(SenderView::from).collect();
    Ok(Json(Senders { data }).into_response())
}

/// A sender.
#[utoipa::path(
    get, path = "/v1/senders/{id}", operation_id = "getSender", tag = "senders",
    security(("key" = ["gateways:read"])),
    params(("id" = String, Path, description = "`snd_…`")),
    responses((status = 200, description = "The sender", body = SenderView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadGateways>,
    InPath(id): InPath<SenderId>,
) -> Result<Response, Problem> {
    Ok(answer(find(&api, &who, id).await?))
}

/// Changes a sender, for what begins from then on.
#[utoipa::path(
    patch, path = "/v1/senders/{id}", operation_id = "changeSender", tag = "senders",
    security(("key" = ["gateways:write"])),
    params(
        ("id" = String, Path, description = "`snd_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the sender that you read"),
    ),
    request_body = SenderChange,
    responses((status = 200, description = "The sender as it is now", body = SenderView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteGateways>,
    InPath(id): InPath<SenderId>,
    headers: HeaderMap,
    Input { value, .. }: Input<SenderChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "sender")?;
    who.must_be_live()?;
    let before = find(&api, &who, id).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("sender"));
    }
    let mut after = changed(&api, before, value).await?;
    after.version += 1;
    let audit = act::audit(&who, "sender.change", id, time::now());
    let written = api.senders.change(&after, &audit).await?;
    written.map_err(|Stale| edit::stale("sender"))?;
    Ok(answer(after))
}

/// Deletes a sender. Routes that have it in a pool go on without it.
#[utoipa::path(
    delete, path = "/v1/senders/{id}", operation_id = "deleteSender", tag = "senders",
    security(("key" = ["gateways:write"])),
    params(("id" = String, Path, description = "`snd_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteGateways>,
    InPath(id): InPath<SenderId>,
) -> Result<Response, Problem> {
    who.must_be_live()?;
    let sender = find(&api, &who, id).await?;
    let audit = act::audit(&who, "sender.delete", id, time::now());
    let deleted = api.senders.delete(&sender, &audit).await?;
    deleted.map_err(|Stale| edit::stale("sender"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn find(api: &Api, who: &Principal, id: SenderId) -> Result<Sender, Problem> {
    let found = api.senders.find(who.account, id).await?;
    found.ok_or_else(|| Problem::not_found("sender"))
}

fn answer(sender: Sender) -> Response {
    let tag = [(header::ETAG, edit::etag(sender.version))];
    (tag, Json(SenderView::from(sender))).into_response()
}

async fn changed(api: &Api, mut sender: Sender, change: SenderChange) -> Result<Sender, Problem> {
    let SenderChange {
        countries,
        gateways,
        registration,
        enabled,
    } = change;
    if let Some(codes) = countries {
        sender.standing.countries = check::countries("/countries", &codes)?;
    }
    let is_short_code = sender.originator.kind() == OriginatorKind::ShortCode;
    if is_short_code && sender.standing.countries.is_empty() {
        let words = "a short code works in its own countries only; name them";
        return Err(check::content("/countries", &words));
    }
    if let Some(gateways) = gateways {
        let known = api.gateways.list(sender.account).await?;
        for (place, id) in gateways.iter().enumerate() {
            check::gateway(&known, &format!("/gateways/{place}"), *id)?;
        }
        let distinct: BTreeSet<GatewayAccountId> = gateways.into_iter().collect();
        sender.gateways = distinct.into_iter().collect();
    }
    if let Some(registration) = registration {
        sender.standing.registration = registration.check("/registration")?;
    }
    sender.enabled = enabled.unwrap_or(sender.enabled);
    Ok(sender)
}
