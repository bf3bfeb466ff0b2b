//! How far an export has come. It is written part by part; a part is a file of a bounded size, and what is noted after one is all that
//! the next worker needs to go on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Workers that may break off in a row; each is asked for by the queue and by the dispatcher.
pub const TRIES: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Queued,
    Running,
    Finished,
    Cancelled,
    Failed,
}

impl Stage {
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }
}

/// A file that is complete. Files that no part names don't exist: a worker died over them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// In the bucket.
    pub key: String,
    pub rows: u64,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub stage: Stage,
    pub parts: Vec<Part>,
    /// Where the next part begins, in the words of its dataset; `None`: at the beginning.
    pub next: Option<String>,
    /// Steps behind it, with those of the part at hand: chunks of messages, pages of anything else.
    pub done: u64,
    /// Steps behind the complete parts: where a worker begins.
    #[serde(default)]
    pub settled: u64,
    /// How many there are, where that was counted.
    pub of: Option<u64>,
    /// Rows and bytes so far, with those of the part at hand.
    pub rows: u64,
    pub bytes: u64,
    /// Workers that broke off since the last part was finished.
    #[serde(default)]
    pub failures: u32,
    /// Where its manifest is; known when it is finished.
    pub manifest: Option<String>,
    pub finished: Option<Timestamp>,
    /// Why it failed, for its owner.
    pub problem: Option<String>,
}

impl Progress {
    pub const fn queued() -> Self {
        Self {
            stage: Stage::Queued,
            parts: Vec::new(),
            next: None,
            done: 0,
            settled: 0,
            of: None,
            rows: 0,
            bytes: 0,
            failures: 0,
            manifest: None,
            finished: None,
            problem: None,
        }
    }

    /// A file is complete, and the next part begins there.
    pub fn completed(&mut self, part: Part) {
        self.parts.push(part);
        self.settled = self.done;
        self.failures = 0;
        self.settle();
    }

    /// Leaves out what was counted of a part that nobody completed.
    pub fn settle(&mut self) {
        self.done = self.settled;
        self.rows = self.settled_rows();
        self.bytes = self.settled_bytes();
    }

    /// Somebody broke off. After so many in a row it has failed: another try costs as much and comes to the same.
    pub fn broken_off(&mut self, now: Timestamp) {
        self.settle();
        self.failures += 1;
        if self.failures >= TRIES {
            self.stage = Stage::Failed;
            self.finished = Some(now);
            let problem =
                "something on our side failed each time; ask for it again, or for a part of it";
            self.problem = Some(problem.to_owned());
        }
    }

    /// What stands when nothing but complete parts is counted: where a worker begins.
    pub fn settled_rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    pub fn settled_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }
}
