//! Who opened the tracked links of a batch or a campaign.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::{
    batch::Batch,
    click::{Click, LinkClicks},
    id::{BatchId, CampaignId},
    message_id::MessageId,
};
use carillon_runtime::{
    input::{InPath, Query},
    principal::{May, Principal, ReadCampaigns, ReadMessages},
    problem::Problem,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{batches, campaigns};
use crate::{
    list::{Asked, Page, PageQuery},
    services::Api,
    time,
};

/// The tracked links of a batch, counted now.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinksReport {
    /// In the order of the text.
    links: Vec<LinkReport>,
    #[schema(value_type = String, format = DateTime)]
    counted_at: Timestamp,
}

#[derive(Debug, Serialize, ToSchema)]
struct LinkReport {
    /// From 1, in the order of the text.
    link: usize,
    /// Where it leads, with placeholders.
    #[schema(example = "https://example.com/table?guest={{id}}")]
    address: String,
    /// Recipients who opened it.
    recipients: u64,
    /// How often people opened it.
    clicks: u64,
    /// The same by what they opened it with.
    devices: BTreeMap<&'static str, u64>,
    /// How often programs opened it: previews of messengers, scanners of links. They are no clicks.
    programs: u64,
}

/// A link was opened.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClickView {
    #[schema(value_type = String)]
    message: MessageId,
    link: usize,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `phone`, `tablet`, `computer` or `other`.
    device: &'static str,
    /// A preview of a messenger, a scanner of links.
    program: bool,
}

impl From<Click> for ClickView {
    fn from(click: Click) -> Self {
        let Click {
            message,
            link,
            at,
            visitor,
            request: _,
        } = click;
        Self {
            message,
            link: link + 1,
            at,
            device: visitor.device.as_str(),
            program: visitor.is_program,
        }
    }
}

impl LinkReport {
    fn new(link: usize, address: String, counted: &LinkClicks) -> Self {
        let devices = counted.devices.iter();
        Self {
            link: link + 1,
            address,
            recipients: counted.recipients(),
            clicks: counted.clicks,
            devices: devices
                .map(|(device, count)| (device.as_str(), *count))
                .collect(),
            programs: counted.programs,
        }
    }
}

/// How often each tracked link of a campaign was opened, and by how many.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/links", operation_id = "reportLinksOfCampaign", tag = "campaigns",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`cmp_…`")),
    responses((status = 200, description = "The count", body = LinksReport)),
)]
pub async fn links_of_campaign(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<CampaignId>,
) -> Result<Response, Problem> {
    let campaign = campaigns::find(&api, &who, id).await?;
    let batch = campaigns::batch_of(&api, &campaign).await?;
    report(&api, batch.as_ref()).await
}

/// How often each tracked link of a batch was opened, and by how many.
#[utoipa::path(
    get, path = "/v1/batches/{id}/links", operation_id = "reportLinksOfBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`")),
    responses((status = 200, description = "The count", body = LinksReport)),
)]
pub async fn links_of_batch(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
) -> Result<Response, Problem> {
    let batch = batches::find(&api, &who, id).await?;
    report(&api, Some(&batch)).await
}

/// The times when tracked links of a campaign were opened, in their order.
#[utoipa::path(
    get, path = "/v1/campaigns/{id}/clicks", operation_id = "listClicksOfCampaign", tag = "campaigns",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`cmp_…`"), PageQuery),
    responses((status = 200, description = "A page", body = Page<ClickView>)),
)]
pub async fn clicks_of_campaign(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<CampaignId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/campaigns/{id}/clicks");
    let asked = Asked::new(&api, &who, &path, query)?;
    let campaign = campaigns::find(&api, &who, id).await?;
    match campaigns::batch_of(&api, &campaign).await? {
        Some(batch) => page(&api, &who, batch.terms.id, &asked).await,
        None => Ok(asked.answer_until::<ClickView>(&api, &who, Vec::new(), None)),
    }
}

/// The times when tracked links of a batch were opened, in their order.
#[utoipa::path(
    get, path = "/v1/batches/{id}/clicks", operation_id = "listClicksOfBatch", tag = "batches",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "`bat_…`"), PageQuery),
    responses((status = 200, description = "A page", body = Page<ClickView>)),
)]
pub async fn clicks_of_batch(
    State(api): State<Api>,
    who: May<ReadMessages>,
    InPath(id): InPath<BatchId>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let path = format!("/v1/batches/{id}/clicks");
    let asked = Asked::new(&api, &who, &path, query)?;
    let batch = batches::find(&api, &who, id).await?;
    page(&api, &who, batch.terms.id, &asked).await
}

async fn report(api: &Api, batch: Option<&Batch>) -> Result<Response, Problem> {
    let counted_at = time::now();
    let links = batch.and_then(|batch| Some((batch.terms.id, batch.terms.content.links.as_ref()?)));
    let mut report = LinksReport {
        links: Vec::new(),
        counted_at,
    };
    if let Some((batch, links)) = links {
        let mut counted = vec![LinkClicks::default(); links.targets.len()];
        api.ledger
            .each_click(batch, |click| {
                if let Some(counted) = counted.get_mut(click.link) {
                    counted.add(&click);
                }
            })
            .await?;
        let each = links.targets.iter().zip(&counted).enumerate();
        report.links = each
            .map(|(link, (address, counted))| LinkReport::new(link, address.clone(), counted))
            .collect();
    }
    Ok(Json(report).into_response())
}

async fn page(
    api: &Api,
    who: &Principal,
    batch: BatchId,
    asked: &Asked,
) -> Result<Response, Problem> {
    let clicks = api
        .ledger
        .clicks(batch, asked.after.as_deref(), asked.reads());
    let place = |(place, _): &(String, Click)| place.clone();
    Ok(asked.answer(api, who, clicks.await?, place, |(_, click)| {
        Some(ClickView::from(click))
    }))
}
