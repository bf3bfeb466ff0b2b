//! How a gateway does, as all workers see it.

use carillon_core::{
    id::GatewayAccountId,
    rate::{Health, HealthState},
};
use carillon_runtime::problem::Problem;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{services::Api, time};

pub async fn health(api: &Api, gateway: GatewayAccountId) -> Result<Health, Problem> {
    let state = api.rate.look(gateway).await?;
    Ok(state.health(time::now()))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    state: HealthWord,
    /// When that began, where it is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    /// When an open one is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Why it opened.
    #[schema(example = "gateway.unavailable")]
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// SMS a second that it is sent at most now; left out, without limit.
    #[schema(example = 19.5)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pace: Option<f64>,
}

/// `closed`: it works. `open`: its calls failed, and nothing leaves by it until a time. `half_open`: the next message shows whether it
/// works again. `recovering`: it works, and is sent more each second until it is at its limit again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthWord {
    Closed,
    Open,
    HalfOpen,
    Recovering,
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        let Health {
            state,
            since,
            until,
            reason,
            pace,
        } = health;
        let state = match state {
            HealthState::Closed => HealthWord::Closed,
            HealthState::Open => HealthWord::Open,
            HealthState::HalfOpen => HealthWord::HalfOpen,
            HealthState::Recovering => HealthWord::Recovering,
        };
        Self {
            state,
            since,
            until,
            reason: reason.map(carillon_core::reason::Reason::code),
            pace: pace.map(carillon_core::rate::Pace::parts_per_second),
        }
    }
}
