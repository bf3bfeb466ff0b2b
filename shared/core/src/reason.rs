//! Why a message did not go as hoped: `class.reason`, and the four facts that decide what happens next.
//! The byte of a reason is stored in the ledger: never give one a new meaning.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// When it may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// Later, by the same gateway.
    Later,
    /// Now, by another gateway.
    Elsewhere,
    /// After somebody repaired something.
    AfterRepair,
}

/// Whether the gateway bills it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Billable {
    Yes,
    No,
    Maybe,
}

/// What it says about the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactConsequence {
    Nothing,
    /// Three strikes make a number invalid.
    Strike,
    Suppress,
}

/// What it says about everything else in the campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignConsequence {
    Nothing,
    Pause,
}

/// The facts of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub code: &'static str,
    pub retry: Retry,
    pub billable: Billable,
    pub contact: ContactConsequence,
    pub campaign: CampaignConsequence,
    /// Half a sentence for people.
    pub words: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    BadNumber = 1,
    MissingVariable = 2,
    TooLong = 3,
    BadSender = 4,
    OptedOut = 5,
    Blocklisted = 6,
    GeoBlocked = 7,
    Flood = 8,
    Duplicate = 9,
    Budget = 10,
    QuietExpired = 11,
    NoConsent = 12,
    FraudSuspected = 13,
    KillSwitch = 14,
    Cancelled = 15,
    Throttled = 16,
    Unavailable = 17,
    Ambiguous = 18,
    Auth = 19,
    NoCredit = 20,
    Suspended = 21,
    BadResponse = 22,
    NoRoute = 23,
    BadRequest = 24,
    Temporary = 25,
    GatewayUnmapped = 26,
    Filtered = 27,
    Unregistered = 28,
    DailyCap = 29,
    Congestion = 30,
    CarrierRejected = 31,
    UnknownSubscriber = 32,
    Landline = 33,
    Absent = 34,
    Busy = 35,
    MemoryFull = 36,
    Roaming = 37,
    Unsupported = 38,
    Barred = 39,
    BeforeSubmit = 40,
    InNetwork = 41,
    NoReceipt = 42,
    Internal = 43,
    QuietHours = 44,
    LocalTime = 45,
}

/// All reasons, in the order of their bytes, from 1.
pub const REASONS: &[Reason] = &[
    Reason::BadNumber,
    Reason::MissingVariable,
    Reason::TooLong,
    Reason::BadSender,
    Reason::OptedOut,
    Reason::Blocklisted,
    Reason::GeoBlocked,
    Reason::Flood,
    Reason::Duplicate,
    Reason::Budget,
    Reason::QuietExpired,
    Reason::NoConsent,
    Reason::FraudSuspected,
    Reason::KillSwitch,
    Reason::Cancelled,
    Reason::Throttled,
    Reason::Unavailable,
    Reason::Ambiguous,
    Reason::Auth,
    Reason::NoCredit,
    Reason::Suspended,
    Reason::BadResponse,
    Reason::NoRoute,
    Reason::BadRequest,
    Reason::Temporary,
    Reason::GatewayUnmapped,
    Reason::Filtered,
    Reason::Unregistered,
    Reason::DailyCap,
    Reason::Congestion,
    Reason::CarrierRejected,
    Reason::UnknownSubscriber,
    Reason::Landline,
    Reason::Absent,
    Reason::Busy,
    Reason::MemoryFull,
    Reason::Roaming,
    Reason::Unsupported,
    Reason::Barred,
    Reason::BeforeSubmit,
    Reason::InNetwork,
    Reason::NoReceipt,
    Reason::Internal,
    Reason::QuietHours,
    Reason::LocalTime,
];

impl Reason {
    /// The byte that stands for it in the ledger; 0 means none.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    pub fn from_byte(byte: u8) -> Option<Self> {
        REASONS.get(usize::from(byte).checked_sub(1)?).copied()
    }

    pub fn code(self) -> &'static str {
        self.facts().code
    }

    #[rustfmt::skip]
    pub const fn facts(self) -> Facts {
        use {Billable as B, CampaignConsequence as Campaign, ContactConsequence as Contact, Retry as R};
        let (code, retry, billable, contact, campaign, words) = match self {
            Self::BadNumber => ("validation.bad_number", R::Never, B::No, Contact::Strike, Campaign::Nothing, "the number does not exist or cannot take an SMS"),
            Self::MissingVariable => ("validation.missing_variable", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "a value for the text is missing"),
            Self::TooLong => ("validation.too_long", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "the text is longer than the gateway takes"),
            Self::BadSender => ("validation.bad_sender", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "the gateway does not accept this sender"),
            Self::OptedOut => ("policy.opted_out", R::Never, B::No, Contact::Suppress, Campaign::Nothing, "the recipient opted out"),
            Self::Blocklisted => ("policy.blocklisted", R::Never, B::No, Contact::Suppress, Campaign::Nothing, "the recipient or the network blocks this number"),
            Self::GeoBlocked => ("policy.geo_blocked", R::AfterRepair, B::No, Contact::Nothing, Campaign::Nothing, "sending to this country is not allowed"),
            Self::Flood => ("policy.flood", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "too many messages to this number"),
            Self::Duplicate => ("policy.duplicate", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "the same message went to this number already"),
            Self::Budget => ("policy.budget", R::Never, B::No, Contact::Nothing, Campaign::Pause, "the spending limit is reached"),
            Self::QuietExpired => ("policy.quiet_expired", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "the sending hours ended before it could go out"),
            Self::QuietHours => ("policy.quiet_hours", R::Later, B::No, Contact::Nothing, Campaign::Nothing, "it waits for the recipient's sending hours"),
            Self::LocalTime => ("policy.local_time", R::Later, B::No, Contact::Nothing, Campaign::Nothing, "it waits for the campaign's time by the recipient's clock"),
            Self::NoConsent => ("policy.no_consent", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "there is no consent for this kind of message"),
            Self::FraudSuspected => ("policy.fraud_suspected", R::Never, B::No, Contact::Nothing, Campaign::Pause, "the traffic looks like fraud"),
            Self::KillSwitch => ("policy.kill_switch", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "sending was switched off"),
            Self::Cancelled => ("policy.cancelled", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "the batch was cancelled"),
            Self::Throttled => ("gateway.throttled", R::Later, B::No, Contact::Nothing, Campaign::Nothing, "the gateway asked us to slow down"),
            Self::Unavailable => ("gateway.unavailable", R::Elsewhere, B::No, Contact::Nothing, Campaign::Nothing, "the gateway could not be reached"),
            Self::Ambiguous => ("gateway.ambiguous", R::Never, B::Maybe, Contact::Nothing, Campaign::Nothing, "the gateway gave no clear answer"),
            Self::Auth => ("gateway.auth", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "the gateway does not accept our credentials"),
            Self::NoCredit => ("gateway.no_credit", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "there is no credit left at the gateway"),
            Self::Suspended => ("gateway.suspended", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "the gateway account is suspended"),
            Self::BadResponse => ("gateway.bad_response", R::Elsewhere, B::Maybe, Contact::Nothing, Campaign::Nothing, "the gateway answered something we cannot read"),
            Self::NoRoute => ("gateway.no_route", R::Elsewhere, B::No, Contact::Nothing, Campaign::Nothing, "the gateway has no route to this number"),
            Self::BadRequest => ("gateway.bad_request", R::AfterRepair, B::No, Contact::Nothing, Campaign::Pause, "the gateway calls our request wrong"),
            Self::Temporary => ("gateway.temporary", R::Later, B::No, Contact::Nothing, Campaign::Nothing, "the gateway could not take it for now"),
            Self::GatewayUnmapped => ("gateway.unmapped", R::Never, B::Maybe, Contact::Nothing, Campaign::Nothing, "the gateway gave a code we do not know"),
            Self::Filtered => ("carrier.filtered", R::Never, B::Maybe, Contact::Nothing, Campaign::Pause, "the network filtered the message as spam"),
            Self::Unregistered => ("carrier.unregistered", R::AfterRepair, B::Maybe, Contact::Nothing, Campaign::Pause, "the sender is not registered for this network"),
            Self::DailyCap => ("carrier.daily_cap", R::Later, B::Maybe, Contact::Nothing, Campaign::Nothing, "the network's daily limit is reached"),
            Self::Congestion => ("carrier.congestion", R::Later, B::Maybe, Contact::Nothing, Campaign::Nothing, "the network is congested"),
            Self::CarrierRejected => ("carrier.rejected", R::Never, B::Maybe, Contact::Strike, Campaign::Nothing, "the network refused it"),
            Self::UnknownSubscriber => ("handset.unknown_subscriber", R::Never, B::Maybe, Contact::Strike, Campaign::Nothing, "the network does not know this number"),
            Self::Landline => ("handset.landline", R::Never, B::Maybe, Contact::Suppress, Campaign::Nothing, "the number is a landline"),
            Self::Absent => ("handset.absent", R::Later, B::Yes, Contact::Nothing, Campaign::Nothing, "the phone was off or out of reach"),
            Self::Busy => ("handset.busy", R::Later, B::Yes, Contact::Nothing, Campaign::Nothing, "the phone was busy"),
            Self::MemoryFull => ("handset.memory_full", R::Later, B::Yes, Contact::Nothing, Campaign::Nothing, "the phone's memory was full"),
            Self::Roaming => ("handset.roaming", R::Later, B::Yes, Contact::Nothing, Campaign::Nothing, "the phone was abroad and not reachable"),
            Self::Unsupported => ("handset.unsupported", R::Never, B::Yes, Contact::Strike, Campaign::Nothing, "the phone does not support this message"),
            Self::Barred => ("handset.barred", R::Never, B::Yes, Contact::Strike, Campaign::Nothing, "the recipient's line does not allow it"),
            Self::BeforeSubmit => ("expiry.before_submit", R::Never, B::No, Contact::Nothing, Campaign::Nothing, "its time was over before it could go out"),
            Self::InNetwork => ("expiry.in_network", R::Never, B::Yes, Contact::Nothing, Campaign::Nothing, "the network could not deliver it in time"),
            Self::NoReceipt => ("expiry.no_receipt", R::Never, B::Yes, Contact::Nothing, Campaign::Nothing, "no delivery report came"),
            Self::Internal => ("internal.error", R::Later, B::No, Contact::Nothing, Campaign::Nothing, "something on our side went wrong"),
        };
        Facts { code, retry, billable, contact, campaign, words }
    }

    /// What somebody can do about it.
    #[rustfmt::skip]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::BadNumber | Self::UnknownSubscriber | Self::Unsupported | Self::Barred =>
                "Take these numbers off your list. Trying again costs money and changes nothing.",
            Self::Landline => "Take these numbers off your list: they can't receive a text.",
            Self::MissingVariable => "Give the placeholder a default, as {{name|friend}}, or fill in the column.",
            Self::TooLong => "Shorten the text, or choose a gateway that takes longer ones.",
            Self::BadSender => "Choose another sender, or set this one up at the gateway.",
            Self::OptedOut | Self::Blocklisted => "Nothing to do: these people don't want messages.",
            Self::GeoBlocked => "Allow the country in the settings, if you mean to send there.",
            Self::Flood | Self::Duplicate => "Nothing to do: they got this already, or enough for now.",
            Self::Budget => "Raise the spending limit in the settings, or wait for the next period.",
            Self::QuietExpired => "Start earlier in the day, or give the campaign longer to be sent.",
            Self::QuietHours | Self::LocalTime => "Nothing to do: they leave by themselves when it is time there.",
            Self::NoConsent => "Ask these people for consent first; then send it to them.",
            Self::FraudSuspected => "Look at where these numbers come from before you send again.",
            Self::KillSwitch => "Somebody stopped sending. Switch it on again in the settings.",
            Self::Cancelled => "The campaign was cancelled before these left.",
            Self::Throttled | Self::Congestion | Self::Temporary | Self::DailyCap =>
                "They are tried again by themselves. If it lasts, lower the gateway's rate.",
            Self::NoRoute => "Add a route or a gateway for this country.",
            Self::Unavailable | Self::BadResponse =>
                "Look at the gateway's health, and add a second one to the route.",
            Self::Ambiguous | Self::GatewayUnmapped =>
                "The gateway's own log says whether they left.",
            Self::Auth => "Renew the gateway's credentials.",
            Self::NoCredit => "Top up at the gateway, then resume.",
            Self::Suspended => "Ask the gateway's support why the account is suspended.",
            Self::BadRequest => "Check the gateway's settings: it does not understand our requests.",
            Self::Filtered => "Change the text, links and capitals above all, and see that the sender is registered: networks took it for spam.",
            Self::Unregistered => "Register the sender for this country, then send these again.",
            Self::CarrierRejected => "Ask the gateway what this network objects to.",
            Self::Absent | Self::Busy | Self::MemoryFull | Self::Roaming =>
                "Try these again later: the phones were off, full or out of reach.",
            Self::BeforeSubmit => "Give the campaign longer, or the gateway more rate.",
            Self::InNetwork => "Some phones stay off for days. Try again, or leave it.",
            Self::NoReceipt => "Ask the gateway whether it sends delivery reports for this country.",
            Self::Internal => "They are tried again by themselves. If it lasts, tell your operator.",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a reason we know")]
pub struct UnknownReason(String);

impl FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        REASONS
            .iter()
            .copied()
            .find(|reason| reason.code() == code)
            .ok_or_else(|| UnknownReason(code.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_found_by_its_byte_and_by_its_code() {
        for reason in REASONS {
            assert_eq!(Reason::from_byte(reason.byte()), Some(*reason));
            assert_eq!(reason.code().parse(), Ok(*reason));
            assert!(
                reason.byte() < 64,
                "{reason} does not fit into the six bits of a slot"
            );
        }
        assert_eq!(Reason::from_byte(0), None);
        assert_eq!(Reason::from_byte(u8::MAX), None);
    }

    /// The taxonomy that the reasons were taken from: retry, contact, campaign.
    #[rustfmt::skip]
    #[test]
    fn each_reason_has_the_facts_of_its_kind() {
        use {CampaignConsequence as Campaign, ContactConsequence as Contact, Retry as R};
        let kinds: [(&[Reason], R, Contact, Campaign); 15] = [
            (&[Reason::BadNumber], R::Never, Contact::Strike, Campaign::Nothing),
            (&[Reason::MissingVariable, Reason::TooLong, Reason::BadSender, Reason::BadRequest], R::AfterRepair, Contact::Nothing, Campaign::Pause),
            (&[Reason::OptedOut, Reason::Blocklisted], R::Never, Contact::Suppress, Campaign::Nothing),
            (&[Reason::GeoBlocked], R::AfterRepair, Contact::Nothing, Campaign::Nothing),
            (&[Reason::Flood, Reason::Duplicate, Reason::QuietExpired, Reason::NoConsent, Reason::KillSwitch, Reason::Cancelled], R::Never, Contact::Nothing, Campaign::Nothing),
            (&[Reason::Budget, Reason::FraudSuspected, Reason::Filtered], R::Never, Contact::Nothing, Campaign::Pause),
            (&[Reason::Throttled, Reason::Temporary, Reason::Internal, Reason::DailyCap, Reason::Congestion, Reason::QuietHours, Reason::LocalTime], R::Later, Contact::Nothing, Campaign::Nothing),
            (&[Reason::Unavailable, Reason::NoRoute, Reason::BadResponse], R::Elsewhere, Contact::Nothing, Campaign::Nothing),
            (&[Reason::Ambiguous, Reason::GatewayUnmapped], R::Never, Contact::Nothing, Campaign::Nothing),
            (&[Reason::Auth, Reason::NoCredit, Reason::Suspended, Reason::Unregistered], R::AfterRepair, Contact::Nothing, Campaign::Pause),
            (&[Reason::CarrierRejected, Reason::UnknownSubscriber, Reason::Unsupported, Reason::Barred], R::Never, Contact::Strike, Campaign::Nothing),
            (&[Reason::Landline], R::Never, Contact::Suppress, Campaign::Nothing),
            (&[Reason::Absent, Reason::Busy, Reason::MemoryFull, Reason::Roaming], R::Later, Contact::Nothing, Campaign::Nothing),
            (&[Reason::BeforeSubmit, Reason::InNetwork], R::Never, Contact::Nothing, Campaign::Nothing),
            (&[Reason::NoReceipt], R::Never, Contact::Nothing, Campaign::Nothing),
        ];

        let mut seen = Vec::new();
        for (reasons, retry, contact, campaign) in kinds {
            for reason in reasons {
                let facts = reason.facts();
                assert_eq!((facts.retry, facts.contact, facts.campaign), (retry, contact, campaign), "{reason}");
                seen.push(*reason);
            }
        }
        seen.sort_unstable_by_key(|reason| reason.byte());
        assert_eq!(seen, REASONS, "each of them once");
    }

    #[test]
    fn nobody_bills_what_never_left_us() {
        for reason in REASONS {
            let free = ["validation.", "policy."];
            if free.iter().any(|class| reason.code().starts_with(class)) {
                assert_eq!(reason.facts().billable, Billable::No, "{reason}");
            }
        }
        assert_eq!(Reason::Ambiguous.facts().billable, Billable::Maybe);
    }
}
