//! What is to be sent, as requests say it: a text of their own, or a version of a template. Both become a content that never
//! changes, with its texts parsed.

use std::ops::RangeInclusive;

use carillon_core::{
    campaign::{self, Tracking, Words},
    content::{self, Content, NotTracked, TemplateVersion, Texts},
    id::{AccountId, BatchId, TemplateId},
    language::Language,
    link::Links,
    saved_template::SavedTemplate,
};
use carillon_runtime::problem::{Code, FieldError, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    check,
    services::{Api, Settings},
};

/// How long tracked links lead somewhere: an hour to 400 days, as long as recipient files are kept.
const LINKS_LAST: RangeInclusive<i64> = 3_600..=34_560_000;

/// What is done about characters outside the GSM alphabet, which more than double what a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncodingPolicy {
    /// The text goes out as it is written.
    Auto,
    /// Quotes, dashes and spaces that the alphabet lacks are replaced by those it has, where that makes the whole text GSM.
    Smart,
}

/// A template, in a version that never changes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateReference)]
pub struct TemplateInput {
    #[schema(value_type = String)]
    pub id: TemplateId,
    /// Left out: the newest when sending begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

impl From<TemplateVersion> for TemplateInput {
    fn from(TemplateVersion { id, version }: TemplateVersion) -> Self {
        let version = Some(version);
        Self { id, version }
    }
}

/// What becomes of addresses in the text.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkTracking {
    /// Each address, from `https://` to a blank, becomes the recipient's own short link, and who opens it is counted.
    pub track: bool,
    /// Seconds for which tracked links lead there, 3,600 to 34,560,000; left out, 400 days.
    #[schema(minimum = 3_600, maximum = 34_560_000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<i64>,
}

impl LinkTracking {
    fn check(self, at: &str) -> Result<Option<Tracking>, Problem> {
        let Self { track, valid_for } = self;
        if valid_for.is_some_and(|seconds| !LINKS_LAST.contains(&seconds)) {
            let (least, most) = (LINKS_LAST.start(), LINKS_LAST.end());
            let words = format!("expected {least} to {most} seconds");
            return Err(check::content(&format!("{at}/links/valid_for"), &words));
        }
        Ok(track.then_some(Tracking { valid_for }))
    }
}

impl From<Tracking> for LinkTracking {
    fn from(Tracking { valid_for }: Tracking) -> Self {
        let track = true;
        Self { track, valid_for }
    }
}

/// A content with its texts parsed.
#[derive(Debug, Clone)]
pub struct Wording {
    pub content: Content,
    pub texts: Texts,
}

impl From<EncodingPolicy> for content::EncodingPolicy {
    fn from(policy: EncodingPolicy) -> Self {
        match policy {
            EncodingPolicy::Auto => Self::Auto,
            EncodingPolicy::Smart => Self::Smart,
        }
    }
}

impl From<content::EncodingPolicy> for EncodingPolicy {
    fn from(policy: content::EncodingPolicy) -> Self {
        match policy {
            content::EncodingPolicy::Auto => Self::Auto,
            content::EncodingPolicy::Smart => Self::Smart,
        }
    }
}

/// The words of a request: one of its fields `text` and `template`. `at` is what they stand in, such as `/content`.
pub fn words(
    at: &str,
    text: Option<String>,
    template: Option<TemplateInput>,
    encoding: Option<EncodingPolicy>,
    links: Option<LinkTracking>,
) -> Result<campaign::Content, Problem> {
    let words = match (text, template) {
        (Some(text), None) => Words::Text { text },
        (None, Some(TemplateInput { id, version })) => Words::Template {
            template: id,
            version,
        },
        (None, None) => {
            let words = "there is no text; give `text`, or a `template`";
            return Err(check::content(&format!("{at}/text"), &words));
        }
        (Some(_), Some(_)) => {
            let words = "there are a text and a template; give one of them";
            return Err(check::content(&format!("{at}/template"), &words));
        }
    };
    Ok(campaign::Content {
        words,
        encoding: encoding.map(Into::into),
        tracking: links.unwrap_or_default().check(at)?,
    })
}

/// The content of a request's or a campaign's words, as it is now.
pub async fn find(
    api: &Api,
    account: AccountId,
    at: &str,
    content: &campaign::Content,
) -> Result<Wording, Problem> {
    let (mut wanted, pointer) = match &content.words {
        Words::Text { text } => (Content::from(text.as_str()), format!("{at}/text")),
        Words::Template { template, version } => {
            let pointer = format!("{at}/template");
            let saved = saved(api, account, *template, *version, &pointer).await?;
            (saved.pinned(), pointer)
        }
    };
    wanted.encoding = content.encoding.unwrap_or(wanted.encoding);
    if let Some(tracking) = content.tracking {
        wanted = tracked(&api.settings, wanted, tracking, &pointer)?;
    }
    read(&api.settings, wanted, &pointer)
}

fn tracked(
    settings: &Settings,
    content: Content,
    Tracking { valid_for }: Tracking,
    pointer: &str,
) -> Result<Content, Problem> {
    let tracked = content.track_links(&base(settings));
    let mut content = tracked.map_err(|error| untracked(error, pointer))?;
    if let Some(links) = &mut content.links {
        links.valid_for = valid_for;
    }
    Ok(content)
}

/// A content with what a request says of its links.
pub fn with_links(
    settings: &Settings,
    content: Content,
    links: Option<LinkTracking>,
    pointer: &str,
) -> Result<Content, Problem> {
    match links.unwrap_or_default().check("")? {
        Some(tracking) => tracked(settings, content, tracking, pointer),
        None => Ok(content),
    }
}

/// What codes of links are put after.
fn base(settings: &Settings) -> String {
    format!("{}/l/", settings.links_url)
}

fn untracked(NotTracked { language, why }: NotTracked, pointer: &str) -> Problem {
    invalid_text(language.as_ref(), pointer, why.to_string())
}

fn invalid_text(language: Option<&Language>, pointer: &str, words: String) -> Problem {
    let pointer = language.map_or_else(
        || pointer.to_owned(),
        |language| {
            let at = pointer.rsplit_once('/').map_or("", |(at, _)| at);
            format!("{at}/languages/{language}")
        },
    );
    let error = FieldError::new(pointer, Code::InvalidText.as_str(), words);
    Problem::of_fields(Code::InvalidText, vec![error])
}

async fn saved(
    api: &Api,
    account: AccountId,
    id: TemplateId,
    version: Option<u32>,
    pointer: &str,
) -> Result<SavedTemplate, Problem> {
    let unknown = |what: &str, path: &str| {
        let words = format!("there is no such {what}; `GET /v1/templates{path}` lists them");
        let error = FieldError::new(pointer, Code::NotFound.as_str(), words);
        Problem::of_fields(Code::InvalidContent, vec![error])
    };
    let newest = api.templates.find(account, id).await?;
    let newest = newest.ok_or_else(|| unknown("template", ""))?;
    let Some(version) = version.filter(|version| *version != newest.version) else {
        return Ok(newest);
    };
    let found = api.templates.version(account, id, version).await?;
    found.ok_or_else(|| unknown("version of the template", &format!("/{id}/versions")))
}

/// Parses a content. Its links, if it has any, have no numbers yet.
pub fn read(settings: &Settings, content: Content, pointer: &str) -> Result<Wording, Problem> {
    let links = content.links.unwrap_or_else(|| Links::at(base(settings)));
    let with_links = Content {
        links: Some(links),
        ..content
    };
    let texts = parse(&with_links, pointer)?;
    if texts.has_links() {
        return Ok(Wording {
            content: with_links,
            texts,
        });
    }
    let content = Content {
        links: None,
        ..with_links
    };
    Ok(Wording {
        texts: parse(&content, pointer)?,
        content,
    })
}

fn parse(content: &Content, pointer: &str) -> Result<Texts, Problem> {
    let all = content.languages.iter();
    let all = all.map(|(language, text)| (Some(language), text));
    for (language, text) in std::iter::once((None, &content.text)).chain(all) {
        if text.trim().is_empty() {
            let words = "the text is empty; write one".to_owned();
            return Err(invalid_text(language, pointer, words));
        }
    }
    Texts::parse(content)
        .map_err(|error| invalid_text(error.language.as_ref(), pointer, error.to_string()))
}

/// Draws the numbers of a content's links, if it has any: for each link one for each of so many recipients.
pub async fn number_links(
    api: &Api,
    content: &mut Content,
    account: AccountId,
    batch: BatchId,
    stretch: u64,
    now: Timestamp,
) -> Result<(), Problem> {
    if let Some(links) = &mut content.links {
        links.stretch = stretch;
        let draw = api.link_blocks.draw(account, batch, links.length(), now);
        let block = draw.await?;
        links.first = block.first;
    }
    Ok(())
}
