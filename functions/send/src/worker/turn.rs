//! A window's turn: its tokens, its way out, its opening, its calls.

use std::sync::Arc;

use carillon_core::{
    reason::Reason,
    session::{Planned, Session, WindowPlan},
};
use carillon_gateways::GatewayAccount;
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use super::{Work, unsaved::Unsaved};
use crate::{
    spending::{self, Charge, Paid},
    traffic::{self, Grant, Permit, Want, Wanted},
    window::{self, Rendered},
};

/// Longer waits for tokens park the chunk, since waiting here costs.
const SHORT_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// A route whose gateway account is gone or can't be opened.
const UNUSABLE_ROUTE: SignedDuration = SignedDuration::from_mins(1);

impl Work<'_> {
    /// One window: tokens, opening, calls. `false` when the chunk is not ours any more.
    pub(super) async fn send(
        &mut self,
        session: &mut Session,
        mut plan: WindowPlan,
    ) -> Result<bool, StoreError> {
        let asked = self.state.now();
        let rendered = window::render(self.plan, self.pointer.chunk, self.recipients, &plan);
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
        plan.keep(&grant.messages);
        let Some(account) = self.account(route).await? else {
            session.shut(route, self.state.now() + UNUSABLE_ROUTE);
            return Ok(true);
        };
        self.pay(session, &mut plan, &rendered).await?;
        if plan.sends.is_empty() {
            return Ok(true);
        }
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
            ways: self.ways,
            audience: self.audience,
            account: account.as_deref(),
            route,
            schedule: &grant.schedule,
            kind: grant.kind,
            asked,
            deadline: self.deadline,
        };
        let ids = window
            .send(session, sends, self.recipients, &rendered)
            .await?;
        self.unsaved = account.map(|account| Unsaved {
            account,
            route,
            window: number,
            ids,
        });
        self.save_provider_ids().await?;
        Ok(true)
    }

    /// The way out by a route; `Some(None)` is the simulated gateway of test keys.
    pub(super) async fn account(
        &self,
        route: u8,
    ) -> Result<Option<Option<Arc<GatewayAccount>>>, StoreError> {
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

    /// Reserves the price of the window. What there is no money for leaves it, and waits.
    async fn pay(
        &self,
        session: &mut Session,
        plan: &mut WindowPlan,
        rendered: &[Rendered],
    ) -> Result<(), StoreError> {
        if self.plan.terms.test {
            return Ok(());
        }
        let now = self.state.now();
        let account = self.plan.terms.account;
        let safeguards = self.state.safeguards.look(account, now).await?;
        let charge = |planned: &Planned| {
            let cost = self.ways.cost(planned.slot, plan.open.route);
            let parts = u64::from(rendered[planned.slot].parts());
            Charge {
                country: self.recipients[planned.slot].country,
                price: cost.map(|cost| cost.saturating_mul(parts)),
            }
        };
        let charges: Vec<Charge> = plan.sends.iter().map(charge).collect();
        let Paid { paid, held } = spending::reserve(self.state, &safeguards, &charges, now).await?;
        for (place, until) in held {
            session.hold(plan.sends[place].slot, until, Reason::Budget);
        }
        plan.keep(&paid);
        Ok(())
    }

    /// Tokens for the window or its beginning, if its gateway account may be used.
    async fn permit(&self, plan: &WindowPlan, rendered: &[Rendered]) -> Result<Permit, StoreError> {
        let terms = &self.plan.terms;
        let route = terms.routes.get(usize::from(plan.open.route));
        let Some(route) = route.filter(|_| !terms.test) else {
            return Ok(Permit::Granted(Grant::unlimited(plan.sends.len())));
        };
        let messages = plan.sends.iter().map(|planned| Wanted {
            parts: rendered[planned.slot].parts(),
            sender: self
                .ways
                .sender(&terms.routing, planned.slot, plan.open.route)
                .map(|sender| sender.originator.as_str()),
        });
        let want = Want {
            gateway: route.gateway,
            lane: terms.lane,
            messages: messages.collect(),
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
}
