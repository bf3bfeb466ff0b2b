//! Accounts: who may do what, their settings, and what is noted of them.

use std::fmt::Display;

use carillon_core::{
    id::{AccountId, DeadLetterId, EventId, MemberId, PrivacyRequestId, TemplateId},
    phone::Country,
    privacy::Act,
};
use jiff::Timestamp;

use super::{Key, closing_time};

pub fn account(account: AccountId) -> Key {
    Key::new(account.to_string(), "account")
}

/// By the keyed hash of the key itself.
pub fn api_key(hash: &str) -> Key {
    Key::new(format!("key#{hash}"), "key")
}

/// The index partition that lists an account's API keys.
pub fn api_keys_of(account: AccountId) -> String {
    format!("{account}#keys")
}

pub fn account_member(account: AccountId, member: MemberId) -> Key {
    Key::new(account.to_string(), format!("{MEMBER}{member}"))
}

pub const MEMBER: &str = "member#";

/// The partition of a person by the keyed hash of the e-mail address: an item for each account that it is a member of.
pub fn person(email_hash: &str) -> String {
    format!("person#{email_hash}")
}

pub fn membership(email_hash: &str, account: AccountId) -> Key {
    Key::new(person(email_hash), account.to_string())
}

/// By which subscription a person is told by e-mail.
pub fn alerts(email_hash: &str) -> Key {
    Key::new(person(email_hash), "alerts")
}

/// That an account was told of something.
pub fn told(account: AccountId, what: &str) -> Key {
    Key::new(format!("{account}#told"), what)
}

/// By the keyed hash of the token in the cookie.
pub fn session(token_hash: &str) -> Key {
    Key::new(format!("session#{token_hash}"), "session")
}

pub fn template(account: AccountId, template: TemplateId) -> Key {
    Key::new(account.to_string(), format!("{TEMPLATE}{template}"))
}

pub const TEMPLATE: &str = "template#";

pub fn template_version(account: AccountId, template: TemplateId, version: u32) -> Key {
    let versions = template_versions(template);
    Key::new(account.to_string(), format!("{versions}{version:08}"))
}

/// What the sort keys of a template's versions begin with.
pub fn template_versions(template: TemplateId) -> String {
    format!("template-version#{template}#")
}

/// What an account asked for in a window of time.
pub fn quota(account: AccountId, window: i64) -> Key {
    Key::new(format!("{account}#quota"), window.to_string())
}

/// What an account lets leave.
pub fn safeguards(account: AccountId) -> Key {
    Key::new(account.to_string(), "safeguards")
}

/// What an account answers handsets.
pub fn replies(account: AccountId) -> Key {
    Key::new(account.to_string(), "replies")
}

/// The erasure of a number, or the report on it.
pub fn privacy_request(account: AccountId, act: Act, id: PrivacyRequestId) -> Key {
    let requests = privacy_requests(act);
    Key::new(account.to_string(), format!("{requests}{id}"))
}

pub fn privacy_requests(act: Act) -> String {
    format!("{}#", act.as_str())
}

/// The partition of erasures and reports that somebody has to work on, by when.
pub const PRIVACY_DUE: &str = "privacy";

pub fn privacy_due(due: Timestamp, account: AccountId, act: Act, id: PrivacyRequestId) -> Key {
    let (at, act) = (closing_time(due), act.as_str());
    Key::new(PRIVACY_DUE, format!("{at}#{account}#{act}#{id}"))
}

/// Which request it is, by its sort key.
pub fn privacy_due_of(sort: &str) -> Option<(AccountId, Act, PrivacyRequestId)> {
    let mut words = sort.split('#').skip(1);
    Some((
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    ))
}

/// The partition of the accounts that keep something for a time of their own.
pub const RETENTION: &str = "retention";

pub fn retention(account: AccountId) -> Key {
    Key::new(RETENTION, account.to_string())
}

/// What was reserved of an account's money: in all, or for a country.
pub fn spent(account: AccountId, country: Option<Country>) -> Key {
    let of = country.map_or_else(|| "all".to_owned(), |country| country.to_string());
    Key::new(format!("{account}#spent"), of)
}

/// How often one-time passwords went to a number or a block of numbers, by its keyed hash.
pub fn velocity(account: AccountId, hash: &str) -> Key {
    Key::new(format!("{account}#velocity#{hash}"), "velocity")
}

pub fn idempotency(account: AccountId, key_hash: &str) -> Key {
    Key::new(format!("{account}#idempotency#{key_hash}"), "request")
}

/// The partition of an account's audit entries, in the order of time.
pub fn audit(account: AccountId) -> String {
    format!("{account}#audit")
}

pub fn audit_entry(account: AccountId, entry: EventId) -> Key {
    Key::new(audit(account), entry.to_string())
}

/// The partition of an account's dead letters.
pub fn dead_letters(account: AccountId) -> String {
    format!("{account}#dead")
}

pub fn dead_letter(account: AccountId, letter: DeadLetterId) -> Key {
    Key::new(dead_letters(account), letter.to_string())
}

/// The index partition of all dead letters, for the alarm.
pub const DEAD: &str = "dead";

/// What was sent to whom lately, by a fingerprint of both.
pub fn sent(account: AccountId, fingerprint: &str) -> Key {
    Key::new(account.to_string(), format!("sent#{fingerprint}"))
}

/// One of what an account has some of: `sender#snd_…`.
pub fn record(account: AccountId, word: &str, id: impl Display) -> Key {
    Key::new(account.to_string(), format!("{word}#{id}"))
}

/// What the sort keys of one kind begin with.
pub fn records(word: &str) -> String {
    format!("{word}#")
}
