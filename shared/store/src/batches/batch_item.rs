//! A batch as an item.

use aws_sdk_dynamodb::types::AttributeValue;
use carillon_core::batch::{Batch, BatchProgress, BatchTerms, Stage};
use serde::{Serialize, de::DeserializeOwned};

use super::snapshots;
use crate::{
    StoreError,
    item::{Item, ReadItem, json, number, text, time},
    keys,
};

pub fn to_item(batch: &Batch) -> Item {
    let Batch { terms, progress } = batch;
    let BatchProgress {
        stage: at,
        control,
        cursor,
        begun,
        chunks,
        swept,
        preparing_until,
        prepared,
        totals,
        snapshot,
        problem,
    } = progress;
    let mut item = keys::batch(terms.id).item();
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set(keys::INDEX_PARTITION, text(keys::batches_of(terms.account)));
    set(keys::INDEX_SORT, text(terms.id));
    set("terms", json(terms));
    set("stage", stage(*at));
    set("control", word(*control));
    set("released", number(*cursor));
    if let Some(begun) = begun {
        set("begun", time(*begun));
    }
    if let Some(chunks) = chunks {
        set("chunks", number(*chunks));
    }
    if let Some(swept) = swept {
        set("swept", json(swept));
    }
    if let Some(until) = preparing_until {
        set("preparing_until", time(*until));
    }
    if let Some(prepared) = prepared {
        set("prepared", json(prepared));
    }
    if let Some(totals) = totals {
        set("totals", json(totals));
    }
    if let Some(snapshot) = snapshot {
        set(snapshots::SNAPSHOT, snapshots::to_value(snapshot));
    }
    if let Some(problem) = problem {
        set("problem", text(problem));
    }
    item
}

pub fn from_item(item: &Item) -> Result<Batch, StoreError> {
    let terms: BatchTerms = item.json("terms")?;
    let progress = BatchProgress {
        stage: from_word(item.text("stage")?)?,
        control: from_word(item.text("control")?)?,
        cursor: item.number("released")?,
        begun: item.find_time("begun")?,
        chunks: item
            .find_number("chunks")?
            .map(|chunks| u32::try_from(chunks).map_err(|_| StoreError::corrupt("chunks")))
            .transpose()?,
        swept: item.find_json("swept")?,
        preparing_until: item.find_time("preparing_until")?,
        prepared: item.find_json("prepared")?,
        totals: item.find_json("totals")?,
        snapshot: snapshots::from_item(item),
        problem: item
            .find("problem")
            .and_then(|value| value.as_s().ok())
            .cloned(),
    };
    Ok(Batch { terms, progress })
}

pub fn stage(stage: Stage) -> AttributeValue {
    word(stage)
}

/// An enum's name, as text.
pub fn word<T: Serialize>(value: T) -> AttributeValue {
    let name = serde_json::to_value(value).expect("a plain enum is a JSON string");
    text(name.as_str().expect("a plain enum is a JSON string"))
}

fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, StoreError> {
    serde_json::from_value(word.into())
        .map_err(|_| StoreError::corrupt(format!("the word `{word}`")))
}
