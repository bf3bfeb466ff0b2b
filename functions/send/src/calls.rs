//! The calls of a window to a gateway account: each when its token is good and none when it is over, none after the last start, all of
//! them joined.

use carillon_core::{frame::Recipient, outcome::Outcome, rate::Due, session::Planned};
use carillon_gateways::{GatewayAccount, Outgoing};
use futures::future::join_all;
use jiff::Timestamp;

use crate::{
    requests::together,
    window::{Called, Rendered, Window, sleep_until},
};

pub struct Call<'a> {
    pub planned: Planned,
    pub recipient: &'a Recipient,
    pub text: &'a Rendered,
    /// As its gateway sees it.
    pub sender: Option<&'a str>,
    pub due: Due,
}

/// What was not begun in time is not among the results: its slots stay as they were.
pub async fn submit(
    window: &Window<'_>,
    account: &GatewayAccount,
    calls: Vec<Call<'_>>,
    last_start: Timestamp,
) -> Vec<Called> {
    let requests = together(calls, account.gateway.capabilities());
    let requests = requests
        .iter()
        .map(|calls| request(window, account, calls, last_start));
    join_all(requests).await.into_iter().flatten().collect()
}

async fn request(
    window: &Window<'_>,
    account: &GatewayAccount,
    calls: &[Call<'_>],
    last_start: Timestamp,
) -> Vec<Called> {
    let (calls, messages): (Vec<&Call<'_>>, Vec<Outgoing>) = calls
        .iter()
        .filter_map(|call| Some((call, outgoing(window, account, call)?)))
        .unzip();
    let due = calls.iter().map(|call| call.due).max();
    let due = due.unwrap_or(Due::AtOnce);
    if let Due::At(time) = due {
        sleep_until(window.state, time).await;
    }
    let started = window.state.now();
    if started > last_start || due.is_over(started) {
        return Vec::new();
    }
    let request = account.gateway.request(account, &messages, started);
    let outcomes = match window.state.dialer.submit(request).await {
        Ok(answer) => account.gateway.outcomes(&messages, &answer),
        Err(failure) => vec![failure.outcome(); messages.len()],
    };
    let took = window.state.now().duration_since(started);
    // An adapter that says less than it was asked leaves the rest in doubt.
    let outcomes = outcomes
        .into_iter()
        .chain(std::iter::repeat(Outcome::Doubt));
    calls
        .iter()
        .zip(outcomes)
        .map(|(call, outcome)| Called {
            planned: call.planned,
            outcome,
            took,
        })
        .collect()
}

fn outgoing(window: &Window<'_>, account: &GatewayAccount, call: &Call<'_>) -> Option<Outgoing> {
    Some(Outgoing {
        text: call.text.text()?.to_owned(),
        parts: u16::try_from(call.text.parts()).unwrap_or(u16::MAX),
        ..window.way(account).outgoing(call.planned, call.recipient)?
    })
}
