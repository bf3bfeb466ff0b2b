//! What batches were made with, which never changes: kept for as long as this environment lives.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use carillon_core::{batch::BatchTerms, id::BatchId};
use carillon_store::{StoreError, batches::Batches};

/// Batches kept at most; then all are forgotten.
const KEPT: usize = 512;

pub struct BatchTermsCache {
    batches: Batches,
    known: Mutex<HashMap<BatchId, Arc<BatchTerms>>>,
}

impl BatchTermsCache {
    pub fn new(batches: Batches) -> Self {
        Self {
            batches,
            known: Mutex::default(),
        }
    }

    pub async fn find(&self, id: BatchId) -> Result<Option<Arc<BatchTerms>>, StoreError> {
        let known = self.lock().get(&id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let Some(batch) = self.batches.find(id).await? else {
            return Ok(None);
        };
        let terms = Arc::new(batch.terms);
        let mut all = self.lock();
        if all.len() >= KEPT {
            all.clear();
        }
        all.insert(id, terms.clone());
        Ok(Some(terms))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<BatchId, Arc<BatchTerms>>> {
        self.known
            .lock()
            .expect("nothing panics while it holds the lock")
    }
}
