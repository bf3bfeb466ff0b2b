//! Trying a gateway out.

use axum::{extract::State, response::Response};
use carillon_core::{
    api_key::Mode,
    batch::{DoubtPolicy, Lane, QuietHours},
    id::GatewayAccountId,
    originator::Originator,
    rules::Class,
};
use carillon_runtime::{
    input::{InPath, Input},
    principal::{May, Principal, SendMessages},
    problem::{Code, Problem},
};
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use utoipa::ToSchema;

use super::find;
use crate::{
    check,
    deliver::{Drawn, Sending, deliver},
    fields::To,
    once::{Answer, Once},
    pin::{self, Pinned},
    routes::messages::Accepted,
    services::Api,
    time, wording,
};

const TEST_TEXT: &str = "Carillon test";
const TEST_VALID_FOR: SignedDuration = SignedDuration::from_mins(5);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayTest {
    /// A number in E.164.
    to: String,
    /// A number, a short code, or a name of up to 11 characters.
    sender: Option<String>,
}

/// Sends one SMS by this gateway, and by no other: "Carillon test".
#[utoipa::path(
    post, path = "/v1/gateways/{id}/test", operation_id = "testGateway", tag = "gateways",
    security(("key" = ["messages:send"])),
    params(("id" = String, Path, description = "`gwa_…`"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = GatewayTest,
    responses((status = 202, description = "On its way; the message tells what came of it", body = Accepted)),
)]
pub async fn test(
    State(api): State<Api>,
    who: May<SendMessages>,
    InPath(id): InPath<GatewayAccountId>,
    once: Once,
    Input { value, raw }: Input<GatewayTest>,
) -> Result<Response, Problem> {
    let GatewayTest { to, sender } = value;
    let sender = check::sender("/sender", sender)?;
    let wording = wording::read(&api.settings, TEST_TEXT.into(), "/text")?;
    let place = check::Place {
        pointer: "/to",
        most: 1,
        country: None,
    };
    let recipients = check::to(To::One(to), &place, &wording.texts)?;
    let sending = |pinned| Sending {
        account: who.account,
        campaign: None,
        test: who.mode == Mode::Test,
        recipients,
        content: wording.content,
        texts: wording.texts,
        pinned,
        lane: Lane::High,
        policy: DoubtPolicy::AtMostOnce,
        class: Class::Transactional,
        quiet_hours: QuietHours::Hold,
        valid_for: TEST_VALID_FOR,
        send_at: None,
    };
    let work = async |drawn: Drawn| {
        let sending = sending(pinned(&api, &who, id, sender.as_ref()).await?);
        let taken = deliver(&api, sending, drawn).await?;
        let accepted = Accepted::new(drawn.batch, taken, None);
        Ok(Answer::new(StatusCode::ACCEPTED, &accepted))
    };
    once.run(&api, &who, &raw, Drawn::now(time::now()), work)
        .await
}

async fn pinned(
    api: &Api,
    who: &Principal,
    id: GatewayAccountId,
    sender: Option<&Originator>,
) -> Result<Pinned, Problem> {
    let (gateway, _) = find(api, who, id).await?;
    pin::only(&gateway, sender).ok_or_else(|| {
        let detail = "The gateway's configuration can't be used any more. Add the gateway anew.";
        Problem::new(Code::InvalidState, detail)
    })
}
