//! The gateway of test keys. `send` asks `carillon_core::simulated` what it does and makes no call, so there is little here; were
//! a call made all the same, it would go to a name that can't resolve.

use bytes::Bytes;
use carillon_core::{gateway::Capabilities, outcome::Outcome};
use http::{Method, Request, Uri};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Outgoing,
    Unreadable, WebhookCall, WebhookContents, fallback,
};

pub(crate) struct Simulated;

impl Simulated {
    /// There is nothing to configure.
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        match config {
            Value::Null => Ok(Self),
            Value::Object(fields) if fields.is_empty() => Ok(Self),
            _ => Err(vec![FieldProblem::new(
                "/config",
                "The simulated gateway takes no configuration. Leave it out.",
            )]),
        }
    }
}

impl Gateway for Simulated {
    fn validate(&self, _: &Credentials, _: &AllowedHosts) -> Vec<FieldProblem> {
        Vec::new()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            echoes_our_id: true,
            messages_per_request: 1,
            ..Capabilities::default()
        }
    }

    fn request(&self, _: &GatewayAccount, _: &[Outgoing], _: Timestamp) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("https://simulated.invalid/");
        request
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        vec![fallback::by_status(answer); messages.len()]
    }

    /// Nobody calls for it: its reports are put on the queue by `send`.
    fn authenticate(
        &self,
        _: &GatewayAccount,
        _: &WebhookCall,
        _: Timestamp,
    ) -> Result<(), Forged> {
        Err(Forged::Missing)
    }

    fn contents(&self, _: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        Ok(WebhookContents::default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_takes_no_configuration() {
        assert!(Simulated::open(&Value::Null).is_ok());
        assert!(Simulated::open(&json!({})).is_ok());
        assert!(Simulated::open(&json!({"url": "https://sms.example.net"})).is_err());
    }
}
