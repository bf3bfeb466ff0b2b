//! Test keys, and gateways of the kind that is simulated: the same way through the ledger, answered here instead of by a gateway.
//! Reports come by the receipts queue, later.

use carillon_core::{
    chunk::receipt::Proof,
    inbound::QueuedInbound,
    queued_report::{About, QueuedReport, QueuedReports},
    session::Session,
    simulated::{SimulatedInbound, simulate},
};
use carillon_store::{StoreError, queues::Outbound};
use jiff::{SignedDuration, Timestamp};

use crate::{
    calls::Call,
    window::{Called, Window},
};

pub async fn submit(
    window: &Window<'_>,
    session: &Session,
    calls: Vec<Call<'_>>,
) -> Result<Vec<Called>, StoreError> {
    let now = window.state.now();
    let mut called = Vec::with_capacity(calls.len());
    let mut reports = Vec::new();
    let mut replies = Vec::new();
    for call in calls {
        let simulation = simulate(
            call.recipient.number,
            session.last_reason(call.planned.slot),
        );
        let about = About::Message {
            message: window.message(call.planned),
            attempt: call.planned.attempt,
            via: window.account.map(|account| account.id),
        };
        for report in simulation.reports {
            let queued = QueuedReport {
                about: about.clone(),
                word: report.word,
                reason: report.reason,
                proof: Proof::Gateway,
                at: now + report.after,
            };
            let delay_seconds = u32::try_from(report.after.as_secs()).unwrap_or(0);
            reports.push(Outbound {
                delay_seconds,
                ..Outbound::now(&QueuedReports {
                    reports: vec![queued],
                })
            });
        }
        if let Some(inbound) = simulation.inbound {
            replies.push(reply(window, &call, inbound, now));
        }
        called.push(Called {
            planned: call.planned,
            outcome: simulation.outcome,
            took: SignedDuration::ZERO,
        });
    }
    if !reports.is_empty() {
        window.state.queues.send_receipts(reports).await?;
    }
    if !replies.is_empty() {
        window.state.queues.send_inbound(replies).await?;
    }
    Ok(called)
}

/// To the sender of the message, as any handset would.
fn reply(
    window: &Window<'_>,
    call: &Call<'_>,
    inbound: SimulatedInbound,
    now: Timestamp,
) -> Outbound {
    let routing = &window.terms.routing;
    let sender = window.ways.sender(routing, call.planned.slot, window.route);
    let message = QueuedInbound {
        account: window.terms.account,
        gateway: None,
        from: call.recipient.number,
        to: sender
            .map(|sender| sender.originator.to_string())
            .unwrap_or_default(),
        text: inbound.text.to_owned(),
        provider_id: None,
        at: now + inbound.after,
    };
    Outbound {
        delay_seconds: u32::try_from(inbound.after.as_secs()).unwrap_or(0),
        ..Outbound::now(&message)
    }
}
