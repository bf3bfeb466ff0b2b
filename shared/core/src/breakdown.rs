//! What became of messages, by where they went and by which way: counted of the ledger chunk by chunk, and added up over batches. Every
//! sum over a breakdown is the sum over its cells, so none can differ from another.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    batch::{Batch, BatchTerms},
    chunk::{
        Chunk,
        receipt::{ReceiptStatus, in_force},
        slot::Slot,
        source::Source,
    },
    frame,
    id::GatewayAccountId,
    originator::Originator,
    phone::Country,
    reason::Reason,
    status::{BatchView, Status, Totals, status},
};

/// What the messages of a cell have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub country: Option<Country>,
    /// Of the last try; `None` where there was none, and for what is simulated.
    pub gateway: Option<GatewayAccountId>,
    /// `None` where the gateway picks it, or it is one of several by the number.
    pub sender: Option<String>,
    pub status: Status,
    pub reason: Option<Reason>,
}

/// How many, and what of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    pub messages: u64,
    /// Of `messages`, as the next ones: a gateway took it, or may have taken it.
    pub submitted: u64,
    pub delivered: u64,
    pub clicked: u64,
    pub read: u64,
    pub doubted: u64,
    pub resent: u64,
    /// Their share of the batch's parts by their number: exact where all of its texts have as many.
    pub parts: u64,
    /// Of those that left, in millionths of the account's currency.
    pub cost: u64,
    /// Of those that left: how many have no price.
    pub without_price: u64,
}

/// Seconds from when a message was sent to when it was delivered, by upper bounds; the last has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latency {
    counts: [u64; Self::STEPS],
}

const BOUNDS: [i64; 14] = [
    1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3_600, 21_600, 86_400,
];

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Breakdown {
    pub cells: BTreeMap<Place, Tally>,
    pub latency: Latency,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        let Self {
            messages,
            submitted,
            delivered,
            clicked,
            read,
            doubted,
            resent,
            parts,
            cost,
            without_price,
        } = other;
        self.messages += messages;
        self.submitted += submitted;
        self.delivered += delivered;
        self.clicked += clicked;
        self.read += read;
        self.doubted += doubted;
        self.resent += resent;
        self.parts += parts;
        self.cost += cost;
        self.without_price += without_price;
    }
}

impl Latency {
    pub const STEPS: usize = BOUNDS.len() + 1;

    pub const fn of_counts(counts: [u64; Self::STEPS]) -> Self {
        Self { counts }
    }

    pub const fn counts(&self) -> &[u64; Self::STEPS] {
        &self.counts
    }

    /// The ledger knows when the last message of a chunk was decided, and when each was delivered, to the second.
    fn count(&mut self, taken: SignedDuration) {
        let seconds = taken.as_secs().max(0);
        let place = BOUNDS.partition_point(|bound| *bound < seconds);
        self.counts[place] += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
    }

    pub fn deliveries(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// So many of a hundred took no longer than this many seconds; `None` without deliveries, and beyond a day.
    pub fn percentile(&self, hundredths: u64) -> Option<i64> {
        let all = self.deliveries();
        let mut counted = 0;
        for (count, bound) in self.counts.iter().zip(BOUNDS) {
            counted += count;
            if all > 0 && counted * 100 >= all * hundredths {
                return Some(bound);
            }
        }
        None
    }
}

/// Counts the chunks of one batch.
#[derive(Debug)]
pub struct Counter {
    terms: BatchTerms,
    view: BatchView,
    /// Parts and messages of the whole batch.
    parts: u64,
    accepted: u64,
    /// By entry: the sender, where it is the same for every number, and the price of a part.
    ways: Vec<(Option<String>, Option<u64>)>,
    /// By entry.
    messages: BTreeMap<(Place, u8), Tally>,
    latency: Latency,
}

impl Counter {
    pub fn new(batch: &Batch, now: Timestamp) -> Self {
        let prepared = batch.progress.prepared.unwrap_or_default();
        let entries = 0..batch.terms.routes.len().max(1);
        let ways = entries.map(|entry| way(&batch.terms, entry)).collect();
        Self {
            terms: batch.terms.clone(),
            view: batch.view(now),
            parts: prepared.parts,
            accepted: prepared.accepted,
            ways,
            messages: BTreeMap::new(),
            latency: Latency::default(),
        }
    }

    /// What the last count of a batch says. It knows ends, and not where they were: what it says across them is given to those that it is
    /// likeliest of, so that no part is more than its whole. What is in flight is `sent`.
    pub fn last_count(batch: &Batch, now: Timestamp) -> Self {
        let mut counter = Self::new(batch, now);
        let same_price = counter.ways.windows(2).all(|ways| ways[0].1 == ways[1].1);
        let entry = if same_price { 0 } else { NO_ENTRY };
        for (status, tally) in by_end(&batch.last_count()) {
            let place = Place {
                country: None,
                gateway: None,
                sender: None,
                status,
                reason: None,
            };
            counter.messages.insert((place, entry), tally);
        }
        counter
    }

    pub fn count(&mut self, chunk: &Chunk) {
        let countries = countries(chunk);
        for (slot, send) in chunk.slots.iter().enumerate() {
            let (status, reason) = status(chunk, slot, self.view);
            let place = Place {
                country: countries.get(slot).copied().unwrap_or(chunk.country),
                gateway: self.gateway(*send),
                sender: self.sender(*send),
                status,
                reason,
            };
            let tally = self.messages.entry((place, send.route)).or_default();
            tally.add(Tally {
                messages: 1,
                submitted: u64::from(send.outcome.has_left()),
                delivered: u64::from(status == Status::Delivered),
                clicked: u64::from(chunk.clicked.contains(slot)),
                read: u64::from(chunk.read.contains(slot)),
                doubted: u64::from(send.doubted),
                resent: u64::from(send.resent),
                parts: 0,
                cost: 0,
                without_price: 0,
            });
            if let Some(taken) = self.taken(chunk, slot, *send) {
                self.latency.count(taken);
            }
        }
    }

    fn gateway(&self, send: Slot) -> Option<GatewayAccountId> {
        let tried = send.attempt > 0 && !self.terms.test;
        let route = self.terms.routes.get(usize::from(send.route));
        route.filter(|_| tried).map(|route| route.gateway)
    }

    fn sender(&self, send: Slot) -> Option<String> {
        let (sender, _) = self.ways.get(usize::from(send.route))?;
        sender.clone().filter(|_| send.attempt > 0)
    }

    fn taken(&self, chunk: &Chunk, slot: usize, send: Slot) -> Option<SignedDuration> {
        let receipt = in_force(chunk.receipts[slot], send)?;
        let delivered = receipt.status == ReceiptStatus::Delivered;
        let sent = chunk.done.filter(|_| delivered)?;
        let seconds = SignedDuration::from_secs(receipt.seconds.into());
        Some((self.terms.starts() + seconds).duration_since(sent))
    }

    /// What was counted, with parts and cost shared out.
    pub fn breakdown(&self) -> Breakdown {
        let mut breakdown = Breakdown {
            latency: self.latency,
            ..Breakdown::default()
        };
        for ((place, entry), tally) in &self.messages {
            let mut tally = *tally;
            let share = |messages: u64, price: u64| {
                let all = u128::from(self.accepted.max(1));
                let share = u128::from(messages) * u128::from(self.parts) * u128::from(price);
                u64::try_from((share + all / 2) / all).unwrap_or(u64::MAX)
            };
            tally.parts = share(tally.messages, 1);
            let price = self
                .ways
                .get(usize::from(*entry))
                .and_then(|(_, price)| *price);
            match price {
                Some(price) => tally.cost = share(tally.submitted, price),
                None => tally.without_price = tally.submitted,
            }
            breakdown.cells.entry(place.clone()).or_default().add(tally);
        }
        breakdown
    }
}

/// Slot by slot, of a chunk to several countries that holds its recipients; nothing of any other.
fn countries(chunk: &Chunk) -> Vec<Option<Country>> {
    let Source::Inline(frame) = &chunk.source else {
        return Vec::new();
    };
    if chunk.country.is_some() {
        return Vec::new();
    }
    // What can't be read has its alarm where it is sent; it counts all the same.
    let recipients = frame::decode(frame).unwrap_or_default();
    recipients
        .iter()
        .map(|recipient| recipient.country)
        .collect()
}

/// Of a batch's entries, of which there are sixteen at most.
const NO_ENTRY: u8 = u8::MAX;

/// Ends that have messages, the likeliest to have left first.
fn by_end(totals: &Totals) -> impl Iterator<Item = (Status, Tally)> {
    let mut left = *totals;
    let ends = [
        (Status::Delivered, totals.delivered),
        (Status::Undelivered, totals.undelivered),
        (Status::Unknown, totals.unknown),
        (Status::Sent, totals.in_flight),
        (Status::Failed, totals.failed),
        (Status::Expired, totals.expired),
        (Status::Cancelled, totals.cancelled),
        (Status::Suppressed, totals.suppressed),
    ];
    let ends = ends.into_iter().filter(|(_, messages)| *messages > 0);
    ends.map(move |(status, messages)| {
        let take = |of: &mut u64| {
            let taken = messages.min(*of);
            *of -= taken;
            taken
        };
        let tally = Tally {
            messages,
            submitted: take(&mut left.submitted),
            delivered: take(&mut left.delivered),
            clicked: take(&mut left.clicked),
            read: take(&mut left.read),
            doubted: take(&mut left.doubted),
            resent: take(&mut left.resent),
            ..Tally::default()
        };
        (status, tally)
    })
}

/// The sender of an entry, where there is one for all, and its price, where its rules agree.
fn way(terms: &BatchTerms, entry: usize) -> (Option<String>, Option<u64>) {
    let routing = &terms.routing;
    let name = |place: &u16| {
        let sender = routing.senders.get(usize::from(*place))?;
        Some(Originator::to_string(&sender.originator))
    };
    let exits = || {
        let exits = routing.rules.iter().flat_map(|rule| &rule.exits);
        exits.filter(|exit| usize::from(exit.entry) == entry)
    };
    let pools: std::collections::BTreeSet<u16> =
        exits().flat_map(|exit| exit.pool.clone()).collect();
    let alone = pools.first().filter(|_| pools.len() == 1);
    let sender = routing.named.as_ref().or(alone).and_then(name);
    if terms.test {
        return (sender, Some(0));
    }
    let prices: std::collections::BTreeSet<Option<u64>> = exits().map(|exit| exit.cost).collect();
    let price = prices.first().copied().flatten();
    (sender, price.filter(|_| prices.len() == 1))
}

impl Breakdown {
    pub fn add(&mut self, other: &Self) {
        for (place, tally) in &other.cells {
            self.cells.entry(place.clone()).or_default().add(*tally);
        }
        self.latency.add(&other.latency);
    }

    pub fn total(&self) -> Tally {
        self.by(|_| ()).into_values().next().unwrap_or_default()
    }

    /// By ends only. Chunks aren't told.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (place, tally) in &self.cells {
            totals.take(place.status, tally.messages);
            totals.submitted += tally.submitted;
            totals.doubted += tally.doubted;
            totals.resent += tally.resent;
            totals.clicked += tally.clicked;
            totals.read += tally.read;
        }
        totals
    }

    /// Summed up by whatever the cells have in common.
    pub fn by<K: Ord>(&self, key: impl Fn(&Place) -> K) -> BTreeMap<K, Tally> {
        let mut groups = BTreeMap::new();
        for (place, tally) in &self.cells {
            let group: &mut Tally = groups.entry(key(place)).or_default();
            group.add(*tally);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        batch::{DoubtPolicy, Lane, Prepared, QuietHours, RouteEntry, Stage},
        chunk::slot::SlotOutcome,
        frame::Recipient,
        phone::Phone,
        routing::{Choice, Exit, Routing, Rule},
        rules::Class,
    };

    fn batch(accepted: u64, parts: u64) -> Batch {
        let began = Timestamp::UNIX_EPOCH;
        let route = RouteEntry {
            gateway: "gwa_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            parts_per_second: None,
            deduplicates_for: None,
            settles_after: None,
        };
        let exit = Exit {
            entry: 0,
            weight: 1,
            cost: Some(7),
            pool: Vec::new(),
        };
        let rule = Rule {
            route: None,
            priority: 0,
            destinations: crate::routing::Destinations::default(),
            choice: Choice::InOrder,
            exits: vec![exit],
        };
        let terms = BatchTerms {
            id: "bat_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            account: "acc_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
            campaign: None,
            test: false,
            lane: Lane::Low,
            policy: DoubtPolicy::AtMostOnce,
            class: Class::Marketing,
            quiet_hours: QuietHours::Hold,
            content: "Hi".into(),
            answers: None,
            routes: vec![route],
            routing: Routing {
                rules: vec![rule],
                ..Routing::default()
            },
            began,
            not_before: None,
            local: None,
            spread_over: None,
            expires_at: began + SignedDuration::from_hours(72),
        };
        let mut batch = Batch::new(terms, Stage::Ready, Some(1));
        batch.progress.prepared = Some(Prepared {
            rows: accepted,
            accepted,
            parts,
            ..Prepared::default()
        });
        batch
    }

    proptest! {
        #[test]
        fn sums_over_any_breakdown_are_the_totals_of_the_same_chunks(
            chunks in prop::collection::vec(
                (prop::collection::vec((any::<[u8; 3]>(), any::<[u8; 5]>()), 1..=20), 0u8..3),
                1..5,
            ),
        ) {
            let messages: usize = chunks.iter().map(|(slots, _)| slots.len()).sum();
            let batch = batch(messages as u64, messages as u64 * 2);
            let now = Timestamp::UNIX_EPOCH;
            let (mut counter, mut totals) = (Counter::new(&batch, now), Totals::default());
            for (slots, country) in &chunks {
                let country = ["GB", "FR"].get(usize::from(*country));
                let mut chunk = Chunk::new(slots.len(), Source::Sibling)
                    .in_country(country.and_then(|code| Country::parse(code).ok()));
                chunk.slots = slots.iter().map(|(send, _)| Slot::unpack(*send)).collect();
                chunk.receipts = slots
                    .iter()
                    .map(|(_, receipt)| crate::chunk::receipt::Receipt::unpack(*receipt))
                    .collect();
                totals.count(&chunk, batch.view(now));
                counter.count(&chunk);
            }

            let breakdown = counter.breakdown();

            let total = breakdown.total();
            prop_assert_eq!(total.messages, totals.accepted);
            prop_assert_eq!(total.submitted, totals.submitted);
            prop_assert_eq!(total.delivered, totals.delivered);
            prop_assert_eq!((total.doubted, total.resent), (totals.doubted, totals.resent));
            prop_assert_eq!(total.parts, messages as u64 * 2);
            let sum = |groups: Vec<Tally>| {
                groups.into_iter().fold(Tally::default(), |mut sum, tally| {
                    sum.add(tally);
                    sum
                })
            };
            let by_country = breakdown.by(|place| place.country);
            let by_reason = breakdown.by(|place| (place.gateway, place.reason));
            prop_assert_eq!(sum(by_country.into_values().collect()), total);
            prop_assert_eq!(sum(by_reason.into_values().collect()), total);
            let statuses = breakdown.by(|place| place.status);
            let ended = statuses.get(&Status::Failed).map_or(0, |tally| tally.messages);
            prop_assert_eq!(ended, totals.failed);
            let counted = Totals { chunks: 0, chunks_done: 0, ..totals };
            prop_assert_eq!(breakdown.totals(), counted);
        }
    }

    #[test]
    fn the_last_count_of_a_batch_is_its_totals_by_status_with_parts_and_cost() {
        let totals = Totals {
            accepted: 100,
            submitted: 70,
            in_flight: 30,
            delivered: 50,
            failed: 15,
            suppressed: 5,
            doubted: 2,
            resent: 1,
            clicked: 60,
            ..Totals::default()
        };
        let mut counted = batch(100, 200);
        counted.progress.totals = Some(totals);
        let now = Timestamp::UNIX_EPOCH;

        let told = Counter::last_count(&counted, now).breakdown();

        assert_eq!(told.totals(), totals);
        let total = told.total();
        assert_eq!(
            (
                total.delivered,
                total.parts,
                total.cost,
                total.without_price
            ),
            (50, 200, 70 * 2 * 7, 0)
        );
        let by_status = told.by(|place| place.status);
        let left = |status| by_status.get(&status).map_or(0, |tally| tally.submitted);
        assert_eq!(
            [Status::Delivered, Status::Sent, Status::Failed].map(left),
            [50, 20, 0]
        );

        let mut exits = counted.terms.routing.rules[0].exits.clone();
        exits[0].entry = 1;
        exits[0].cost = Some(9);
        counted.terms.routes.push(counted.terms.routes[0].clone());
        counted.terms.routing.rules[0].exits.extend(exits);
        let of_two_prices = Counter::last_count(&counted, now).breakdown().total();
        assert_eq!((of_two_prices.cost, of_two_prices.without_price), (0, 70));

        counted.progress.totals = None;
        let never_counted = Counter::last_count(&counted, now).breakdown().totals();
        assert_eq!(
            (never_counted.accepted, never_counted.in_flight),
            (100, 100)
        );
    }

    #[test]
    fn a_send_to_several_countries_is_counted_by_those_of_its_recipients_where_the_chunk_has_them()
    {
        let recipients =
            [(447_700_900_001, "GB"), (33_639_980_001, "FR")].map(|(number, country)| {
                Recipient::new(Phone::from_digits(number).unwrap(), [].into(), None)
                    .in_country(Country::parse(country).ok())
            });
        let inline = Source::Inline(frame::encode(&recipients));
        let (france, britain) = (Country::parse("FR").ok(), Country::parse("GB").ok());
        for (name, source, expected) in [
            ("in the chunk", inline, vec![(britain, 1), (france, 1)]),
            ("beside it", Source::Sibling, vec![(None, 2)]),
        ] {
            let mut counter = Counter::new(&batch(2, 2), Timestamp::UNIX_EPOCH);

            counter.count(&Chunk::new(2, source));

            let by_country = counter.breakdown().by(|place| place.country);
            let mut counted: Vec<_> = by_country
                .into_iter()
                .map(|(country, tally)| (country, tally.messages))
                .collect();
            counted.sort_by_key(|(country, _)| *country != britain);
            assert_eq!(counted, expected, "{name}");
        }
    }

    #[test]
    fn a_percentile_is_the_bound_that_so_many_stayed_within() {
        let mut latency = Latency::default();
        for seconds in [0, 1, 2, 2, 3, 4, 5, 9, 30, 4_000] {
            latency.count(SignedDuration::from_secs(seconds));
        }

        for (hundredths, expected) in [
            (50, Some(3)),
            (80, Some(10)),
            (90, Some(30)),
            (99, Some(21_600)),
        ] {
            assert_eq!(latency.percentile(hundredths), expected, "{hundredths}");
        }
        assert_eq!(Latency::default().percentile(50), None);
    }

    #[test]
    fn what_left_costs_its_parts_and_what_did_not_costs_nothing() {
        let batch = batch(4, 8);
        let mut chunk = Chunk::new(4, Source::Sibling);
        for slot in 0..3 {
            chunk.slots[slot] = Slot {
                outcome: SlotOutcome::Accepted,
                attempt: 1,
                ..Slot::default()
            };
        }
        let mut counter = Counter::new(&batch, Timestamp::UNIX_EPOCH);

        counter.count(&chunk);

        let total = counter.breakdown().total();
        assert_eq!(
            (total.parts, total.cost, total.without_price),
            (8, 3 * 2 * 7, 0)
        );
    }
}
