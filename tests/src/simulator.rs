//! A client of `gateway-simulator`'s control paths. The documents are described in `simulator/rules.rs`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub struct Simulator {
    url: String,
    http: reqwest::Client,
}

#[derive(Debug, Deserialize, PartialEq)]
pub struct Summary {
    pub requests: u64,
    pub accepted: u64,
    pub deduplicated: u64,
    pub refused: u64,
    pub throttled: u64,
    pub errors: u64,
    pub distinct_recipients: u64,
    pub duplicates: u64,
    pub receipts: Receipts,
}

#[derive(Debug, Deserialize, PartialEq)]
pub struct Receipts {
    pub pending: u64,
    pub posted: u64,
    pub retried: u64,
    pub acknowledged: u64,
    pub failed: u64,
    pub forged: u64,
    pub forged_acknowledged: u64,
    pub by_status: BTreeMap<String, u64>,
}

/// What one number got.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Recipient {
    pub to: String,
    pub requests: u32,
    pub accepted: u32,
    pub ids: Vec<String>,
    pub status: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub struct Arrival {
    pub ms: i64,
    pub to: String,
    /// Its sender.
    pub from: String,
    pub parts: Option<u32>,
}

#[derive(Debug)]
pub enum Error {
    Http(reqwest::Error),
    /// The simulator said no, and why.
    Refused(String),
    Unreadable(serde_json::Error),
}

impl Simulator {
    /// `url` without a slash at its end.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            http: reqwest::Client::new(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub async fn set_rules(&self, document: &serde_json::Value) -> Result<(), Error> {
        self.post("/_sim/rules", document.to_string()).await
    }

    /// No counts, the default rules, no receipts to come.
    pub async fn reset(&self) -> Result<(), Error> {
        self.post("/_sim/reset", String::new()).await
    }

    pub async fn summary(&self) -> Result<Summary, Error> {
        serde_json::from_str(&self.get("/_sim/summary").await?).map_err(Error::Unreadable)
    }

    /// In the order of the numbers.
    pub async fn recipients(&self) -> Result<Vec<Recipient>, Error> {
        lines(&self.get("/_sim/recipients").await?)
    }

    /// In the order of arrival.
    pub async fn arrivals(&self) -> Result<Vec<Arrival>, Error> {
        lines(&self.get("/_sim/arrivals").await?)
    }

    async fn get(&self, path: &str) -> Result<String, Error> {
        text(self.http.get(self.url(path))).await
    }

    async fn post(&self, path: &str, body: String) -> Result<(), Error> {
        text(self.http.post(self.url(path)).body(body))
            .await
            .map(|_| ())
    }
}

async fn text(request: reqwest::RequestBuilder) -> Result<String, Error> {
    let answer = request.send().await.map_err(Error::Http)?;
    let status = answer.status();
    let text = answer.text().await.map_err(Error::Http)?;
    if status.is_success() {
        Ok(text)
    } else {
        Err(Error::Refused(text))
    }
}

fn lines<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, Error> {
    text.lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .map_err(Error::Unreadable)
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http(error) => write!(f, "the simulator can't be reached: {error}"),
            Self::Refused(why) => write!(f, "the simulator refused: {why}"),
            Self::Unreadable(error) => write!(f, "the simulator's answer can't be read: {error}"),
        }
    }
}

impl std::error::Error for Error {}
