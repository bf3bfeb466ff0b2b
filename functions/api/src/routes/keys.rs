//! `/v1/keys`: API keys. A key is shown once, when it is made.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{api_key, id::ApiKeyId};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{AdministerKeys, May},
    problem::{Code, FieldError, Problem},
};
use carillon_store::api_keys::ApiKey;
use http::{StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{act, bootstrap, check, services::Api, time};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Live,
    /// Everything is real but the gateway.
    Test,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// For the list: what the key is for.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// Left out: as the key that makes it.
    mode: Option<Mode>,
    /// What it may do; left out, all that the key may that makes it.
    #[schema(value_type = Option<Vec<String>>, example = json!(["messages:send", "messages:read"]))]
    scopes: Option<Vec<api_key::Scope>>,
    /// Left out: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    #[schema(value_type = String)]
    id: ApiKeyId,
    name: String,
    mode: Mode,
    #[schema(value_type = Vec<String>)]
    scopes: Vec<api_key::Scope>,
    /// Its beginning and its end.
    hint: String,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<Timestamp>,
    /// About when it was used last: noted once an hour. Absent for one that never was.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Timestamp>,
}

/// A key, this once in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeKey {
    #[serde(flatten)]
    view: KeyView,
    /// In full. It is not shown again.
    key: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Keys {
    data: Vec<KeyView>,
}

impl KeyView {
    fn new(key: ApiKey) -> Self {
        let ApiKey {
            id,
            account: _,
            name,
            mode,
            scopes,
            hint,
            created,
            expires,
            revoked,
            used,
        } = key;
        let mode = match mode {
            api_key::Mode::Live => Mode::Live,
            api_key::Mode::Test => Mode::Test,
        };
        Self {
            id,
            name,
            mode,
            scopes,
            hint,
            created,
            expires,
            revoked,
            last_used: used,
        }
    }
}

/// Makes a key. It can't do more than the key that makes it.
#[utoipa::path(
    post, path = "/v1/keys", operation_id = "createKey", tag = "keys",
    security(("key" = ["keys:admin"])),
    request_body = KeyRequest,
    responses((status = 201, description = "The key, this once in full", body = MadeKey)),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<AdministerKeys>,
    Input { value, .. }: Input<KeyRequest>,
) -> Result<Response, Problem> {
    let KeyRequest {
        name,
        mode,
        scopes,
        expires,
    } = value;
    let now = time::now();
    let name = check::name("/name", &name)?;
    let expires = expires
        .map(|at| check::time("/expires", at, now))
        .transpose()?;
    let mode = match mode {
        None => who.mode,
        Some(Mode::Live) if who.mode == api_key::Mode::Test => {
            return Err(check::content(
                "/mode",
                &"a test key can't make a live one; use a live key",
            ));
        }
        Some(Mode::Live) => api_key::Mode::Live,
        Some(Mode::Test) => api_key::Mode::Test,
    };
    let scopes = scopes.unwrap_or_else(|| who.scopes.clone());
    check_scopes(&scopes, &who.scopes)?;
    let mut new = bootstrap::draw(&api, who.account, &name, mode, scopes, now);
    new.stored.key.expires = expires;
    let audit = act::audit(&who, "key.create", new.stored.key.id, now);
    api.api_keys.create(&new.stored, &audit).await?;
    let location = format!("/v1/keys/{}", new.stored.key.id);
    let key = new.secret.expose().to_owned();
    let shown = MadeKey {
        view: KeyView::new(new.stored.key),
        key,
    };
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(shown),
    )
        .into_response())
}

fn check_scopes(wanted: &[api_key::Scope], own: &[api_key::Scope]) -> Result<(), Problem> {
    if wanted.is_empty() {
        return Err(check::content(
            "/scopes",
            &"the key could do nothing; name at least one scope",
        ));
    }
    let missing = wanted
        .iter()
        .enumerate()
        .filter(|(_, scope)| !own.contains(scope));
    let errors = missing.map(|(place, scope)| {
        let words = format!("the key that makes it hasn't `{scope}` itself; use one that has");
        FieldError::new(
            format!("/scopes/{place}"),
            Code::ForbiddenScope.as_str(),
            words,
        )
    });
    let errors: Vec<_> = errors.collect();
    if errors.is_empty() {
        return Ok(());
    }
    Err(Problem::of_fields(Code::ForbiddenScope, errors))
}

/// All keys, oldest first, the revoked ones too.
#[utoipa::path(
    get, path = "/v1/keys", operation_id = "listKeys", tag = "keys",
    security(("key" = ["keys:admin"])),
    responses((status = 200, description = "All of them", body = Keys)),
)]
pub async fn list(State(api): State<Api>, who: May<AdministerKeys>) -> Result<Response, Problem> {
    let keys = api.api_keys.list(who.account).await?;
    let data = keys.into_iter().map(KeyView::new).collect();
    Ok(Json(Keys { data }).into_response())
}

/// Revokes a key. It is refused everywhere a minute later.
#[utoipa::path(
    delete, path = "/v1/keys/{id}", operation_id = "revokeKey", tag = "keys",
    security(("key" = ["keys:admin"])),
    params(("id" = String, Path, description = "`key_…`")),
    responses((status = 200, description = "The key, revoked", body = KeyView)),
)]
pub async fn revoke(
    State(api): State<Api>,
    who: May<AdministerKeys>,
    InPath(id): InPath<ApiKeyId>,
) -> Result<Response, Problem> {
    let keys = api.api_keys.list(who.account).await?;
    let seen = |key: &ApiKey| key.id == id && who.sees(key.mode == api_key::Mode::Test);
    if !keys.iter().any(seen) {
        return Err(Problem::not_found("API key"));
    }
    let now = time::now();
    let audit = act::audit(&who, "key.revoke", id, now);
    let revoked = api.api_keys.revoke(who.account, id, now, &audit).await?;
    let key = revoked.ok_or_else(|| Problem::not_found("API key"))?;
    Ok(Json(KeyView::new(key)).into_response())
}
