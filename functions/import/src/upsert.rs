//! What rows do to contacts: one conditional write of each contact, which says that this import wrote it. Whoever finds that it says so
//! already has come after somebody who died, and leaves it. Writes go together, a hundred in a transaction; where somebody else
//! changed one of them, all of that transaction go alone.

use std::{collections::HashMap, future::Future, time::Duration};

use carillon_core::{
    consent::{ConsentRecord, Method},
    contact::{Contact, ContactError},
    id::{ConsentId, ContactId},
    import::{Before, ConsentBasis, Mark, Outcome, Row, Terms},
    keyed_hash::Purpose,
    phone::Phone,
    recipients::RowError,
};
use carillon_store::{
    StoreError,
    consents::TOGETHER,
    contacts::{Marked, MarkedWrite, Stale, packs},
    suppressions::OptedOut,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{ImportError, work::Hold};

/// Transactions on their way at once.
const PACKS: usize = 8;
/// Contacts that are written alone, at once.
pub(crate) const ALONE: usize = 32;
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

    /// What the rows came to, in their order. No number may be there twice.
    pub(crate) async fn bring(
        &self,
        terms: &Terms,
        opted_out: &OptedOut,
        rows: &[&Row],
    ) -> Result<Vec<Done>, ImportError> {
        let outcomes = self.upsert(terms, rows).await?;
        let (mut all, mut agreed) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, outcome) in rows.iter().zip(outcomes) {
            let outcome = match outcome {
                Ok(outcome) => outcome,
                Err(error) => {
                    let error = over_limit(row.line, &error);
                    all.push(Done::refused(Outcome::Rejected, error));
                    continue;
                }
            };
            let is_there = outcome != Outcome::Skipped;
            let hash = || self.importer.key.number(terms.account, row.number);
            let is_suppressed = is_there && !opted_out.is_empty() && opted_out.contains(&hash());
            let basis = terms.consent.as_ref();
            let basis = basis.filter(|_| is_there && !is_suppressed);
            agreed.extend(basis.map(|basis| (row.number, self.consent(terms, row, basis))));
            all.push(Done {
                outcome,
                error: None,
                is_suppressed,
                has_consented: basis.is_some(),
            });
        }
        if !terms.dry_run {
            self.record(terms, &agreed).await?;
        }
        Ok(all)
    }

    async fn upsert(
        &self,
        terms: &Terms,
        rows: &[&Row],
    ) -> Result<Vec<Result<Outcome, ContactError>>, ImportError> {
        let known = self.known(terms, rows.iter().copied()).await?;
        let now = Timestamp::now();
        let mut outcomes = Vec::with_capacity(rows.len());
        let (mut places, mut writes) = (Vec::new(), Vec::new());
        for (place, row) in rows.iter().enumerate() {
            let id = self.importer.key.contact(terms.account, row.number);
            outcomes.push(step(terms, row, id, known.get(&id), now).map(|step| {
                places.extend(step.write.as_ref().map(|_| place));
                writes.extend(step.write);
                step.outcome
            }));
        }
        drop(known);
        let left = self.write(writes, places).await?;
        let alone = async |place: usize| {
            let outcome = self.upsert_alone(terms, rows[place]).await?;
            Ok::<_, ImportError>((place, outcome))
        };
        let mut alone = stream::iter(left).map(alone).buffer_unordered(ALONE);
        while let Some((place, outcome)) = alone.try_next().await? {
            outcomes[place] = outcome;
        }
        Ok(outcomes)
    }

    /// Makes writes, together as far as they fit. Those that weren't made, by what stands in their place in `names`.
    pub(crate) async fn write<T>(
        &self,
        writes: Vec<MarkedWrite>,
        names: Vec<T>,
    ) -> Result<Vec<T>, StoreError> {
        let contacts = &self.importer.contacts;
        let one = async |pack: Vec<MarkedWrite>| {
            let written = patiently(|| contacts.write_marked(&pack)).await?;
            Ok::<_, StoreError>(vec![written; pack.len()])
        };
        let written: Vec<Vec<Result<(), Stale>>> = stream::iter(packs(writes))
            .map(one)
            .buffered(PACKS)
            .try_collect()
            .await?;
        let written = names.into_iter().zip(written.into_iter().flatten());
        let left = written.filter(|(_, written)| written.is_err());
        Ok(left.map(|(name, _)| name).collect())
    }

    async fn upsert_alone(
        &self,
        terms: &Terms,
        row: &Row,
    ) -> Result<Result<Outcome, ContactError>, ImportError> {
        let contacts = &self.importer.contacts;
        let id = self.importer.key.contact(terms.account, row.number);
        for _ in 0..TRIES {
            let found = self.known(terms, [row].into_iter()).await?;
            let Step { outcome, write } =
                match step(terms, row, id, found.get(&id), Timestamp::now()) {
                    Ok(step) => step,
                    Err(error) => return Ok(Err(error)),
                };
            let writes: Vec<MarkedWrite> = write.into_iter().collect();
            if writes.is_empty() || patiently(|| contacts.write_marked(&writes)).await?.is_ok() {
                return Ok(Ok(outcome));
            }
        }
        Err(contended().into())
    }

    async fn record(
        &self,
        terms: &Terms,
        agreed: &[(Phone, ConsentRecord)],
    ) -> Result<(), StoreError> {
        let consents = &self.importer.consents;
        let one = |agreed| patiently(move || consents.record_together(terms.account, agreed));
        stream::iter(agreed.chunks(TOGETHER))
            .map(one)
            .buffer_unordered(PACKS)
            .try_collect()
            .await
    }

    /// The same for an import and a number, each time.
    fn consent(&self, terms: &Terms, row: &Row, basis: &ConsentBasis) -> ConsentRecord {
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
        let hash = self
            .importer
            .key
            .hash(Purpose::Fingerprint, &[import.as_bytes(), &number]);
        let random = hash.first_chunk().expect("a hash has 32 bytes");
        ConsentRecord {
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
        }
    }
}

/// What a row is to be, by what was read.
struct Step {
    outcome: Outcome,
    /// Nothing, where it is so already, or is to stay.
    write: Option<MarkedWrite>,
}

fn step(
    terms: &Terms,
    row: &Row,
    id: ContactId,
    found: Option<&Marked>,
    now: Timestamp,
) -> Result<Step, ContactError> {
    let is = |outcome| Step {
        outcome,
        write: None,
    };
    if let Some(outcome) = found.and_then(|it| ours(terms, it)) {
        return Ok(is(outcome));
    }
    let before = found.map(|found| &found.contact);
    let new = || Contact::new(terms.account, id, row.number, row.country, now);
    let Some(applied) = terms.apply(before, row, new, now) else {
        return Ok(is(Outcome::Skipped));
    };
    let (after, effect) = applied?;
    let outcome = Outcome::from(effect);
    if outcome == Outcome::Unchanged || terms.dry_run {
        return Ok(is(outcome));
    }
    let mark = Mark {
        import: terms.id,
        version: after.version,
        before: before.map(|before| Before::between(before, &after)),
        undone: false,
    };
    let before = before.cloned();
    let write = Some(MarkedWrite::Save {
        before,
        after,
        mark,
    });
    Ok(Step { outcome, write })
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
