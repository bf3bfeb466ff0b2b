//! One conditional update of a rate item, put together attribute by attribute.

use aws_sdk_dynamodb::{
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{
        AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
        Update as InTransaction,
    },
};
use carillon_core::{
    id::GatewayAccountId,
    rate::{Limits, Shift, Slowed, Stand},
};
use jiff::Timestamp;

use crate::{
    item::{Item, number, time},
    keys,
};

#[derive(Default)]
pub struct Update {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: Vec<(String, String)>,
    values: Vec<(String, AttributeValue)>,
}

impl Update {
    /// Changes tokens only, and only in an item of this version.
    pub fn of_version(version: u32) -> Self {
        let mut update = Self::default();
        let name = update.name("version");
        if version == 0 {
            update
                .conditions
                .push(format!("attribute_not_exists({name})"));
        } else {
            let value = update.value(number(version));
            update.conditions.push(format!("{name} = {value}"));
        }
        update
    }

    /// Changes what doesn't depend on anything else in the item, if there is one.
    pub fn of_any_version() -> Self {
        let mut update = Self::default();
        let name = update.name("version");
        update.conditions.push(format!("attribute_exists({name})"));
        update
    }

    /// Changes more than tokens: whoever knows the version before has to look again.
    pub fn next_version(version: u32) -> Self {
        let mut update = Self::of_version(version);
        update.set("version", number(version + 1));
        update
    }

    /// Forward by its cost, from where it is believed to be.
    pub fn shift(&mut self, attribute: &str, shift: &Shift) {
        let name = self.name(attribute);
        let from = self.value(micros(shift.from));
        match shift.stand {
            Stand::Past => {
                let end = self.value(micros(shift.from + shift.cost));
                self.sets.push(format!("{name} = {end}"));
                self.conditions.push(format!(
                    "(attribute_not_exists({name}) OR {name} <= {from})"
                ));
            }
            Stand::Ahead => {
                let cost = i64::try_from(shift.cost.as_micros()).unwrap_or(i64::MAX);
                let (cost, until) = (self.value(number(cost)), self.value(micros(shift.until)));
                self.sets.push(format!("{name} = {name} + {cost}"));
                self.conditions
                    .push(format!("{name} BETWEEN {from} AND {until}"));
            }
        }
    }

    /// To a later time, never back.
    pub fn push(&mut self, attribute: &str, until: Timestamp) {
        let (name, until) = (self.name(attribute), self.value(micros(until)));
        self.sets.push(format!("{name} = {until}"));
        self.conditions.push(format!(
            "(attribute_not_exists({name}) OR {name} < {until})"
        ));
    }

    pub fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.sets.push(format!("{name} = {value}"));
    }

    pub fn set_or_remove(&mut self, attribute: &str, value: Option<AttributeValue>) {
        if let Some(value) = value {
            self.set(attribute, value);
        } else {
            let name = self.name(attribute);
            self.removes.push(name);
        }
    }

    pub fn remove_if(&mut self, attribute: &str, is: AttributeValue) {
        let (name, is) = (self.name(attribute), self.value(is));
        self.conditions.push(format!("{name} = {is}"));
        self.removes.push(name);
    }

    pub fn set_slowed(&mut self, slowed: Slowed) {
        let to = i64::try_from(slowed.to.thousandths()).unwrap_or(i64::MAX);
        self.set("slowed_to", number(to));
        self.set("slowed_at", time(slowed.at));
    }

    /// The answer is the item after the update, or the item that the conditions did not hold for.
    pub fn call(
        self,
        call: UpdateItemFluentBuilder,
        table: &str,
        key: Item,
    ) -> UpdateItemFluentBuilder {
        let (update, condition) = (self.expression(), self.conditions.join(" AND "));
        call.table_name(table)
            .set_key(Some(key))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(self.names.into_iter().collect()))
            .set_expression_attribute_values(Some(self.values.into_iter().collect()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    fn expression(&self) -> String {
        let clause = |word: &str, parts: &[String]| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let clauses = [clause("SET", &self.sets), clause("REMOVE", &self.removes)];
        clauses.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn name(&mut self, attribute: &str) -> String {
        let name = format!("#n{}", self.names.len());
        self.names.push((name.clone(), attribute.to_owned()));
        name
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.push((name.clone(), value));
        name
    }
}

pub fn micros(time: Timestamp) -> AttributeValue {
    number(time.as_microsecond())
}

/// Whether what happened to an account still holds after an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    Kept,
    /// Who changed its secret, its configuration or its switch may have repaired what closed or slowed it.
    Forgotten,
}

/// What an edit of the gateway account makes of its rate item, in the edit's transaction. Under no condition: what workers write at the
/// same time is other attributes.
pub fn change_limits(table: &str, changed: &Terms, history: History) -> TransactWriteItem {
    let Terms {
        gateway,
        limits,
        enabled,
        record,
    } = changed;
    let mut update = Update::default();
    update.set("record_version", number(*record));
    update.set_or_remove("parts_per_second", limits.parts_per_second.map(number));
    let of_senders = limits.sender_parts_per_second.map(number);
    update.set_or_remove("sender_parts_per_second", of_senders);
    update.set_or_remove("disabled", (!enabled).then(|| number(1)));
    if history == History::Forgotten {
        for attribute in HISTORY {
            update.set_or_remove(attribute, None);
        }
    }
    let (version, one) = (update.name("version"), update.value(number(1)));
    let expression = format!("{} ADD {version} {one}", update.expression());
    let update = InTransaction::builder()
        .table_name(table)
        .set_key(Some(keys::rate(*gateway).item()))
        .update_expression(expression)
        .set_expression_attribute_names(Some(update.names.into_iter().collect()))
        .set_expression_attribute_values(Some(update.values.into_iter().collect()))
        .build()
        .expect("table, key and expression are set");
    TransactWriteItem::builder().update(update).build()
}

/// What an item says that isn't for workers to change.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    pub gateway: GatewayAccountId,
    pub limits: Limits,
    pub enabled: bool,
    /// The version of the gateway account's record.
    pub record: u32,
}

const HISTORY: [&str; 7] = [
    "slowed_to",
    "slowed_at",
    "openings",
    "changed_at",
    "open_until",
    "open_reason",
    "probed_until",
];
