//! What somebody should know before a text is sent, and may send it all the same.

use carillon_core::{
    campaign::{Audience, Campaign},
    content::{
        Content,
        checks::{Finding, Looked, findings},
    },
    id::AccountId,
    keyed_hash::Purpose,
    originator::Originator,
    phone::Country,
    rules,
    template::Template,
};
use carillon_runtime::problem::Problem;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::services::Api;

/// What networks and laws may take amiss in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ContentWarning {
    /// Such as `shaft.alcohol`, `link.shortener` or `opt_out.missing`.
    pub rule: String,
    /// What is wrong, and the way out.
    pub detail: String,
    /// Where the rule is from.
    pub source: String,
}

/// How a text is meant to be sent.
pub struct Sent {
    pub class: rules::Class,
    pub sender: Option<Originator>,
    /// Of the recipient.
    pub country: Option<Country>,
}

impl From<Finding> for ContentWarning {
    fn from(finding: Finding) -> Self {
        let Finding {
            rule,
            detail,
            source,
            confidence: _,
        } = finding;
        Self {
            rule,
            detail,
            source,
        }
    }
}

/// By what recipients know an account.
pub async fn name(api: &Api, account: AccountId) -> Result<Option<String>, Problem> {
    let account = api.accounts.find(account).await?;
    Ok(account.map(|account| account.name))
}

/// `text` is what a recipient gets of `template`; `name` is the account's.
pub fn of_text(
    template: &Template,
    text: &str,
    name: Option<&str>,
    sent: &Sent,
) -> Vec<ContentWarning> {
    let names: Vec<&str> = name.into_iter().collect();
    let looked = Looked {
        template,
        text,
        class: sent.class,
        sender: sent.sender.as_ref(),
        names: &names,
        country: sent.country,
    };
    findings(&looked).into_iter().map(Into::into).collect()
}

/// What tells one content to one audience from all others. Of a file it takes what is looked at before it is read in full.
pub fn fingerprint(api: &Api, campaign: &Campaign, content: &Content, start: &[u8]) -> String {
    let same = Content {
        template: None,
        links: None,
        ..content.clone()
    };
    let content = serde_json::to_vec(&same).expect("texts are JSON");
    let audience = match &campaign.audience {
        Audience::Inline { .. } | Audience::Upload { .. } => start.to_vec(),
        audience => serde_json::to_vec(audience).expect("ids are JSON"),
    };
    api.key
        .text(Purpose::Fingerprint, &[b"sent", &content, &audience])
}

/// That the same went to the same audience within a day of `at`.
pub async fn repeated(
    api: &Api,
    campaign: &Campaign,
    fingerprint: &str,
    at: Timestamp,
) -> Result<Option<ContentWarning>, Problem> {
    let before = api.sent_lately.find(campaign.account, fingerprint, at);
    let before = before.await?;
    let other = before.filter(|before| before.campaign != campaign.id);
    Ok(other.map(|before| ContentWarning {
        rule: "repeat.same_audience".to_owned(),
        detail: format!(
            "the campaign `{}` has the same content and the same audience, and begins less than a day from this one, at {}",
            before.campaign, before.at
        ),
        source: "Carillon: a mistake more often than a wish".to_owned(),
    }))
}
