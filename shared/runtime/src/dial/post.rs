//! Calls to customers' endpoints. Of an answer only its first line and when to come back are of interest; what comes after that is neither
//! kept nor shown.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};

use super::{Dialer, Forbidden, NotSent};

/// Of the rest, so much is read that a connection can be used again.
const MOST_READ: usize = 16 * 1024;
const READ_FOR: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub status: StatusCode,
    pub retry_after: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unposted {
    #[error("calling it is forbidden")]
    Forbidden,
    #[error("no answer in time")]
    TimedOut,
    #[error("no connection, or one that ended before the answer")]
    Unreachable,
}

impl Dialer {
    /// Posts and reads how the answer begins. Whoever has answered 2xx has it, whatever becomes of the connection then.
    pub async fn post(&self, request: Request<Bytes>) -> Result<Head, Unposted> {
        let request = self.checked(request).map_err(|error| match error {
            NotSent::Forbidden(_) | NotSent::BadUrl(_) => Unposted::Forbidden,
            NotSent::Connect(_) => Unposted::Unreachable,
        })?;
        let response = self.client.execute(request).await;
        let response = response.map_err(|error| unposted(&error))?;
        let head = Head {
            status: response.status(),
            retry_after: retry_after(response.headers()),
        };
        drain(response).await;
        Ok(head)
    }
}

fn retry_after(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(header::RETRY_AFTER)?;
    header.to_str().ok().map(str::to_owned)
}

/// Whoever sends more, or sends it slowly, is left with it.
async fn drain(mut response: reqwest::Response) {
    let read = async {
        let mut room = MOST_READ;
        while let Ok(Some(chunk)) = response.chunk().await {
            room = room.saturating_sub(chunk.len());
            if room == 0 {
                break;
            }
        }
    };
    let in_time = tokio::time::timeout(READ_FOR, read).await;
    // Its connection is closed, which is all that there is to do about it.
    drop(in_time);
}

fn unposted(error: &reqwest::Error) -> Unposted {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<Forbidden>() {
            return Unposted::Forbidden;
        }
        source = cause.source();
    }
    if error.is_timeout() {
        Unposted::TimedOut
    } else {
        Unposted::Unreachable
    }
}
