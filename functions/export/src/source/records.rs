//! What is kept one by one, page by page. A place is where the last page ended, in the words of its list.

use carillon_core::{
    export::{
        Dataset, Export,
        records::word,
        table::{Cell, Row},
    },
    id::{CampaignId, ContactId},
};
use carillon_store::StoreError;

use super::Block;
use crate::State;

/// Records of a page.
const PAGE: usize = 1_000;

pub struct Records<'a> {
    state: &'a State,
    export: &'a Export,
    after: Option<String>,
}

/// A page: the rows of those that the export is of, how many there were, and where the last of them stands.
struct Read {
    rows: Vec<Row>,
    count: usize,
    last: Option<String>,
}

impl<'a> Records<'a> {
    pub fn open(state: &'a State, export: &'a Export, from: Option<&str>) -> Self {
        let after = from.map(str::to_owned);
        Self {
            state,
            export,
            after,
        }
    }

    pub async fn next(&mut self) -> Result<Block, StoreError> {
        let Read { rows, count, last } = match self.export.dataset {
            Dataset::Campaigns => self.campaigns().await?,
            Dataset::Inbound => self.inbound().await?,
            Dataset::OptOuts => self.opt_outs().await?,
            Dataset::Contacts => self.contacts().await?,
            Dataset::Messages | Dataset::Clicks => {
                return Err(StoreError::corrupt("an export of records"));
            }
        };
        // A page that isn't full may be followed by others, where a list reads by size; an empty one is the end.
        let next = last.filter(|_| count > 0);
        self.after.clone_from(&next);
        Ok(Block {
            rows,
            steps: 1,
            next,
        })
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
        let limit = i32::try_from(PAGE).expect("a thousand");
        let campaigns = &self.state.campaigns;
        let read = campaigns.list(self.export.account, after, limit).await?;
        let rows = read
            .iter()
            .filter_map(|campaign| self.export.campaign(campaign));
        Ok(Read {
            rows: rows.collect(),
            count: read.len(),
            last: read.last().map(|campaign| campaign.id.to_string()),
        })
    }

    async fn inbound(&self) -> Result<Read, StoreError> {
        let limit = i32::try_from(PAGE).expect("a thousand");
        let (account, after) = (self.export.account, self.after.as_deref());
        let read = self.state.inbound.newest(account, after, limit).await?;
        let rows = read.iter().filter_map(|logged| {
            let meaning = logged
                .meaning
                .map_or(Cell::Empty, |meaning| word(&meaning.wish));
            self.export.inbound(&logged.message, meaning)
        });
        Ok(Read {
            rows: rows.collect(),
            count: read.len(),
            last: read
                .last()
                .map(carillon_store::inbound_log::LoggedInbound::place),
        })
    }

    async fn opt_outs(&self) -> Result<Read, StoreError> {
        let (account, after) = (self.export.account, self.after.as_deref());
        let read = self.state.suppressions.page(account, after, PAGE).await?;
        let rows = read.iter().filter_map(|listed| {
            self.export
                .opt_out(&listed.number_hash, &listed.suppression)
        });
        Ok(Read {
            rows: rows.collect(),
            count: read.len(),
            last: read.last().map(|listed| listed.place.clone()),
        })
    }

    async fn contacts(&self) -> Result<Read, StoreError> {
        let after = self.place::<ContactId>()?;
        let read = self
            .state
            .contacts
            .page(self.export.account, after, PAGE)
            .await?;
        let rows = read
            .iter()
            .filter_map(|contact| self.export.contact(contact));
        Ok(Read {
            rows: rows.collect(),
            count: read.len(),
            last: read.last().map(|contact| contact.id.to_string()),
        })
    }
}
