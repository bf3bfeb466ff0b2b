//! Money that was reserved: an item for an account, and one for each country that has a cap. Reserved by one conditional addition, so that
//! a thousand sends at the edge of a cap end below it; decided anew (`carillon_core::limits::spend`) where a period has begun or a cap is near.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use carillon_core::{
    id::AccountId,
    limits::spend::{Period, Refusal, Reserved, SpendCaps, SpendRefused, Spent},
    phone::Country,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    StoreError, condition,
    core_table::CoreTable,
    item::{Item, ReadItem, number, text, time},
    keys::{self, Key},
};

/// How often others may be faster.
const TRIES: u32 = 8;

#[derive(Debug, Clone)]
pub struct Spending {
    table: CoreTable,
}

/// What is to be reserved of.
#[derive(Debug, Clone)]
pub struct Purse {
    pub account: AccountId,
    /// `None`: in all.
    pub country: Option<Country>,
    pub caps: SpendCaps,
    /// By which its hours, days and months begin.
    pub clock: TimeZone,
}

impl Spending {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// A lost answer counts as taken.
    pub async fn reserve(
        &self,
        purse: &Purse,
        price: u64,
        now: Timestamp,
    ) -> Result<Result<(), SpendRefused>, StoreError> {
        let key = keys::spent(purse.account, purse.country);
        let mut there = match self.add(&key, purse, price, now).await? {
            Ok(()) => return Ok(Ok(())),
            Err(there) => there,
        };
        for _ in 0..TRIES {
            let before = there
                .as_ref()
                .map(from_item)
                .transpose()?
                .unwrap_or_default();
            let after = match before.take(&purse.caps, Some(price), &purse.clock, now) {
                Ok(after) => after,
                Err(refused) => return Ok(Err(refused)),
            };
            match self.replace(&key, &before, &after).await? {
                Ok(()) => return Ok(Ok(())),
                Err(newer) => there = newer,
            }
        }
        Err(StoreError::Busy {
            operation: "reserve money",
            source: "others were faster each time".into(),
        })
    }

    /// That something waits for the end of a period: whoever is told of caps can't see it by what is left, which may be less than a
    /// price.
    pub async fn note_refusal(
        &self,
        purse: &Purse,
        period: Period,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let cap = purse.caps.of(period);
        let (Some((since, _)), Some(cap)) = (period.around(now, &purse.clock), cap) else {
            return Ok(());
        };
        let key = keys::spent(purse.account, purse.country);
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
            .update_expression("SET refused_in = :period, refused_at = :since, refused_cap = :cap")
            .expression_attribute_values(":period", text(period.as_str()))
            .expression_attribute_values(":since", time(since))
            .expression_attribute_values(":cap", amount(cap));
        let noted = update.send().await;
        noted
            .map(drop)
            .map_err(StoreError::service("note that a cap is reached"))
    }

    pub async fn look(
        &self,
        account: AccountId,
        country: Option<Country>,
    ) -> Result<Spent, StoreError> {
        let key = keys::spent(account, country);
        let item = self.table.get(&key, "look at what was spent").await?;
        item.as_ref()
            .map(from_item)
            .transpose()
            .map(Option::unwrap_or_default)
    }

    /// Within periods that have begun, with room in each. The error is the item as it is.
    async fn add(
        &self,
        key: &Key,
        purse: &Purse,
        price: u64,
        now: Timestamp,
    ) -> Result<Result<(), Option<Item>>, StoreError> {
        let mut sets = Vec::new();
        let mut conditions = Vec::new();
        let mut values = vec![(":price".to_owned(), amount(price))];
        for period in Period::ALL {
            let Some((since, _)) = period.around(now, &purse.clock) else {
                return Ok(Err(None));
            };
            let (at, sum) = names(period);
            sets.push(format!("{sum} = {sum} + :price"));
            conditions.push(format!("{at} = :{at}"));
            values.push((format!(":{at}"), time(since)));
            if let Some(cap) = purse.caps.of(period) {
                let Some(room) = cap.checked_sub(price) else {
                    conditions.push("attribute_not_exists(pk)".to_owned());
                    continue;
                };
                conditions.push(format!("{sum} <= :{sum}"));
                values.push((format!(":{sum}"), amount(room)));
            }
        }
        self.update(
            key,
            &format!("SET {}", sets.join(", ")),
            &conditions.join(" AND "),
            values,
        )
        .await
    }

    /// What was read by what follows from it.
    async fn replace(
        &self,
        key: &Key,
        before: &Spent,
        after: &Spent,
    ) -> Result<Result<(), Option<Item>>, StoreError> {
        let mut sets = Vec::new();
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for period in Period::ALL {
            let (at, sum) = names(period);
            if let Some(Reserved { since, amount: to }) = after.of(period) {
                sets.push(format!("{at} = :new_{at}, {sum} = :new_{sum}"));
                values.push((format!(":new_{at}"), time(since)));
                values.push((format!(":new_{sum}"), amount(to)));
            }
            match before.of(period) {
                Some(Reserved {
                    since,
                    amount: from,
                }) => {
                    conditions.push(format!("{at} = :{at} AND {sum} = :{sum}"));
                    values.push((format!(":{at}"), time(since)));
                    values.push((format!(":{sum}"), amount(from)));
                }
                None => conditions.push(format!("attribute_not_exists({at})")),
            }
        }
        self.update(
            key,
            &format!("SET {}", sets.join(", ")),
            &conditions.join(" AND "),
            values,
        )
        .await
    }

    async fn update(
        &self,
        key: &Key,
        expression: &str,
        condition: &str,
        values: Vec<(String, AttributeValue)>,
    ) -> Result<Result<(), Option<Item>>, StoreError> {
        let update = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values.into_iter().collect()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let written = condition::or_there(update.send().await, "reserve money")?;
        Ok(written.map(drop))
    }
}

/// Since when, and how much.
const fn names(period: Period) -> (&'static str, &'static str) {
    match period {
        Period::Hour => ("hour_since", "hour_sum"),
        Period::Day => ("day_since", "day_sum"),
        Period::Month => ("month_since", "month_sum"),
    }
}

fn amount(amount: u64) -> AttributeValue {
    number(i64::try_from(amount).unwrap_or(i64::MAX))
}

fn from_item(item: &Item) -> Result<Spent, StoreError> {
    let mut spent = Spent::default();
    for period in Period::ALL {
        let (at, sum) = names(period);
        if let Some(since) = item.find_time(at)? {
            let amount = item.number(sum)?;
            spent.set(period, Reserved { since, amount });
        }
    }
    if let Some(since) = item.find_time("refused_at")? {
        let name = item.text("refused_in")?;
        let mut periods = Period::ALL.into_iter();
        let period = periods.find(|period| period.as_str() == name);
        spent.refused = Some(Refusal {
            period: period.ok_or_else(|| StoreError::corrupt("attribute `refused_in`"))?,
            since,
            cap: item.number("refused_cap")?,
        });
    }
    Ok(spent)
}
