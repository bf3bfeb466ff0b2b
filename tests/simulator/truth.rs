//! What really happened: counted here once, at the moment it happened, and nowhere else.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use serde::Serialize;

use crate::receipt::{Receipt, Status};

#[derive(Debug, Default)]
pub struct Truth {
    counts: Counts,
    receipts: ReceiptCounts,
    recipients: BTreeMap<u64, Recipient>,
    messages: Vec<Message>,
    /// By the caller's id; an id that was accepted twice leads to the first message.
    answered: HashMap<Arc<str>, FirstAnswer>,
    arrivals: Vec<Arrival>,
}

/// requests = accepted + deduplicated + refused + throttled + errors.
#[derive(Debug, Default, Clone, Serialize)]
struct Counts {
    requests: u64,
    accepted: u64,
    deduplicated: u64,
    refused: u64,
    throttled: u64,
    /// Neither sent nor said no to: 401, unreadable, 500, dropped, left hanging.
    errors: u64,
}

/// Forged ones are counted apart. posted = acknowledged + failed + those being tried.
#[derive(Debug, Default, Clone, Serialize)]
struct ReceiptCounts {
    /// Planned, and neither acknowledged nor given up.
    pending: u64,
    posted: u64,
    /// Tries after the first.
    retried: u64,
    acknowledged: u64,
    failed: u64,
    forged: u64,
    /// Must stay 0: a forged receipt that was answered with 2xx.
    forged_acknowledged: u64,
    /// Of the acknowledged.
    by_status: BTreeMap<Status, u64>,
}

#[derive(Debug, Default)]
struct Recipient {
    requests: u32,
    accepted: u32,
    messages: Vec<u32>,
    /// The heaviest of those that were told and acknowledged.
    status: Option<Status>,
}

#[derive(Debug)]
struct Message {
    reference: Arc<str>,
    to: u64,
    accepted_ms: i64,
    status: Option<Status>,
}

#[derive(Debug)]
struct Arrival {
    ms: i64,
    to: u64,
    from: String,
    parts: Option<u32>,
}

/// What an id was told first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAnswer {
    Accepted(u32),
    Refused,
}

#[derive(Debug, Serialize)]
pub struct Summary {
    #[serde(flatten)]
    counts: Counts,
    /// Numbers it was asked to send to, whatever it answered.
    distinct_recipients: usize,
    /// Messages accepted beyond a number's first.
    duplicates: u64,
    receipts: ReceiptCounts,
}

impl Truth {
    /// Counts a request whose end isn't known; the answer is how many there were before.
    pub fn request(&mut self) -> u64 {
        self.counts.requests += 1;
        self.counts.requests - 1
    }

    /// Notes that a request was read; the answer counts those for its number, from 1.
    pub fn arrival(&mut self, to: u64, from: &str, parts: Option<u32>, ms: i64) -> u32 {
        let from = from.to_owned();
        self.arrivals.push(Arrival {
            ms,
            to,
            from,
            parts,
        });
        let recipient = self.recipients.entry(to).or_default();
        recipient.requests += 1;
        recipient.requests
    }

    pub fn first_answer(&self, reference: &str) -> Option<FirstAnswer> {
        self.answered.get(reference).copied()
    }

    /// The answer is the new message's number.
    pub fn accepted(&mut self, reference: &str, to: u64, ms: i64) -> u32 {
        let message = u32::try_from(self.messages.len()).expect("fewer than four billion messages");
        let reference: Arc<str> = reference.into();
        self.answered
            .entry(Arc::clone(&reference))
            .or_insert(FirstAnswer::Accepted(message));
        self.messages.push(Message {
            reference,
            to,
            accepted_ms: ms,
            status: None,
        });
        let recipient = self.recipients.entry(to).or_default();
        recipient.accepted += 1;
        recipient.messages.push(message);
        self.counts.accepted += 1;
        message
    }

    pub fn refused(&mut self, reference: &str) {
        self.answered
            .entry(reference.into())
            .or_insert(FirstAnswer::Refused);
        self.counts.refused += 1;
    }

    pub fn deduplicated(&mut self) {
        self.counts.deduplicated += 1;
    }

    pub fn throttled(&mut self) {
        self.counts.throttled += 1;
    }

    pub fn error(&mut self) {
        self.counts.errors += 1;
    }

    pub fn receipts_planned(&mut self, receipts: &[Receipt]) {
        let honest = receipts.iter().filter(|receipt| !receipt.forged).count();
        self.receipts.pending += u64::try_from(honest).expect("a usize is at most 64 bits");
    }

    pub fn receipt_posted(&mut self) {
        self.receipts.posted += 1;
    }

    pub fn receipt_retried(&mut self) {
        self.receipts.retried += 1;
    }

    pub fn receipt_failed(&mut self) {
        self.receipts.pending -= 1;
        self.receipts.failed += 1;
    }

    pub fn receipt_acknowledged(&mut self, message: u32, status: Status) {
        self.receipts.pending -= 1;
        self.receipts.acknowledged += 1;
        *self.receipts.by_status.entry(status).or_default() += 1;
        let message = &mut self.messages[message as usize];
        let recipient = self.recipients.entry(message.to).or_default();
        if status.is_final() {
            message.status = message.status.max(Some(status));
            recipient.status = recipient.status.max(Some(status));
        }
    }

    pub fn forged_posted(&mut self) {
        self.receipts.forged += 1;
    }

    pub fn forged_acknowledged(&mut self) {
        self.receipts.forged_acknowledged += 1;
    }

    /// What the caller may know of its message: none unless it was accepted before `until_ms`.
    pub fn inquire(&self, reference: &str, until_ms: i64) -> Option<(u32, Status)> {
        let FirstAnswer::Accepted(number) = self.first_answer(reference)? else {
            return None;
        };
        let message = &self.messages[number as usize];
        (message.accepted_ms <= until_ms)
            .then(|| (number, message.status.unwrap_or(Status::Accepted)))
    }

    pub fn summary(&self) -> Summary {
        let accepted = self.recipients.values().map(|recipient| recipient.accepted);
        Summary {
            counts: self.counts.clone(),
            distinct_recipients: self.recipients.len(),
            duplicates: accepted
                .map(|count| u64::from(count.saturating_sub(1)))
                .sum(),
            receipts: self.receipts.clone(),
        }
    }

    /// One line of JSON for each number that was asked for, in the order of the numbers.
    pub fn recipients(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            to: String,
            requests: u32,
            accepted: u32,
            ids: Vec<&'a str>,
            status: Option<Status>,
        }
        lines(self.recipients.iter().map(|(to, recipient)| {
            Line {
                to: format!("+{to}"),
                requests: recipient.requests,
                accepted: recipient.accepted,
                ids: (recipient.messages.iter())
                    .map(|message| &*self.messages[*message as usize].reference)
                    .collect(),
                status: recipient.status,
            }
        }))
    }

    /// One line of JSON for each request that was read, in the order of arrival.
    pub fn arrivals(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            ms: i64,
            to: String,
            from: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            parts: Option<u32>,
        }
        lines(self.arrivals.iter().map(|arrival| Line {
            ms: arrival.ms,
            to: format!("+{}", arrival.to),
            from: &arrival.from,
            parts: arrival.parts,
        }))
    }
}

fn lines<T: Serialize>(rows: impl Iterator<Item = T>) -> String {
    rows.fold(String::new(), |mut text, row| {
        let line = serde_json::to_string(&row).expect("a row is strings and numbers");
        writeln!(text, "{line}").expect("a String takes everything");
        text
    })
}
