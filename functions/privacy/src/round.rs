//! A minute's work: each erasure that is due, as far as the time goes. Whoever takes one pushes its time back, so that nobody else
//! takes it meanwhile, and writes how far it came after every step.

use carillon_core::{
    erasure::{Erasure, Found, Place, Progress},
    id::AccountId,
    phone::Phone,
};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::{PrivacyError, State, campaigns, files, records};

/// Requests that are looked for at once.
const TOGETHER: i32 = 10;
/// Longer than an invocation lives.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// The longest step fits into what is left then: a part of a campaign, or a file.
const ROOM_FOR_A_STEP: SignedDuration = SignedDuration::from_secs(30);

/// One number of one account, and until when to go on.
pub struct Subject {
    pub account: AccountId,
    pub number: Phone,
    pub hash: String,
    pub last_round: bool,
    pub until: Timestamp,
}

impl Subject {
    pub fn has_time(&self) -> bool {
        Timestamp::now() < self.until
    }
}

/// Whether a place was worked on to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    End,
    /// The time was over: to go on after this key.
    Key(Option<String>),
}

pub async fn make(state: &State, deadline: Timestamp) -> Result<(), StoreError> {
    let until = deadline - ROOM_FOR_A_STEP;
    for erasure in state.erasures.due(Timestamp::now(), TOGETHER).await? {
        if Timestamp::now() >= until {
            break;
        }
        let (account, id) = (erasure.account, erasure.id);
        // One that fails is tried again when its time is over, and keeps no other from being worked on.
        if let Err(error) = go_on(state, erasure, until).await {
            tracing::error!(%account, erasure = %id, error = chain(&error), metric = "privacy.failures", "an erasure could not be worked on");
        }
    }
    Ok(())
}

/// Somebody else has it when it was changed since.
async fn go_on(state: &State, erasure: Erasure, until: Timestamp) -> Result<(), PrivacyError> {
    let Some(mut erasure) = take(state, erasure).await? else {
        return Ok(());
    };
    while let Some((subject, place)) = subject(&erasure, until) {
        if !subject.has_time() {
            return put_back(state, erasure).await;
        }
        let before = erasure.clone();
        let next = erase(state, &subject, place, &mut erasure.found).await?;
        let now = Timestamp::now();
        let after = match next {
            Some(place) => at(erasure, now + TAKEN_FOR, Some(place)),
            None => erasure.ended_round(now, now + state.second_look),
        };
        let waits = after.due().is_none_or(|due| due != now + TAKEN_FOR);
        let Ok(written) = state.erasures.change(&before, after).await? else {
            return Ok(());
        };
        tracing::info!(account = %written.account, erasure = %written.id, "an erasure has come a step further");
        if waits {
            return Ok(());
        }
        erasure = written;
    }
    Ok(())
}

async fn take(state: &State, erasure: Erasure) -> Result<Option<Erasure>, StoreError> {
    let taken = at(erasure.clone(), Timestamp::now() + TAKEN_FOR, None);
    Ok(state.erasures.change(&erasure, taken).await?.ok())
}

/// For the next minute.
async fn put_back(state: &State, erasure: Erasure) -> Result<(), PrivacyError> {
    let due = at(erasure.clone(), Timestamp::now(), None);
    // Lost: somebody else has it already.
    drop(state.erasures.change(&erasure, due).await?);
    Ok(())
}

fn at(erasure: Erasure, time: Timestamp, then: Option<Place>) -> Erasure {
    let progress = match erasure.progress {
        Progress::Round { round, place, .. } => Progress::Round {
            round,
            due: time,
            place: then.unwrap_or(place),
        },
        done @ Progress::Done { .. } => done,
    };
    Erasure {
        progress,
        ..erasure
    }
}

/// `None` when there is nothing left to do.
fn subject(erasure: &Erasure, until: Timestamp) -> Option<(Subject, Place)> {
    let Progress::Round { round, place, .. } = &erasure.progress else {
        return None;
    };
    let subject = Subject {
        account: erasure.account,
        number: erasure.number?,
        hash: erasure.number_hash.clone(),
        last_round: *round > 1,
        until,
    };
    Some((subject, place.clone()))
}

/// One place; the next, or `None` at the end of the round.
async fn erase(
    state: &State,
    subject: &Subject,
    place: Place,
    found: &mut Found,
) -> Result<Option<Place>, PrivacyError> {
    match place {
        Place::Records => {
            records::erase(state, subject, found).await?;
            Ok(Some(Place::Campaigns { after: None }))
        }
        Place::Campaigns { after } => Ok(Some(
            match campaigns::erase(state, subject, after, found).await? {
                Reached::End => Place::Files { after: None },
                Reached::Key(after) => Place::Campaigns { after },
            },
        )),
        Place::Files { after } => Ok(match files::erase(state, subject, after, found).await? {
            Reached::End => None,
            Reached::Key(after) => Some(Place::Files { after }),
        }),
    }
}
