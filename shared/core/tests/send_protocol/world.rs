//! The world the workers live in: a clock that jumps from event to event, tasks that die, a ledger of two chunks.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    fmt::Write,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use carillon_core::{
    batch::{Control, DoubtPolicy},
    chunk::{Chunk, source::Source},
};
use jiff::{SignedDuration, Timestamp};

use crate::actors;

pub const CHUNKS: usize = 2;
pub const SLOTS: usize = 6;
/// A window of the model: small, so that chunks have several.
pub const WINDOW: usize = 2;
/// Seconds a worker lives at most; a lease lasts 30 longer.
pub const TIMEOUT: f64 = 40.0;
/// Nothing fails after this time, so that everything can settle.
pub const QUIET: f64 = 1_500.0;
const END: f64 = 9_000.0;

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Job = Box<dyn FnOnce(&Rc<World>)>;

enum Event {
    Run(Job),
    Poll(u64),
}

struct Running {
    task: Task,
    deadline: f64,
    alive: Rc<Cell<bool>>,
    when_dead: Option<Job>,
}

/// What the gateways of a run can do about doubt.
#[derive(Debug, Clone, Copy)]
pub struct Gateways {
    /// Seconds of the run until they forget the ids that they deduplicate by.
    pub deduplicate_until: Option<f64>,
    pub asked: Asked,
}

/// What they say when they are asked by our id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Never,
    /// Now and then they give no clear answer.
    Sometimes,
    Always,
}

pub struct World {
    pub policy: DoubtPolicy,
    pub gateways: Gateways,
    pub expires_at: Timestamp,
    pub ledger: RefCell<Vec<Chunk>>,
    pub control: Cell<Control>,
    /// Until then some recipients' sending hours are over.
    pub closed_until: Cell<Option<Timestamp>>,
    /// Everything was stopped at this time.
    pub stopped: Cell<Option<Timestamp>>,
    pub opted_out: RefCell<BTreeSet<(usize, usize)>>,
    pub cursor: Cell<usize>,
    /// What gateways accepted, by chunk and slot.
    pub accepted: RefCell<HashMap<(usize, usize), u32>>,
    /// Which ids each gateway account knows: account, chunk, slot, attempt.
    pub known: RefCell<BTreeSet<(u8, usize, usize, u8)>>,
    /// Which of them each refused, and would refuse again.
    pub refused: RefCell<BTreeSet<(u8, usize, usize, u8)>>,
    /// What ever went to a socket.
    pub left: RefCell<BTreeSet<(usize, usize)>>,
    /// Calls that began more than a clock's difference after the batch had expired.
    pub late: Cell<u32>,
    now: Cell<f64>,
    random: Cell<u64>,
    /// How much goes wrong in this run, 0 to 1.
    intensity: Cell<f64>,
    events: RefCell<BinaryHeap<Reverse<(u64, u64)>>>,
    jobs: RefCell<BTreeMap<u64, Event>>,
    tasks: RefCell<HashMap<u64, Running>>,
    sleep: Cell<f64>,
    counter: Cell<u64>,
    crashes: Cell<u32>,
    log: RefCell<String>,
}

pub fn run(seed: u64, policy: DoubtPolicy, gateways: Gateways, expires: Option<f64>) -> Rc<World> {
    let chunk = || Chunk::new(SLOTS, Source::Sibling);
    let world = Rc::new(World {
        policy,
        gateways,
        expires_at: epoch() + SignedDuration::from_secs_f64(expires.unwrap_or(172_800.0)),
        ledger: RefCell::new((0..CHUNKS).map(|_| chunk()).collect()),
        control: Cell::new(Control::Running),
        closed_until: Cell::default(),
        stopped: Cell::default(),
        opted_out: RefCell::default(),
        cursor: Cell::new(0),
        accepted: RefCell::default(),
        known: RefCell::default(),
        refused: RefCell::default(),
        left: RefCell::default(),
        late: Cell::new(0),
        now: Cell::new(0.0),
        random: Cell::new(seed),
        intensity: Cell::new(0.0),
        events: RefCell::default(),
        jobs: RefCell::default(),
        tasks: RefCell::default(),
        sleep: Cell::new(0.0),
        counter: Cell::new(0),
        crashes: Cell::new(0),
        log: RefCell::default(),
    });
    world.intensity.set([0.0, 0.3, 1.0, 1.0][world.below(4)]);
    actors::set_the_scene(&world);
    world.drive();
    world
}

/// When the run begins.
pub fn epoch() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000)
}

impl World {
    fn drive(self: &Rc<Self>) {
        loop {
            let Some(Reverse((time, id))) = self.events.borrow_mut().pop() else {
                return;
            };
            #[expect(clippy::cast_precision_loss, reason = "model time in microseconds")]
            let time = time as f64 / 1e6;
            if time > END {
                return;
            }
            self.now.set(time);
            let event = self
                .jobs
                .borrow_mut()
                .remove(&id)
                .expect("every event has its job");
            match event {
                Event::Run(job) => job(self),
                Event::Poll(task) => self.poll(task),
            }
        }
    }

    fn poll(self: &Rc<Self>, id: u64) {
        let Some(mut running) = self.tasks.borrow_mut().remove(&id) else {
            return;
        };
        if self.time() > running.deadline || self.fault(0.02) {
            self.crashes.set(self.crashes.get() + 1);
            self.note(|| format!("task {id} dies"));
            running.alive.set(false);
            drop(running.task);
            if let Some(job) = running.when_dead {
                job(self);
            }
            return;
        }
        match running
            .task
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(()) => running.alive.set(false),
            Poll::Pending => {
                let delay = self.sleep.replace(0.0);
                self.tasks.borrow_mut().insert(id, running);
                self.push(delay, Event::Poll(id));
            }
        }
    }

    /// Starts a task that may die at every sleep, and at its deadline.
    pub fn spawn(
        self: &Rc<Self>,
        lives: f64,
        alive: Rc<Cell<bool>>,
        task: impl Future<Output = ()> + 'static,
        when_dead: Option<Job>,
    ) {
        let id = self.next();
        let running = Running {
            task: Box::pin(task),
            deadline: self.time() + lives,
            alive,
            when_dead,
        };
        self.tasks.borrow_mut().insert(id, running);
        self.push(0.0, Event::Poll(id));
    }

    pub fn later(&self, delay: f64, job: impl FnOnce(&Rc<Self>) + 'static) {
        self.push(delay, Event::Run(Box::new(job)));
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "model time in microseconds"
    )]
    fn push(&self, delay: f64, event: Event) {
        let id = self.next();
        self.events
            .borrow_mut()
            .push(Reverse((((self.time() + delay.max(0.0)) * 1e6) as u64, id)));
        self.jobs.borrow_mut().insert(id, event);
    }

    pub async fn sleep(&self, seconds: f64) {
        let mut slept = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut slept, true) {
                return Poll::Ready(());
            }
            self.sleep.set(seconds);
            Poll::Pending
        })
        .await;
    }

    /// An SDK call: the answer may be lost and the call repeated, or its first attempt arrives after the second.
    pub async fn call<T>(self: &Rc<Self>, effect: impl Fn(&Self) -> T + Clone + 'static) -> T {
        if self.fault(0.06) {
            effect(self);
            self.sleep(self.between(0.1, 1.0)).await;
        } else if self.fault(0.04) {
            let late = effect.clone();
            self.crashes.set(self.crashes.get() + 1);
            self.later(self.between(0.5, 60.0), move |world| {
                late(world);
            });
            self.sleep(self.between(0.1, 1.0)).await;
        }
        let answer = effect(self);
        self.sleep(self.between(0.01, 0.3)).await;
        answer
    }

    pub fn time(&self) -> f64 {
        self.now.get()
    }

    /// The time by a clock that is `skew` seconds off.
    pub fn clock(&self, skew: f64) -> Timestamp {
        epoch() + SignedDuration::from_secs_f64(self.time() + skew)
    }

    pub fn next(&self) -> u64 {
        self.counter.set(self.counter.get() + 1);
        self.counter.get()
    }

    /// Nothing died and no call was repeated late.
    pub fn calm(&self) -> bool {
        self.crashes.get() == 0
    }

    fn bits(&self) -> u64 {
        // SplitMix64.
        self.random
            .set(self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut bits = self.random.get();
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    pub fn below(&self, limit: usize) -> usize {
        usize::try_from(self.bits() % limit as u64).expect("below a usize")
    }

    #[expect(clippy::cast_precision_loss, reason = "53 bits are a double's own")]
    pub fn unit(&self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    pub fn chance(&self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Something that goes wrong with this probability, while things go wrong.
    pub fn fault(&self, probability: f64) -> bool {
        self.chance(probability * self.trouble())
    }

    pub fn trouble(&self) -> f64 {
        if self.time() < QUIET {
            self.intensity.get()
        } else {
            0.0
        }
    }

    pub fn note(&self, line: impl FnOnce() -> String) {
        writeln!(self.log.borrow_mut(), "{:9.2}  {}", self.time(), line())
            .expect("a string takes any line");
    }

    pub fn trace(&self) -> String {
        self.log.borrow().clone()
    }
}
