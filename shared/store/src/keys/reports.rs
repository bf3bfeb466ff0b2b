//! Digests, the lake and exports.

use carillon_core::{
    digest::Hour,
    id::{AccountId, ExportId, ExportScheduleId},
};
use jiff::{Timestamp, civil::Date};

use super::{Key, closing_time};

/// The partition of what an account's API sends came to, by the hour.
pub fn digests_of(account: AccountId) -> String {
    format!("{account}#digests")
}

pub fn digest(account: AccountId, hour: Hour) -> Key {
    Key::new(digests_of(account), digest_hour(hour))
}

/// Digits that sort.
pub fn digest_hour(hour: Hour) -> String {
    format!("{:09}", hour.count())
}

/// The index partition of the hours that are to be counted, by when.
pub const DIGESTS_DUE: &str = "digests";

pub fn digest_due(look: Timestamp, account: AccountId, hour: Hour) -> String {
    format!("{}#{account}#{}", closing_time(look), digest_hour(hour))
}

/// Where an hour that is expected stands in it. No two environments say the same: a count that began before the second one spoke has lost.
pub fn digest_expected(hour: Hour, account: AccountId, now: Timestamp) -> String {
    let due = digest_due(hour.first_look(), account, hour);
    format!("{due}#{}", now.as_nanosecond())
}

/// Which hour it is, by its place in the index.
pub fn digest_due_of(sort: &str) -> Option<(AccountId, Hour)> {
    let mut words = sort.split('#').skip(1);
    let account = words.next()?.parse().ok()?;
    Some((account, Hour::from_count(words.next()?.parse().ok()?)))
}

/// Whose lake is filled each day.
pub fn lake(account: AccountId) -> Key {
    Key::new(LAKES, account.to_string())
}

pub const LAKES: &str = "lakes";

/// Which export a day of a lake is of.
pub fn lake_day(account: AccountId, day: Date) -> Key {
    Key::new(format!("{account}#lake"), day.to_string())
}

pub const EXPORTS: &str = "export#";

pub fn export(account: AccountId, id: ExportId) -> Key {
    Key::new(account.to_string(), format!("{EXPORTS}{id}"))
}

/// Marks an export that isn't over.
pub fn exporting(account: AccountId, id: ExportId) -> Key {
    Key::new(EXPORTING, format!("{account}#{id}"))
}

pub const EXPORTING: &str = "exporting";

pub const EXPORT_SCHEDULE: &str = "export-schedule#";

pub fn export_schedule(account: AccountId, id: ExportScheduleId) -> Key {
    Key::new(account.to_string(), format!("{EXPORT_SCHEDULE}{id}"))
}

/// When a schedule of exports is looked at next.
pub fn export_schedule_look(account: AccountId, id: ExportScheduleId) -> Key {
    Key::new(EXPORT_SCHEDULES, format!("{account}#{id}"))
}

pub const EXPORT_SCHEDULES: &str = "export-schedules";
