//! The tracked links of a campaign, and who opened them.

use serde::Deserialize;

use crate::{console::Console, pages::error::Refused, signed_in::SignedIn};

#[derive(Debug, Deserialize)]
pub struct Link {
    pub address: String,
    pub recipients: u64,
    pub clicks: u64,
    pub programs: u64,
}

#[derive(Debug, Deserialize)]
struct Report {
    links: Vec<Link>,
}

/// In the order of the text.
pub async fn links(console: &Console, who: &SignedIn, path: &str) -> Result<Vec<Link>, Refused> {
    let Report { links } = console.get(who, &format!("{path}/links")).await?;
    Ok(links)
}
