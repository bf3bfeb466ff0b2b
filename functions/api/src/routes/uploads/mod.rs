//! `/v1/uploads`: files of recipients. The file goes straight to S3, by a form that this gives.

pub mod look;

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use carillon_core::id::UploadId;
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, ReadCampaigns, WriteCampaigns},
    problem::Problem,
    random,
};
use carillon_store::{
    upload_form::{MAX_BYTES, Purpose, UploadForm},
    uploads::{Upload, UploadFormat},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    act, check,
    once::{Answer, Once},
    services::Api,
    time,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadRequest {
    /// For a form in a browser: the page of this deployment that it goes on to when the file is there, with the upload's id as
    /// `upload` in its query.
    #[schema(max_length = 200, example = "/imports/map")]
    then: Option<String>,
}

/// Where to put the file: `multipart/form-data` with the fields as they are, then the file in a field called `file`.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadSlot {
    #[schema(value_type = String)]
    id: UploadId,
    url: String,
    fields: BTreeMap<String, String>,
    max_bytes: u64,
    /// When the form ends.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
}

/// Makes a place for a CSV of recipients.
#[utoipa::path(
    post, path = "/v1/uploads", operation_id = "createUpload", tag = "uploads",
    security(("key" = ["campaigns:write"])),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = UploadRequest,
    responses((status = 201, description = "Where to put the file", body = UploadSlot)),
)]
pub async fn create(
    State(api): State<Api>,
    who: May<WriteCampaigns>,
    once: Once,
    Input {
        value: UploadRequest { then },
        raw,
    }: Input<UploadRequest>,
) -> Result<Response, Problem> {
    if then.as_deref().is_some_and(|then| !is_page(then)) {
        let words = "expected the path of a page, as `/imports/map`, of at most 200 characters";
        return Err(check::content("/then", &words));
    }
    let now = time::now();
    let work = async |id: UploadId| {
        let upload = Upload {
            id,
            account: who.account,
            format: UploadFormat::Csv,
            created: now,
        };
        let audit = act::audit(&who, "upload.create", id, now);
        api.uploads.create(&upload, &audit).await?;
        let url = &api.settings.public_url;
        let then = then.as_ref().map(|then| format!("{url}{then}?upload={id}"));
        let purpose = Purpose {
            account: who.account,
            upload: id,
            then: then.as_deref(),
        };
        let form = api.upload_forms.sign(purpose, now).await?;
        let UploadForm {
            url,
            fields,
            expires,
        } = form;
        let slot = UploadSlot {
            id,
            url,
            fields,
            max_bytes: MAX_BYTES,
            expires,
        };
        Ok(Answer::new(StatusCode::CREATED, &slot).at(format!("/v1/uploads/{id}")))
    };
    once.run(&api, &who, &raw, random::id(now), work).await
}

/// Behind the deployment's own address, so that the form leads nowhere else.
fn is_page(then: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte);
    then.len() <= 200 && then.starts_with('/') && !then.contains("//") && then.bytes().all(plain)
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UploadView {
    #[schema(value_type = String)]
    id: UploadId,
    /// Whether the file is there.
    arrived: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
}

/// Whether an upload has arrived.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", operation_id = "getUpload", tag = "uploads",
    security(("key" = ["campaigns:read"])),
    params(("id" = String, Path, description = "`upl_…`")),
    responses((status = 200, description = "The upload as it is now", body = UploadView)),
)]
pub async fn get(
    State(api): State<Api>,
    who: May<ReadCampaigns>,
    InPath(id): InPath<UploadId>,
) -> Result<Response, Problem> {
    let upload = api.uploads.find(who.account, id).await?;
    let Upload { id, created, .. } = upload.ok_or_else(|| Problem::not_found("upload"))?;
    let arrived = api.files.find_upload(who.account, id).await?;
    let bytes = arrived.map(|arrived| arrived.bytes);
    let view = UploadView {
        id,
        arrived: bytes.is_some(),
        bytes,
        created,
    };
    Ok(Json(view).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_pages_of_this_deployment_only() {
        for (name, then, expected) in [
            ("a page", "/imports/map", true),
            ("another host", "//evil.example/", false),
            (
                "another host, by what is before it",
                ".evil.example/",
                false,
            ),
            ("somebody's password", "@evil.example/", false),
            ("with a query", "/imports/map?upload=upl_1", false),
            ("with a space", "/imports /map", false),
        ] {
            assert_eq!(is_page(then), expected, "{name}");
        }
    }
}
