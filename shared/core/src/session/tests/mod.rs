//! What one session decides, case by case. That all of it together loses nothing is the property test's to show.

mod doubt;
mod holding;
mod retry;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{chunk::source::Source, outcome::Outcome};

const ME: Token = [1; 16];
const SETTLES: SignedDuration = SignedDuration::from_secs(30);
const ACCEPTED: Outcome = Outcome::Accepted { provider_id: None };
const PLAIN: Abilities = Abilities {
    deduplicates_for: None,
    settles_after: None,
};
const ASKABLE: Abilities = Abilities {
    deduplicates_for: None,
    settles_after: Some(SETTLES),
};

/// Seconds after the batch began.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

/// Valid for an hour.
fn terms(policy: DoubtPolicy, routes: &[Abilities]) -> SessionTerms {
    SessionTerms {
        policy,
        starts: at(0),
        expires_at: at(3_600),
        routes: routes.to_vec(),
        orders: vec![in_order(routes); 100],
        urgent: false,
    }
}

/// All of them, in their order; without any, the simulated gateway.
fn in_order(routes: &[Abilities]) -> Order {
    let entries = u8::try_from(routes.len().max(1)).unwrap();
    Order::Try((0..entries).collect())
}

fn fresh(slots: usize) -> Chunk {
    Chunk::new(slots, Source::Sibling)
}

/// A session of a chunk that nobody has worked on.
fn session(slots: usize, routes: &[Abilities]) -> Session {
    let terms = terms(DoubtPolicy::AtMostOnce, routes);
    Session::begin(ME, terms, &fresh(slots), at(0))
}

fn standing(now: Timestamp) -> Standing<'static> {
    Standing {
        control: Control::Running,
        now,
        time_left: true,
        verdicts: &[],
    }
}

fn next(session: &mut Session, seconds: i64) -> Step {
    session.next(standing(at(seconds)))
}

/// Opens the next window, which must be there, and returns its route entry and its calls.
fn send(session: &mut Session, seconds: i64) -> (u8, Vec<Planned>) {
    let Step::Send(plan) = next(session, seconds) else {
        panic!("nothing is sent at {seconds}")
    };
    let route = plan.open.route;
    let write = session.open(&plan);
    let receipts = session.receipts.clone();
    (route, session.opened(&write, plan, &receipts))
}

/// Every call of the next window comes to this.
fn send_all(session: &mut Session, seconds: i64, outcome: &Outcome) -> u8 {
    let (route, calls) = send(session, seconds);
    for planned in calls {
        record(session, planned, route, outcome, seconds);
    }
    route
}

fn record(session: &mut Session, planned: Planned, route: u8, outcome: &Outcome, seconds: i64) {
    let call = Call {
        planned,
        route,
        took: SignedDuration::from_secs(1),
        now: at(seconds),
        jitter: 0,
    };
    session.record(call, outcome);
}

fn closes(step: Step) -> (Then, ChunkWrite) {
    match step {
        Step::Close(write) => (write.then, write),
        other => panic!("{other:?} instead of a close"),
    }
}

/// As the ledger has it after the write, for the next worker.
fn written(write: &ChunkWrite) -> Chunk {
    let mut chunk = fresh(write.slots.len());
    chunk.slots.clone_from(&write.slots);
    chunk.window = Window::unpack(&write.window.pack()).unwrap();
    chunk
}
