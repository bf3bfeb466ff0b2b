//! A minute's work: each erasure and report that is due, as far as the time goes. Whoever takes one pushes its time back, so that
//! nobody else takes it meanwhile, and writes how far it came after every step.

use carillon_core::{
    id::{AccountId, PrivacyRequestId},
    phone::Phone,
    privacy::{Act, Found, Place, Progress, Request},
};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use jiff::{SignedDuration, Timestamp};

use crate::{PrivacyError, State, campaigns, files, records, report, retention};

/// Requests that are looked for at once.
const TOGETHER: i32 = 10;
/// Longer than an invocation lives.
const TAKEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// The longest step fits into what is left then: a part of a campaign, or a file.
const ROOM_FOR_A_STEP: SignedDuration = SignedDuration::from_secs(30);

/// One number of one account, and until when to go on.
pub struct Subject {
    pub account: AccountId,
    pub request: PrivacyRequestId,
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
    for request in state.requests.due(Timestamp::now(), TOGETHER).await? {
        if Timestamp::now() >= until {
            break;
        }
        let (account, id) = (request.account, request.id);
        // One that fails is tried again when its time is over, and keeps no other from being worked on.
        if let Err(error) = go_on(state, request, until).await {
            tracing::error!(%account, request = %id, error = chain(&error), metric = "privacy.failures", "an erasure or a report could not be worked on");
        }
    }
    retention::sweep(state, Timestamp::now(), until).await
}

/// Somebody else has it when it was changed since.
async fn go_on(state: &State, request: Request, until: Timestamp) -> Result<(), PrivacyError> {
    let Some(mut request) = take(state, request).await? else {
        return Ok(());
    };
    while let Some((subject, place)) = subject(&request, until) {
        if !subject.has_time() {
            return put_back(state, request).await;
        }
        let before = request.clone();
        let next = match request.act {
            Act::Erasure => erase(state, &subject, place, &mut request.found).await?,
            Act::Report => report::tell(state, &subject, place, &mut request.found).await?,
        };
        let now = Timestamp::now();
        let after = match next {
            Some(place) => at(request, now + TAKEN_FOR, Some(place)),
            None => request.ended_round(now, now + state.second_look),
        };
        let waits = after.due().is_none_or(|due| due != now + TAKEN_FOR);
        let Ok(written) = state.requests.change(&before, after).await? else {
            return Ok(());
        };
        tracing::info!(account = %written.account, request = %written.id, "an erasure or a report has come a step further");
        if waits {
            return Ok(());
        }
        request = written;
    }
    Ok(())
}

async fn take(state: &State, request: Request) -> Result<Option<Request>, StoreError> {
    let taken = at(request.clone(), Timestamp::now() + TAKEN_FOR, None);
    Ok(state.requests.change(&request, taken).await?.ok())
}

/// For the next minute.
async fn put_back(state: &State, request: Request) -> Result<(), PrivacyError> {
    let due = at(request.clone(), Timestamp::now(), None);
    // Lost: somebody else has it already.
    drop(state.requests.change(&request, due).await?);
    Ok(())
}

fn at(request: Request, time: Timestamp, then: Option<Place>) -> Request {
    let progress = match request.progress {
        Progress::Round { round, place, .. } => Progress::Round {
            round,
            due: time,
            place: then.unwrap_or(place),
        },
        done @ Progress::Done { .. } => done,
    };
    Request {
        progress,
        ..request
    }
}

/// `None` when there is nothing left to do.
fn subject(request: &Request, until: Timestamp) -> Option<(Subject, Place)> {
    let Progress::Round { round, place, .. } = &request.progress else {
        return None;
    };
    let subject = Subject {
        account: request.account,
        request: request.id,
        number: request.number?,
        hash: request.number_hash.clone(),
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
