//! Contacts, lists, imports, consents, opt-outs and what people write.

use carillon_core::{
    id::{AccountId, ConsentId, ContactId, EventId, ImportId, ListId, UploadId},
    moment::sortable,
};
use jiff::Timestamp;

use super::Key;

/// Partitions an account's contacts are spread over. An id is a hash, so each holds a fair share, and the order of all of them,
/// shard by shard, is that of their ids.
pub const CONTACT_SHARDS: u8 = 64;
/// Partitions the members of a list are spread over, in the same way.
pub const MEMBER_SHARDS: u8 = 16;

pub fn contact(account: AccountId, contact: ContactId) -> Key {
    Key::new(
        contacts(account, contact_shard(contact)),
        contact_sort(contact),
    )
}

pub fn contacts(account: AccountId, shard: u8) -> String {
    format!("{account}#contacts#{shard}")
}

pub fn contact_shard(contact: ContactId) -> u8 {
    contact.uuid().as_bytes()[0] / (u8::MAX / CONTACT_SHARDS + 1)
}

/// The keyed hash of its number, as other keys say it too.
pub fn contact_sort(contact: ContactId) -> String {
    let id = contact.to_string();
    let (_prefix, hash) = id.split_once('_').expect("an id has a prefix");
    hash.to_owned()
}

/// That a contact is on a list.
pub fn member(account: AccountId, list: ListId, contact: ContactId) -> Key {
    Key::new(
        members(account, list, member_shard(contact)),
        contact_sort(contact),
    )
}

pub fn members(account: AccountId, list: ListId, shard: u8) -> String {
    format!("{account}#{list}#{shard}")
}

pub fn member_shard(contact: ContactId) -> u8 {
    contact.uuid().as_bytes()[0] / (u8::MAX / MEMBER_SHARDS + 1)
}

/// Whether this account must not text a number.
pub fn suppression(account: AccountId, number_hash: &str) -> Key {
    Key::new(format!("{account}#suppressed#{number_hash}"), "suppression")
}

/// The partition of an account's opt-outs, in the order of time.
pub fn opt_out_log(account: AccountId) -> String {
    format!("{account}#optouts")
}

/// The partition of the consent records of a number.
pub fn consents(account: AccountId, number_hash: &str) -> String {
    format!("{account}#consents#{number_hash}")
}

/// One of them, by its place.
pub fn consent(account: AccountId, number_hash: &str, place: u32) -> Key {
    Key::new(consents(account, number_hash), consent_place(place))
}

/// How the sort keys of places begin.
pub const CONSENT_PLACES: &str = "at#";

/// In the order of places.
pub fn consent_place(place: u32) -> String {
    format!("{CONSENT_PLACES}{place:010}")
}

pub fn consent_place_of(sort: &str) -> Option<u32> {
    sort.strip_prefix(CONSENT_PLACES)?.parse().ok()
}

/// What the number was asked last.
pub fn asked(account: AccountId, number_hash: &str) -> Key {
    Key::new(consents(account, number_hash), "asked")
}

/// Until when its owner agrees to marketing, by all of its records.
pub fn agreement(account: AccountId, number_hash: &str) -> Key {
    Key::new(consents(account, number_hash), "marketing")
}

/// Which place a record has.
pub fn consent_named(account: AccountId, number_hash: &str, consent: ConsentId) -> Key {
    Key::new(consents(account, number_hash), consent.to_string())
}

/// The partition of what a number was answered.
pub fn answers(account: AccountId, number_hash: &str) -> String {
    format!("{account}#answers#{number_hash}")
}

/// The answer to one message of it.
pub fn answer(account: AccountId, number_hash: &str, inbound: EventId) -> Key {
    Key::new(answers(account, number_hash), inbound.to_string())
}

/// The partition of what handsets wrote to an account, in the order of time.
pub fn inbound_log(account: AccountId) -> String {
    format!("{account}#inbound")
}

/// The partition of what one handset wrote to an account, in the order of time.
pub fn inbound_of(account: AccountId, number_hash: &str) -> String {
    format!("{account}#inbound#{number_hash}")
}

/// When a message of one handset came first, however often it comes.
pub fn first_came(account: AccountId, number_hash: &str, inbound: EventId) -> Key {
    let partition = format!("{account}#came#{number_hash}");
    Key::new(partition, inbound.to_string())
}

/// In one of these partitions.
pub fn inbound(partition: String, place: String) -> Key {
    Key::new(partition, place)
}

/// Sorts before whatever has this very time, in lists that begin with the time.
pub fn place_before(time: Timestamp) -> String {
    format!("{:015}", sortable(time).as_millisecond())
}

/// In the order of time.
pub fn inbound_place(at: Timestamp, id: EventId) -> String {
    format!("{:015}#{id}", at.as_millisecond())
}

pub fn upload(account: AccountId, upload: UploadId) -> Key {
    Key::new(account.to_string(), format!("upload#{upload}"))
}

pub fn import(account: AccountId, import: ImportId) -> Key {
    Key::new(account.to_string(), format!("{IMPORT}{import}"))
}

pub const IMPORT: &str = "import#";

/// Marks an import that somebody has to work on.
pub fn importing(account: AccountId, import: ImportId) -> Key {
    Key::new(IMPORTING, format!("{account}#{import}"))
}

pub const IMPORTING: &str = "importing";

/// Which import a mark is about, by its sort key.
pub fn importing_of(sort: &str) -> Option<(AccountId, ImportId)> {
    let (account, import) = sort.split_once('#')?;
    Some((account.parse().ok()?, import.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_contacts_is_that_of_their_shards() {
        let ids = [0_u8, 3, 4, 127, 128, 255].map(|first| {
            let mut bytes = [7; 16];
            bytes[0] = first;
            ContactId::from_uuid(uuid::Uuid::from_bytes(bytes))
        });

        assert_eq!(ids.map(contact_shard), [0, 0, 1, 31, 32, 63]);
        assert_eq!(ids.map(member_shard), [0, 0, 0, 7, 8, 15]);
        assert!(ids.map(contact_sort).is_sorted());
    }
}
