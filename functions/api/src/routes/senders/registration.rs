//! What is registered for a sender, as requests and answers say it.

use carillon_core::sender;
use carillon_runtime::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::check;

/// What networks want to know of a sender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// United States, ten-digit numbers: The Campaign Registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ten_dlc: Option<TenDlc>,
    /// United States and Canada, toll-free numbers: how far their verification is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    toll_free: Option<Progress>,
    /// India.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dlt: Option<Dlt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenDlc {
    #[schema(min_length = 1, max_length = 64)]
    brand: String,
    #[schema(min_length = 1, max_length = 64)]
    campaign: String,
    state: Progress,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Dlt {
    /// The principal entity's id.
    #[schema(min_length = 1, max_length = 64)]
    entity: String,
    /// The id of the registered text, for gateways that want it with each message.
    #[schema(min_length = 1, max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<String>,
}

/// How far a registration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Progress {
    Pending,
    Verified,
    Rejected,
}

impl Registration {
    pub fn check(self, pointer: &str) -> Result<sender::Registration, Problem> {
        let Self {
            ten_dlc,
            toll_free,
            dlt,
        } = self;
        Ok(sender::Registration {
            ten_dlc: ten_dlc.map(|it| it.check(pointer)).transpose()?,
            toll_free: toll_free.map(Into::into),
            dlt: dlt.map(|it| it.check(pointer)).transpose()?,
        })
    }
}

impl TenDlc {
    fn check(self, pointer: &str) -> Result<sender::TenDlc, Problem> {
        let Self {
            brand,
            campaign,
            state,
        } = self;
        Ok(sender::TenDlc {
            brand: check::word(&format!("{pointer}/ten_dlc/brand"), brand)?,
            campaign: check::word(&format!("{pointer}/ten_dlc/campaign"), campaign)?,
            state: state.into(),
        })
    }
}

impl Dlt {
    fn check(self, pointer: &str) -> Result<sender::Dlt, Problem> {
        let Self { entity, template } = self;
        let template = template.map(|id| check::word(&format!("{pointer}/dlt/template"), id));
        Ok(sender::Dlt {
            entity: check::word(&format!("{pointer}/dlt/entity"), entity)?,
            template: template.transpose()?,
        })
    }
}

impl From<sender::Registration> for Registration {
    fn from(registration: sender::Registration) -> Self {
        let sender::Registration {
            ten_dlc,
            toll_free,
            dlt,
        } = registration;
        let ten_dlc = ten_dlc.map(
            |sender::TenDlc {
                 brand,
                 campaign,
                 state,
             }| TenDlc {
                brand,
                campaign,
                state: state.into(),
            },
        );
        Self {
            ten_dlc,
            toll_free: toll_free.map(Into::into),
            dlt: dlt.map(|sender::Dlt { entity, template }| Dlt { entity, template }),
        }
    }
}

impl From<Progress> for sender::RegistrationState {
    fn from(progress: Progress) -> Self {
        match progress {
            Progress::Pending => Self::Pending,
            Progress::Verified => Self::Verified,
            Progress::Rejected => Self::Rejected,
        }
    }
}

impl From<sender::RegistrationState> for Progress {
    fn from(state: sender::RegistrationState) -> Self {
        match state {
            sender::RegistrationState::Pending => Self::Pending,
            sender::RegistrationState::Verified => Self::Verified,
            sender::RegistrationState::Rejected => Self::Rejected,
        }
    }
}
