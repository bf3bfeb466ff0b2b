//! One pointer: the effects of the send protocol. What to do is decided by `carillon_core::session`; this does it, step by step.

use carillon_core::{
    chunk::{Chunk, Pointer, slot::Slot, source::Source},
    frame::Recipient,
    outcome::Inquiry,
    session::{ChunkWrite, Questions, Session, SessionTerms, Standing, Step, WindowPlan},
};
use carillon_runtime::recipients;
use carillon_store::{StoreError, ledger::LeaseLost};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    batch_cache::SendPlan,
    events, inquiries,
    opt_outs::Audience,
    outgoing::Way,
    state::State,
    traffic::{self, Grant, Permit, Want},
    window::{self, Rendered},
};

/// A gateway's call and the write after it take at most this long: no window opens later than this before the deadline.
const ROOM_FOR_A_WINDOW: SignedDuration = SignedDuration::from_secs(14);
/// Longer waits for tokens park the chunk, since waiting here costs.
const SHORT_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// A route whose gateway account is gone or can't be opened.
const UNUSABLE_ROUTE: SignedDuration = SignedDuration::from_mins(1);

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
    let mut work = Work {
        state,
        pointer,
        plan: &plan,
        recipients: &recipients,
        audience: match chunk.source {
            Source::Frame(_) => Audience::Prepared,
            Source::Inline(_) | Source::Sibling => Audience::Direct,
        },
        deadline,
        told: chunk.slots.clone(),
        waiting: None,
    };
    work.run(Session::begin(
        token,
        SessionTerms::from(&plan.terms),
        &chunk,
        now,
    ))
    .await
}

struct Work<'a> {
    state: &'a State,
    pointer: Pointer,
    plan: &'a SendPlan,
    recipients: &'a [Recipient],
    audience: Audience,
    deadline: Timestamp,
    /// The slots as of the last write, which customers were told of.
    told: Vec<Slot>,
    /// Since when it has waited for tokens, without a window in between.
    waiting: Option<Timestamp>,
}

impl Work<'_> {
    async fn run(&mut self, mut session: Session) -> Result<(), StoreError> {
        loop {
            let standing = self.look().await?;
            match session.next(standing) {
                Step::Close(write) => return self.let_go(&write).await,
                Step::Ask(questions) => self.ask(&mut session, &questions).await?,
                Step::Send(plan) => {
                    if let Some(until) = self.must_wait(standing.now) {
                        return self.let_go(&session.park(until)).await;
                    }
                    if !self.send(&mut session, plan).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    async fn look(&self) -> Result<Standing, StoreError> {
        let now = self.state.now();
        let batch = self.state.batches.look(self.pointer.batch, now).await?;
        let control = batch.map(|(_, control)| control);
        let control = control.ok_or_else(|| StoreError::corrupt("a batch that is gone"))?;
        Ok(Standing {
            control,
            now,
            time_left: now + ROOM_FOR_A_WINDOW < self.deadline,
        })
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
            account: &account,
            route: questions.route,
        };
        inquiries::ask(way, session, questions, self.recipients, self.deadline).await
    }

    /// Its time has not come.
    fn must_wait(&self, now: Timestamp) -> Option<Timestamp> {
        self.plan.terms.not_before.filter(|time| *time > now)
    }

    /// One window: tokens, opening, calls. `false` when the chunk is not ours any more.
    async fn send(
        &mut self,
        session: &mut Session,
        mut plan: WindowPlan,
    ) -> Result<bool, StoreError> {
        let asked = self.state.now();
        let rendered = window::render(self.plan, self.recipients, &plan);
        let route = plan.open.route;
        let grant = match self.permit(&plan, &rendered).await? {
            Permit::Granted(grant) => grant,
            Permit::Wait(until) => return self.wait(session, until).await,
            Permit::Closed(until) => {
                session.shut(route, until);
                return Ok(true);
            }
        };
        self.waiting = None;
        plan.shorten(grant.messages);
        let Some(account) = self.account(route).await? else {
            session.shut(route, self.state.now() + UNUSABLE_ROUTE);
            return Ok(true);
        };
        let number = session.window_number() + 1;
        let write = session.open(&plan);
        let Ok(chunk) = self.write(&write).await? else {
            return Ok(false);
        };
        let sends = session.opened(&write, plan, &chunk.receipts);
        let window = window::Window {
            state: self.state,
            pointer: self.pointer,
            terms: &self.plan.terms,
            audience: self.audience,
            account: account.as_deref(),
            route,
            number,
            schedule: grant.schedule,
            kind: grant.kind,
            asked,
            deadline: self.deadline,
        };
        window
            .send(session, sends, self.recipients, &rendered)
            .await?;
        Ok(true)
    }

    /// The way out by a route; `Some(None)` is the simulated gateway of test keys.
    async fn account(
        &self,
        route: u8,
    ) -> Result<Option<Option<std::sync::Arc<carillon_gateways::GatewayAccount>>>, StoreError> {
        if self.plan.terms.test {
            return Ok(Some(None));
        }
        let Some(route) = self.plan.terms.routes.get(usize::from(route)) else {
            return Ok(None);
        };
        let record = self.state.traffic.record(route.gateway).await;
        let account = self
            .state
            .accounts
            .open_newer(
                self.plan.terms.account,
                route.gateway,
                record,
                self.state.now(),
            )
            .await?;
        Ok(account.map(Some))
    }

    /// Tokens for the window or its beginning, if its gateway account may be used.
    async fn permit(&self, plan: &WindowPlan, rendered: &[Rendered]) -> Result<Permit, StoreError> {
        let terms = &self.plan.terms;
        let route = terms.routes.get(usize::from(plan.open.route));
        let Some(route) = route.filter(|_| !terms.test) else {
            return Ok(Permit::Granted(Grant::unlimited(plan.sends.len())));
        };
        let parts = plan.sends.iter();
        let want = Want {
            gateway: route.gateway,
            sender: route.sender.as_deref(),
            lane: terms.lane,
            parts: parts
                .map(|planned| rendered[planned.slot].parts())
                .collect(),
        };
        traffic::permit(self.state, &want).await
    }

    /// Here while it is short, else parked: waiting here costs, and keeps others from being worked on.
    async fn wait(&mut self, session: &Session, until: Timestamp) -> Result<bool, StoreError> {
        let now = self.state.now();
        let since = *self.waiting.get_or_insert(now);
        if until < since + SHORT_WAIT {
            window::sleep_until(self.state, until).await;
            return Ok(true);
        }
        self.let_go(&session.park(until)).await?;
        Ok(false)
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
