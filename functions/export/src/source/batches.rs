//! The batches of an export, list by list. Each list has an order of its own and a place for each batch, so that whoever goes on with an
//! export begins where the last worker ended.

use std::{collections::VecDeque, str::FromStr};

use carillon_core::{
    batch::{Batch, BatchTerms},
    digest,
    export::{Export, Purpose},
    id::BatchId,
    moment,
};
use carillon_store::{
    StoreError,
    batches::{List as ByTime, place_from},
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::State;

/// Batches read together.
const BATCHES: i32 = 64;

/// Where a batch stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    list: List,
    /// In the words of its list.
    at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// The one that the export is of.
    One,
    /// Whatever the account has, by id.
    All,
    /// Of campaigns, by when they were made: the id of a retry is as old as what it retries, that of an occurrence as its time.
    Campaigns,
    /// Those that were made for a later time, by that time.
    Planned,
    /// API sends, by id, which says when they were made.
    Sends,
}

pub struct Batches<'a> {
    state: &'a State,
    export: &'a Export,
    /// Batches that were read, the one at hand first.
    read: VecDeque<(Place, Batch)>,
    /// Where more batches begin; `None`: there are none.
    more: Option<Place>,
}

/// A page of a list, and where it goes on.
type Read = (Vec<(String, Batch)>, Option<String>);

impl<'a> Batches<'a> {
    /// `from`: the first, where the export goes on.
    pub async fn open(
        state: &'a State,
        export: &'a Export,
        from: Option<Place>,
    ) -> Result<Self, StoreError> {
        let mut batches = Self {
            state,
            export,
            read: VecDeque::new(),
            more: from.or_else(|| List::of(export).first().map(|list| list.begin(export))),
        };
        batches.fill().await?;
        Ok(batches)
    }

    /// The one at hand.
    pub fn front(&self) -> Option<&Batch> {
        self.read.front().map(|(_, batch)| batch)
    }

    /// Where it stands.
    pub fn place(&self) -> Option<&Place> {
        self.read.front().map(|(place, _)| place)
    }

    /// The one at hand is done with; what comes next is read.
    pub async fn advance(&mut self) -> Result<(), StoreError> {
        self.read.pop_front();
        self.fill().await
    }

    /// Those from the one at hand on that are like it, as far as they were read.
    pub async fn take_while(
        &mut self,
        like: impl Fn(&Batch) -> bool,
    ) -> Result<Vec<Batch>, StoreError> {
        let read = self.read.iter();
        let count = read.take_while(|(_, batch)| like(batch)).count();
        let taken = self.read.drain(..count).map(|(_, batch)| batch).collect();
        self.fill().await?;
        Ok(taken)
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        while self.read.is_empty()
            && let Some(Place { list, at }) = self.more.take()
        {
            let (batches, next) = self.page(list, &at).await?;
            let of_export = |(at, batch): (String, Batch)| {
                let own = batch.terms.account == self.export.account;
                let wanted = own && list.has(self.export, &batch.terms);
                wanted.then_some((Place { list, at }, batch))
            };
            self.read.extend(batches.into_iter().filter_map(of_export));
            self.more = match next {
                Some(at) => Some(Place { list, at }),
                None => list.next(self.export).map(|list| list.begin(self.export)),
            };
        }
        Ok(())
    }

    /// Not every page is full.
    async fn page(&self, list: List, at: &str) -> Result<Read, StoreError> {
        let by_time = match list {
            List::One => {
                let found = self.state.batches.find(id(at)?).await?;
                let found = found.map(|batch| (at.to_owned(), batch));
                return Ok((found.into_iter().collect(), None));
            }
            List::All | List::Sends => return self.by_id(list, at).await,
            List::Campaigns => ByTime::Campaigns,
            List::Planned => ByTime::Planned,
        };
        let (account, until) = (self.export.account, self.export.filter.until);
        let until = until.unwrap_or(moment::LATEST);
        let listed = self
            .state
            .batches
            .listed(by_time, account, at, until, BATCHES);
        let page = listed.await?;
        Ok((page.batches, page.next))
    }

    async fn by_id(&self, list: List, first: &str) -> Result<Read, StoreError> {
        let Some((_, last)) = ids(list, self.export) else {
            return Ok((Vec::new(), None));
        };
        let (account, batches) = (self.export.account, &self.state.batches);
        let read = batches.between(account, id(first)?, last, BATCHES).await?;
        // A page may be short because it is large; only an empty one is the end.
        let next = read.last().and_then(|batch| batch.terms.id.next());
        let placed = read.into_iter().map(|it| (it.terms.id.to_string(), it));
        Ok((placed.collect(), next.map(|id| id.to_string())))
    }
}

impl List {
    /// Those that an export goes through, one after the other. No batch is in two of them.
    const fn of(export: &Export) -> &'static [Self] {
        let filter = &export.filter;
        if filter.batch.is_some() {
            return &[Self::One];
        }
        match export.purpose {
            Purpose::Download if filter.from.is_none() && filter.until.is_none() => &[Self::All],
            Purpose::Download => &[Self::Campaigns, Self::Sends],
            Purpose::Lake { .. } | Purpose::Schedule { .. } => {
                &[Self::Campaigns, Self::Planned, Self::Sends]
            }
        }
    }

    fn next(self, export: &Export) -> Option<Self> {
        let mut lists = Self::of(export).iter();
        lists.find(|list| **list == self)?;
        lists.next().copied()
    }

    fn begin(self, export: &Export) -> Place {
        let from = export.filter.from.unwrap_or(Timestamp::UNIX_EPOCH);
        let at = match self {
            Self::One => export.filter.batch.map(|batch| batch.to_string()),
            Self::All | Self::Sends => ids(self, export).map(|(first, _)| first.to_string()),
            Self::Campaigns | Self::Planned => Some(place_from(from)),
        };
        Place {
            list: self,
            at: at.unwrap_or_default(),
        }
    }

    /// Whether a batch of the account is in the export by way of this list.
    fn has(self, export: &Export, terms: &BatchTerms) -> bool {
        let is_planned = terms.not_before.is_some() && export.goes_by_start();
        let here = match self {
            Self::One | Self::All => true,
            Self::Campaigns => !is_planned,
            Self::Planned => is_planned,
            Self::Sends => terms.campaign.is_none() && !is_planned,
        };
        here && export.includes_batch(terms)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::All => "all",
            Self::Campaigns => "campaigns",
            Self::Planned => "planned",
            Self::Sends => "sends",
        }
    }
}

/// The first and the last id that may be in the list; `None`: none may be.
fn ids(list: List, export: &Export) -> Option<(BatchId, BatchId)> {
    if list == List::All {
        return Some([Uuid::nil(), Uuid::max()].map(BatchId::from_uuid).into());
    }
    let from = export.filter.from.unwrap_or(Timestamp::UNIX_EPOCH);
    digest::ids(from, export.filter.until.unwrap_or(moment::LATEST))
}

fn id(at: &str) -> Result<BatchId, StoreError> {
    at.parse().map_err(|_| corrupt())
}

fn corrupt() -> StoreError {
    StoreError::corrupt("the place of an export")
}

/// Without a dot, which is what sources put behind it.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.list.word(), self.at)
    }
}

impl FromStr for Place {
    type Err = StoreError;

    fn from_str(place: &str) -> Result<Self, StoreError> {
        let (word, at) = place.split_once(':').ok_or_else(corrupt)?;
        let lists = [
            List::One,
            List::All,
            List::Campaigns,
            List::Planned,
            List::Sends,
        ];
        let list = lists.into_iter().find(|list| list.word() == word);
        Ok(Self {
            list: list.ok_or_else(corrupt)?,
            at: at.to_owned(),
        })
    }
}
