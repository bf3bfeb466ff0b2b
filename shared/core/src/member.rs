//! Members: the people who sign in to the console. What one may do there is what an API key with the scopes of the role may do.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    api_key::Scope,
    id::{AccountId, MemberId},
};

/// RFC 5321, 4.5.3.1.3: a path has 256 characters, its angle brackets among them.
const LONGEST_EMAIL: usize = 254;

/// A person in an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub id: MemberId,
    pub account: AccountId,
    pub email: Email,
    pub role: Role,
    /// Whom the identity provider knows by this address, from the first time that person signed in: the address may be somebody
    /// else's later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub invited: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<Timestamp>,
    /// Whether they are told by e-mail of what `Alert` knows words for.
    #[serde(default)]
    pub alerts: bool,
    /// Sessions that began before are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_out: Option<Timestamp>,
    /// Counts its changes, from 1.
    pub version: u32,
}

/// Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything but who may do what.
    Viewer,
    /// Works with contacts, templates and campaigns.
    Sender,
    /// Connects gateways, hands out keys, invites, sets what the account may spend.
    Owner,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Sender, Self::Owner];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Sender => "sender",
            Self::Owner => "owner",
        }
    }

    pub fn scopes(self) -> Vec<Scope> {
        let all = Scope::ALL.into_iter();
        all.filter(|scope| self.has(*scope)).collect()
    }

    pub fn has(self, scope: Scope) -> bool {
        self >= least(scope)
    }
}

/// The least role that has a scope. A new scope doesn't compile until somebody has decided whose it is.
const fn least(scope: Scope) -> Role {
    match scope {
        Scope::MessagesRead
        | Scope::CampaignsRead
        | Scope::ContactsRead
        | Scope::TemplatesRead
        | Scope::GatewaysRead
        | Scope::InboundRead
        | Scope::AccountRead
        | Scope::WebhooksRead
        | Scope::SuppressionsRead => Role::Viewer,
        Scope::MessagesSend
        | Scope::CampaignsWrite
        | Scope::ContactsWrite
        | Scope::TemplatesWrite
        // Files of everybody are more than looking at one after the other.
        | Scope::ExportsWrite
        | Scope::ExportsRead
        | Scope::SuppressionsWrite => Role::Sender,
        Scope::GatewaysWrite
        | Scope::WebhooksWrite
        | Scope::KeysAdmin
        | Scope::MembersAdmin
        | Scope::AuditRead
        | Scope::AccountWrite
        // What is erased can't be brought back.
        | Scope::PrivacyRead
        | Scope::PrivacyWrite => Role::Owner,
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is `viewer`, `sender` or `owner`")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(given: &str) -> Result<Self, NotARole> {
        let mut all = Self::ALL.into_iter();
        all.find(|role| role.as_str() == given).ok_or(NotARole)
    }
}

/// An e-mail address as it is compared: in lower case, without white space around it. Only the identity provider knows whether it
/// is real, so only its shape is looked at.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Email(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no e-mail address: expected something like `ada@example.com`")]
pub struct NotAnEmail;

impl Email {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(given: &str) -> Result<Self, NotAnEmail> {
        let address = given.trim().to_lowercase();
        let (local, domain) = address.rsplit_once('@').ok_or(NotAnEmail)?;
        let unfit = |c: char| c.is_whitespace() || c.is_control() || "<>,;\"()".contains(c);
        let fits = !local.is_empty()
            && !local.contains('@')
            && domain.split('.').all(|label| !label.is_empty())
            && address.len() <= LONGEST_EMAIL
            && !address.contains(unfit);
        fits.then_some(Self(address)).ok_or(NotAnEmail)
    }
}

/// An address is a person's: it doesn't belong into logs.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email")
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = String::deserialize(deserializer)?;
        given.parse().map_err(D::Error::custom)
    }
}

/// An account that nobody may administer could never be administered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is the only owner of the account: make somebody else an owner first")]
pub struct LastOwner;

/// Somebody else who has to be an owner still when `member` ceases to be one. `None` if that isn't what happens: `becomes` is the
/// role afterwards, none for somebody who is removed.
pub fn owner_to_stay<'a>(
    members: &'a [Member],
    member: &Member,
    becomes: Option<Role>,
) -> Result<Option<&'a Member>, LastOwner> {
    if member.role != Role::Owner || becomes == Some(Role::Owner) {
        return Ok(None);
    }
    let mut others = members.iter().filter(|other| other.id != member.id);
    // One who has signed in is better than one who may never come.
    let joined = others
        .clone()
        .find(|other| other.role == Role::Owner && other.joined.is_some());
    let other = joined.or_else(|| others.find(|other| other.role == Role::Owner));
    other.map(Some).ok_or(LastOwner)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_role_is_a_set_of_scopes() {
        for (scope, viewer, sender) in [
            (Scope::MessagesSend, false, true),
            (Scope::MessagesRead, true, true),
            (Scope::CampaignsWrite, false, true),
            (Scope::CampaignsRead, true, true),
            (Scope::ContactsWrite, false, true),
            (Scope::ContactsRead, true, true),
            (Scope::TemplatesWrite, false, true),
            (Scope::TemplatesRead, true, true),
            (Scope::GatewaysWrite, false, false),
            (Scope::GatewaysRead, true, true),
            (Scope::InboundRead, true, true),
            (Scope::WebhooksRead, true, true),
            (Scope::WebhooksWrite, false, false),
            (Scope::ExportsWrite, false, true),
            (Scope::ExportsRead, false, true),
            (Scope::KeysAdmin, false, false),
            (Scope::MembersAdmin, false, false),
            (Scope::AuditRead, false, false),
            (Scope::AccountRead, true, true),
            (Scope::AccountWrite, false, false),
            (Scope::SuppressionsRead, true, true),
            (Scope::SuppressionsWrite, false, true),
        ] {
            assert_eq!(Role::Viewer.has(scope), viewer, "viewer, {scope}");
            assert_eq!(Role::Sender.has(scope), sender, "sender, {scope}");
        }
        assert_eq!(Role::Owner.scopes(), Scope::ALL);
    }

    #[test]
    fn an_address_is_compared_without_its_case() {
        for (name, given, expected) in [
            ("as it is", "ada@example.com", Some("ada@example.com")),
            (
                "capitals, spaces",
                " Ada@Example.COM ",
                Some("ada@example.com"),
            ),
            (
                "a tag",
                "ada+carillon@example.com",
                Some("ada+carillon@example.com"),
            ),
            ("no at sign", "example.com", None),
            ("two of them", "ada@home@example.com", None),
            ("no name", "@example.com", None),
            ("no domain", "ada@", None),
            ("an empty label", "ada@example..com", None),
            ("a space inside", "ada lovelace@example.com", None),
            ("a display name", "Ada <ada@example.com>", None),
            ("two", "ada@example.com,bob@example.com", None),
            ("a line break", "ada@example.com\nbcc: x", None),
        ] {
            let read = given.parse::<Email>().ok();

            assert_eq!(read.as_ref().map(Email::as_str), expected, "{name}");
        }
        assert!(
            format!("{}@example.com", "a".repeat(250))
                .parse::<Email>()
                .is_err()
        );
    }

    fn member(number: u128, role: Role, joined: bool) -> Member {
        Member {
            id: MemberId::from_uuid(Uuid::from_u128(number)),
            account: AccountId::from_uuid(Uuid::from_u128(1)),
            email: "ada@example.com".parse().unwrap(),
            role,
            subject: None,
            invited: Timestamp::UNIX_EPOCH,
            alerts: false,
            joined: joined.then_some(Timestamp::UNIX_EPOCH),
            signed_out: None,
            version: 1,
        }
    }

    #[test]
    fn the_last_owner_stays() {
        let one = member(1, Role::Owner, true);
        let sender = member(2, Role::Sender, true);
        let invited = member(3, Role::Owner, false);
        let joined = member(4, Role::Owner, true);
        for (name, members, who, becomes, expected) in [
            (
                "a sender goes",
                vec![&one, &sender],
                &sender,
                None,
                Ok(None),
            ),
            (
                "the only owner goes",
                vec![&one, &sender],
                &one,
                None,
                Err(LastOwner),
            ),
            (
                "the only owner becomes a sender",
                vec![&one, &sender],
                &one,
                Some(Role::Sender),
                Err(LastOwner),
            ),
            (
                "the only owner stays one",
                vec![&one],
                &one,
                Some(Role::Owner),
                Ok(None),
            ),
            (
                "another is invited",
                vec![&one, &invited],
                &one,
                None,
                Ok(Some(invited.id)),
            ),
            (
                "another has joined",
                vec![&one, &invited, &joined],
                &one,
                None,
                Ok(Some(joined.id)),
            ),
        ] {
            let members: Vec<Member> = members.into_iter().cloned().collect();

            let stays = owner_to_stay(&members, who, becomes);

            assert_eq!(stays.map(|other| other.map(|it| it.id)), expected, "{name}");
        }
    }
}
