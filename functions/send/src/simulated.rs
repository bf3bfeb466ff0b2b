//! Test keys: the same way through the ledger, answered here instead of by a gateway. Reports come by the receipts queue, later.

use carillon_core::{
    chunk::receipt::Proof,
    queued_report::{About, QueuedReport, QueuedReports},
    session::Session,
    simulated::simulate,
};
use carillon_store::{StoreError, queues::Outbound};
use jiff::SignedDuration;

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
    for call in calls {
        let simulation = simulate(
            call.recipient.number,
            session.last_reason(call.planned.slot),
        );
        let about = About::Message {
            message: window.message(call.planned),
            attempt: call.planned.attempt,
            via: None,
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
        called.push(Called {
            planned: call.planned,
            outcome: simulation.outcome,
            took: SignedDuration::ZERO,
        });
    }
    if !reports.is_empty() {
        window.state.queues.send_receipts(reports).await?;
    }
    Ok(called)
}
