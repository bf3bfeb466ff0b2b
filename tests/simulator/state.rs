//! What every connection shares.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::arguments::Arguments;
use crate::post::Post;
use crate::rules::Rules;
use crate::truth::Truth;

pub struct Simulator {
    pub token: String,
    pub post: Post,
    rules: RwLock<Arc<Rules>>,
    truth: Mutex<Truth>,
    /// Moved on by a reset: receipts of an older run are neither posted nor counted.
    run: AtomicU64,
}

impl Simulator {
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            token: arguments.token.clone(),
            post: Post::new(&arguments.secret, arguments.receipt_concurrency),
            rules: RwLock::default(),
            truth: Mutex::default(),
            run: AtomicU64::new(0),
        }
    }

    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn set_rules(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn run(&self) -> u64 {
        self.run.load(Ordering::SeqCst)
    }

    /// The truth, unless the run is over.
    pub fn truth_of(&self, run: u64) -> Option<MutexGuard<'_, Truth>> {
        let truth = self.truth();
        (self.run() == run).then_some(truth)
    }

    /// As it was when it started: no counts, no rules, no receipts to come.
    pub fn reset(&self) {
        let mut truth = self.truth();
        self.run.fetch_add(1, Ordering::SeqCst);
        *truth = Truth::default();
        self.set_rules(Rules::default());
    }
}
