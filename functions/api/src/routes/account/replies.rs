//! `/v1/account/replies`: what handsets are answered when they write STOP, START or HELP.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    id::GatewayAccountId,
    keyword::Language,
    replies::{NAMES, Replies, Reply},
    template::Template,
};
use carillon_runtime::{
    input::Input,
    principal::{May, ReadAccount, WriteAccount},
    problem::{Code, FieldError, Problem},
};
use carillon_store::records::Stale;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{act, check, edit, fields::given, services::Api, time};

/// Characters of a text at most: some parts of a message.
const TEXT: usize = 480;

#[derive(Debug, Serialize, ToSchema)]
pub struct RepliesView {
    /// Where people get help; HELP is answered with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    /// Of answers to messages whose words don't tell theirs; left out: that of the number's country.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    language: Option<Language>,
    stop: ReplyView,
    start: ReplyView,
    help: ReplyView,
    #[schema(value_type = Vec<String>)]
    answered_by: BTreeSet<GatewayAccountId>,
    #[schema(value_type = Vec<String>)]
    not_answered_by: BTreeSet<GatewayAccountId>,
    yes_starts: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reply)]
pub struct ReplyView {
    enabled: bool,
    /// By language, two letters. Languages that aren't there have Carillon's texts. Placeholders: `{{account}}`, `{{contact}}`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    texts: BTreeMap<Language, String>,
}

/// What is left out stays; what is given replaces what was there. `contact` and `language` are taken back by `null`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub struct RepliesChange {
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 100)]
    contact: Option<Option<String>>,
    /// Two letters. STOP is written in many languages, and in Brussels or Montréal the country doesn't tell either.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 2, example = "fr")]
    language: Option<Option<Language>>,
    stop: Option<ReplyView>,
    start: Option<ReplyView>,
    help: Option<ReplyView>,
    /// Gateways that answer these words themselves, though their kind usually doesn't: those messages aren't answered again.
    #[schema(value_type = Option<Vec<String>>)]
    answered_by: Option<BTreeSet<GatewayAccountId>>,
    /// Gateways of a kind that usually answers them, where that is switched off.
    #[schema(value_type = Option<Vec<String>>)]
    not_answered_by: Option<BTreeSet<GatewayAccountId>>,
    /// Whether YES is a START, of those who have opted out.
    yes_starts: Option<bool>,
}

/// What handsets are answered.
#[utoipa::path(
    get, path = "/v1/account/replies", operation_id = "getReplies", tag = "account",
    security(("key" = ["account:read"])),
    responses((status = 200, description = "The replies as they are now", body = RepliesView, headers(("ETag" = String)))),
)]
pub async fn get(State(api): State<Api>, who: May<ReadAccount>) -> Result<Response, Problem> {
    let replies = api.replies.find(who.account).await?;
    Ok(answer(replies))
}

/// Changes what handsets are answered, from their next message on.
#[utoipa::path(
    patch, path = "/v1/account/replies", operation_id = "changeReplies", tag = "account",
    security(("key" = ["account:write"])),
    params(("If-Match" = String, Header, description = "The `ETag` of the replies that you read, or `*`")),
    request_body = RepliesChange,
    responses((status = 200, description = "The replies as they are now", body = RepliesView, headers(("ETag" = String)))),
)]
pub async fn patch(
    State(api): State<Api>,
    who: May<WriteAccount>,
    headers: HeaderMap,
    Input { value, .. }: Input<RepliesChange>,
) -> Result<Response, Problem> {
    let expected = edit::expected(&headers, "replies")?;
    who.must_be_live()?;
    let before = api.replies.find(who.account).await?;
    if expected != edit::etag(before.version) && expected != "*" {
        return Err(edit::stale("replies"));
    }
    let after = changed(before, value)?;
    let audit = act::audit(&who, "replies.change", who.account, time::now());
    let written = api.replies.change(&after, &audit).await?;
    written.map_err(|Stale| edit::stale("replies"))?;
    Ok(answer(after))
}

fn changed(mut replies: Replies, change: RepliesChange) -> Result<Replies, Problem> {
    let RepliesChange {
        contact,
        language,
        stop,
        start,
        help,
        answered_by,
        not_answered_by,
        yes_starts,
    } = change;
    if let Some(contact) = contact {
        let contact = contact.map(|contact| check::name("/contact", &contact));
        replies.contact = contact.transpose()?;
    }
    for (pointer, given, kept) in [
        ("/stop", stop, &mut replies.stop),
        ("/start", start, &mut replies.start),
        ("/help", help, &mut replies.help),
    ] {
        if let Some(given) = given {
            *kept = checked(pointer, given)?;
        }
    }
    replies.language = language.unwrap_or(replies.language);
    replies.answered_by = answered_by.unwrap_or(replies.answered_by);
    replies.not_answered_by = not_answered_by.unwrap_or(replies.not_answered_by);
    replies.yes_starts = yes_starts.unwrap_or(replies.yes_starts);
    replies.version += 1;
    Ok(replies)
}

fn checked(pointer: &str, given: ReplyView) -> Result<Reply, Problem> {
    let ReplyView { enabled, texts } = given;
    for (language, text) in &texts {
        let pointer = format!("{pointer}/texts/{language}");
        let template = template(&pointer, text)?;
        if text.chars().count() > TEXT {
            let words = format!("the text is longer than {TEXT} characters; shorten it");
            return Err(check::content(&pointer, &words));
        }
        if let Some(unknown) = template.unknown(&NAMES).first() {
            let words = format!("there is no `{unknown}` here; use `account` or `contact`");
            return Err(check::content(&pointer, &words));
        }
        if !text.contains("{{account}}") {
            let words = "the text doesn't say who it is from; begin it with `{{account}}`";
            return Err(check::content(&pointer, &words));
        }
    }
    Ok(Reply { enabled, texts })
}

fn template(pointer: &str, text: &str) -> Result<Template, Problem> {
    let refused = |words: &dyn std::fmt::Display| {
        let error = FieldError::new(pointer, Code::InvalidText.as_str(), words);
        Problem::of_fields(Code::InvalidText, vec![error])
    };
    if text.trim().is_empty() {
        return Err(refused(&"the text is empty; write one"));
    }
    Template::parse(text).map_err(|error| refused(&error))
}

fn answer(replies: Replies) -> Response {
    let Replies {
        account: _,
        contact,
        language,
        stop,
        start,
        help,
        answered_by,
        not_answered_by,
        yes_starts,
        version,
    } = replies;
    let view = |Reply { enabled, texts }| ReplyView { enabled, texts };
    let view = RepliesView {
        contact,
        language,
        stop: view(stop),
        start: view(start),
        help: view(help),
        answered_by,
        not_answered_by,
        yes_starts,
    };
    let tag = [(header::ETAG, edit::etag(version))];
    (tag, Json(view)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(language: &str, text: &str) -> ReplyView {
        let texts = BTreeMap::from([(language.parse().unwrap(), text.to_owned())]);
        ReplyView {
            enabled: true,
            texts,
        }
    }

    #[test]
    fn a_text_says_who_it_is_from_and_nothing_that_nobody_knows() {
        let long = format!("{{{{account}}}}{}", "x".repeat(TEXT));
        for (name, text, expected) in [
            ("sound", "{{account}}: bye. Help: {{contact}}", None),
            ("nameless", "Bye", Some(Code::InvalidContent)),
            (
                "a placeholder of nothing",
                "{{account}} {{name}}",
                Some(Code::InvalidContent),
            ),
            ("too long", long.as_str(), Some(Code::InvalidContent)),
            ("empty", " ", Some(Code::InvalidText)),
            ("open braces", "{{account", Some(Code::InvalidText)),
        ] {
            let checked = checked("/stop", given("en", text));

            let refused = checked.as_ref().err();
            assert_eq!(refused.map(|problem| problem.code), expected, "{name}");
            let pointer = refused.and_then(|problem| problem.errors.first());
            assert!(
                pointer.is_none_or(|error| error.pointer == "/stop/texts/en"),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        let before = Replies {
            contact: Some("help@acme.example".to_owned()),
            version: 3,
            ..Replies::of("acc_01h455vb4pex5vsknk084sn02q".parse().unwrap())
        };
        let change = RepliesChange {
            contact: None,
            language: None,
            stop: Some(given("fr", "{{account}} : au revoir")),
            start: None,
            help: None,
            answered_by: None,
            not_answered_by: None,
            yes_starts: Some(false),
        };

        let after = changed(before.clone(), change).unwrap();

        assert_eq!((after.contact, after.version), (before.contact, 4));
        assert_eq!(after.stop.texts.len(), 1);
        assert_eq!((after.help, after.yes_starts), (before.help, false));
    }
}
