//! Looking at a text before anybody gets it: with values, part by part, and with what makes it dear.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    content::{Content, LANGUAGE},
    id::{AccountId, TemplateId},
    rules,
    segments::{self, parts_of, segment, to_gsm},
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, ReadTemplates},
    problem::Problem,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{content, find, unrenderable};
use crate::{
    check,
    fields::Class,
    services::Api,
    warnings::{self, ContentWarning, Sent},
    wording::{self, EncodingPolicy, LinkTracking},
};

/// Characters outside the GSM alphabet that are told at most.
const TOLD: usize = 50;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplatePreviewRequest)]
pub struct PreviewRequest {
    /// Left out: the newest.
    version: Option<u32>,
    /// A recipient's values.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// The recipient's language; left out, the value `language`.
    language: Option<String>,
    /// Left out: addresses in the text stay as they are.
    links: Option<LinkTracking>,
    /// What it will be sent as, for the warnings.
    #[serde(default)]
    r#as: SentAs,
}

/// How a text is meant to be sent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SentAs {
    /// Left out: `marketing`.
    class: Option<Class>,
    sender: Option<String>,
    /// The recipient's country, two letters of ISO 3166-1.
    country: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextPreviewRequest {
    #[schema(example = "Hi {{name|there}}, your table is free from 8.")]
    text: String,
    #[serde(default)]
    languages: BTreeMap<String, String>,
    /// Left out: `auto`.
    encoding: Option<EncodingPolicy>,
    /// A recipient's values.
    #[serde(default)]
    vars: BTreeMap<String, String>,
    /// The recipient's language; left out, the value `language`.
    language: Option<String>,
    /// Left out: addresses in the text stay as they are.
    links: Option<LinkTracking>,
    /// What it will be sent as, for the warnings.
    #[serde(default)]
    r#as: SentAs,
}

/// A text as a recipient gets it. Links in it lead nowhere, and are as long as those that do.
#[derive(Debug, Serialize, ToSchema)]
pub struct TextPreview {
    /// Whose text it is; absent for the one that everybody else gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    text: String,
    /// `GSM-7` or `UCS-2`.
    encoding: &'static str,
    /// Septets or UTF-16 code units.
    units: u32,
    /// How many SMS it is.
    parts: u32,
    /// The text, SMS by SMS.
    split: Vec<PartView>,
    /// The characters that make it UCS-2, up to 50.
    outside_gsm: Vec<OutsideView>,
    /// What `smart` would make of it; absent where that changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    smart: Option<SmartView>,
    /// What networks and laws may take amiss. Nothing is refused for it.
    warnings: Vec<ContentWarning>,
}

#[derive(Debug, Serialize, ToSchema)]
struct PartView {
    text: String,
    units: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct OutsideView {
    /// In characters of the text, from 0.
    position: usize,
    character: char,
    /// As `U+2019`.
    code_point: String,
    /// What `smart` puts in its place, if it has something.
    #[serde(skip_serializing_if = "Option::is_none")]
    replacement: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct SmartView {
    text: String,
    encoding: &'static str,
    units: u32,
    parts: u32,
}

/// A template as a recipient gets it.
#[utoipa::path(
    post, path = "/v1/templates/{id}/preview", operation_id = "previewTemplate", tag = "templates",
    security(("key" = ["templates:read"])),
    params(("id" = String, Path, description = "`tpl_…`")),
    request_body = PreviewRequest,
    responses((status = 200, description = "The text", body = TextPreview)),
)]
pub async fn of_template(
    State(api): State<Api>,
    who: May<ReadTemplates>,
    InPath(id): InPath<TemplateId>,
    Input { value, .. }: Input<PreviewRequest>,
) -> Result<Response, Problem> {
    let PreviewRequest {
        version,
        vars,
        language,
        links,
        r#as: sent_as,
    } = value;
    let sent_as = sent_as.check()?;
    let template = find(&api, &who, id, version).await?;
    let content = wording::with_links(&api.settings, template.content, links, "/links")?;
    preview(&api, who.account, content, vars, language, &sent_as).await
}

/// A text as a recipient gets it. Nothing is kept.
#[utoipa::path(
    post, path = "/v1/templates/preview", operation_id = "previewText", tag = "templates",
    security(("key" = ["templates:read"])),
    request_body = TextPreviewRequest,
    responses((status = 200, description = "The text", body = TextPreview)),
)]
pub async fn of_text(
    State(api): State<Api>,
    who: May<ReadTemplates>,
    Input { value, .. }: Input<TextPreviewRequest>,
) -> Result<Response, Problem> {
    let TextPreviewRequest {
        text,
        languages,
        encoding,
        vars,
        language,
        links,
        r#as: sent_as,
    } = value;
    let sent_as = sent_as.check()?;
    let content = content(&api.settings, text, languages, encoding)?;
    let content = wording::with_links(&api.settings, content, links, "/text")?;
    preview(&api, who.account, content, vars, language, &sent_as).await
}

async fn preview(
    api: &Api,
    account: AccountId,
    content: Content,
    mut vars: BTreeMap<String, String>,
    language: Option<String>,
    sent_as: &Sent,
) -> Result<Response, Problem> {
    if let Some(language) = language {
        vars.insert(LANGUAGE.to_owned(), language);
    }
    let texts = wording::read(&api.settings, content, "/text")?.texts;
    let value = |name: &str| vars.get(name).map(String::as_str);
    let text = texts
        .render(value, None)
        .map_err(|error| unrenderable(&error))?;
    let (language, template) = texts.in_language(value(LANGUAGE));
    let name = warnings::name(api, account).await?;
    let warnings = warnings::of_text(template, &text, name.as_deref(), sent_as);
    let preview = TextPreview::new(text, language.map(ToString::to_string), warnings);
    Ok(Json(preview).into_response())
}

impl SentAs {
    fn check(self) -> Result<Sent, Problem> {
        let Self {
            class,
            sender,
            country,
        } = self;
        Ok(Sent {
            class: class.map_or(rules::Class::Marketing, Into::into),
            sender: check::sender("/as/sender", sender)?,
            country: check::country("/as/country", country.as_deref())?,
        })
    }
}

impl TextPreview {
    fn new(text: String, language: Option<String>, warnings: Vec<ContentWarning>) -> Self {
        let counted = segment(&text);
        let split = parts_of(&text).into_iter().map(|part| PartView {
            text: text[part.range].to_owned(),
            units: part.units,
        });
        let outside = segments::outside_gsm(&text).take(TOLD);
        Self {
            language,
            encoding: counted.encoding.name(),
            units: counted.units,
            parts: counted.parts,
            split: split.collect(),
            outside_gsm: outside.map(OutsideView::from).collect(),
            smart: SmartView::of(&text),
            warnings,
            text,
        }
    }
}

impl From<segments::Outside> for OutsideView {
    fn from(outside: segments::Outside) -> Self {
        let segments::Outside {
            position,
            character,
            replacement,
        } = outside;
        Self {
            position,
            character,
            code_point: format!("U+{:04X}", u32::from(character)),
            replacement,
        }
    }
}

impl SmartView {
    fn of(text: &str) -> Option<Self> {
        let encoded = to_gsm(text).filter(|encoded| encoded.as_ref() != text)?;
        let counted = segment(&encoded);
        Some(Self {
            text: encoded.into_owned(),
            encoding: counted.encoding.name(),
            units: counted.units,
            parts: counted.parts,
        })
    }
}
