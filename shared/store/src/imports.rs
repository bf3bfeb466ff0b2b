//! Imports of contacts: what was asked for, how far it is, and who works on it. One at a time works on an import, under a lease; what it
//! has done it writes down when it is done. While there is work, an item beside says so, so that nobody is forgotten who was killed.

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{ReturnValue, TransactWriteItem, Update},
};
use carillon_core::{
    id::{AccountId, ImportId},
    import::{Progress, Stage, Terms},
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    StoreError,
    audit::Audit,
    condition,
    core_table::{Condition, ConditionLost, CoreTable, DOC, Order, Page},
    item::{Item, ReadItem, json, number, text, time},
    keys::{self, SORT},
};

const STAGE: &str = "stage";
const PROGRESS: &str = "prog";
const CANCELLED: &str = "cancelled";
const PROBLEM: &str = "problem";
const FINISHED: &str = "finished";
const TRIES: &str = "tries";
/// Until when its owner has it; without an owner, until when it isn't asked for again.
const UNTIL: &str = "til";
const ACTIVE: &str = "stage IN (:importing, :undoing)";
/// Active imports that are looked at in a minute.
const LOOKED_AT: i32 = 1_000;

/// How long an import may wait in its queue until it is asked for again.
pub const AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// As it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    pub terms: Terms,
    pub stage: Stage,
    pub progress: Progress,
    /// Somebody asked it to stop.
    pub cancelled: bool,
    /// Why it failed.
    pub problem: Option<String>,
    /// Leases since it last got on.
    pub tries: u32,
    /// When it was done, failed, cancelled or undone.
    pub finished: Option<Timestamp>,
}

/// Which import a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportRequest {
    pub account: AccountId,
    pub import: ImportId,
}

/// Somebody else has it by now, or it was finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("somebody else has this import")]
pub struct LostLease;

/// It isn't at a stage at which that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotNow;

/// What somebody who works on it ends it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub stage: Stage,
    pub progress: Progress,
    pub problem: Option<String>,
    pub at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Imports {
    table: CoreTable,
}

impl Imports {
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = CoreTable::new(client, table);
        Self { table }
    }

    /// Writes an import once; a second call with the same id changes nothing. It is asked for again at `again` if nobody has begun.
    pub async fn create(
        &self,
        terms: &Terms,
        again: Timestamp,
        audit: &Audit,
    ) -> Result<(), StoreError> {
        let mut item = keys::import(terms.account, terms.id).item();
        item.insert(DOC.to_owned(), json(terms));
        item.insert(STAGE.to_owned(), text(word(Stage::Importing)));
        item.insert(PROGRESS.to_owned(), json(&Progress::default()));
        item.insert(TRIES.to_owned(), number(0));
        item.insert(UNTIL.to_owned(), time(again));
        let active = keys::importing(terms.account, terms.id).item();
        let writes = vec![
            self.table.put(item, Condition::NEW),
            self.table.put(active, Condition::ANY),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "create an import").await?;
        written.or(Ok(()))
    }

    /// As it is now, strongly consistent.
    pub async fn find(
        &self,
        account: AccountId,
        id: ImportId,
    ) -> Result<Option<Import>, StoreError> {
        let key = keys::import(account, id);
        let item = self.table.get(&key, "read an import").await?;
        item.as_ref().map(from_item).transpose()
    }

    /// Newest first, before one of them.
    pub async fn page(
        &self,
        account: AccountId,
        after: Option<ImportId>,
        limit: i32,
    ) -> Result<Vec<Import>, StoreError> {
        let mut after = after.map(|id| keys::import(account, id).sort);
        let mut found = Vec::new();
        let mut left = limit;
        // A read ends after a megabyte, which is fewer than may be asked for.
        while left > 0 {
            let page = Page {
                partition: &account.to_string(),
                prefix: keys::IMPORT,
                after: after.as_deref(),
                order: Order::NewestFirst,
                limit: left,
            };
            let items = self.table.page(page, "list imports").await?;
            let Some(last) = items.last() else {
                break;
            };
            after = Some(last.text(SORT)?.to_owned());
            left -= i32::try_from(items.len()).unwrap_or(left);
            for item in &items {
                found.push(from_item(item)?);
            }
        }
        Ok(found)
    }

    /// Takes an import to work on until a time; `None` where somebody has it, or nothing is to be done. `owner` is new for each call.
    pub async fn lease(
        &self,
        request: ImportRequest,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Import>, StoreError> {
        let free = format!(
            "{ACTIVE} AND (attribute_not_exists(holder) OR {UNTIL} <= :now OR holder = :owner)"
        );
        let update = self
            .update(request)
            .update_expression(format!(
                "SET holder = :owner, {UNTIL} = :until ADD {TRIES} :one"
            ))
            .condition_expression(free)
            .expression_attribute_values(":importing", text(word(Stage::Importing)))
            .expression_attribute_values(":undoing", text(word(Stage::Undoing)))
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        let leased = condition::held(update.send().await, "lease an import")?;
        let item = leased.and_then(|answer| answer.attributes);
        item.as_ref().map(from_item).transpose()
    }

    /// Writes down what is done. Says whether it should stop.
    pub async fn advance(
        &self,
        request: ImportRequest,
        owner: &str,
        progress: &Progress,
    ) -> Result<Result<bool, LostLease>, StoreError> {
        let update = self
            .update(request)
            .update_expression(format!("SET {PROGRESS} = :progress, {TRIES} = :none"))
            .condition_expression("holder = :owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":progress", json(progress))
            .expression_attribute_values(":none", number(0))
            .return_values(ReturnValue::AllNew);
        let written = condition::held(update.send().await, "write an import's progress")?;
        let item = written.and_then(|answer| answer.attributes);
        Ok(item
            .map(|item| item.contains_key(CANCELLED))
            .ok_or(LostLease))
    }

    /// Gives an import back that isn't finished: the next minute asks for it again.
    pub async fn give_back(
        &self,
        request: ImportRequest,
        owner: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .update(request)
            .update_expression(format!("SET {UNTIL} = :now REMOVE holder"))
            .condition_expression("holder = :owner")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":now", time(now));
        condition::held(update.send().await, "give an import back").map(drop)
    }

    /// Nothing is left to be done.
    pub async fn finish(
        &self,
        request: ImportRequest,
        owner: &str,
        end: &End,
    ) -> Result<Result<(), LostLease>, StoreError> {
        let End {
            stage,
            progress,
            problem,
            at,
        } = end;
        let told = problem.as_ref().map_or("", |_| ", problem = :problem");
        let update = self
            .change(request)
            .update_expression(format!(
                "SET {STAGE} = :stage, {PROGRESS} = :progress, {FINISHED} = :at{told} REMOVE holder, {CANCELLED}"
            ))
            .condition_expression("holder = :owner")
            .expression_attribute_values(":stage", text(word(*stage)))
            .expression_attribute_values(":progress", json(progress))
            .expression_attribute_values(":at", time(*at))
            .expression_attribute_values(":owner", text(owner));
        let update = match problem {
            Some(problem) => update.expression_attribute_values(":problem", text(problem)),
            None => update,
        };
        let active = keys::importing(request.account, request.import);
        let writes = vec![built(update), self.table.delete(&active, Condition::ANY)];
        match self.table.commit(writes, "finish an import").await? {
            Ok(()) => Ok(Ok(())),
            // A repeated call whose first attempt arrived finds what it wrote.
            Err(ConditionLost) => {
                let there = self.find(request.account, request.import).await?;
                let is_ours = |import: &Import| {
                    import.stage == *stage && import.finished.map(ms) == Some(ms(*at))
                };
                Ok(there.filter(is_ours).map(drop).ok_or(LostLease))
            }
        }
    }

    /// Asks an import to stop.
    pub async fn cancel(
        &self,
        request: ImportRequest,
        audit: &Audit,
    ) -> Result<Result<(), NotNow>, StoreError> {
        let update = self
            .change(request)
            .update_expression(format!("SET {CANCELLED} = :one"))
            .condition_expression(format!("{STAGE} = :importing"))
            .expression_attribute_values(":importing", text(word(Stage::Importing)))
            .expression_attribute_values(":one", number(1));
        let writes = vec![built(update), audit.write(&self.table)];
        let written = self.table.commit(writes, "cancel an import").await?;
        Ok(written.map_err(|ConditionLost| NotNow))
    }

    /// Begins to take back what an import did.
    pub async fn undo(
        &self,
        request: ImportRequest,
        again: Timestamp,
        audit: &Audit,
    ) -> Result<Result<(), NotNow>, StoreError> {
        let update = self
            .change(request)
            .update_expression(format!(
                "SET {STAGE} = :undoing, {UNTIL} = :again, {TRIES} = :none REMOVE {FINISHED}, {CANCELLED}, {PROBLEM}"
            ))
            .condition_expression(format!("{STAGE} IN (:done, :failed, :cancelled)"))
            .expression_attribute_values(":undoing", text(word(Stage::Undoing)))
            .expression_attribute_values(":done", text(word(Stage::Done)))
            .expression_attribute_values(":failed", text(word(Stage::Failed)))
            .expression_attribute_values(":cancelled", text(word(Stage::Cancelled)))
            .expression_attribute_values(":again", time(again))
            .expression_attribute_values(":none", number(0));
        let active = keys::importing(request.account, request.import).item();
        let writes = vec![
            built(update),
            self.table.put(active, Condition::ANY),
            audit.write(&self.table),
        ];
        let written = self.table.commit(writes, "undo an import").await?;
        Ok(written.map_err(|ConditionLost| NotNow))
    }

    /// Imports that somebody has to work on, of all accounts.
    pub async fn active(&self) -> Result<Vec<ImportRequest>, StoreError> {
        let page = Page {
            partition: keys::IMPORTING,
            prefix: "acc_",
            after: None,
            order: Order::OldestFirst,
            limit: LOOKED_AT,
        };
        let items = self.table.page(page, "list active imports").await?;
        let request = |item: &Item| {
            let read = keys::importing_of(item.text(SORT)?);
            let (account, import) = read.ok_or_else(|| StoreError::corrupt("an active import"))?;
            Ok(ImportRequest { account, import })
        };
        items.iter().map(request).collect()
    }

    /// Whether nobody works on it and it wasn't asked for lately. Who learns so asks for it, and nobody else until `again`.
    pub async fn may_ask(
        &self,
        request: ImportRequest,
        now: Timestamp,
        again: Timestamp,
    ) -> Result<bool, StoreError> {
        let update = self
            .update(request)
            .update_expression(format!("SET {UNTIL} = :again REMOVE holder"))
            .condition_expression(format!("{ACTIVE} AND {UNTIL} <= :now"))
            .expression_attribute_values(":importing", text(word(Stage::Importing)))
            .expression_attribute_values(":undoing", text(word(Stage::Undoing)))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":again", time(again));
        let asked = condition::held(update.send().await, "ask for an import again")?;
        Ok(asked.is_some())
    }

    fn update(&self, request: ImportRequest) -> UpdateItemFluentBuilder {
        let key = keys::import(request.account, request.import);
        let update = self.table.client().update_item();
        update
            .table_name(self.table.name())
            .set_key(Some(key.item()))
    }

    fn change(&self, request: ImportRequest) -> aws_sdk_dynamodb::types::builders::UpdateBuilder {
        let key = keys::import(request.account, request.import);
        Update::builder()
            .table_name(self.table.name())
            .set_key(Some(key.item()))
    }
}

fn built(update: aws_sdk_dynamodb::types::builders::UpdateBuilder) -> TransactWriteItem {
    let update = update.build().expect("table, key and expression are set");
    TransactWriteItem::builder().update(update).build()
}

/// As fine as times are stored.
fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn from_item(item: &Item) -> Result<Import, StoreError> {
    Ok(Import {
        terms: item.json(DOC)?,
        stage: from_word(item.text(STAGE)?)?,
        progress: item.json(PROGRESS)?,
        cancelled: item.contains_key(CANCELLED),
        problem: item
            .contains_key(PROBLEM)
            .then(|| item.text(PROBLEM).map(str::to_owned))
            .transpose()?,
        tries: item.number(TRIES)?,
        finished: item.find_time(FINISHED)?,
    })
}

const fn word(stage: Stage) -> &'static str {
    match stage {
        Stage::Importing => "importing",
        Stage::Done => "done",
        Stage::Failed => "failed",
        Stage::Cancelled => "cancelled",
        Stage::Undoing => "undoing",
        Stage::Undone => "undone",
    }
}

fn from_word(word: &str) -> Result<Stage, StoreError> {
    match word {
        "importing" => Ok(Stage::Importing),
        "done" => Ok(Stage::Done),
        "failed" => Ok(Stage::Failed),
        "cancelled" => Ok(Stage::Cancelled),
        "undoing" => Ok(Stage::Undoing),
        "undone" => Ok(Stage::Undone),
        _ => Err(StoreError::corrupt("an import's stage")),
    }
}
