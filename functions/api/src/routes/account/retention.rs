//! How long an account keeps what it could do without.

use carillon_core::{
    retention::{Class, Retention},
    safeguards::Safeguards,
};
use carillon_runtime::problem::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{check, fields::given};

/// In days.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetentionView {
    /// What was sent to whom and what became of it, from the end of its batch. Totals stay.
    messages_days: u16,
    /// What handsets wrote.
    inbound_days: u16,
    /// Uploads, rejected rows, stored events; exports, which end after 7 days in any case.
    files_days: u16,
    /// Who did what; without it, for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_days: Option<u16>,
}

/// What is left out stays. Consents and opt-outs are kept: they are what sending rests on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::option_option,
    reason = "left out, null and given are three things"
)]
pub struct RetentionChange {
    /// The link to opt out by works for as long.
    #[schema(minimum = 30, maximum = 180)]
    messages_days: Option<u16>,
    #[schema(minimum = 1, maximum = 400)]
    inbound_days: Option<u16>,
    /// A campaign that is planned further ahead finds its upload gone.
    #[schema(minimum = 30, maximum = 400)]
    files_days: Option<u16>,
    /// `null`: for good.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u16>, minimum = 365, maximum = 3650)]
    audit_days: Option<Option<u16>>,
}

impl RetentionChange {
    pub fn check(self, at: &str, before: Retention) -> Result<Retention, Problem> {
        let Self {
            messages_days,
            inbound_days,
            files_days,
            audit_days,
        } = self;
        let after = Retention {
            messages: messages_days.unwrap_or(before.messages),
            inbound: inbound_days.unwrap_or(before.inbound),
            files: files_days.unwrap_or(before.files),
            audit: audit_days.unwrap_or(before.audit),
        };
        for (class, days) in [
            (Class::Messages, Some(after.messages)),
            (Class::Inbound, Some(after.inbound)),
            (Class::Files, Some(after.files)),
            (Class::Audit, after.audit),
        ] {
            let allowed = class.days();
            if days.is_some_and(|days| !allowed.contains(&days)) {
                let (name, least, most) = (class.as_str(), allowed.start(), allowed.end());
                let words = format!(
                    "{name} are kept for {least} to {most} days; choose a number in between"
                );
                return Err(check::content(&format!("{at}/{name}_days"), &words));
            }
        }
        Ok(after)
    }
}

/// Frequency is looked up in what was sent: that must be there for as long.
pub fn keeps_enough(safeguards: &Safeguards) -> Result<(), Problem> {
    let hours = safeguards.frequency.iter().map(|cap| cap.hours).max();
    let needed = u64::from(hours.unwrap_or(0)).div_ceil(24);
    if u64::from(safeguards.retention.messages) >= needed {
        return Ok(());
    }
    let words = format!(
        "`frequency` counts messages of {needed} days, and messages are kept for {}; keep them longer, or count fewer days",
        safeguards.retention.messages
    );
    Err(check::content("/retention/messages_days", &words))
}

impl From<Retention> for RetentionView {
    fn from(kept: Retention) -> Self {
        let Retention {
            messages,
            inbound,
            files,
            audit,
        } = kept;
        Self {
            messages_days: messages,
            inbound_days: inbound,
            files_days: files,
            audit_days: audit,
        }
    }
}
