//! Campaigns. Every change is made under the version that was read.

use aws_sdk_dynamodb::Client;
use carillon_core::{
    batch::Batch,
    campaign::Campaign,
    id::{AccountId, CampaignId},
};

use crate::{
    StoreError,
    audit::Audit,
    batches::{self, Replaced},
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number},
    keys,
    recurring::look,
};

#[derive(Debug, Clone)]
pub struct Campaigns {
    pub(crate) table: CoreTable,
}

/// Somebody changed it since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale;

impl Campaigns {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes a campaign once; a second call with the same id changes nothing.
    pub async fn create(&self, campaign: &Campaign, audit: &Audit) -> Result<(), StoreError> {
        let writes = vec![
            self.table.put(to_item(campaign), Condition::NEW),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "create a campaign").await?;
        // The same id is the same request.
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    /// As it is now, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        id: CampaignId,
    ) -> Result<Option<Campaign>, StoreError> {
        let key = keys::campaign(account, id);
        let item = self.table.get(&key, "read a campaign").await?;
        item.map(|item| item.json(DOC)).transpose()
    }

    /// Newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<CampaignId>,
        limit: i32,
    ) -> Result<Vec<Campaign>, StoreError> {
        let after = after.map(|id| keys::campaign(account, id).sort);
        let page = Page {
            partition: &account.to_string(),
            prefix: keys::CAMPAIGN,
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list campaigns").await?;
        items.iter().map(|item| item.json(DOC)).collect()
    }

    /// Writes a changed campaign over the one it was made from: its version must be the next one.
    pub async fn change(
        &self,
        campaign: &Campaign,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(campaign.version - 1);
        let mut writes = vec![
            self.table.put(to_item(campaign), before),
            audit.write(&self.table),
        ];
        writes.extend(look(&self.table, campaign));
        let written = self.table.commit(writes, "change a campaign").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Like [`Campaigns::change`], with the batch that its new plan names, which the dispatcher works with from then on. The batch of its
    /// old plan is cancelled with it; [`Stale`] too if that has begun, or was held or resumed since it was read.
    pub async fn begin(
        &self,
        campaign: &Campaign,
        batch: &Batch,
        replaced: Option<Replaced>,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(campaign.version - 1);
        let active = keys::active_batch(batch.terms.id).item();
        let mut writes = vec![
            self.table.put(to_item(campaign), before),
            self.table.put(batches::to_item(batch), Condition::NEW),
            self.table.put(active, Condition::NEW),
            audit.write(&self.table),
        ];
        let listed = batches::listed(batch);
        writes.extend(listed.map(|item| self.table.put(item, Condition::NEW)));
        writes.extend(replaced.map(|batch| batches::cancellation(self.table.name(), batch)));
        let written = self.table.commit(writes, "begin a campaign").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }

    /// Deletes the campaign that was read.
    pub async fn delete(
        &self,
        campaign: &Campaign,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let key = keys::campaign(campaign.account, campaign.id);
        let writes = vec![
            self.table
                .delete(&key, Condition::version(campaign.version)),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "delete a campaign").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }
}

pub(crate) fn to_item(campaign: &Campaign) -> Item {
    let mut item = keys::campaign(campaign.account, campaign.id).item();
    item.insert("version".to_owned(), number(campaign.version));
    item.insert(DOC.to_owned(), json(campaign));
    item
}
