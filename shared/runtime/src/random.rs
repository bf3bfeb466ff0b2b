//! What is drawn at random. Ids are UUIDv7, so that their order is that of time.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use carillon_core::id::{Id, Kind};
use jiff::Timestamp;
use uuid::Builder;

pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system has random bytes");
    bytes
}

pub fn id<K: Kind>(now: Timestamp) -> Id<K> {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let random = bytes::<10>();
    Id::from_uuid(Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
}

/// Something that nobody else draws: 32 hexadecimal digits.
pub fn token() -> String {
    let uuid = Builder::from_random_bytes(bytes()).into_uuid();
    uuid.simple().to_string()
}
