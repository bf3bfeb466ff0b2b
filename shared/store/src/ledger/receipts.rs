//! What `receipts` writes to a chunk.

use carillon_core::chunk::{Pointer, pack_receipts, receipt::Receipt, window::SlotSet};

use super::Ledger;
use crate::{
    StoreError, condition,
    item::{binary, number},
    keys,
};

impl Ledger {
    /// Reports, under the version they were applied to. `false` when others came first: read again, apply again.
    pub async fn write_receipts(
        &self,
        pointer: Pointer,
        version: u32,
        receipts: &[Option<Receipt>],
        read: SlotSet,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(keys::chunk(pointer).item())
            .update_expression("SET d = :receipts, r = :read, dv = :next")
            .condition_expression("attribute_exists(pk) AND dv = :version")
            .expression_attribute_values(":receipts", binary(pack_receipts(receipts)))
            .expression_attribute_values(":read", binary(read.to_bytes()))
            .expression_attribute_values(":version", number(version))
            .expression_attribute_values(":next", number(version + 1));
        let written = condition::held(update.send().await, "write receipts")?;
        Ok(written.is_some())
    }
}
