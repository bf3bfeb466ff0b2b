//! Which campaigns recur, and when somebody has to look at each next: one small item each, in one partition, read each minute.

use aws_sdk_dynamodb::types::TransactWriteItem;
use carillon_core::{
    batch::Batch,
    campaign::{Campaign, Plan},
    id::{AccountId, CampaignId},
    recurrence::Occurrence,
};
use jiff::Timestamp;

use crate::{
    StoreError,
    audit::Audit,
    batches,
    campaigns::{Campaigns, Stale, to_item},
    core_table::{Condition, ConditionLost, CoreTable},
    item::{Item, ReadItem, number, text},
    keys::{self, RECURRING, SORT},
};

/// When it is looked at next, in milliseconds.
const LOOK: &str = "look";

impl Campaigns {
    /// Those that have to be looked at by now.
    pub async fn recurring(
        &self,
        now: Timestamp,
    ) -> Result<Vec<(AccountId, CampaignId)>, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :recurring")
            .filter_expression("#look <= :now")
            .expression_attribute_names("#look", LOOK)
            .expression_attribute_values(":recurring", text(RECURRING))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let items = query.into_paginator().items().send().try_collect().await;
        let items: Vec<Item> = items.map_err(StoreError::service("list what recurs"))?;
        items.iter().map(read).collect()
    }

    /// Writes what an occurrence became together with the campaign that it is of, which goes on to its next: an occurrence is made
    /// once, and none after the campaign was stopped.
    pub async fn begin_occurrence(
        &self,
        recurring: &Campaign,
        occurrence: &Campaign,
        batch: &Batch,
        audit: &Audit,
    ) -> Result<Result<(), Stale>, StoreError> {
        let before = Condition::version(recurring.version - 1);
        let active = keys::active_batch(batch.terms.id).item();
        let mut writes = vec![
            self.table.put(to_item(recurring), before),
            self.table.put(to_item(occurrence), Condition::NEW),
            self.table.put(batches::to_item(batch), Condition::NEW),
            self.table.put(active, Condition::NEW),
            audit.write(&self.table),
        ];
        writes.extend(look(&self.table, recurring));
        let listed = batches::listed(batch);
        writes.extend(listed.map(|item| self.table.put(item, Condition::NEW)));
        let written = self.table.commit(writes, "begin an occurrence").await?;
        Ok(written.map_err(|ConditionLost| Stale))
    }
}

/// Keeps the item of a campaign that recurs in step with it.
pub(crate) fn look(table: &CoreTable, campaign: &Campaign) -> Option<TransactWriteItem> {
    campaign.series.as_ref()?;
    let key = keys::recurring(campaign.account, campaign.id);
    let Plan::Recurring {
        next: Some(next), ..
    } = campaign.plan
    else {
        return Some(table.delete(&key, Condition::ANY));
    };
    let mut item = key.item();
    let at = Occurrence::looked_at(next).as_millisecond();
    item.insert(LOOK.to_owned(), number(at));
    Some(table.put(item, Condition::ANY))
}

fn read(item: &Item) -> Result<(AccountId, CampaignId), StoreError> {
    let corrupt = || StoreError::corrupt("what recurs");
    let (account, campaign) = item.text(SORT)?.split_once('#').ok_or_else(corrupt)?;
    Ok((
        account.parse().map_err(|_| corrupt())?,
        campaign.parse().map_err(|_| corrupt())?,
    ))
}
