//! The clock, in milliseconds: what is stored and what is answered are the same.

use jiff::Timestamp;

pub fn now() -> Timestamp {
    whole(Timestamp::now())
}

pub fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).expect("a time that there was")
}
