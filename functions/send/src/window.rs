//! An open window: the last look at opt-outs, then its calls, all of them joined; then what they came to.

use std::time::Duration;

use carillon_core::{
    batch::BatchTerms,
    chunk::{Pointer, slot::SlotOutcome},
    frame::Recipient,
    link::Place,
    message_id::MessageId,
    outcome::Outcome,
    rate::Schedule,
    reason::Reason,
    segments::segment,
    session::{Call, Planned, Session, WindowPlan},
    suppression::LOOK_HOLDS,
};
use carillon_gateways::{GatewayAccount, GatewayKind};
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::{
    batch_cache::SendPlan,
    calls,
    opt_outs::Audience,
    outgoing::{self, Way},
    provider_ids::Ids,
    simulated,
    state::State,
    traffic::{self, Kind},
    velocity,
    ways::Ways,
};

/// A recipient's text; without one where a value is missing.
pub struct Rendered(Option<(String, u32)>);

impl Rendered {
    pub fn of(text: impl Into<String>) -> Self {
        let text = text.into();
        let parts = segment(&text).parts;
        Self(Some((text, parts)))
    }

    pub fn parts(&self) -> u32 {
        self.0.as_ref().map_or(1, |(_, parts)| *parts)
    }

    pub fn text(&self) -> Option<&str> {
        self.0.as_ref().map(|(text, _)| text.as_str())
    }
}

/// The texts of a window, by slot; the other slots' are empty.
pub fn render(
    plan: &SendPlan,
    chunk: u32,
    recipients: &[Recipient],
    window: &WindowPlan,
) -> Vec<Rendered> {
    let mut texts: Vec<Rendered> = recipients.iter().map(|_| Rendered(None)).collect();
    for planned in &window.sends {
        let vars = &recipients[planned.slot].vars;
        let links = plan.links.as_ref().and_then(|links| {
            let slot = u8::try_from(planned.slot).ok()?;
            links.urls(Place { chunk, slot })
        });
        let value = |name: &str| vars.get(name).map(String::as_str);
        let text = plan.texts.render(value, links.as_deref());
        texts[planned.slot] = text.map_or(Rendered(None), Rendered::of);
    }
    texts
}

pub async fn sleep_until(state: &State, time: Timestamp) {
    let wait = time.duration_since(state.now());
    tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
}

pub struct Window<'a> {
    pub state: &'a State,
    pub pointer: Pointer,
    pub terms: &'a BatchTerms,
    pub ways: &'a Ways,
    pub audience: Audience,
    /// `None` is the simulated gateway of test keys.
    pub account: Option<&'a GatewayAccount>,
    pub route: u8,
    pub schedule: &'a Schedule,
    pub kind: Kind,
    /// When its tokens were asked for.
    pub asked: Timestamp,
    pub deadline: Timestamp,
}

/// What a call came to and how long it took.
pub struct Called {
    pub planned: Planned,
    pub outcome: Outcome,
    pub took: SignedDuration,
}

impl Window<'_> {
    /// What the calls came to is in the session then; the gateway's own ids are to be kept before that is written.
    pub async fn send(
        &self,
        session: &mut Session,
        sends: Vec<Planned>,
        recipients: &[Recipient],
        texts: &[Rendered],
    ) -> Result<Ids, StoreError> {
        let looked = self.state.now();
        let numbers: Vec<_> = sends
            .iter()
            .map(|planned| recipients[planned.slot].number)
            .collect();
        let opt_outs = self
            .state
            .opt_outs
            .look(self.terms, self.audience, &numbers, looked);
        let (opted_out, too_fast) = futures::try_join!(
            opt_outs,
            velocity::look(self.state, self.terms, recipients, &sends, looked)
        )?;
        let mut calls = Vec::with_capacity(sends.len());
        let mut turns = self.schedule.turns();
        for planned in sends {
            let recipient = &recipients[planned.slot];
            if opted_out.contains(&recipient.number) {
                session.withhold(planned.slot, SlotOutcome::Suppressed, Reason::OptedOut);
            } else if let Some(reason) = too_fast {
                session.withhold(planned.slot, SlotOutcome::Suppressed, reason);
            } else if texts[planned.slot].text().is_none() {
                session.withhold(planned.slot, SlotOutcome::Failed, Reason::MissingVariable);
            } else {
                let text = &texts[planned.slot];
                let sender = self.sender(planned.slot);
                calls.push(calls::Call {
                    planned,
                    recipient,
                    text,
                    sender,
                    due: turns.next(text.parts(), sender),
                });
            }
        }
        let last_start = (looked + LOOK_HOLDS)
            .min(self.deadline)
            .min(self.terms.expires_at);
        let called = match self.account {
            Some(account) if account.kind != GatewayKind::Simulated => {
                self.submit(account, calls, last_start).await
            }
            _ => simulated::submit(self, session, calls).await?,
        };
        let ids = provider_ids(&called);
        let now = self.state.now();
        for Called {
            planned,
            outcome,
            took,
        } in called
        {
            let call = Call {
                planned,
                route: self.route,
                took,
                now,
                jitter: uuid::Uuid::now_v7().as_bytes()[15],
            };
            session.record(call, &outcome);
        }
        Ok(ids)
    }

    fn sender(&self, slot: usize) -> Option<&str> {
        let sender = self.ways.sender(&self.terms.routing, slot, self.route);
        sender.map(|sender| sender.originator.as_str())
    }

    pub fn message(&self, planned: Planned) -> MessageId {
        outgoing::message(self.pointer, planned.slot)
    }

    pub const fn way<'b>(&'b self, account: &'b GatewayAccount) -> Way<'b> {
        Way {
            state: self.state,
            pointer: self.pointer,
            terms: self.terms,
            ways: self.ways,
            account,
            route: self.route,
        }
    }

    async fn submit(
        &self,
        account: &GatewayAccount,
        calls: Vec<calls::Call<'_>>,
        last_start: Timestamp,
    ) -> Vec<Called> {
        let traffic = &self.state.traffic;
        traffic.opened_in(self.state.now().duration_since(self.asked));
        let called = calls::submit(self, account, calls, last_start).await;
        let outcomes: Vec<&Outcome> = called.iter().map(|call| &call.outcome).collect();
        traffic::learn(self.state, account.id, self.kind, &outcomes).await;
        called
    }
}

fn provider_ids(called: &[Called]) -> Ids {
    let id = |call: &Called| match &call.outcome {
        Outcome::Accepted { provider_id } => Some((call.planned, provider_id.clone()?)),
        _ => None,
    };
    called.iter().filter_map(id).collect()
}
