//! Gateway accounts, and what is known of how they do.

use carillon_core::{
    id::{AccountId, GatewayAccountId},
    phone::Country,
};
use jiff::Timestamp;

use super::Key;
use crate::deliveries::Traffic;

pub fn gateway(account: AccountId, gateway: GatewayAccountId) -> Key {
    Key::new(account.to_string(), format!("{GATEWAY}{gateway}"))
}

pub const GATEWAY: &str = "gateway#";

pub fn rate(gateway: GatewayAccountId) -> Key {
    Key::new(format!("rate#{gateway}"), "rate")
}

/// What reports said of an account's gateway accounts, by time.
pub fn deliveries_of(account: AccountId) -> String {
    format!("{account}#deliveries")
}

/// Of a bucket.
const DELIVERIES_SECONDS: i64 = 300;

/// The bucket of a time.
pub fn deliveries(traffic: Traffic, at: Timestamp) -> Key {
    let Traffic {
        account,
        country,
        gateway,
    } = traffic;
    let from = deliveries_from(at);
    Key::new(
        deliveries_of(account),
        format!("{from}#{country}#{gateway}"),
    )
}

/// What the buckets of a time begin with.
pub fn deliveries_from(at: Timestamp) -> String {
    format!("{:09}", at.as_second() / DELIVERIES_SECONDS)
}

/// Which accounts have buckets, by time.
pub const DELIVERIES: &str = "deliveries";

/// That an account has one of a time.
pub fn has_deliveries(account: AccountId, at: Timestamp) -> Key {
    Key::new(DELIVERIES, format!("{}#{account}", deliveries_from(at)))
}

/// Of what a bucket of an account is, by its sort key.
pub fn traffic(account: AccountId, sort: &str) -> Option<Traffic> {
    let mut words = sort.split('#').skip(1);
    Some(Traffic {
        account,
        country: Country::parse(words.next()?).ok()?,
        gateway: words.next()?.parse().ok()?,
    })
}

/// Whose bucket a sort key of `DELIVERIES` tells of.
pub fn delivering(sort: &str) -> Option<AccountId> {
    sort.split('#').nth(1)?.parse().ok()
}

/// When gateway accounts were compared last.
pub fn judged() -> Key {
    Key::new("lock", "judge")
}

/// Which gateway account a webhook's path token belongs to.
pub fn hook(token: &str) -> Key {
    Key::new(format!("hook#{token}"), "hook")
}
