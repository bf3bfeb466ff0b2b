//! Which batch a short link's number belongs to: a batch takes a block of numbers, one after the other, and no number is given
//! twice. A block that nobody came to use is lost, of which there are enough.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use carillon_core::{
    id::{AccountId, BatchId},
    link::NUMBERS,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    core_table::CoreTable,
    item::{ReadItem, number, text},
    keys::{self, SORT},
};

/// As long as recipient files are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 400);

#[derive(Debug, Clone)]
pub struct LinkBlocks {
    table: CoreTable,
}

/// A batch's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkBlock {
    pub account: AccountId,
    pub batch: BatchId,
    pub first: u64,
    pub length: u64,
}

impl LinkBlocks {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// The next `length` numbers, for a batch that is written afterwards.
    pub async fn draw(
        &self,
        account: AccountId,
        batch: BatchId,
        length: u64,
        now: Timestamp,
    ) -> Result<LinkBlock, StoreError> {
        let drawn = self
            .table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(keys::next_link().item()))
            .update_expression("ADD drawn :length")
            .expression_attribute_values(":length", count(length))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(StoreError::service("draw link numbers"))?;
        let drawn: u64 = drawn.attributes.unwrap_or_default().number("drawn")?;
        if drawn > NUMBERS {
            return Err(StoreError::corrupt(
                "the numbers of short links are used up",
            ));
        }
        let block = LinkBlock {
            account,
            batch,
            first: drawn - length,
            length,
        };
        let mut item = keys::link_block(block.first).item();
        item.insert("account".to_owned(), text(account));
        item.insert("batch".to_owned(), text(batch));
        item.insert("length".to_owned(), count(length));
        item.insert("ttl".to_owned(), number((now + KEPT).as_second()));
        // Nobody else has these numbers, so there is nothing to lose.
        self.table
            .client()
            .put_item()
            .table_name(self.table.name())
            .set_item(Some(item))
            .send()
            .await
            .map_err(StoreError::service("write a block of links"))?;
        Ok(block)
    }

    /// The block that a number is in.
    pub async fn find(&self, link: u64) -> Result<Option<LinkBlock>, StoreError> {
        let found = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :blocks AND sk <= :link")
            .expression_attribute_values(":blocks", AttributeValue::S(keys::LINK_BLOCKS.to_owned()))
            .expression_attribute_values(":link", text(keys::link_number(link)))
            .scan_index_forward(false)
            .limit(1)
            .send()
            .await
            .map_err(StoreError::service("find a block of links"))?;
        let corrupt = || StoreError::corrupt("a block of links");
        let Some(item) = found.items().first() else {
            return Ok(None);
        };
        let block = LinkBlock {
            account: item.text("account")?.parse().map_err(|_| corrupt())?,
            batch: item.text("batch")?.parse().map_err(|_| corrupt())?,
            first: item.text(SORT)?.parse().map_err(|_| corrupt())?,
            length: item.number("length")?,
        };
        let is_in = link - block.first < block.length;
        Ok(Some(block).filter(|_| is_in))
    }
}

fn count(numbers: u64) -> AttributeValue {
    AttributeValue::N(numbers.to_string())
}
