//! What is done with a call: whose gateway is it, is it signed, what does it say. On the queue before the answer.

use bytes::Bytes;
use carillon_core::{
    inbound::QueuedInbound,
    keyed_hash::DeploymentKey,
    queued_report::{About, QueuedReport, QueuedReports},
};
use carillon_gateways::{GatewayAccount, Inbound, Reference, Report, callback::Attempt};
use carillon_runtime::logs::chain;
use carillon_store::{StoreError, queues::Outbound};
use http::Response;
use jiff::Timestamp;

use crate::{
    State,
    call::{Call, Refused},
};

pub async fn take(state: &State, call: Call, now: Timestamp) -> Response<Bytes> {
    match kept(state, &call, now).await {
        Ok(response) => response,
        Err(refused) => refused.into(),
    }
}

async fn kept(state: &State, call: &Call, now: Timestamp) -> Result<Response<Bytes>, Refused> {
    let found = state
        .gateways
        .open_by_token(&call.token, now)
        .await
        .map_err(|error| try_again(&error))?;
    let account = found
        .filter(|account| account.kind.as_str() == call.kind)
        .ok_or(Refused::NotFound)?;
    let account = with_public_url(&account, state, call);
    let webhook = &call.webhook;
    if let Err(forged) = account.gateway.authenticate(&account, webhook, now) {
        tracing::warn!(metric = "webhook.forged", gateway = %account.id, error = %forged, "a call is not the gateway's");
        return Err(Refused::Forged);
    }
    match account.gateway.contents(webhook) {
        Ok(contents) => {
            for strange in &contents.strange {
                tracing::warn!(metric = "webhook.strange", gateway = %account.id, what = ?strange, "a part of a call is left out");
            }
            let reports = reports(&state.key, &account, contents.receipts, now);
            keep(state, &account, reports, &contents.inbound, now)
                .await
                .map_err(|error| try_again(&error))?;
        }
        // An error would only make the gateway send the same again.
        Err(unreadable) => {
            tracing::warn!(metric = "webhook.unreadable", gateway = %account.id, error = %unreadable, "a call can't be read");
        }
    }
    Ok(account.gateway.reply(webhook))
}

/// Signatures cover the URL that the gateway was given. Without a public one that is the function's own.
fn with_public_url(account: &GatewayAccount, state: &State, call: &Call) -> GatewayAccount {
    let mut account = account.clone();
    if let (None, Some(domain)) = (&state.hooks_url, &call.domain) {
        account.hooks_url = format!("https://{domain}");
    }
    account
}

fn reports(
    key: &DeploymentKey,
    account: &GatewayAccount,
    reports: Vec<Report>,
    now: Timestamp,
) -> Vec<QueuedReport> {
    let queued = reports.into_iter().filter_map(|report| {
        let about = about(key, account, &report);
        if about.is_none() {
            tracing::warn!(metric = "webhook.forged", gateway = %account.id, "a report of a message that this gateway account never had");
        }
        let Report { word, reason, proof, .. } = report;
        Some(QueuedReport { about: about?, word, reason, proof, at: now })
    });
    queued.collect()
}

/// `None` when its tag is not the one that we gave out.
fn about(key: &DeploymentKey, account: &GatewayAccount, report: &Report) -> Option<About> {
    let of = |attempt: Attempt, via| match report.to {
        Some(number) if attempt.is_whole_chunk() => About::Recipient {
            chunk: attempt.message,
            attempt: attempt.number,
            number,
            via,
        },
        _ => About::Message {
            message: attempt.message,
            attempt: attempt.number,
            via,
        },
    };
    match &report.reference {
        Reference::Claimed(claim) => claim
            .verify(key, account.id)
            .ok()
            .map(|attempt| of(attempt, None)),
        Reference::Untagged(attempt) => Some(of(*attempt, Some(account.id))),
        Reference::ProviderId(id) => Some(About::ProviderId {
            gateway: account.id,
            id: id.clone(),
        }),
    }
}

/// On their queues when it returns. Inbound first: a STOP must not wait for reports.
async fn keep(
    state: &State,
    account: &GatewayAccount,
    reports: Vec<QueuedReport>,
    inbound: &[Inbound],
    now: Timestamp,
) -> Result<(), StoreError> {
    if !inbound.is_empty() {
        let messages = inbound
            .iter()
            .map(|message| queued(account, message, now))
            .collect();
        state.queues.send_inbound(messages).await?;
    }
    if !reports.is_empty() {
        state
            .queues
            .send_receipts(vec![Outbound::now(&QueuedReports { reports })])
            .await?;
    }
    Ok(())
}

fn queued(account: &GatewayAccount, message: &Inbound, now: Timestamp) -> Outbound {
    let Inbound {
        from,
        to,
        text,
        provider_id,
        at: _,
    } = message;
    Outbound::now(&QueuedInbound {
        account: account.owner,
        gateway: Some(account.id),
        from: *from,
        to: to.clone(),
        text: text.clone(),
        provider_id: provider_id.clone(),
        at: now,
    })
}

fn try_again(error: &StoreError) -> Refused {
    tracing::error!(error = chain(error), "a call could not be kept");
    Refused::TryAgain
}
