//! What is kept one by one, page by page. A place is where the last page ended, in the words of its list.

use carillon_core::{
    export::{
        Dataset, Export,
        records::word,
        table::{Cell, Row},
    },
    id::{CampaignId, ContactId},
};
use carillon_store::{StoreError, inbound_log, suppressions};
use jiff::{SignedDuration, Timestamp};

use super::Block;
use crate::State;

pub struct Records<'a> {
    state: &'a State,
    export: &'a Export,
    after: Option<String>,
}

/// A page: the rows of those that the export is of, and where the last one stands; `None`: none of what follows is in the export.
struct Read {
    rows: Vec<Row>,
    last: Option<String>,
}

impl<'a> Records<'a> {
    pub fn open(state: &'a State, export: &'a Export, from: Option<&str>) -> Self {
        let after = from.map(str::to_owned).or_else(|| newest(export));
        Self {
            state,
            export,
            after,
        }
    }

    pub async fn next(&mut self) -> Result<Block, StoreError> {
        // A page that isn't full may be followed by others, where a list reads by size; an empty one is the end.
        let Read { rows, last: next } = match self.export.dataset {
            Dataset::Campaigns => self.campaigns().await?,
            Dataset::Inbound => self.inbound().await?,
            Dataset::OptOuts => self.opt_outs().await?,
            Dataset::Contacts => self.contacts().await?,
            Dataset::Messages | Dataset::Clicks => {
                return Err(StoreError::corrupt("an export of records"));
            }
        };
        self.after.clone_from(&next);
        Ok(Block {
            rows,
            steps: 1,
            next,
        })
    }

    fn limit(&self) -> i32 {
        i32::try_from(self.state.limits.page).unwrap_or(i32::MAX)
    }

    /// Whether what is behind a place, by whose time its list is sorted, is older than the export goes back.
    fn is_over(&self, last: Option<&str>, place_before: impl Fn(Timestamp) -> String) -> bool {
        let from = self.export.filter.from.map(place_before);
        last.zip(from)
            .is_some_and(|(last, from)| last < from.as_str())
    }

    /// The place where the next page begins, as what it is there.
    fn place<T: std::str::FromStr>(&self) -> Result<Option<T>, StoreError> {
        let read = |place: &String| {
            place
                .parse()
                .map_err(|_| StoreError::corrupt("the place of an export"))
        };
        self.after.as_ref().map(read).transpose()
    }

    async fn campaigns(&self) -> Result<Read, StoreError> {
        let after = self.place::<CampaignId>()?;
        let campaigns = &self.state.campaigns;
        let read = campaigns.list(self.export.account, after, self.limit());
        let read = read.await?;
        let rows = read
            .iter()
            .filter_map(|campaign| self.export.campaign(campaign));
        Ok(Read {
            rows: rows.collect(),
            last: read.last().map(|campaign| campaign.id.to_string()),
        })
    }

    async fn inbound(&self) -> Result<Read, StoreError> {
        let (account, after) = (self.export.account, self.after.as_deref());
        let read = self.state.inbound.newest(account, after, self.limit());
        let read = read.await?;
        let last = read.last().map(inbound_log::LoggedInbound::place);
        let over = self.is_over(last.as_deref(), inbound_log::place_before);
        let rows = read.iter().filter_map(|logged| {
            let meaning = logged
                .meaning
                .map_or(Cell::Empty, |meaning| word(&meaning.wish));
            self.export.inbound(&logged.message, meaning)
        });
        Ok(Read {
            rows: rows.collect(),
            last: last.filter(|_| !over),
        })
    }

    async fn opt_outs(&self) -> Result<Read, StoreError> {
        let (account, after) = (self.export.account, self.after.as_deref());
        let page = self.state.limits.page;
        let read = self.state.suppressions.page(account, after, page).await?;
        let last = read.last().map(|listed| listed.place.clone());
        let over = self.is_over(last.as_deref(), suppressions::place_before);
        let rows = read.iter().filter_map(|listed| {
            self.export
                .opt_out(&listed.number_hash, &listed.suppression)
        });
        Ok(Read {
            rows: rows.collect(),
            last: last.filter(|_| !over),
        })
    }

    async fn contacts(&self) -> Result<Read, StoreError> {
        let after = self.place::<ContactId>()?;
        let read = self
            .state
            .contacts
            .page(self.export.account, after, self.state.limits.page)
            .await?;
        let rows = read
            .iter()
            .filter_map(|contact| self.export.contact(contact));
        Ok(Read {
            rows: rows.collect(),
            last: read.last().map(|contact| contact.id.to_string()),
        })
    }
}

/// What comes before all that the export is of, where that is the newest of a list by time; `None`: it begins with the newest of all.
fn newest(export: &Export) -> Option<String> {
    // The last millisecond may be half in it.
    let until = export
        .filter
        .until?
        .checked_add(SignedDuration::from_millis(1))
        .ok()?;
    match export.dataset {
        Dataset::Inbound => Some(inbound_log::place_before(until)),
        Dataset::OptOuts => Some(suppressions::place_before(until)),
        Dataset::Campaigns | Dataset::Contacts | Dataset::Messages | Dataset::Clicks => None,
    }
}
