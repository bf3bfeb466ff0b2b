//! Each account's safeguards as this environment knows them, and what they say of a chunk's messages now.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
};

use carillon_core::{
    batch::BatchTerms,
    chunk::slot::SlotOutcome,
    frame::Recipient,
    hours::Hours,
    id::AccountId,
    reason::Reason,
    rules::Class,
    safeguards::{Safeguards, Subject, Verdict},
};
use carillon_store::{StoreError, safeguards::SafeguardStore};
use jiff::{SignedDuration, Timestamp};

use crate::ways::Ways;

/// So that a switch acts within seconds.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(2);
/// Accounts kept at most.
const KEPT: usize = 256;

pub struct SafeguardCache {
    store: SafeguardStore,
    known: Mutex<HashMap<AccountId, (Arc<Safeguards>, Timestamp)>>,
}

impl SafeguardCache {
    pub fn new(store: SafeguardStore) -> Self {
        Self {
            store,
            known: Mutex::default(),
        }
    }

    /// As they were two seconds ago at most.
    pub async fn look(
        &self,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Arc<Safeguards>, StoreError> {
        let known = self.lock().get(&account).cloned();
        if let Some((safeguards, _)) =
            known.filter(|(_, looked)| now.duration_since(*looked) < KEPT_FOR)
        {
            return Ok(safeguards);
        }
        let safeguards = Arc::new(self.store.find(account).await?);
        let mut all = self.lock();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(account, (safeguards.clone(), now));
        Ok(safeguards)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, (Arc<Safeguards>, Timestamp)>> {
        self.known
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}

/// What a chunk's messages depend on, read once.
pub struct Subjects<'a> {
    terms: &'a BatchTerms,
    recipients: &'a [Recipient],
    ways: &'a Ways,
    /// By the text of their key; a key that can't be read has none.
    hours: BTreeMap<&'a str, Hours>,
}

impl<'a> Subjects<'a> {
    pub fn of(terms: &'a BatchTerms, recipients: &'a [Recipient], ways: &'a Ways) -> Self {
        let mut hours = BTreeMap::new();
        if terms.class == Class::Marketing || terms.local.is_some() {
            for key in recipients.iter().filter_map(Recipient::hours) {
                if let Ok(read) = key.parse() {
                    hours.entry(key).or_insert(read);
                }
            }
        }
        Self {
            terms,
            recipients,
            ways,
            hours,
        }
    }

    /// By slot. What a test key sends never leaves: nothing is said of it but who was erased.
    pub fn verdicts(&self, safeguards: &Safeguards, now: Timestamp) -> Vec<Verdict> {
        let verdict = |(slot, recipient): (usize, &Recipient)| {
            if recipient.is_erased() {
                return Verdict::End(SlotOutcome::Suppressed, Reason::OptedOut);
            }
            if self.terms.test {
                return Verdict::Go;
            }
            let sender = self.ways.first_sender(&self.terms.routing, slot);
            let subject = Subject {
                class: self.terms.class,
                country: recipient.country,
                hours: recipient.hours().and_then(|key| self.hours.get(key)),
                sender: sender.map(|sender| &sender.originator),
                campaign: self.terms.campaign,
                quiet_hours: self.terms.quiet_hours,
                local: self.terms.local,
            };
            safeguards.verdict(&subject, now)
        };
        self.recipients.iter().enumerate().map(verdict).collect()
    }
}
