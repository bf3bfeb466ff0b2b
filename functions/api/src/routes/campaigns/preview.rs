//! Looking at a campaign's texts before it begins, and sending some to oneself.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    api_key::Mode,
    batch::DoubtPolicy,
    campaign::{Audience, Campaign},
    content::{LANGUAGE, Texts},
    frame::Recipient,
    id::CampaignId,
    phone::Phone,
    segments::segment,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, ReadCampaigns, WriteCampaigns},
    problem::{Code, Problem},
};
use http::StatusCode;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find,
    ready::{self, Ready},
    sample::{Limits, Row, sample},
};
use crate::{
    check,
    deliver::{Drawn, Sending, deliver},
    fields::{RecipientInput, To},
    once::{Answer, Once},
    pin,
    routes::messages::Accepted,
    services::Api,
    time,
    warnings::{self, ContentWarning, Sent},
};

/// Rows of a preview, and numbers of a test.
const FEW: usize = 5;
/// Contacts that are looked at for them.
const CONTACTS: usize = 2_500;

#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// The first rows that can be sent to.
    data: Vec<PreviewRow>,
    /// What is wrong with rows before them.
    problems: Vec<PreviewProblem>,
    /// What networks and laws may take amiss in these texts, and that the same was sent to the same audience lately. It can be
    /// started all the same.
    warnings: Vec<ContentWarning>,
}

#[derive(Debug, Serialize, ToSchema)]
struct PreviewRow {
    to: String,
    text: String,
    /// How many SMS it is.
    parts: u32,
    /// `GSM-7` or `UCS-2`.
    encoding: &'static str,
    /// Septets or UTF-16 code units.
    units: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct PreviewProblem {
    /// Of the file, from 1.
    line: u64,
    code: String,
    detail: String,
}

/// The first texts of a campaign as they would be sent.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/preview", operation_id = "previewCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "Up to five texts", body = Preview)),
)]
pub async fn preview(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = find(&api, &who, id).await?;
    let Ready {
        wording,
        fingerprint,
    } = ready::to_begin(&api, &campaign).await?;
    let rows = first_rows(&api, &campaign, &wording.texts).await?;
    let name = warnings::name(&api, who.account).await?;
    let at = campaign.begins(time::now());
    let repeated = warnings::repeated(&api, &campaign, &fingerprint, at).await?;
    let mut preview = shown(rows, &wording.texts, |recipient, text| {
        warnings_of(&campaign, &wording.texts, name.as_deref(), recipient, text)
    });
    preview.warnings.extend(repeated);
    Ok(Json(preview).into_response())
}

fn warnings_of(
    campaign: &Campaign,
    texts: &Texts,
    name: Option<&str>,
    recipient: &Recipient,
    text: &str,
) -> Vec<ContentWarning> {
    let language = recipient.vars.get(LANGUAGE).map(String::as_str);
    let (_, template) = texts.in_language(language);
    let sent = Sent {
        class: campaign.class,
        sender: campaign.sender.clone(),
        country: recipient.country.or_else(|| recipient.number.country()),
    };
    warnings::of_text(template, text, name, &sent)
}

fn shown(
    rows: Vec<Row>,
    texts: &Texts,
    warnings: impl Fn(&Recipient, &str) -> Vec<ContentWarning>,
) -> Preview {
    let mut preview = Preview {
        data: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    for Row {
        line, recipient, ..
    } in rows
    {
        let recipient = recipient.map_err(|error| (error.code.to_owned(), error.message));
        let rendered = recipient.and_then(|recipient| {
            let text = text_of(texts, &recipient)?;
            Ok((recipient, text))
        });
        match rendered {
            Ok((recipient, text)) => {
                for warning in warnings(&recipient, &text) {
                    if !preview.warnings.contains(&warning) {
                        preview.warnings.push(warning);
                    }
                }
                preview.data.push(PreviewRow::new(recipient.number, text));
            }
            Err((code, detail)) => preview.problems.push(PreviewProblem { line, code, detail }),
        }
    }
    preview
}

fn text_of(texts: &Texts, recipient: &Recipient) -> Result<String, (String, String)> {
    let value = |name: &str| recipient.vars.get(name).map(String::as_str);
    let code = || Code::UnknownPlaceholder.as_str().to_owned();
    texts
        .render(value, None)
        .map_err(|error| (code(), error.to_string()))
}

impl PreviewRow {
    fn new(number: Phone, text: String) -> Self {
        let segments = segment(&text);
        Self {
            to: number.e164(),
            text,
            parts: segments.parts,
            encoding: segments.encoding.name(),
            units: segments.units,
        }
    }
}

/// The rows from the beginning up to the fifth good one.
async fn first_rows(api: &Api, campaign: &Campaign, texts: &Texts) -> Result<Vec<Row>, Problem> {
    let limits = Limits {
        good: FEW,
        rows: match campaign.audience {
            Audience::Contacts { .. } => CONTACTS,
            _ => 10 * FEW,
        },
        bytes: check::FILE_START,
    };
    Ok(sample(api, campaign, texts, limits).await?.rows)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// Up to five numbers in E.164.
    to: Vec<String>,
    /// Values of the text's placeholders; left out, those of the first row.
    vars: Option<BTreeMap<String, String>>,
}

/// Sends the campaign's text to up to five numbers, now.
#[utoipa::path(
    post, path = "/v1/campaigns/{id}/test", operation_id = "testCampaign", tag = "campaigns",
    security(("key" = ["campaigns:write"])),
    params(("id" = String, Path, description = "`cmp_…`"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = TestRequest,
    responses((status = 202, description = "On its way", body = Accepted)),
)]
pub async fn test(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    InPath(id): InPath<CampaignId>,
    once: Once,
    Input { value, raw }: Input<TestRequest>,
) -> Result<Response, Problem> {
    let work = async |drawn: Drawn| {
        let sending = test_sending(&api, &who, id, value, drawn).await?;
        let taken = deliver(&api, sending, drawn).await?;
        let accepted = Accepted::new(drawn.batch, taken, None);
        Ok(Answer::new(StatusCode::ACCEPTED, &accepted))
    };
    once.run(&api, &who, &raw, Drawn::now(time::now()), work)
        .await
}

async fn test_sending(
    api: &Api,
    who: &Principal,
    id: CampaignId,
    TestRequest { to, vars }: TestRequest,
    drawn: Drawn,
) -> Result<Sending, Problem> {
    let campaign = find(api, who, id).await?;
    let wording = super::wording(api, &campaign).await?;
    let vars = match vars {
        Some(vars) => vars,
        None => first_values(api, &campaign, &wording.texts).await?,
    };
    let list = to.into_iter().map(|to| RecipientInput {
        to,
        vars: vars.clone(),
        reference: None,
        bare: true,
    });
    let place = check::Place {
        pointer: "/to",
        most: FEW,
        country: None,
    };
    let recipients = check::to(To::Many(list.collect()), &place, &wording.texts)?;
    check::distinct(&recipients, "/to")?;
    let mode = if campaign.test { Mode::Test } else { who.mode };
    let wanted = pin::Wanted {
        mode,
        lane: campaign.lane,
        sender: campaign.sender.as_ref(),
        recipients: Some(&recipients),
    };
    let pinned = pin::pin_send(api, who.account, wanted, drawn.batch).await?;
    Ok(Sending {
        account: who.account,
        campaign: Some(id),
        test: mode == Mode::Test,
        recipients,
        pinned,
        content: wording.content,
        texts: wording.texts,
        lane: carillon_core::batch::Lane::High,
        policy: DoubtPolicy::AtMostOnce,
        class: carillon_core::rules::Class::Transactional,
        quiet_hours: campaign.policies.quiet_hours,
        valid_for: SignedDuration::from_secs(campaign.policies.valid_for),
        send_at: None,
    })
}

async fn first_values(
    api: &Api,
    campaign: &Campaign,
    texts: &Texts,
) -> Result<BTreeMap<String, String>, Problem> {
    let rows = first_rows(api, campaign, texts).await?;
    let first = rows.into_iter().find_map(|row| row.recipient.ok());
    Ok(first.map(|recipient| recipient.vars).unwrap_or_default())
}
