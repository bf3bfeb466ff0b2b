//! Releasing: pointers to the next chunks of running batches, and to parked chunks that are due. Each lane gets what it can take, shared
//! over accounts, and each gateway account what its pace allows. Pointers first, then the cursor: a crash in between only doubles pointers.

use carillon_core::{
    batch::{Batch, Control, Lane, Sweep},
    chunk::Pointer,
    event::{CampaignTurn, Event},
    id::{BatchId, GatewayAccountId},
};
use carillon_runtime::logs::chain;
use carillon_store::StoreError;
use futures::{StreamExt, stream};
use jiff::Timestamp;

use crate::{
    State,
    dispatcher::Dispatcher,
    due::{Due, WAKE_AGAIN},
    outline::Outline,
    rounds::Ask,
};

const LANES: [Lane; 3] = [Lane::High, Lane::Normal, Lane::Low];
/// Releases under way at once.
const CONCURRENT: usize = 8;

/// Chunks of one batch that could be released.
pub struct Work {
    pub outline: Outline,
    ask: Ask,
    /// Which budgets it is taken from.
    pub gateways: Vec<GatewayAccountId>,
    /// What a chunk of it takes of that budget.
    parts: u32,
    what: What,
}

enum What {
    Due(Vec<Pointer>),
    /// From the cursor on.
    Next {
        batch: BatchId,
        cursor: u32,
        control: Control,
        /// Told before the first ones leave.
        started: Option<Box<Event>>,
    },
}

impl Dispatcher<'_> {
    pub async fn release(&mut self, batches: &mut [Batch], due: Vec<Due>, now: Timestamp) {
        let mut works: Vec<Work> = due.into_iter().map(Work::due).collect();
        works.extend(batches.iter().filter_map(|batch| Work::next(batch, now)));
        self.choose_gateways(&mut works, now).await;
        let mut orders = Vec::new();
        for lane in LANES {
            let (of_lane, others): (Vec<_>, _) = works
                .into_iter()
                .partition(|work| work.outline.lane == lane);
            works = others;
            let busy = batches.iter().any(|batch| batch.terms.lane == lane);
            if !busy && of_lane.is_empty() {
                continue;
            }
            let grant = self.look(lane, now).await;
            orders.extend(self.share(lane, grant, of_lane, now));
        }
        self.carry_out(orders, batches, now).await;
    }

    /// How many chunks the lane may get now.
    async fn look(&mut self, lane: Lane, now: Timestamp) -> u32 {
        let waiting = match self.state.queues.waiting(lane).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(
                    ?lane,
                    error = chain(&error),
                    "a lane's length can't be read"
                );
                0
            }
        };
        let (flow, looked) = self.memory.lanes.entry(lane).or_default();
        let since = now.duration_since(*looked);
        *looked = now;
        flow.look(lane, waiting, since)
    }

    fn share(
        &mut self,
        lane: Lane,
        grant: u32,
        works: Vec<Work>,
        now: Timestamp,
    ) -> Vec<(Work, u32)> {
        let memory = &mut self.memory;
        let asks: Vec<Ask> = works.iter().map(|work| work.ask.clone()).collect();
        let budgets = &mut memory.budgets;
        let may = |index: usize| {
            let work: &Work = &works[index];
            budgets.spend(&work.gateways, work.parts, now)
        };
        let rounds = memory.rounds.entry(lane).or_default();
        let granted = rounds.share(grant, &asks, may);
        let (flow, _) = memory.lanes.entry(lane).or_default();
        flow.released(granted.iter().sum());
        works
            .into_iter()
            .zip(granted)
            .filter(|(_, chunks)| *chunks > 0)
            .collect()
    }

    async fn carry_out(&mut self, orders: Vec<(Work, u32)>, batches: &mut [Batch], now: Timestamp) {
        let state = self.state;
        let mut done = stream::iter(orders)
            .map(async |(work, chunks)| {
                let result = work.release(state, chunks, now).await;
                (work, chunks, result)
            })
            .buffer_unordered(CONCURRENT);
        while let Some((work, chunks, result)) = done.next().await {
            match result {
                Ok(true) => {}
                // Held, ended or moved since it was read.
                Ok(false) => continue,
                Err(error) => {
                    let account = work.ask.account;
                    tracing::error!(%account, error = chain(&error), "chunks can't be released");
                    continue;
                }
            }
            match work.what {
                What::Due(pointers) => {
                    let age = self
                        .memory
                        .lanes
                        .get(&work.outline.lane)
                        .and_then(|(flow, _)| flow.age());
                    let again = now + WAKE_AGAIN + age.unwrap_or(WAKE_AGAIN);
                    let woken = pointers.into_iter().take(chunks as usize);
                    self.memory
                        .woken
                        .extend(woken.map(|pointer| (pointer, again)));
                }
                What::Next {
                    batch: id, cursor, ..
                } => {
                    let batch = batches.iter_mut().find(|batch| batch.terms.id == id);
                    let progress = &mut batch.expect("the work of a batch that was read").progress;
                    progress.cursor = cursor + chunks;
                    if cursor == 0 {
                        progress.swept = Some(Sweep { at: now, below: 0 });
                    }
                }
            }
        }
    }
}

impl Work {
    fn due(due: Due) -> Self {
        let Due { outline, pointers } = due;
        let chunks = u32::try_from(pointers.len()).unwrap_or(u32::MAX);
        Self::new(outline.window_parts(), outline, chunks, What::Due(pointers))
    }

    fn next(batch: &Batch, now: Timestamp) -> Option<Self> {
        let (id, cursor) = (batch.terms.id, batch.progress.cursor);
        let chunks = batch.released_by(now).saturating_sub(cursor);
        if chunks == 0 || !batch.may_release(now) {
            return None;
        }
        let outline = Outline::of(batch);
        let first = cursor == 0;
        let started = first.then(|| Event::of_batch(&batch.terms, CampaignTurn::Started, now));
        let next = What::Next {
            batch: id,
            cursor,
            control: batch.progress.control,
            started: started.flatten().map(Box::new),
        };
        Some(Self::new(outline.parts, outline, chunks, next))
    }

    fn new(parts: u32, outline: Outline, chunks: u32, what: What) -> Self {
        let ask = Ask {
            account: outline.account,
            chunks,
            messages: outline.messages,
        };
        Self {
            outline,
            ask,
            gateways: Vec::new(),
            parts,
            what,
        }
    }

    /// `false` when the batch was held, ended or moved since it was read.
    async fn release(
        &self,
        state: &State,
        chunks: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Outline { lane, account, .. } = self.outline;
        let queues = &state.queues;
        match &self.what {
            What::Due(pointers) => {
                let pointers = &pointers[..pointers.len().min(chunks as usize)];
                queues.send_pointers(lane, account, pointers).await?;
            }
            What::Next {
                batch,
                cursor,
                control,
                started,
            } => {
                if *cursor == 0 && !begin(state, *batch, *control, now).await? {
                    return Ok(false);
                }
                if let Some(started) = started {
                    queues.send_events(vec![Event::clone(started)]).await?;
                }
                let next = cursor + chunks;
                let pointer = |chunk| Pointer {
                    batch: *batch,
                    chunk,
                };
                let pointers: Vec<Pointer> = (*cursor..next).map(pointer).collect();
                queues.send_pointers(lane, account, &pointers).await?;
                state.batches.advance(*batch, next).await?;
            }
        }
        Ok(true)
    }
}

/// Before the first release. Of what was cancelled nothing leaves, so that needs no such word.
async fn begin(
    state: &State,
    batch: BatchId,
    control: Control,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if control == Control::Running {
        return state.batches.begin(batch, now).await;
    }
    let sweep = Sweep { at: now, below: 0 };
    state.batches.swept(batch, (control, None), sweep).await?;
    Ok(true)
}
