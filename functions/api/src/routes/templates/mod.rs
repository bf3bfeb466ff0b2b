//! `/v1/templates`: texts with a name, in several languages. Each edit makes a version, and versions never change.

pub mod preview;

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    content::{Content, MAX_BYTES, MAX_LANGUAGES},
    id::TemplateId,
    language::Language,
    saved_template::SavedTemplate,
};
use carillon_runtime::{
    input::{InPath, Input, Query},
    principal::{May, Principal, ReadTemplates, WriteTemplates},
    problem::{Code, FieldError, Problem},
    random,
};
use carillon_store::records::Stale;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    act, check, edit,
    list::{Asked, Page, PageQuery},
    once::{Answer, Once},
    services::{Api, Settings},
    time,
    wording::{self, EncodingPolicy},
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateRequest {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// With placeholders, as `{{name}}` or `{{name|default}}`; `{{opt_out_link}}` becomes each recipient's own link to opt out
    /// by. For everybody whose language has no text of its own.
    #[schema(example = "Hi {{name|there}}, your table is free from 8.")]
    text: String,
    /// The same in other languages, by tag (BCP 47), up to 20. A recipient's value `language` chooses; `de-AT` gets `de` if there
    /// is no `de-AT`.
    #[serde(default)]
    #[schema(example = json!({"de": "Hallo {{name|du}}, ab 20 Uhr ist dein Tisch frei."}))]
    languages: BTreeMap<String, String>,
    /// Left out: `auto`.
    encoding: Option<EncodingPolicy>,
}

/// What is left out stays; what is given replaces what was there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateChange {
    name: Option<String>,
    text: Option<String>,
    languages: Option<BTreeMap<String, String>>,
    encoding: Option<EncodingPolicy>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub struct TemplateView {
    #[schema(value_type = String)]
    id: TemplateId,
    version: u32,
    name: String,
    text: String,
    languages: BTreeMap<String, String>,
    encoding: EncodingPolicy,
    /// The values that recipients need, in order of appearance.
    placeholders: Vec<Placeholder>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When this version was made.
    #[schema(value_type = String, format = DateTime)]
    changed: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct Placeholder {
    name: String,
    /// What stands in for a value that is missing. Without one, who has no value gets no message.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
}

/// Which version of a template.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// Left out: the newest.
    version: Option<u32>,
}

impl TemplateView {
    fn new(settings: &Settings, saved: SavedTemplate) -> Result<Self, Problem> {
        let SavedTemplate {
            id,
            account: _,
            name,
            content,
            created,
            changed,
            version,
        } = saved;
        let wording = wording::read(settings, content, "/text")?;
        let placeholders = wording.texts.placeholders_with_defaults();
        let placeholder = |(name, default): (&str, Option<&str>)| Placeholder {
            name: name.to_owned(),
            default: default.map(ToOwned::to_owned),
        };
        let placeholders = placeholders.into_iter().map(placeholder).collect();
        let Content {
            text,
            languages,
            encoding,
            template: _,
            links: _,
        } = wording.content;
        let languages = languages.into_iter();
        Ok(Self {
            id,
            version,
            name,
            text,
            languages: languages
                .map(|(language, text)| (language.to_string(), text))
                .collect(),
            encoding: encoding.into(),
            placeholders,
            created,
            changed,
        })
    }
}

/// The content of a template, checked.
fn content(
    settings: &Settings,
    text: String,
    languages: BTreeMap<String, String>,
    encoding: Option<EncodingPolicy>,
) -> Result<Content, Problem> {
    if languages.len() > MAX_LANGUAGES {
        let words = format!("{} languages; {MAX_LANGUAGES} are allowed", languages.len());
        return Err(check::content("/languages", &words));
    }
    let mut content = Content::from(text);
    content.encoding = encoding.map(Into::into).unwrap_or_default();
    for (tag, text) in languages {
        let at = format!("/languages/{tag}");
        let language: Language = tag.parse().map_err(|error| check::content(&at, &error))?;
        if content.languages.insert(language, text).is_some() {
            return Err(check::content(
                &at,
                &"the language is there twice; keep one of them",
            ));
        }
    }
    if content.bytes() > MAX_BYTES {
        let words = format!(
            "all texts together have {} bytes; {MAX_BYTES} are allowed, so make two templates",
            content.bytes()
        );
        return Err(check::content("/languages", &words));
    }
    wording::read(settings, content.clone(), "/text")?;
    Ok(content)
}

/// Drawn once for a request, however often it is tried.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Drawn {
    template: TemplateId,
    at: Timestamp,
}

/// Makes a template.
#[utoipa::path(
    post, path = "/v1/templates", operation_id = "createTemplate", tag = "templates",
    security(("key" = ["templates:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = TemplateRequest,
    responses((status = 201, description = "The template", body = TemplateView, headers(("ETag" = String)))),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteTemplates>,
    once: Once,
    Input { value, raw }: Input<TemplateRequest>,
) -> Result<Response, Problem> {
    let TemplateRequest {
        name,
        text,
        languages,
        encoding,
    } = value;
    let name = check::name("/name", &name)?;
    let content = content(&api.settings, text, languages, encoding)?;
    let now = time::now();
    let drawn = Drawn {
        template: random::id(now),
        at: now,
    };
    let work = async |Drawn { template: id, at }: Drawn| {
        let template = SavedTemplate {
            id,
            account: who.account,
            name,
            content,
            created: at,
            changed: at,
            version: 1,
        };
        let audit = act::audit(&who, "template.create", id, at);
        api.templates.create(&template, &audit).await?;
        let view = TemplateView::new(&api.settings, template)?;
        let answer = Answer::new(StatusCode::CREATED, &view);
        Ok(answer
            .at(format!("/v1/templates/{id}"))
            .tagged(edit::etag(1)))
    };
    once.run(&api, &who, &raw, drawn, work).await
}

/// The newest version of each template, newest template first.
#[utoipa::path(
    get, path = "/v1/templates", operation_id = "listTemplates", tag = "templates",
    security(("key" = ["templates:read"])),
    params(PageQuery),
    responses((status = 200, description = "A page", body = Page<TemplateView>)),
)]
pub async fn list(
    State(api): State<Api>,
    who: May<ReadTemplates>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let asked = Asked::new(&api, &who, "/v1/templates", query)?;
    let found = api
        .templates
        .list(who.account, asked.place()?, asked.reads());
    let place = |template: &SavedTemplate| template.id.to_string();
    let view = |template| TemplateView::new(&api.settings, template).ok();
    Ok(asked.answer(&api, &who, found.await?, place, view))
}

/// A template.
#[utoipa::path(
    get, path = "/v1/templates/{id}", operation_id = "getTemplate", tag = "templates",
    security(("key" = ["templates:read"])),
    params(("id" = String, Path, description = "`tpl_…`"), VersionQuery),
    responses((status = 200, description = "Its newest version, or the one asked for", body = TemplateView, headers(("ETag" = String)))),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadTemplates>,
    InPath(id): InPath<TemplateId>,
    Query(VersionQuery { version }): Query<VersionQuery>,
) -> Result<Response, Problem> {
    let template = find(&api, &who, id, version).await?;
    answer(&api, template)
}

/// The versions of a template, newest first.
#[utoipa::path(
    get, path = "/v1/templates/{id}/versions", operation_id = "listTemplateVersions", tag = "templates",
    security(("key" = ["templates:read"])),
    params(("id" = String, Path, description = "`tpl_…`"), PageQuery),
    responses((status = 200, description = "A page", body = Page<TemplateView>)),
)]
pub async fn versions(
    State(api): State<Api>,
    who: May<ReadTemplates>,
    InPath(id): InPath<TemplateId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/templates/{id}/versions");
    let asked = Asked::new(&api, &who, &path, query)?;
    find(&api, &who, id, None).await?;
    let found = api
        .templates
        .versions(who.account, id, asked.place()?, asked.reads());
    let place = |template: &SavedTemplate| template.version.to_string();
    let view = |template| TemplateView::new(&api.settings, template).ok();
    Ok(asked.answer(&api, &who, found.await?, place, view))
}

/// Makes the template's next version. What was sent, or began, by an earlier one is as it was.
#[utoipa::path(
    patch, path = "/v1/templates/{id}", operation_id = "changeTemplate", tag = "templates",
    security(("key" = ["templates:write"])),
    params(
        ("id" = String, Path, description = "`tpl_…`"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you read"),
    ),
    request_body = TemplateChange,
    responses((status = 200, description = "The new version", body = TemplateView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteTemplates>,
    InPath(id): InPath<TemplateId>,
    headers: HeaderMap,
    Input { value, .. }: Input<TemplateChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "template")?;
    let before = find(&api, &who, id, None).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("template"));
    }
    let now = time::now();
    let after = changed(&api.settings, before, value, now)?;
    let audit = act::audit(&who, "template.change", id, now);
    let written = api.templates.change(&after, &audit).await?;
    written.map_err(|Stale| edit::stale("template"))?;
    answer(&api, after)
}

fn changed(
    settings: &Settings,
    before: SavedTemplate,
    change: TemplateChange,
    now: Timestamp,
) -> Result<SavedTemplate, Problem> {
    let TemplateChange {
        name,
        text,
        languages,
        encoding,
    } = change;
    let tags = |content: &Content| {
        let all = content.languages.iter();
        all.map(|(language, text)| (language.to_string(), text.clone()))
            .collect()
    };
    let name = name.map(|name| check::name("/name", &name)).transpose()?;
    let content = content(
        settings,
        text.unwrap_or_else(|| before.content.text.clone()),
        languages.unwrap_or_else(|| tags(&before.content)),
        Some(encoding.unwrap_or(before.content.encoding.into())),
    )?;
    Ok(SavedTemplate {
        name: name.unwrap_or(before.name),
        content,
        changed: now,
        version: before.version + 1,
        ..before
    })
}

/// Deletes a template. Drafts that name it can't begin any more; what began keeps its text.
#[utoipa::path(
    delete, path = "/v1/templates/{id}", operation_id = "deleteTemplate", tag = "templates",
    security(("key" = ["templates:write"])),
    params(("id" = String, Path, description = "`tpl_…`")),
    responses((status = 204, description = "It is gone")),
)]
pub async fn delete(
    State(api): State<Api>,
    who: May<WriteTemplates>,
    InPath(id): InPath<TemplateId>,
) -> Result<Response, Problem> {
    let template = find(&api, &who, id, None).await?;
    let audit = act::audit(&who, "template.delete", id, time::now());
    let written = api.templates.delete(&template, &audit).await?;
    written.map_err(|Stale| edit::stale("template"))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A version of a template of the caller's account that wasn't deleted.
async fn find(
    api: &Api,
    who: &Principal,
    id: TemplateId,
    version: Option<u32>,
) -> Result<SavedTemplate, Problem> {
    let newest = api.templates.find(who.account, id).await?;
    let newest = newest.ok_or_else(|| Problem::not_found("template"))?;
    let Some(version) = version.filter(|version| *version != newest.version) else {
        return Ok(newest);
    };
    let found = api.templates.version(who.account, id, version).await?;
    found.ok_or_else(|| Problem::not_found("version of the template"))
}

fn answer(api: &Api, template: SavedTemplate) -> Result<Response, Problem> {
    let tag = [(header::ETAG, edit::etag(template.version))];
    let view = TemplateView::new(&api.settings, template)?;
    Ok((tag, Json(view)).into_response())
}

/// What a text lacks for a recipient.
fn unrenderable(error: &carillon_core::template::RenderError) -> Problem {
    let code = Code::UnknownPlaceholder;
    Problem::of_fields(code, vec![FieldError::new("/vars", code.as_str(), error)])
}
