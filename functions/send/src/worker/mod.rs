//! One pointer: the effects of the send protocol. What to do is decided by `carillon_core::session`; this does it, step by step.

mod turn;
mod unsaved;

use carillon_core::{
    batch::Lane,
    chunk::{Chunk, Pointer, slot::Slot, source::Source},
    frame::Recipient,
    outcome::Inquiry,
    safeguards::Verdict,
    session::{ChunkWrite, Questions, Session, SessionTerms, Standing, Step, Then},
};
use carillon_runtime::{logs::chain, recipients};
use carillon_store::{StoreError, ledger::LeaseLost};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use self::unsaved::Unsaved;
use crate::{
    batch_cache::SendPlan, events, inquiries, opt_outs::Audience, outgoing::Way,
    safeguards::Subjects, state::State, ways::Ways, window,
};

/// A gateway's call and the write after it take at most this long: no window opens later than this before the deadline.
const ROOM_FOR_A_WINDOW: SignedDuration = SignedDuration::from_secs(14);
/// Longer rests park the chunk.
const REST: SignedDuration = SignedDuration::from_secs(2);
/// The same for a one-time password.
const REST_IF_URGENT: SignedDuration = SignedDuration::from_secs(8);
/// The tables or queues failed between the opening of a window and the next write.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_secs(15);

pub async fn work(state: &State, pointer: Pointer, deadline: Timestamp) -> Result<(), StoreError> {
    let now = state.now();
    let Some((plan, control)) = state.batches.look(pointer.batch, now).await? else {
        tracing::error!(metric = "pointers.without_batch", batch = %pointer.batch, "a pointer to a batch that is not there");
        return Ok(());
    };
    // Drawn for this very call: a token must never be met again.
    let token = Uuid::now_v7().into_bytes();
    let until = now + state.lease;
    let leased = state
        .ledger
        .lease(pointer, token, now, until, control)
        .await?;
    let Some(chunk) = leased else {
        // Somebody has it, it is parked or done: this pointer is one too many.
        return Ok(());
    };
    let recipients = recipients::of_chunk(&state.ledger, &state.files, pointer, &chunk).await?;
    let ways = Ways::of(state, &plan.terms, &recipients).await;
    let terms = SessionTerms::new(&plan.terms, ways.orders());
    let subjects = Subjects::of(&plan.terms, &recipients, &ways);
    let mut work = Work {
        state,
        pointer,
        plan: &plan,
        recipients: &recipients,
        ways: &ways,
        subjects: &subjects,
        audience: match chunk.source {
            Source::Frame(_) => Audience::Prepared,
            Source::Inline(_) | Source::Sibling => Audience::Direct,
        },
        deadline,
        told: chunk.slots.clone(),
        waiting: None,
        unsaved: None,
    };
    Box::pin(work.run(Session::begin(token, terms, &chunk, now))).await
}

struct Work<'a> {
    state: &'a State,
    pointer: Pointer,
    plan: &'a SendPlan,
    recipients: &'a [Recipient],
    ways: &'a Ways,
    subjects: &'a Subjects<'a>,
    audience: Audience,
    deadline: Timestamp,
    /// The slots as of the last write, which customers were told of.
    told: Vec<Slot>,
    /// Since when it has waited for tokens, without a window in between.
    waiting: Option<Timestamp>,
    unsaved: Option<Unsaved>,
}

impl Work<'_> {
    /// A failure on the way doesn't leave in doubt what is known: the chunk is parked with it, if that can be written.
    async fn run(&mut self, mut session: Session) -> Result<(), StoreError> {
        let done = self.steps(&mut session).await;
        if done.is_err() && session.has_something_open() {
            self.save_provider_ids_at_last().await;
            let write = session.park(self.state.now() + AFTER_FAILURE);
            if let Err(error) = self.let_go(&write).await {
                tracing::warn!(batch = %self.pointer.batch, chunk = self.pointer.chunk, error = chain(&error), "what a window came to could not be written: its messages are in doubt");
            }
        }
        done
    }

    async fn steps(&mut self, session: &mut Session) -> Result<(), StoreError> {
        loop {
            let (standing, verdicts) = self.look().await?;
            let standing = Standing {
                verdicts: &verdicts,
                ..standing
            };
            match session.next(standing) {
                Step::Close(write) => match self.short_rest(write.then, standing.now) {
                    Some(until) if self.rest(session, until).await? => {}
                    Some(_) => return Ok(()),
                    None => return self.let_go(&write).await,
                },
                Step::Ask(questions) => self.ask(session, &questions).await?,
                Step::Send(plan) => {
                    if let Some(until) = self.must_wait(standing.now) {
                        return self.let_go(&session.park(until)).await;
                    }
                    if !self.send(session, plan).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn look(&self) -> Result<(Standing<'static>, Vec<Verdict>), StoreError> {
        let now = self.state.now();
        let batch = self.state.batches.look(self.pointer.batch, now).await?;
        let control = batch.map(|(_, control)| control);
        let control = control.ok_or_else(|| StoreError::corrupt("a batch that is gone"))?;
        let account = self.plan.terms.account;
        let safeguards = self.state.safeguards.look(account, now).await?;
        let standing = Standing {
            control,
            now,
            time_left: now + ROOM_FOR_A_WINDOW < self.deadline,
            verdicts: &[],
        };
        Ok((standing, self.subjects.verdicts(&safeguards, now)))
    }

    /// After messages in doubt. A gateway account that can't be used gives no clear answer.
    async fn ask(&self, session: &mut Session, questions: &Questions) -> Result<(), StoreError> {
        let Some(Some(account)) = self.account(questions.route).await? else {
            let now = self.state.now();
            for planned in &questions.about {
                session.answered(planned.slot, &Inquiry::Unclear, now, 0);
            }
            return Ok(());
        };
        let way = Way {
            state: self.state,
            pointer: self.pointer,
            terms: &self.plan.terms,
            ways: self.ways,
            account: &account,
            route: questions.route,
        };
        inquiries::ask(way, session, questions, self.recipients, self.deadline).await
    }

    /// Its time has not come.
    fn must_wait(&self, now: Timestamp) -> Option<Timestamp> {
        self.plan.terms.not_before.filter(|time| *time > now)
    }

    /// What would be parked for a moment only is waited for here, where there is time for it and a window after it: the dispatcher
    /// may not be awake, and looks once a second when it is.
    fn short_rest(&self, then: Then, now: Timestamp) -> Option<Timestamp> {
        let longest = match self.plan.terms.lane {
            Lane::High => REST_IF_URGENT,
            Lane::Normal | Lane::Low => REST,
        };
        match then {
            Then::Park(until)
                if until <= now + longest && until + ROOM_FOR_A_WINDOW < self.deadline =>
            {
                Some(until)
            }
            _ => None,
        }
    }

    /// With everything that is known written. `false` when the chunk is not ours any more.
    async fn rest(&mut self, session: &mut Session, until: Timestamp) -> Result<bool, StoreError> {
        let write = session.rest();
        let Ok(chunk) = self.write(&write).await? else {
            return Ok(false);
        };
        session.rested(&write, &chunk.receipts);
        window::sleep_until(self.state, until).await;
        Ok(true)
    }

    /// Customers are told first: an event may come twice, and none is missing.
    async fn write(&mut self, write: &ChunkWrite) -> Result<Result<Chunk, LeaseLost>, StoreError> {
        let now = self.state.now();
        let account = self.plan.terms.account;
        let events = events::of_decisions(account, self.pointer, &self.told, &write.slots, now);
        self.state.queues.send_events(events).await?;
        self.told.clone_from(&write.slots);
        self.state.ledger.write(self.pointer, write, now).await
    }

    async fn let_go(&mut self, write: &ChunkWrite) -> Result<(), StoreError> {
        let written = self.write(write).await?;
        if written.is_err() {
            tracing::warn!(batch = %self.pointer.batch, chunk = self.pointer.chunk, "a lease was lost before its end");
        }
        Ok(())
    }
}
