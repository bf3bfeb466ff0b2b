//! Batches as this environment knows them: what they were made with for as long as they are used, what moves for two seconds.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use carillon_core::{
    batch::{BatchTerms, Control},
    content::Texts,
    id::BatchId,
    keyed_hash::DeploymentKey,
    link::LinkMaker,
};
use carillon_store::{StoreError, batches::Batches};
use jiff::{SignedDuration, Timestamp};

/// So that pause and cancel act within five seconds.
const CONTROL_FOR: SignedDuration = SignedDuration::from_secs(2);
/// Batches kept at most; the oldest go first.
const KEPT: usize = 256;

pub struct BatchCache {
    batches: Batches,
    key: DeploymentKey,
    known: Mutex<HashMap<BatchId, Known>>,
}

#[derive(Clone)]
struct Known {
    plan: Arc<SendPlan>,
    control: Control,
    looked: Timestamp,
}

/// A batch's terms with its texts parsed.
pub struct SendPlan {
    pub terms: BatchTerms,
    pub texts: Texts,
    /// Of texts with links.
    pub links: Option<LinkMaker>,
}

impl BatchCache {
    pub fn new(batches: Batches, key: DeploymentKey) -> Self {
        Self {
            batches,
            key,
            known: Mutex::default(),
        }
    }

    /// A batch and what its owner wants of it, seen at most two seconds ago. `None` when there is no such batch.
    pub async fn look(
        &self,
        id: BatchId,
        now: Timestamp,
    ) -> Result<Option<(Arc<SendPlan>, Control)>, StoreError> {
        let known = self.lock().get(&id).cloned();
        if let Some(known) = known
            .as_ref()
            .filter(|known| now.duration_since(known.looked) < CONTROL_FOR)
        {
            return Ok(Some((known.plan.clone(), known.control)));
        }
        let Some(batch) = self.batches.find(id).await? else {
            return Ok(None);
        };
        let plan = if let Some(known) = known {
            known.plan
        } else {
            let terms = batch.terms;
            let texts = Texts::parse(&terms.content)
                .map_err(|error| StoreError::corrupt(format!("the text of {id}: {error}")))?;
            let links = terms.content.link_maker(&self.key);
            Arc::new(SendPlan {
                terms,
                texts,
                links,
            })
        };
        let known = Known {
            plan: plan.clone(),
            control: batch.progress.control,
            looked: now,
        };
        let mut all = self.lock();
        if all.len() >= KEPT {
            let oldest = all
                .iter()
                .min_by_key(|(_, known)| known.looked)
                .map(|(id, _)| *id);
            oldest.map(|id| all.remove(&id));
        }
        all.insert(id, known);
        Ok(Some((plan, batch.progress.control)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BatchId, Known>> {
        self.known
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
