//! The contacts that a campaign is for: which lists and segments it names, as they are now, and everybody in them.

use std::{collections::BTreeSet, pin::Pin};

use carillon_core::{
    contact::{Choice, Contact, List, Segment, reads_members},
    filter::{self, FilterError},
    id::{AccountId, ContactId, ListId, SegmentId},
};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use crate::{
    StoreError,
    contacts::{Contacts, SAMPLE},
    keys::{CONTACT_SHARDS, MEMBER_SHARDS},
    records::Records,
};

/// Shards that are read at once.
const CONCURRENT: usize = 16;
/// Members that are looked up together.
const TOGETHER: usize = 1_000;

#[derive(Debug, Clone)]
pub struct Audiences {
    pub lists: Records<List>,
    pub segments: Records<Segment>,
    pub contacts: Contacts,
}

/// What a campaign names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    pub lists: &'a [ListId],
    pub segments: &'a [SegmentId],
    pub exclude_lists: &'a [ListId],
    pub exclude_segments: &'a [SegmentId],
}

#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    #[error("there is no list `{0}` any more; choose another one")]
    NoList(ListId),
    #[error("there is no segment `{0}` any more; choose another one")]
    NoSegment(SegmentId),
    #[error("the filter of the segment `{id}` can't be read: {error}")]
    Filter { id: SegmentId, error: FilterError },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Contacts as they come; some more than are meant.
pub type Pages<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Contact>, StoreError>> + Send + 'a>>;

impl Audiences {
    /// What the lists and segments say now. Whatever isn't there is refused: an exclusion that is lost would text those excluded.
    pub async fn choice(
        &self,
        account: AccountId,
        named: Named<'_>,
    ) -> Result<Choice, ChoiceError> {
        let lists = self.lists.list(account).await?;
        let there = lists.iter().filter(|list| !list.deleting);
        let there: BTreeSet<ListId> = there.map(|list| list.id).collect();
        let filters = |ids| self.filters(account, ids, &there);
        Ok(Choice {
            lists: known(named.lists, &there)?,
            excluded_lists: known(named.exclude_lists, &there)?,
            filters: filters(named.segments).await?,
            excluded_filters: filters(named.exclude_segments).await?,
        })
    }

    async fn filters(
        &self,
        account: AccountId,
        ids: &[SegmentId],
        lists: &BTreeSet<ListId>,
    ) -> Result<Vec<filter::Filter>, ChoiceError> {
        let mut filters = Vec::new();
        for id in ids {
            let segment = self.segments.find(account, *id).await?;
            let segment = segment.ok_or(ChoiceError::NoSegment(*id))?;
            let parsed = filter::parse(&segment.filter);
            let parsed = parsed.map_err(|error| ChoiceError::Filter { id: *id, error })?;
            let named: Vec<ListId> = parsed.lists.iter().map(|(list, _)| *list).collect();
            known(&named, lists)?;
            filters.push(parsed.filter);
        }
        Ok(filters)
    }

    /// Everybody who may be meant, each once, in no order: the members of the lists that all of them are on one of, or the whole
    /// account, whichever is less to read.
    pub async fn pages(
        &self,
        account: AccountId,
        choice: &Choice,
    ) -> Result<Pages<'_>, StoreError> {
        if let Some(lists) = choice.within() {
            let mut members = 0;
            for list in &lists {
                let counted = self.contacts.count_members(account, *list, SAMPLE);
                members += counted.await?.count;
            }
            let all = self.contacts.count_all(account, SAMPLE).await?;
            if reads_members(members, all.count) {
                return Ok(self.of_lists(account, lists));
            }
        }
        Ok(self.of_account(account))
    }

    fn of_account(&self, account: AccountId) -> Pages<'_> {
        let shard = move |shard| {
            let begin = Some(None::<ContactId>);
            let pages = stream::try_unfold(begin, move |after| async move {
                let Some(after) = after else { return Ok(None) };
                let page = self.contacts.shard_page(account, shard, after).await?;
                let next = page.next.map(Some);
                Ok::<_, StoreError>(Some((page.contacts, next)))
            });
            Box::pin(pages)
        };
        let shards = stream::iter(0..CONTACT_SHARDS).map(shard);
        Box::pin(shards.flatten_unordered(CONCURRENT))
    }

    /// Who is on several of them comes by the first.
    fn of_lists(&self, account: AccountId, lists: BTreeSet<ListId>) -> Pages<'_> {
        let all = lists.clone();
        let parts = lists
            .into_iter()
            .flat_map(|list| (0..MEMBER_SHARDS).map(move |shard| (list, shard)));
        let part = move |(list, shard)| {
            let all = all.clone();
            let begin = Some(None::<ContactId>);
            let pages = stream::try_unfold(begin, move |after| async move {
                let Some(after) = after else { return Ok(None) };
                let contacts = &self.contacts;
                let members = contacts
                    .member_shard(account, list, shard, after, TOGETHER)
                    .await?;
                let next = members.last().filter(|_| members.len() == TOGETHER);
                let next = next.copied().map(Some);
                let page = contacts.find_all(account, &members).await?;
                Ok::<_, StoreError>(Some((page, next)))
            });
            pages.map_ok(move |mut page| {
                page.retain(|contact| contact.lists.intersection(&all).next() == Some(&list));
                page
            })
        };
        let parts = stream::iter(parts).map(move |at| Box::pin(part(at)));
        Box::pin(parts.flatten_unordered(CONCURRENT))
    }
}

fn known(named: &[ListId], there: &BTreeSet<ListId>) -> Result<BTreeSet<ListId>, ChoiceError> {
    match named.iter().find(|list| !there.contains(list)) {
        Some(missing) => Err(ChoiceError::NoList(*missing)),
        None => Ok(named.iter().copied().collect()),
    }
}
