//! Who asks too often is told to wait, and nobody else notices.

use std::time::Instant;

use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::account::{Account, send};

/// Requests of the flood at once, and how often.
const FLOOD: usize = 24;
const WAVES: usize = 6;
/// What its key may ask for in ten seconds.
const ALLOWED: usize = 30;

#[tokio::test]
async fn a_tenant_over_its_quota_gets_429_and_no_one_else_notices() {
    let (flood, neighbour) = (Account::new("Flood").await, Account::new("Neighbour").await);
    let quotas = json!({"key": ALLOWED, "account": 50, "recipients": 100});
    flood.set_quotas(&quotas).await;
    let asked = async |account: &Account| {
        let answer = send(account.request(Method::GET, "/v1/batches")).await;
        (answer.status, answer.headers)
    };
    let message = json!({"to": "+447700900123", "text": "Hi"});
    let mut refused = 0;
    let mut noticed = Vec::new();
    let began = Instant::now();

    for _ in 0..WAVES {
        let (answers, (beside, sent)) =
            tokio::join!(join_all((0..FLOOD).map(|_| asked(&flood))), async {
                let beside = asked(&neighbour).await;
                let sent = neighbour.try_post_as_test("/v1/messages", &message).await;
                (beside, sent)
            });
        for (status, headers) in answers {
            match status {
                StatusCode::OK => {}
                StatusCode::TOO_MANY_REQUESTS => {
                    assert!(headers.contains_key("retry-after"));
                    refused += 1;
                }
                other => panic!("the flood got {other}"),
            }
        }
        noticed.extend([beside.0, sent.status]);
    }

    // Ten seconds are a window, and a flood may begin and end amid one.
    let windows = usize::try_from(began.elapsed().as_secs() / 10).unwrap() + 2;
    let admitted = FLOOD * WAVES - refused;
    assert!(
        refused > 0 && admitted <= ALLOWED * windows,
        "{admitted} were let through in {windows} windows"
    );
    let untouched = |status: &StatusCode| status.is_success();
    assert!(noticed.iter().all(untouched), "{noticed:?}");
}
