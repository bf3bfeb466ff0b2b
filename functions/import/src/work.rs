//! One message: take the import, get on with it until it is finished or the time is over, and say so.

use carillon_core::import::{Progress, Stage};
use carillon_runtime::{logs::chain, random};
use carillon_store::imports::{End, Import, ImportRequest, LostLease};
use jiff::{SignedDuration, Timestamp};

use crate::{ImportError, Importer};

/// Kept of a function's time for the group that is worked on when it is nearly over, up to a third of what there is.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);
/// A lease outlasts its function by so long.
const SKEW: SignedDuration = SignedDuration::from_secs(30);
/// Leases without getting on, after which an import fails.
const MOST_TRIES: u32 = 12;

/// Somebody's hold on an import.
pub(crate) struct Hold<'i> {
    pub importer: &'i Importer,
    pub request: ImportRequest,
    owner: String,
    /// No group is begun after this.
    until: Timestamp,
}

/// How a turn at an import ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Finished(Stage),
    TimeIsOver,
}

impl Importer {
    /// Once it returns, the import is finished, given back, or somebody else's. May be called again, and at the same time.
    pub async fn work(
        &self,
        request: ImportRequest,
        deadline: Timestamp,
    ) -> Result<(), ImportError> {
        let now = Timestamp::now();
        let owner = random::token();
        let leased = self.imports.lease(request, &owner, now, deadline + SKEW);
        let Some(import) = leased.await? else {
            return Ok(());
        };
        let left = deadline.duration_since(now);
        let hold = Hold {
            importer: self,
            request,
            owner,
            until: deadline - MARGIN.min(left / 3),
        };
        let worked = hold.turn(&import).await;
        if !matches!(worked, Ok(Turn::Finished(_))) {
            let given = self
                .imports
                .give_back(request, &hold.owner, Timestamp::now());
            if let Err(error) = given.await {
                // Its lease runs out.
                tracing::warn!(error = chain(&error), "an import could not be given back");
            }
        }
        let turn = worked?;
        tracing::info!(import = %request.import, turn = ?turn, "an import was worked on");
        Ok(())
    }
}

impl Hold<'_> {
    async fn turn(&self, import: &Import) -> Result<Turn, ImportError> {
        let mut progress = import.progress;
        let turn = if import.tries > MOST_TRIES {
            Err(ImportError::Problem(stuck(import)))
        } else if import.stage == Stage::Undoing {
            self.undo(&import.terms, &mut progress).await
        } else if import.cancelled {
            Ok(Turn::Finished(Stage::Cancelled))
        } else {
            self.forward(&import.terms, &mut progress).await
        };
        let (mut stage, mut problem) = match turn {
            Ok(Turn::TimeIsOver) => return Ok(Turn::TimeIsOver),
            Ok(Turn::Finished(stage)) => (stage, None),
            Err(ImportError::Problem(problem)) => (Stage::Failed, Some(problem)),
            Err(error) => return Err(error),
        };
        if import.stage == Stage::Importing {
            match self.list_rejected(&import.terms, &progress.counts).await {
                Err(ImportError::Problem(gone)) => {
                    stage = Stage::Failed;
                    problem.get_or_insert(gone);
                }
                listed => listed?,
            }
        }
        let end = End {
            stage,
            progress,
            problem,
            at: Timestamp::now(),
        };
        let finished = self
            .importer
            .imports
            .finish(self.request, &self.owner, &end);
        finished.await??;
        Ok(Turn::Finished(stage))
    }

    /// Writes down what is done; whether to stop.
    pub(crate) async fn advance(&self, progress: &Progress) -> Result<bool, ImportError> {
        let advanced = self
            .importer
            .imports
            .advance(self.request, &self.owner, progress);
        let cancelled: Result<bool, LostLease> = advanced.await?;
        Ok(cancelled?)
    }

    pub(crate) fn is_over(&self) -> bool {
        Timestamp::now() >= self.until
    }
}

fn stuck(import: &Import) -> String {
    let rows = match import.stage {
        Stage::Undoing => import.progress.undo.rows,
        _ => import.progress.counts.rows,
    };
    format!(
        "the work stopped again and again after row {rows}, through a fault of ours; what came before is done. Try it again later"
    )
}
