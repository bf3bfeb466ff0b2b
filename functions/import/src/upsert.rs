//! One row's effect: one conditional write of one contact, which says that this import wrote it. Whoever finds that it says so already
//! has come after somebody who died, and leaves it.

use std::{collections::HashMap, future::Future, time::Duration};

use carillon_core::{
    consent::{ConsentRecord, Method},
    contact::{Contact, ContactError},
    id::{ConsentId, ContactId},
    import::{Before, ConsentBasis, Mark, Outcome, Row, Terms},
    keyed_hash::Purpose,
    recipients::RowError,
};
use carillon_store::{
    StoreError,
    contacts::{Marked, Stale},
    suppressions::OptedOut,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{ImportError, Importer, work::Hold};

/// How often a contact is tried that others change at the same time.
const TRIES: u32 = 8;
/// How often a call is tried that a table refuses: a new one takes 4,000 writes a second, and doubles that under load.
const CALLS: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// What became of a row.
pub(crate) struct Done {
    pub outcome: Outcome,
    pub error: Option<RowError>,
    pub is_suppressed: bool,
    pub has_consented: bool,
}

impl Done {
    pub(crate) fn refused(outcome: Outcome, error: RowError) -> Self {
        Self {
            outcome,
            error: Some(error),
            is_suppressed: false,
            has_consented: false,
        }
    }
}

pub(crate) type Known = HashMap<ContactId, Marked>;

impl Hold<'_> {
    pub(crate) async fn known<'r>(
        &self,
        terms: &Terms,
        rows: impl Iterator<Item = &'r Row>,
    ) -> Result<Known, StoreError> {
        let id = |row: &Row| self.importer.key.contact(terms.account, row.number);
        let ids: Vec<ContactId> = rows.map(id).collect();
        patiently(|| self.importer.contacts.find_marked(terms.account, &ids)).await
    }

    pub(crate) async fn bring(
        &self,
        terms: &Terms,
        opted_out: &OptedOut,
        row: &Row,
        known: &Known,
    ) -> Result<Done, ImportError> {
        let id = self.importer.key.contact(terms.account, row.number);
        let found = known.get(&id).cloned();
        let outcome = match self.upsert(terms, row, id, found).await? {
            Ok(outcome) => outcome,
            Err(error) => {
                let error = over_limit(row.line, &error);
                return Ok(Done::refused(Outcome::Rejected, error));
            }
        };
        let is_there = outcome != Outcome::Skipped;
        let hash = || self.importer.key.number(terms.account, row.number);
        let is_suppressed = is_there && !opted_out.is_empty() && opted_out.contains(&hash());
        let basis = terms.consent.as_ref();
        let basis = basis.filter(|_| is_there && !is_suppressed);
        if let Some(basis) = basis.filter(|_| !terms.dry_run) {
            self.record_consent(terms, row, basis).await?;
        }
        Ok(Done {
            outcome,
            error: None,
            is_suppressed,
            has_consented: basis.is_some(),
        })
    }

    async fn upsert(
        &self,
        terms: &Terms,
        row: &Row,
        id: ContactId,
        mut found: Option<Marked>,
    ) -> Result<Result<Outcome, ContactError>, ImportError> {
        let contacts = &self.importer.contacts;
        let now = Timestamp::now();
        let new = || Contact::new(terms.account, id, row.number, row.country, now);
        for _ in 0..TRIES {
            if let Some(outcome) = found.as_ref().and_then(|it| ours(terms, it)) {
                return Ok(Ok(outcome));
            }
            let there = found.as_ref().map(|found| &found.contact);
            let (after, effect) = match terms.apply(there, row, new, now) {
                None => return Ok(Ok(Outcome::Skipped)),
                Some(Err(error)) => return Ok(Err(error)),
                Some(Ok(applied)) => applied,
            };
            let outcome = Outcome::from(effect);
            if outcome == Outcome::Unchanged || terms.dry_run {
                return Ok(Ok(outcome));
            }
            let mark = Mark {
                import: terms.id,
                version: after.version,
                before: there.map(|there| Before::between(there, &after)),
                undone: false,
            };
            match patiently(|| contacts.save_marked(there, &after, &mark)).await? {
                Ok(()) => return Ok(Ok(outcome)),
                Err(Stale) => {
                    let again = contacts.find_marked(terms.account, &[id]).await?;
                    found = again.into_values().next();
                }
            }
        }
        Err(contended().into())
    }

    /// Once for an import and a number.
    async fn record_consent(
        &self,
        terms: &Terms,
        row: &Row,
        basis: &ConsentBasis,
    ) -> Result<(), StoreError> {
        let Importer { key, consents, .. } = self.importer;
        let ConsentBasis {
            scope,
            given,
            source,
            text,
            language,
            evidence,
        } = basis.clone();
        let number = row.number.digits().to_be_bytes();
        let import = terms.id.uuid();
        let hash = key.hash(Purpose::Fingerprint, &[import.as_bytes(), &number]);
        let random = hash.first_chunk().expect("a hash has 32 bytes");
        let record = ConsentRecord {
            id: ConsentId::from_uuid(Uuid::from_bytes(*random)),
            scope,
            method: Method::Import,
            given,
            recorded: Timestamp::now(),
            expires: None,
            source,
            text,
            language,
            evidence,
            identity: None,
            ip: None,
            user_agent: None,
            inbound: None,
            redacted: None,
        };
        patiently(|| consents.record(terms.account, row.number, &record))
            .await
            .map(drop)
    }
}

/// What this import made of a contact that it has written already.
fn ours(terms: &Terms, found: &Marked) -> Option<Outcome> {
    let mark = found.mark.as_ref()?;
    mark.stands(terms.id, &found.contact)
        .then_some(match mark.before {
            None => Outcome::Created,
            Some(_) => Outcome::Updated,
        })
}

/// Longer than the SDK tries.
pub(crate) async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..CALLS {
        match call().await {
            Err(StoreError::Busy { .. }) => tokio::time::sleep(pause).await,
            answer => return answer,
        }
        pause *= 2;
    }
    call().await
}

pub(crate) fn contended() -> StoreError {
    StoreError::Busy {
        operation: "write a contact",
        source: "others changed it each time".into(),
    }
}

fn over_limit(line: u64, error: &ContactError) -> RowError {
    let code = match error {
        ContactError::TooManyAttributes => "too_many_attributes",
        ContactError::TooLarge { .. } => "contact_too_large",
        ContactError::TooManyTags => "too_many_tags",
        ContactError::TooManyLists => "too_many_lists",
    };
    RowError {
        line,
        column: None,
        code,
        message: error.to_string(),
    }
}
