//! The kinds of gateways, a closed list. A new one is a file, a variant, an arm of `open` and a row in the conformance list.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    FieldProblem, Gateway, africastalking::AfricasTalking, aws_sms::AwsSms, bandwidth::Bandwidth,
    clicksend::ClickSend, generic::Generic, infobip::Infobip, jasmin::Jasmin, kannel::Kannel,
    messagebird::Messagebird, plivo::Plivo, simulated::Simulated, sinch::Sinch, telnyx::Telnyx,
    twilio::Twilio, vonage_messages::VonageMessages, vonage_sms::VonageSms,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayKind {
    Africastalking,
    AwsSms,
    Bandwidth,
    Clicksend,
    /// Any HTTP API that a configuration can describe.
    Generic,
    Infobip,
    Jasmin,
    Kannel,
    Messagebird,
    Plivo,
    /// Answered by `carillon_core::simulated`, without HTTP.
    Simulated,
    Sinch,
    Telnyx,
    Twilio,
    VonageMessages,
    VonageSms,
}

impl GatewayKind {
    pub const ALL: [Self; 16] = [
        Self::Africastalking,
        Self::AwsSms,
        Self::Bandwidth,
        Self::Clicksend,
        Self::Generic,
        Self::Infobip,
        Self::Jasmin,
        Self::Kannel,
        Self::Messagebird,
        Self::Plivo,
        Self::Simulated,
        Self::Sinch,
        Self::Telnyx,
        Self::Twilio,
        Self::VonageMessages,
        Self::VonageSms,
    ];

    /// As stored and as it stands in the path of callbacks.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Africastalking => "africastalking",
            Self::AwsSms => "aws_sms",
            Self::Bandwidth => "bandwidth",
            Self::Clicksend => "clicksend",
            Self::Generic => "generic",
            Self::Infobip => "infobip",
            Self::Jasmin => "jasmin",
            Self::Kannel => "kannel",
            Self::Messagebird => "messagebird",
            Self::Plivo => "plivo",
            Self::Simulated => "simulated",
            Self::Sinch => "sinch",
            Self::Telnyx => "telnyx",
            Self::Twilio => "twilio",
            Self::VonageMessages => "vonage_messages",
            Self::VonageSms => "vonage_sms",
        }
    }

    /// Reads a configuration of this kind. The problems are about its shape; `Gateway::validate` looks at what it says.
    pub fn open(self, config: &Value) -> Result<Arc<dyn Gateway>, Vec<FieldProblem>> {
        Ok(match self {
            Self::Africastalking => Arc::new(AfricasTalking::open(config)?),
            Self::AwsSms => Arc::new(AwsSms::open(config)?),
            Self::Bandwidth => Arc::new(Bandwidth::open(config)?),
            Self::Clicksend => Arc::new(ClickSend::open(config)?),
            Self::Generic => Arc::new(Generic::open(config)?),
            Self::Infobip => Arc::new(Infobip::open(config)?),
            Self::Jasmin => Arc::new(Jasmin::open(config)?),
            Self::Kannel => Arc::new(Kannel::open(config)?),
            Self::Messagebird => Arc::new(Messagebird::open(config)?),
            Self::Plivo => Arc::new(Plivo::open(config)?),
            Self::Simulated => Arc::new(Simulated::open(config)?),
            Self::Sinch => Arc::new(Sinch::open(config)?),
            Self::Telnyx => Arc::new(Telnyx::open(config)?),
            Self::Twilio => Arc::new(Twilio::open(config)?),
            Self::VonageMessages => Arc::new(VonageMessages::open(config)?),
            Self::VonageSms => Arc::new(VonageSms::open(config)?),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of gateway: expected one of {list}", list = names())]
pub struct UnknownKind(String);

fn names() -> String {
    let names = GatewayKind::ALL.map(|kind| format!("`{kind}`"));
    names.join(", ")
}

impl FromStr for GatewayKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let unknown = || UnknownKind(name.chars().take(40).collect());
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(unknown)
    }
}

impl fmt::Display for GatewayKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
