//! Exports in the core table: what each was made with, how far it has come, and who writes it. One that isn't over also has a mark,
//! by which the dispatcher finds it when nobody works on it.

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue, TransactWriteItem},
};
use carillon_core::{
    chunk::window::Token,
    export::{Export, Progress, Stage},
    id::{AccountId, ExportId},
};
use jiff::Timestamp;

use crate::{
    StoreError,
    audit::Audit,
    condition,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, binary, json, text, time},
    keys,
    queues::ExportRequest,
};

const PROGRESS: &str = "progress";
const STAGE: &str = "stage";
/// Who writes it, and until when.
const OWNER: &str = "owner";
const UNTIL: &str = "until";

#[derive(Debug, Clone)]
pub struct Exports {
    table: CoreTable,
}

/// Somebody else writes it, or it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

/// An export, and whether whoever had it before died over it.
#[derive(Debug, PartialEq, Eq)]
pub struct Leased {
    pub export: Export,
    pub progress: Progress,
    pub orphaned: bool,
}

/// Marked exports that need somebody.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unattended {
    pub idle: Vec<ExportRequest>,
    pub over: Vec<(Export, Progress)>,
}

impl Exports {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes it once; a second call with the same id changes nothing. Without an `audit` nobody asked: it is the schedule's.
    pub async fn create(&self, export: &Export, audit: Option<&Audit>) -> Result<(), StoreError> {
        let mut writes = created(&self.table, export);
        writes.extend(audit.map(|audit| audit.write(&self.table)));
        let written = self.table.commit(writes, "create an export").await?;
        match written {
            Ok(()) | Err(ConditionLost) => Ok(()),
        }
    }

    pub async fn find(
        &self,
        account: AccountId,
        id: ExportId,
    ) -> Result<Option<(Export, Progress)>, StoreError> {
        let key = keys::export(account, id);
        let item = self.table.get(&key, "read an export").await?;
        item.as_ref().map(read).transpose()
    }

    /// Newest first, from the one after `after`.
    pub async fn list(
        &self,
        account: AccountId,
        after: Option<ExportId>,
        limit: i32,
    ) -> Result<Vec<(Export, Progress)>, StoreError> {
        let after = after.map(|id| keys::export(account, id).sort);
        let page = Page {
            partition: &account.to_string(),
            prefix: keys::EXPORTS,
            after: after.as_deref(),
            order: Order::NewestFirst,
            limit,
        };
        let items = self.table.page(page, "list exports").await?;
        items.iter().map(read).collect()
    }

    /// Takes one that isn't over and that nobody writes. `token` must be new for every call.
    pub async fn lease(
        &self,
        request: ExportRequest,
        token: Token,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Result<Leased, Lost>, StoreError> {
        let update = self
            .update(request)
            .update_expression("SET #owner = :token, #until = :until, #stage = :running")
            .condition_expression(
                "#stage IN (:queued, :running) AND (attribute_not_exists(#until) OR #until <= :now OR #owner = :token)",
            )
            .expression_attribute_names("#stage", STAGE)
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":token", binary(token))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":queued", stage(Stage::Queued))
            .expression_attribute_values(":running", stage(Stage::Running))
            .return_values(ReturnValue::AllOld);
        let leased = condition::held(update.send().await, "lease an export")?;
        let Some(answer) = leased else {
            return Ok(Err(Lost));
        };
        let item = answer.attributes.unwrap_or_default();
        let (export, mut progress) = read(&item)?;
        progress.stage = Stage::Running;
        // Who ends, or breaks off, lets go of it.
        let before = item.get(OWNER);
        Ok(Ok(Leased {
            export,
            progress,
            orphaned: before.is_some_and(|owner| *owner != binary(token)),
        }))
    }

    /// How far its owner has come, and until when it is its owner now. One that was cancelled meanwhile is lost to it. One that is over stays
    /// marked until it is retired.
    pub async fn note(
        &self,
        request: ExportRequest,
        token: Token,
        progress: &Progress,
        until: Timestamp,
    ) -> Result<Result<(), Lost>, StoreError> {
        let over = progress.stage.is_over();
        let sets = "SET #progress = :progress, #stage = :stage";
        let update = self
            .update(request)
            .update_expression(if over {
                format!("{sets} REMOVE #owner, #until")
            } else {
                format!("{sets}, #until = :until")
            })
            .condition_expression("#owner = :token AND #stage = :running")
            .expression_attribute_names("#progress", PROGRESS)
            .expression_attribute_names("#stage", STAGE)
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_values(":progress", json(progress))
            .expression_attribute_values(":stage", stage(progress.stage))
            .expression_attribute_values(":token", binary(token))
            .expression_attribute_values(":running", stage(Stage::Running))
            .expression_attribute_names("#until", UNTIL);
        let update = if over {
            update
        } else {
            update.expression_attribute_values(":until", time(until))
        };
        let written = condition::held(update.send().await, "note an export's progress")?;
        Ok(written.map(drop).ok_or(Lost))
    }

    /// Lets go of it, so that the next worker needn't wait for the lease to end.
    pub async fn release(&self, request: ExportRequest, token: Token) -> Result<(), StoreError> {
        let update = self
            .update(request)
            .update_expression("REMOVE #owner, #until")
            .condition_expression("#owner = :token")
            .expression_attribute_names("#owner", OWNER)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":token", binary(token));
        condition::held(update.send().await, "release an export").map(drop)
    }

    /// Ends one that isn't over; whether it was so. Its worker learns of it with its next note.
    pub async fn cancel(
        &self,
        request: ExportRequest,
        progress: &Progress,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(request)
            .update_expression("SET #progress = :progress, #stage = :cancelled")
            .condition_expression("#stage IN (:queued, :running)")
            .expression_attribute_names("#stage", STAGE)
            .expression_attribute_names("#progress", PROGRESS)
            .expression_attribute_values(":progress", json(progress))
            .expression_attribute_values(":cancelled", stage(Stage::Cancelled))
            .expression_attribute_values(":queued", stage(Stage::Queued))
            .expression_attribute_values(":running", stage(Stage::Running));
        let ended = condition::held(update.send().await, "cancel an export")?;
        if ended.is_some() {
            self.retire(request).await?;
        }
        Ok(ended.is_some())
    }

    /// Those that nobody writes at this time, and those whose worker died between their end and telling of it.
    pub async fn unattended(&self, now: Timestamp) -> Result<Unattended, StoreError> {
        let query = self
            .table
            .client()
            .query()
            .table_name(self.table.name())
            .key_condition_expression("pk = :exporting")
            .expression_attribute_values(":exporting", text(keys::EXPORTING))
            .consistent_read(true);
        let marks = query.into_paginator().items().send().try_collect().await;
        let marks: Vec<Item> = marks.map_err(StoreError::service("list exports at work"))?;
        let mut unattended = Unattended::default();
        for mark in &marks {
            let request = request(mark.text(keys::SORT)?)?;
            let key = keys::export(request.account, request.export);
            let Some(item) = self.table.get(&key, "read an export").await? else {
                continue;
            };
            let (export, progress) = read(&item)?;
            if progress.stage.is_over() {
                unattended.over.push((export, progress));
            } else if item.find_time(UNTIL)?.is_none_or(|until| until <= now) {
                unattended.idle.push(request);
            }
        }
        Ok(unattended)
    }

    /// Takes the mark of one that is over, once that was told.
    pub async fn retire(&self, request: ExportRequest) -> Result<(), StoreError> {
        let key = keys::exporting(request.account, request.export);
        let delete = self
            .table
            .client()
            .delete_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()));
        let deleted = delete.send().await;
        deleted
            .map(drop)
            .map_err(StoreError::service("retire an export"))
    }

    fn update(
        &self,
        request: ExportRequest,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let key = keys::export(request.account, request.export);
        self.table
            .client()
            .update_item()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
    }
}

/// What makes an export.
pub(crate) fn created(table: &CoreTable, export: &Export) -> Vec<TransactWriteItem> {
    let mut item = keys::export(export.account, export.id).item();
    item.insert(DOC.to_owned(), json(export));
    item.extend(moved(&Progress::queued()));
    let mark = keys::exporting(export.account, export.id).item();
    vec![
        table.put(item, Condition::NEW),
        table.put(mark, Condition::ANY),
    ]
}

fn stage(stage: Stage) -> AttributeValue {
    text(match stage {
        Stage::Queued => "queued",
        Stage::Running => "running",
        Stage::Finished => "finished",
        Stage::Cancelled => "cancelled",
        Stage::Failed => "failed",
    })
}

fn moved(progress: &Progress) -> [(String, AttributeValue); 2] {
    [
        (PROGRESS.to_owned(), json(progress)),
        (STAGE.to_owned(), stage(progress.stage)),
    ]
}

fn read(item: &Item) -> Result<(Export, Progress), StoreError> {
    let mut progress: Progress = item.json(PROGRESS)?;
    // A lease moves the stage alone.
    if progress.stage == Stage::Queued && item.text(STAGE)? == "running" {
        progress.stage = Stage::Running;
    }
    Ok((item.json(DOC)?, progress))
}

fn request(mark: &str) -> Result<ExportRequest, StoreError> {
    let parsed = mark.split_once('#').and_then(|(account, export)| {
        Some(ExportRequest {
            account: account.parse().ok()?,
            export: export.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| StoreError::corrupt("the mark of an export"))
}
