//! Who is looking at a page. Put into the request by the guard; no page is reached without.

use axum::extract::FromRequestParts;
use carillon_api::Deadline;
use carillon_core::{
    api_key::{Mode, Scope},
    keyed_hash::{DeploymentKey, Purpose, same},
    member::Member,
};
use carillon_runtime::{principal::Principal, random};
use carillon_store::{accounts::Account, audit::Actor};
use http::request::Parts;

use crate::{flash::Flash, pages::error::Refused, shell::Theme};

#[derive(Clone)]
pub struct SignedIn {
    pub member: Member,
    pub account: Account,
    pub principal: Principal,
    pub theme: Theme,
    pub deadline: Option<Deadline>,
    /// The page that is asked for, with its query.
    pub place: String,
    pub flash: Option<Flash>,
    /// What the forms of this session prove themselves by.
    proof: [u8; 32],
}

impl SignedIn {
    pub fn new(member: Member, account: Account, proof: [u8; 32], principal: Principal) -> Self {
        Self {
            member,
            account,
            principal,
            theme: Theme::default(),
            deadline: None,
            place: String::new(),
            flash: None,
            proof,
        }
    }

    pub fn may(&self, scope: Scope) -> bool {
        self.principal.scopes.contains(&scope)
    }

    /// For a form's hidden field. Another one each time, so that nobody learns it from the length of compressed pages.
    pub fn form_token(&self) -> String {
        let mask: [u8; 32] = random::bytes();
        let masked = self
            .proof
            .iter()
            .zip(mask)
            .map(|(proof, mask)| proof ^ mask);
        let bytes: Vec<u8> = mask.iter().copied().chain(masked).collect();
        hex(&bytes)
    }

    pub fn proves(&self, token: &str) -> bool {
        let Some(bytes) = unhex(token).filter(|bytes| bytes.len() == 64) else {
            return false;
        };
        let (mask, masked) = bytes.split_at(32);
        let proof: Vec<u8> = mask.iter().zip(masked).map(|(a, b)| a ^ b).collect();
        same(&proof, &self.proof)
    }
}

/// Of a session: follows from its token, so nothing is kept for it.
pub fn proof(key: &DeploymentKey, session_token: &str) -> [u8; 32] {
    key.hash(Purpose::Form, &[session_token.as_bytes()])
}

/// A member acts as a live key with the scopes of the role would.
pub fn principal(member: &Member, quotas: carillon_core::quota::Quotas) -> Principal {
    Principal {
        account: member.account,
        actor: Actor::Member(member.id),
        mode: Mode::Live,
        scopes: member.role.scopes(),
        quotas,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(Refused::unexplained)
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}
