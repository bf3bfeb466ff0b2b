//! A gateway that a configuration describes: how a request is worded, what its answers mean, where its reports keep what.

mod config;
mod path;
mod receive;
mod send;
mod source;
mod template;
#[cfg(test)]
pub(crate) mod tests;
mod validate;

use bytes::Bytes;
use carillon_core::{
    gateway::{Capabilities, Shared},
    outcome::{Inquiry, Outcome},
};
use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::{
    config::{Config, Dlr},
    template::{Template, Variable},
};
use crate::{
    AllowedHosts, Answer, Credentials, FieldProblem, Forged, Gateway, GatewayAccount, Outgoing,
    Unreadable, WebhookCall, WebhookContents, settings,
};

pub(crate) struct Generic {
    config: Config,
}

impl Generic {
    /// The problem points to the field that doesn't fit; there is one at most.
    pub(crate) fn open(config: &Value) -> Result<Self, Vec<FieldProblem>> {
        let config = settings::read(config)?;
        Ok(Self { config })
    }

    /// Whether reports carry something that we gave along.
    fn echoes_our_id(&self) -> bool {
        let given = self
            .sends(|variable| matches!(variable, Variable::Id | Variable::M | Variable::DlrUrl));
        given && self.config.dlr.is_some()
    }

    /// Whether a message carries such a variable.
    fn sends(&self, such: impl Fn(&Variable) -> bool) -> bool {
        let send = &self.config.send;
        let templates = [&send.url]
            .into_iter()
            .chain(send.headers.values())
            .chain(&send.body);
        let mut variables = templates.flat_map(Template::variables);
        variables.any(|(variable, _)| such(variable))
    }
}

impl Gateway for Generic {
    fn validate(&self, credentials: &Credentials, allowed: &AllowedHosts) -> Vec<FieldProblem> {
        validate::problems(&self.config, credentials, allowed)
    }

    fn capabilities(&self) -> Capabilities {
        let seconds = |seconds: u32| SignedDuration::from_secs(seconds.into());
        let abilities = &self.config.capabilities;
        Capabilities {
            deduplicates_for: abilities.deduplicates_for_seconds.map(seconds),
            settles_after: abilities
                .inquiry
                .as_ref()
                .map(|inquiry| seconds(inquiry.settles_after_seconds)),
            echoes_our_id: self.echoes_our_id(),
            messages_per_request: 1,
            shared: Shared::Nothing,
            signs_calls: self.config.dlr.as_ref().is_some_and(Dlr::is_signed),
            tells_dlt: self.sends(|variable| *variable == Variable::DltEntity),
            answers_keywords: false,
        }
    }

    fn request(
        &self,
        account: &GatewayAccount,
        messages: &[Outgoing],
        now: Timestamp,
    ) -> Request<Bytes> {
        send::request(&self.config.send, account, messages, now)
    }

    fn outcomes(&self, messages: &[Outgoing], answer: &Answer) -> Vec<Outcome> {
        vec![send::outcome(&self.config.send, answer); messages.len()]
    }

    fn inquire(
        &self,
        account: &GatewayAccount,
        message: &Outgoing,
        now: Timestamp,
    ) -> Option<Request<Bytes>> {
        let inquiry = self.config.capabilities.inquiry.as_ref()?;
        Some(send::inquire(inquiry, account, message, now))
    }

    fn inquired(&self, answer: &Answer) -> Inquiry {
        self.config
            .capabilities
            .inquiry
            .as_ref()
            .map_or(Inquiry::Unclear, |inquiry| send::inquired(inquiry, answer))
    }

    fn authenticate(
        &self,
        account: &GatewayAccount,
        call: &WebhookCall,
        now: Timestamp,
    ) -> Result<(), Forged> {
        match &self.config.dlr {
            Some(dlr) => receive::authenticate(&dlr.auth, &account.credentials, call, now),
            None => Ok(()),
        }
    }

    fn contents(&self, call: &WebhookCall) -> Result<WebhookContents, Unreadable> {
        receive::contents(self.config.dlr.as_ref(), self.config.mo.as_ref(), call)
    }

    fn reply(&self, _: &WebhookCall) -> Response<Bytes> {
        let default = config::Respond::default();
        let respond = self
            .config
            .dlr
            .as_ref()
            .map_or(&default, |dlr| &dlr.respond);
        receive::reply(respond)
    }
}
