//! What the receipts queue carries: the reports of one webhook call, already authenticated, with what finds their message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    chunk::receipt::{Proof, ReceiptStatus},
    id::GatewayAccountId,
    message_id::MessageId,
    phone::Phone,
    reason::Reason,
    report::{Meaning, ReportWord, meaning},
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedReports {
    pub reports: Vec<QueuedReport>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueuedReport {
    pub about: About,
    pub word: ReportWord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    #[serde(default)]
    pub proof: Proof,
    /// When we got it.
    pub at: Timestamp,
}

impl QueuedReport {
    /// What it changes. A gateway's `unknown` is nothing, the sweeper's is a word of ours.
    pub fn meaning(&self) -> Option<Meaning> {
        match (self.word, self.proof) {
            (ReportWord::Unknown, Proof::Sweeper) => Some(Meaning {
                status: ReceiptStatus::Unknown,
                reason: None,
                read: false,
            }),
            (word, _) => meaning(word, self.reason),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum About {
    /// It echoed our id.
    Message {
        message: MessageId,
        attempt: u8,
        /// Believed only if it went by this gateway account; `None` where a tag proved it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<GatewayAccountId>,
    },
    /// It echoed the reference of a whole chunk and names the number.
    Recipient {
        /// Its slot says nothing.
        chunk: MessageId,
        attempt: u8,
        number: Phone,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<GatewayAccountId>,
    },
    /// It echoed nothing of ours.
    ProviderId {
        gateway: GatewayAccountId,
        id: String,
    },
}
