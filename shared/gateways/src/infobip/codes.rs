//! Infobip's statuses and errors, by their numbers.

use carillon_core::report::ReportWord;

use crate::class::ErrorClass;

pub(super) const FLOODING: u32 = 20;
pub(super) const NO_ROUTE: u32 = 19;
pub(super) const DUPLICATE: u32 = 23;

/// By the status itself, else by its group. `None` for a group that we don't know.
pub(super) fn word(group: Option<u32>, id: Option<u32>) -> Option<ReportWord> {
    Some(match (group, id) {
        (_, Some(3 | 7)) => ReportWord::Sent,
        (_, Some(4 | 87)) => ReportWord::Rejected,
        (_, Some(31)) => ReportWord::Failed,
        (Some(0 | 1), _) => ReportWord::Accepted,
        (Some(2), _) => ReportWord::Undelivered,
        (Some(3), _) => ReportWord::Delivered,
        (Some(4), _) => ReportWord::Expired,
        (Some(5), _) => ReportWord::Rejected,
        _ => return None,
    })
}

/// `None` for statuses that we don't know, and for those that are no failure.
pub(super) fn of_status(id: u32) -> Option<ErrorClass> {
    Some(match id {
        4 | 10 | 14 => ErrorClass::Blocked,
        6 => ErrorClass::Region,
        8 | 52 => ErrorClass::InvalidNumber,
        9 => ErrorClass::Unknown,
        11 | 13 => ErrorClass::SenderConfig,
        12 | 17 => ErrorClass::Funds,
        15 | 29 => ErrorClass::Expired,
        18 | NO_ROUTE => ErrorClass::AuthConfig,
        FLOODING => ErrorClass::RateLimited,
        21 | 31 | 100 => ErrorClass::Temporary,
        DUPLICATE => ErrorClass::Duplicate,
        24 | 25 | 51 => ErrorClass::BadRequest,
        87 => ErrorClass::SpamContent,
        _ => return None,
    })
}

/// `None` for errors that we don't know.
pub(super) fn of_error(id: u32) -> Option<ErrorClass> {
    Some(match id {
        1 | 5 | 11 | 351 | 352 | 568 | 629 | 3041 => ErrorClass::InvalidNumber,
        6 | 7 | 8 | 27 | 31 | 32 | 33 | 256 | 581 | 628 => ErrorClass::Unreachable,
        9 | 12 | 13 | 566 | 569 | 604 | 632 | 2049 | 2050 | 2052 => ErrorClass::Blocked,
        34 | 500 | 502 | 630 | 631 | 2048 | 4097 => ErrorClass::Temporary,
        255 | 810 => ErrorClass::Unknown,
        355 => ErrorClass::BadRequest,
        368 | 488 | 562 | 564 | 571 | 572 | 2053 => ErrorClass::SenderConfig,
        433 => ErrorClass::AuthConfig,
        541 | 542 | 4103 | 4104 | 4202 => ErrorClass::RateLimited,
        561 | 607 | 608 | 2051 => ErrorClass::SpamContent,
        573 | 603 => ErrorClass::OptedOut,
        811 | 4098 | 4100 | 4101 => ErrorClass::Expired,
        4099 => ErrorClass::Funds,
        5492 => ErrorClass::Duplicate,
        _ => return None,
    })
}
