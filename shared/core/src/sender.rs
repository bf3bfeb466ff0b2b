//! Senders: what a message comes from as its recipient sees it, what is registered for it, and where it may be used.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    id::{AccountId, GatewayAccountId, SenderId},
    originator::{Originator, OriginatorKind},
    phone::Country,
    rules,
};

/// A sender of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    pub id: SenderId,
    pub account: AccountId,
    pub originator: Originator,
    pub standing: Standing,
    /// The gateway accounts that it is set up at. None: all of them.
    pub gateways: Vec<GatewayAccountId>,
    pub enabled: bool,
    pub created: Timestamp,
    /// Counts its edits, from 1.
    pub version: u32,
}

/// Where a sender may be used, as its owner says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Standing {
    /// None: wherever its kind may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Country>,
    #[serde(default)]
    pub registration: Registration,
}

/// What networks want to know of a sender before they take its messages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Registration {
    /// United States: The Campaign Registry, for ten-digit numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ten_dlc: Option<TenDlc>,
    /// United States and Canada: the verification of a toll-free number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toll_free: Option<RegistrationState>,
    /// India: Distributed Ledger Technology, for headers and texts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dlt: Option<Dlt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenDlc {
    pub brand: String,
    pub campaign: String,
    pub state: RegistrationState,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Dlt {
    /// The principal entity's id.
    pub entity: String,
    /// The id of the registered text, where a sender has one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationState {
    Pending,
    Verified,
    Rejected,
}

/// Why a sender can't be used for a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("names can't be senders in this country")]
    NoNames,
    #[error("a short code works in its own countries only")]
    ForeignShortCode,
    #[error("a toll-free number works in the United States and Canada only")]
    ForeignTollFree,
    #[error("it is kept for other countries")]
    OtherCountries,
    #[error("it is not verified for the United States yet")]
    NotVerified,
    #[error("India takes nothing from a sender without DLT ids")]
    NoDlt,
}

/// Toll-free numbers of the North American plan are reached from both.
const TOLL_FREE: [&str; 3] = ["CA", "PR", "US"];

impl Sender {
    /// Whether a gateway account has it.
    pub fn is_at(&self, gateway: GatewayAccountId) -> bool {
        self.gateways.is_empty() || self.gateways.contains(&gateway)
    }
}

/// Whether a sender may be used for numbers of a country. Of one that is not registered with us its kind is all that is known; of numbers
/// of no country nothing is known, and nothing refused.
pub fn fits(
    originator: &Originator,
    standing: Option<&Standing>,
    country: Option<Country>,
) -> Result<(), Unfit> {
    let Some(country) = country else {
        return Ok(());
    };
    let kind = originator.kind();
    match kind {
        OriginatorKind::Name if !rules::of_country(Some(country)).takes_names() => {
            return Err(Unfit::NoNames);
        }
        OriginatorKind::TollFree if !TOLL_FREE.contains(&country.as_str()) => {
            return Err(Unfit::ForeignTollFree);
        }
        _ => {}
    }
    let Some(standing) = standing else {
        return Ok(());
    };
    let elsewhere = !standing.countries.contains(&country);
    if kind == OriginatorKind::ShortCode && elsewhere {
        return Err(Unfit::ForeignShortCode);
    }
    if !standing.countries.is_empty() && elsewhere {
        return Err(Unfit::OtherCountries);
    }
    is_registered(originator, &standing.registration, country)
}

fn is_registered(
    originator: &Originator,
    registration: &Registration,
    country: Country,
) -> Result<(), Unfit> {
    let verified = |state: Option<RegistrationState>| {
        let is_verified = state == Some(RegistrationState::Verified);
        is_verified.then_some(()).ok_or(Unfit::NotVerified)
    };
    match (originator.kind(), country.as_str()) {
        (OriginatorKind::TollFree, _) => verified(registration.toll_free),
        (OriginatorKind::LongCode, "US") if originator.as_str().starts_with("+1") => {
            verified(registration.ten_dlc.as_ref().map(|ten_dlc| ten_dlc.state))
        }
        (_, "IN") if registration.dlt.is_none() => Err(Unfit::NoDlt),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        RegistrationState::{Pending, Verified},
        *,
    };

    /// Of a sender that its owner keeps for these countries.
    fn fits_in(
        originator: &str,
        countries: &[&str],
        registration: Registration,
        country: &str,
    ) -> Result<(), Unfit> {
        let of = |code: &&str| Country::parse(code).unwrap();
        let standing = Standing {
            countries: countries.iter().map(of).collect(),
            registration,
        };
        fits(
            &originator.parse().unwrap(),
            Some(&standing),
            Some(of(&country)),
        )
    }

    fn ten_dlc(state: RegistrationState) -> Registration {
        Registration {
            ten_dlc: Some(TenDlc {
                brand: "B1".into(),
                campaign: "C1".into(),
                state,
            }),
            ..Registration::default()
        }
    }

    fn toll_free(state: RegistrationState) -> Registration {
        Registration {
            toll_free: Some(state),
            ..Registration::default()
        }
    }

    #[test]
    fn a_kind_of_sender_works_in_some_countries() {
        let only: [&[&str]; 3] = [&[], &["GB"], &["US"]];
        for (name, originator, countries, country, expected) in [
            ("a name", "Acme", only[0], "GB", Ok(())),
            (
                "a name in the US",
                "Acme",
                only[0],
                "US",
                Err(Unfit::NoNames),
            ),
            (
                "a name elsewhere",
                "Acme",
                only[1],
                "FR",
                Err(Unfit::OtherCountries),
            ),
            ("a short code", "12345", only[2], "US", Ok(())),
            (
                "one of nowhere",
                "12345",
                only[0],
                "US",
                Err(Unfit::ForeignShortCode),
            ),
            (
                "one abroad",
                "12345",
                only[2],
                "GB",
                Err(Unfit::ForeignShortCode),
            ),
            ("a number abroad", "+447700900123", only[0], "DE", Ok(())),
            (
                "toll-free abroad",
                "+18885550123",
                only[0],
                "GB",
                Err(Unfit::ForeignTollFree),
            ),
        ] {
            let fits = fits_in(originator, countries, Registration::default(), country);

            assert_eq!(fits, expected, "{name}");
        }
    }

    #[test]
    fn some_countries_take_registered_senders_only() {
        let none = Registration::default;
        let dlt = Registration {
            dlt: Some(Dlt::default()),
            ..none()
        };
        let not_verified = Err(Unfit::NotVerified);
        for (name, originator, registration, country, expected) in [
            ("nothing", "+12025550123", none(), "US", not_verified),
            (
                "pending",
                "+12025550123",
                ten_dlc(Pending),
                "US",
                not_verified,
            ),
            (
                "registered",
                "+12025550123",
                ten_dlc(Verified),
                "US",
                Ok(()),
            ),
            ("for abroad", "+12025550123", none(), "GB", Ok(())),
            (
                "toll-free",
                "+18885550123",
                toll_free(Verified),
                "CA",
                Ok(()),
            ),
            (
                "toll-free, pending",
                "+18885550123",
                toll_free(Pending),
                "US",
                not_verified,
            ),
            (
                "India without ids",
                "ACMEIN",
                none(),
                "IN",
                Err(Unfit::NoDlt),
            ),
            ("India with ids", "ACMEIN", dlt, "IN", Ok(())),
        ] {
            let fits = fits_in(originator, &[], registration, country);

            assert_eq!(fits, expected, "{name}");
        }
    }

    #[test]
    fn nothing_is_refused_where_nothing_is_known() {
        let number = "+12025550123".parse().unwrap();
        let standing = Standing::default();

        let of_nobody = fits(&number, None, Country::parse("US").ok());
        let to_nowhere = fits(&number, Some(&standing), None);

        assert_eq!((of_nobody, to_nowhere), (Ok(()), Ok(())));
    }
}
