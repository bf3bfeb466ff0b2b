//! What a batch says, pinned to it when it begins: a text, the same in other languages, how they are encoded, and where the links
//! in them lead. `Texts` is the same parsed, which makes each recipient's text.

pub mod checks;
#[cfg(test)]
mod tests;
mod tracked;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::{
    id::TemplateId,
    keyed_hash::DeploymentKey,
    language::Language,
    link::{LinkMaker, Links},
    segments::to_gsm,
    template::{MAX_CHARACTERS, RenderError, Template, TemplateError},
};

/// The placeholder that becomes the recipient's own link to opt out by. A value of this name is never looked at.
pub const OPT_OUT_LINK: &str = "opt_out_link";
/// The value that says which language a recipient reads.
pub const LANGUAGE: &str = "language";
/// Languages of one content at most, beside its text.
pub const MAX_LANGUAGES: usize = 20;
/// Bytes of all of a content's texts together: the batch that holds them is one item, read often.
pub const MAX_BYTES: usize = 32 * 1024;

pub use tracked::{MAX_TARGETS, NotTracked, WhyNotTracked, leads_to};

/// What is done about characters outside the GSM alphabet, which more than double what a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EncodingPolicy {
    /// The text goes out as it is written.
    #[default]
    Auto,
    /// Quotes, dashes and spaces that the alphabet lacks are replaced by those it has, where that makes the whole text GSM.
    Smart,
}

/// A version of a template; its content never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateVersion {
    pub id: TemplateId,
    pub version: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// With placeholders. For everybody whose language has no text of its own.
    pub text: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub languages: BTreeMap<Language, String>,
    #[serde(default)]
    pub encoding: EncodingPolicy,
    /// Where it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<TemplateVersion>,
    /// Of texts with links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
}

/// A text that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct TextError {
    /// `None`: the text for everybody else.
    pub language: Option<Language>,
    pub error: TemplateError,
}

/// A content, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    text: Template,
    languages: BTreeMap<Language, Template>,
    encoding: EncodingPolicy,
    /// As long as every recipient's.
    sample_link: Option<String>,
    /// Where tracked links lead.
    targets: Vec<Template>,
}

impl Content {
    /// When nobody is left who may read it: that there were links, not where they led.
    #[must_use]
    pub fn without_words(&self) -> Self {
        let links = self.links.as_ref().map(|links| Links {
            targets: Vec::new(),
            ..links.clone()
        });
        Self {
            links,
            ..Self::default()
        }
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl Content {
    pub fn bytes(&self) -> usize {
        self.text.len() + self.languages.values().map(String::len).sum::<usize>()
    }

    /// What makes the links of its recipients; `None` where its texts have none.
    pub fn link_maker(&self, key: &DeploymentKey) -> Option<LinkMaker> {
        let links = self.links.clone()?;
        Some(LinkMaker::new(links, key))
    }
}

impl Texts {
    pub fn parse(content: &Content) -> Result<Self, TextError> {
        let read = |language: Option<&Language>, text: &str| {
            Template::parse(text).map_err(|error| TextError {
                language: language.cloned(),
                error,
            })
        };
        let languages = content.languages.iter();
        let languages =
            languages.map(|(language, text)| Ok((language.clone(), read(Some(language), text)?)));
        let targets = content.links.iter().flat_map(|links| &links.targets);
        Ok(Self {
            text: read(None, &content.text)?,
            languages: languages.collect::<Result<_, TextError>>()?,
            encoding: content.encoding,
            sample_link: content.links.as_ref().map(Links::sample),
            targets: targets
                .map(|target| read(None, target))
                .collect::<Result<_, TextError>>()?,
        })
    }

    /// All placeholders, each once: those of the text first, those of where its links lead last.
    pub fn placeholders(&self) -> Vec<&str> {
        let mut names = self.text.placeholders();
        for template in self.languages.values().chain(&self.targets) {
            for name in template.placeholders() {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// What recipients are asked for: all placeholders but those that we fill in. One without a default in any of the texts has none.
    pub fn placeholders_with_defaults(&self) -> Vec<(&str, Option<&str>)> {
        let mut found: Vec<(&str, Option<&str>)> = Vec::new();
        let templates = std::iter::once(&self.text)
            .chain(self.languages.values())
            .chain(&self.targets);
        for (name, default) in templates.flat_map(Template::defaults) {
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = known.filter(|_| default.is_some()),
                None if self.link(name).is_some() => {}
                None => found.push((name, default)),
            }
        }
        found
    }

    /// The values of a recipient that its text is made from. Nothing reads any others.
    pub fn values(&self) -> Vec<&str> {
        let mut names = self.placeholders();
        names.retain(|name| self.link(name).is_none());
        if !self.languages.is_empty() && !names.contains(&LANGUAGE) {
            names.push(LANGUAGE);
        }
        names
    }

    /// The placeholders that aren't among these columns.
    pub fn unknown(&self, columns: &[&str]) -> Vec<&str> {
        let mut names = self.placeholders();
        names.retain(|name| self.link(name).is_none() && !columns.contains(name));
        names
    }

    pub fn has_links(&self) -> bool {
        !self.targets.is_empty() || self.placeholders().contains(&OPT_OUT_LINK)
    }

    /// Which of a recipient's links a placeholder stands for, in the order of `LinkMaker::urls`.
    fn link(&self, name: &str) -> Option<usize> {
        if name == OPT_OUT_LINK {
            return Some(0);
        }
        tracked::ordinal(name).filter(|link| *link <= self.targets.len())
    }

    /// The text for those who read a language, and which it is; `None` is the text for everybody else.
    pub fn in_language(&self, language: Option<&str>) -> (Option<&Language>, &Template) {
        let found = language
            .filter(|_| !self.languages.is_empty())
            .and_then(|language| language.parse::<Language>().ok())
            .and_then(|language| language.best(|wanted| self.languages.get_key_value(wanted)));
        match found {
            Some((language, template)) => (Some(language), template),
            None => (None, &self.text),
        }
    }

    /// The text of one recipient, whose links are `links`; without them, links that are as long.
    pub fn render<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
        links: Option<&[String]>,
    ) -> Result<String, RenderError> {
        let mut text = String::new();
        self.render_into(&mut text, value, links)?;
        Ok(text)
    }

    /// As `render`, into a text whose memory is used again.
    pub fn render_into<'v>(
        &self,
        text: &mut String,
        value: impl Fn(&str) -> Option<&'v str>,
        links: Option<&[String]>,
    ) -> Result<(), RenderError> {
        let (_, template) = self.in_language(value(LANGUAGE));
        for target in &self.targets {
            target.check_values(&value)?;
        }
        let link = |link: usize| match links {
            Some(links) => links.get(link).map(String::as_str),
            None => self.sample_link.as_deref(),
        };
        template.render_into(text, |name| match self.link(name) {
            Some(ours) => link(ours),
            None => value(name),
        })?;
        if self.encoding == EncodingPolicy::Smart
            && let Some(Cow::Owned(encoded)) = to_gsm(text)
            && encoded.chars().count() <= MAX_CHARACTERS
        {
            *text = encoded;
        }
        Ok(())
    }
}
