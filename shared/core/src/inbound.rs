//! A message from a handset, as the inbound queue carries it: already authenticated, with whose it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, EventId, GatewayAccountId},
    phone::Phone,
};

/// `Debug` shows neither the number nor the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedInbound {
    pub account: AccountId,
    /// The gateway account that brought it; none for the simulated gateway of test keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayAccountId>,
    pub from: Phone,
    /// Our number or short code, as the gateway writes it.
    pub to: String,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// When we got it.
    pub at: Timestamp,
}

impl QueuedInbound {
    /// The same for the same message, however often its gateway and its queue bring it: by the gateway's own id, where it has one.
    pub fn id(&self) -> EventId {
        let gateway = self.gateway.map(|id| id.to_string()).unwrap_or_default();
        let told = match &self.provider_id {
            Some(id) => format!("inbound.{gateway}.{id}"),
            None => format!(
                "inbound.{gateway}.{}.{}.{}.{}",
                self.from.e164(),
                self.to,
                self.at.as_millisecond(),
                self.text
            ),
        };
        EventId::of_text(&told)
    }
}

impl std::fmt::Debug for QueuedInbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("QueuedInbound");
        shown
            .field("account", &self.account)
            .field("from", &self.from);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> QueuedInbound {
        QueuedInbound {
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            gateway: Some("gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap()),
            from: Phone::from_e164("+447700900123").unwrap(),
            to: "12345".to_owned(),
            text: "Stop".to_owned(),
            provider_id: Some("SM1".to_owned()),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_message_that_is_brought_again_has_the_same_id() {
        let again = QueuedInbound {
            at: Timestamp::MAX,
            ..message()
        };
        let unnamed = QueuedInbound {
            provider_id: None,
            ..message()
        };
        let another = QueuedInbound {
            text: "Help".to_owned(),
            ..unnamed.clone()
        };

        assert_eq!(message().id(), again.id());
        assert_ne!(message().id(), unnamed.id());
        assert_ne!(another.id(), unnamed.id());
    }

    #[test]
    fn neither_number_nor_text_is_shown() {
        let shown = format!("{:?}", message());

        assert!(
            !shown.contains("447700900123") && !shown.contains("Stop"),
            "{shown}"
        );
    }
}
