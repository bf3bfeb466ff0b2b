//! Who acts in the world: SQS, the dispatcher, workers, gateways, receipts. Each is the protocol of the real function with the model's ledger.

use std::{cell::Cell, rc::Rc};

use carillon_core::{
    batch::{Control, DoubtPolicy},
    chunk::{
        Chunk, ChunkState, Lease,
        receipt::{Proof, Receipt, ReceiptStatus, apply},
        slot::SlotOutcome,
        window::Token,
    },
    outcome::{Inquiry, Outcome},
    reason::Reason,
    safeguards::Verdict,
    session::{
        Abilities, Call, ChunkWrite, Order, Planned, Questions, Session, SessionTerms, Standing,
        Step, Then,
    },
};
use jiff::{SignedDuration, Timestamp};

use crate::world::{Asked, CHUNKS, QUIET, SLOTS, TIMEOUT, WINDOW, World, epoch};

/// Seconds until a gateway's call is given up.
const CALL: f64 = 8.0;
/// Workers' clocks differ by up to this many seconds either way.
const SKEW: f64 = 10.0;
/// What would be parked for less is waited for with the lease.
const REST: SignedDuration = SignedDuration::from_secs(15);
/// A submission that nobody answered lands up to this many seconds later.
const LANDS_LATE: f64 = 30.0;
/// What gateways claim as their settling time: more, by as much as these clocks differ beyond what the protocol allows for.
const SETTLES_AFTER: SignedDuration = SignedDuration::from_secs(45);
/// By how many seconds gateways deduplicate for longer than they claim.
const FORGETS_LATE: f64 = 60.0;
const VISIBILITY: f64 = 6.0 * TIMEOUT;
/// The timeout and half a minute.
const LEASE: SignedDuration = SignedDuration::from_secs(70);

pub fn set_the_scene(world: &Rc<World>) {
    if world.chance(0.25) {
        world.later(world.between(20.0, 600.0), |world| {
            control(world, Control::Cancelled);
        });
    }
    if world.chance(0.25) {
        for _ in 0..3 {
            let begin = world.between(0.0, 600.0);
            world.later(begin, |world| control(world, Control::Paused));
            let end = begin + world.between(1.0, 120.0);
            world.later(end, |world| control(world, Control::Running));
        }
    }
    if world.chance(0.25) {
        let opens = world.between(30.0, 900.0);
        world
            .closed_until
            .set(Some(epoch() + SignedDuration::from_secs_f64(opens)));
    }
    if world.chance(0.1) {
        let stop = world.between(20.0, 600.0);
        world
            .stopped
            .set(Some(epoch() + SignedDuration::from_secs_f64(stop)));
    }
    if world.chance(0.4) {
        for _ in 0..3 {
            let recipient = (world.below(CHUNKS), world.below(SLOTS));
            world.later(world.between(0.0, 600.0), move |world| {
                world.opted_out.borrow_mut().insert(recipient);
            });
        }
    }
    for minute in 0..150u32 {
        let time = f64::from(minute) * 60.0;
        let doubled = time < QUIET && world.chance(0.3);
        for _ in 0..=usize::from(doubled) {
            world.later(time + world.between(0.0, 6.0), start_dispatch);
        }
    }
}

/// A cancel is for good.
fn control(world: &Rc<World>, wanted: Control) {
    if world.control.get() != Control::Cancelled {
        world.note(|| format!("{wanted:?}"));
        world.control.set(wanted);
    }
}

fn start_dispatch(world: &Rc<World>) {
    world.spawn(50.0, Rc::default(), dispatch(world.clone()), None);
}

/// Releases what is due: pointers first, then the cursor.
async fn dispatch(world: Rc<World>) {
    let cursor = world.cursor.get();
    for chunk in 0..CHUNKS {
        let due = {
            let item = &world.ledger.borrow()[chunk];
            let leased = item
                .lease
                .is_some_and(|lease| lease.until > world.clock(0.0));
            match item.state {
                ChunkState::Parked => item.wake.is_some_and(|wake| wake <= world.clock(0.0)),
                ChunkState::Done => false,
                _ => chunk < cursor && !leased,
            }
        };
        if due {
            pointer(&world, chunk);
            world.sleep(0.05).await;
        }
    }
    if cursor < CHUNKS {
        let next = CHUNKS.min(cursor + 1 + world.below(2));
        for chunk in cursor..next {
            pointer(&world, chunk);
            world.sleep(0.05).await;
        }
        // A cursor that goes back only doubles pointers.
        world.call(move |world| world.cursor.set(next)).await;
    }
}

fn pointer(world: &Rc<World>, chunk: usize) {
    if world.fault(0.08) {
        return world.note(|| format!("the pointer to {chunk} is lost"));
    }
    for _ in 0..=usize::from(world.fault(0.25)) {
        let delay = if world.chance(0.7) {
            world.between(0.0, 3.0)
        } else {
            world.between(0.0, 90.0)
        };
        world.later(delay, move |world| receive(world, chunk));
    }
}

fn receive(world: &Rc<World>, chunk: usize) {
    let alive = Rc::new(Cell::new(true));
    let worker = Worker::new(world, chunk, alive.clone());
    let again = move |world: &Rc<World>| {
        if !world.fault(0.1) {
            world.later(VISIBILITY, move |world| receive(world, chunk));
        }
    };
    world.spawn(TIMEOUT, alive, worker.work(), Some(Box::new(again)));
}

struct Worker {
    world: Rc<World>,
    chunk: usize,
    token: Token,
    skew: f64,
    deadline: f64,
    alive: Rc<Cell<bool>>,
}

impl Worker {
    fn new(world: &Rc<World>, chunk: usize, alive: Rc<Cell<bool>>) -> Self {
        let mut token = [0; 16];
        token[..8].copy_from_slice(&world.next().to_be_bytes());
        let skew = world.between(-SKEW, SKEW);
        Self {
            world: world.clone(),
            chunk,
            token,
            skew,
            deadline: world.time() + TIMEOUT,
            alive,
        }
    }

    fn now(&self) -> Timestamp {
        self.world.clock(self.skew)
    }

    async fn lease(&self) -> Option<Chunk> {
        let (chunk, token, now) = (self.chunk, self.token, self.now());
        self.world
            .call(move |world| {
                let item = &mut world.ledger.borrow_mut()[chunk];
                let held = item
                    .lease
                    .is_some_and(|lease| lease.until > now && lease.owner != token);
                if item.state == ChunkState::Done
                    || held
                    || item.wake.is_some_and(|wake| wake > now)
                {
                    return None;
                }
                item.state = ChunkState::Leased;
                item.lease = Some(Lease {
                    owner: token,
                    until: now + LEASE,
                });
                item.wake = None;
                Some(item.clone())
            })
            .await
    }

    /// `None` when the lease is somebody else's or a later write was there.
    async fn write(&self, write: ChunkWrite) -> Option<Chunk> {
        let chunk = self.chunk;
        self.world
            .call(move |world| {
                let item = &mut world.ledger.borrow_mut()[chunk];
                let ours = item.lease.is_some_and(|lease| lease.owner == write.token);
                if !ours || (item.window != write.before && item.window != write.window) {
                    return None;
                }
                item.slots.clone_from(&write.slots);
                item.window = write.window;
                match write.then {
                    Then::Keep => return Some(item.clone()),
                    Then::Park(until) => {
                        (item.state, item.wake) = (ChunkState::Parked, Some(until));
                    }
                    Then::GiveBack => item.state = ChunkState::Ready,
                    Then::Finish => item.state = ChunkState::Done,
                }
                item.lease = None;
                Some(item.clone())
            })
            .await
    }

    async fn work(self) {
        let Some(leased) = self.lease().await else {
            return;
        };
        self.world.note(|| {
            format!(
                "{:?} leases {}, window {:?}",
                self.token[7], self.chunk, leased.window
            )
        });
        let mut session = Session::begin(self.token, self.terms(), &leased, self.now());
        loop {
            let time_left = self.world.time() <= self.deadline - CALL - 3.0;
            let verdicts = self.verdicts();
            match session.next(Standing {
                control: self.world.control.get(),
                now: self.now(),
                time_left,
                verdicts: &verdicts,
            }) {
                Step::Close(ChunkWrite {
                    then: Then::Park(until),
                    ..
                }) if until <= self.now() + REST => {
                    let write = session.rest();
                    let Some(answer) = self.write(write.clone()).await else {
                        return;
                    };
                    session.rested(&write, &answer.receipts);
                    let wait = until.duration_since(self.now()).as_secs_f64();
                    self.world.sleep(wait.max(0.1)).await;
                }
                Step::Close(write) => {
                    self.world.note(|| {
                        format!(
                            "{:?} closes {}: {:?}",
                            self.token[7], self.chunk, write.then
                        )
                    });
                    self.write(write).await;
                    return;
                }
                Step::Ask(questions) => self.ask(&mut session, questions).await,
                Step::Send(_) if self.world.chance(0.15) => {
                    let wait = SignedDuration::from_secs_f64(self.world.between(1.0, 60.0));
                    self.write(session.park(self.now() + wait)).await;
                    return;
                }
                Step::Send(mut plan) => {
                    plan.keep(&(0..WINDOW).collect::<Vec<_>>());
                    let route = plan.open.route;
                    let write = session.open(&plan);
                    let Some(answer) = self.write(write.clone()).await else {
                        return;
                    };
                    let sends = session.opened(&write, plan, &answer.receipts);
                    self.send(&mut session, sends, route).await;
                }
            }
        }
    }

    /// Every third recipient has sending hours; a stop is for all.
    fn verdicts(&self) -> Vec<Verdict> {
        let now = self.now();
        let stopped = self.world.stopped.get().is_some_and(|stop| stop <= now);
        let closed = self.world.closed_until.get().filter(|until| now < *until);
        let verdict = |slot: usize| match closed {
            _ if stopped => Verdict::End(SlotOutcome::Suppressed, Reason::KillSwitch),
            Some(until) if slot.is_multiple_of(3) => Verdict::Wait(until, Reason::QuietHours),
            _ => Verdict::Go,
        };
        (0..SLOTS).map(verdict).collect()
    }

    fn terms(&self) -> SessionTerms {
        let before = SignedDuration::from_hours(2);
        let gateways = self.world.gateways;
        let horizon = |until: f64| before + SignedDuration::from_secs_f64(until.min(86_400.0));
        let abilities = Abilities {
            deduplicates_for: gateways.deduplicate_until.map(horizon),
            settles_after: (gateways.asked != Asked::Never).then_some(SETTLES_AFTER),
        };
        SessionTerms {
            policy: self.world.policy,
            starts: epoch() - before,
            expires_at: self.world.expires_at,
            routes: vec![abilities; 2],
            // Neighbours take different ways.
            orders: (0..SLOTS)
                .map(|slot| {
                    Order::Try(if slot % 2 == 0 {
                        vec![0, 1]
                    } else {
                        vec![1, 0]
                    })
                })
                .collect(),
            urgent: self.world.policy == DoubtPolicy::AtLeastOnce,
        }
    }

    async fn ask(&self, session: &mut Session, questions: Questions) {
        self.world.sleep(self.world.between(0.01, CALL)).await;
        for planned in questions.about {
            let id = (questions.route, self.chunk, planned.slot, planned.attempt);
            let vague = self.world.gateways.asked == Asked::Sometimes && self.world.chance(0.85);
            let answer = match self.world.known.borrow().contains(&id) {
                _ if vague => Inquiry::Unclear,
                true => Inquiry::Known { provider_id: None },
                false => Inquiry::NotFound,
            };
            self.world
                .note(|| format!("{:?} asks about {id:?}: {answer:?}", self.token[7]));
            session.answered(planned.slot, &answer, self.now(), 0);
        }
        self.world.sleep(self.world.between(0.01, 2.0)).await;
    }

    async fn send(&self, session: &mut Session, sends: Vec<Planned>, route: u8) {
        let mut calls = Vec::new();
        for planned in sends {
            if self
                .world
                .opted_out
                .borrow()
                .contains(&(self.chunk, planned.slot))
            {
                session.withhold(planned.slot, SlotOutcome::Suppressed, Reason::OptedOut);
                continue;
            }
            if self.now() >= self.world.expires_at {
                continue;
            }
            let answer = Rc::new(Cell::new(None));
            let (alive, chunk, late) = (self.alive.clone(), self.chunk, answer.clone());
            self.world
                .later(self.world.between(0.0, 1.0), move |world| {
                    if alive.get() {
                        late.set(gateway(world, route, chunk, planned));
                    }
                });
            calls.push((planned, answer));
        }
        if self.world.chance(0.5) {
            self.world.sleep(0.5).await;
        }
        self.world.sleep(CALL).await;
        for (planned, answer) in calls {
            let outcome = answer.take().unwrap_or(Outcome::Doubt);
            let call = Call {
                planned,
                route,
                took: SignedDuration::from_secs(1),
                now: self.now(),
                jitter: u8::try_from(self.world.below(256)).expect("below 256"),
            };
            session.record(call, &outcome);
        }
    }
}

/// A call arrives at a gateway account. `None` is no answer.
fn gateway(world: &Rc<World>, account: u8, chunk: usize, planned: Planned) -> Option<Outcome> {
    let id = (account, chunk, planned.slot, planned.attempt);
    world.left.borrow_mut().insert((chunk, planned.slot));
    if world.clock(-2.0 * SKEW) > world.expires_at {
        world.late.set(world.late.get() + 1);
    }
    if has_already(world, id) {
        world.note(|| {
            format!(
                "gateway {account} has {chunk}/{} try {} already",
                planned.slot, planned.attempt
            )
        });
        return Some(Outcome::Accepted { provider_id: None });
    }
    let (dice, trouble) = (world.unit(), world.trouble());
    if dice < 0.06 * trouble {
        return Some(Outcome::Unavailable);
    } else if dice < 0.12 * trouble {
        return Some(Outcome::Deferred(Reason::Temporary));
    } else if dice < 0.18 * trouble {
        return Some(Outcome::Throttled { after: None });
    } else if dice < 0.22 {
        world.refused.borrow_mut().insert(id);
        let reason = [Reason::BadNumber, Reason::NoRoute][usize::from(dice < 0.20)];
        return Some(Outcome::Refused(reason));
    } else if dice < 0.22 + 0.04 * trouble {
        world.note(|| {
            format!(
                "gateway {account} neither takes nor answers {chunk}/{}",
                planned.slot
            )
        });
        return None;
    }
    if world.gateways.asked != Asked::Never && world.chance(0.15 * trouble) {
        // Not there while it is on its way, and nobody hears of it.
        let late = LANDS_LATE * world.unit().sqrt().sqrt();
        world.later(late, move |world| {
            if !has_already(world, id) && !world.refused.borrow().contains(&id) {
                accept(world, account, chunk, planned);
            }
        });
        return None;
    }
    accept(world, account, chunk, planned);
    (!world.chance(0.06 * trouble)).then_some(Outcome::Accepted { provider_id: None })
}

fn has_already(world: &World, id: (u8, usize, usize, u8)) -> bool {
    let horizon = world.gateways.deduplicate_until.unwrap_or(-FORGETS_LATE);
    world.time() < horizon + FORGETS_LATE && world.known.borrow().contains(&id)
}

fn accept(world: &Rc<World>, account: u8, chunk: usize, planned: Planned) {
    let id = (account, chunk, planned.slot, planned.attempt);
    world.known.borrow_mut().insert(id);
    *world
        .accepted
        .borrow_mut()
        .entry((chunk, planned.slot))
        .or_default() += 1;
    world.note(|| {
        format!(
            "gateway {account} accepts {chunk}/{} try {}",
            planned.slot, planned.attempt
        )
    });
    let end = [
        ReceiptStatus::Delivered,
        ReceiptStatus::Delivered,
        ReceiptStatus::Undelivered,
    ][world.below(3)];
    for status in [ReceiptStatus::CarrierAccepted, end] {
        if world.fault(0.15) {
            continue;
        }
        for _ in 0..=usize::from(world.fault(0.2)) {
            let delay = -world.unit().max(1e-9).ln() * 40.0;
            world.later(delay, move |world| {
                start_receipt(world, chunk, planned, status);
            });
        }
    }
}

fn start_receipt(world: &Rc<World>, chunk: usize, planned: Planned, status: ReceiptStatus) {
    let again = move |world: &Rc<World>| {
        world.later(30.0, move |world| {
            start_receipt(world, chunk, planned, status);
        });
    };
    world.spawn(
        60.0,
        Rc::default(),
        receipts(world.clone(), chunk, planned, status),
        Some(Box::new(again)),
    );
}

/// Reads, applies, writes under the version that was read.
async fn receipts(world: Rc<World>, chunk: usize, planned: Planned, status: ReceiptStatus) {
    let report = Receipt {
        status,
        attempt: planned.attempt,
        proof: Proof::Gateway,
        reason: None,
        seconds: 0,
    };
    loop {
        let item = world.ledger.borrow()[chunk].clone();
        world.sleep(world.between(0.01, 0.5)).await;
        let Some(new) = apply(
            item.receipts[planned.slot],
            item.slots[planned.slot],
            report,
        ) else {
            return;
        };
        let written = world
            .call(move |world| {
                let current = &mut world.ledger.borrow_mut()[chunk];
                if current.receipts_version != item.receipts_version {
                    return false;
                }
                current.receipts[planned.slot] = Some(new);
                current.receipts_version += 1;
                true
            })
            .await;
        if written {
            return;
        }
    }
}
