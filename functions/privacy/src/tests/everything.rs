//! All that the stores hold, as text: every attribute of every item of the three tables, and every file, its frames unpacked.

use std::fmt::Write;

use aws_sdk_dynamodb::types::AttributeValue;
use flate2::read::MultiGzDecoder;

use super::world::World;
use crate::rewrite::parquet::tests as parquet;

/// A line for each attribute and for each line of a file, sorted.
pub async fn everything(world: &World) -> String {
    let mut lines = Vec::new();
    for table in [
        &world.names.ledger,
        &world.names.core,
        &world.names.contacts,
    ] {
        lines.extend(items(world, table).await);
    }
    lines.extend(files(world).await);
    lines.sort_unstable();
    lines.join("\n")
}

async fn items(world: &World, table: &str) -> Vec<String> {
    let scan = world.aws.dynamodb().scan().table_name(table);
    let items = scan.into_paginator().items().send();
    let items: Vec<_> = items.try_collect().await.unwrap();
    let attribute = |(name, value): (&String, &AttributeValue)| {
        let text = match value {
            AttributeValue::B(bytes) => unpacked(bytes.as_ref()),
            other => format!("{other:?}"),
        };
        format!("{table} {name} {text}").replace('\n', " ")
    };
    items
        .iter()
        .flat_map(|item| item.iter().map(attribute).collect::<Vec<_>>())
        .collect()
}

async fn files(world: &World) -> Vec<String> {
    let s3 = world.aws.s3();
    let mut lines = Vec::new();
    for prefix in world.prefixes() {
        let list = s3.list_objects_v2().bucket(&world.names.bucket);
        let listed = list.prefix(prefix).send().await.unwrap();
        for object in listed.contents() {
            let key = object.key().unwrap();
            let get = s3.get_object().bucket(&world.names.bucket).key(key);
            let body = get.send().await.unwrap().body.collect().await.unwrap();
            let bytes = body.into_bytes();
            let text = match key.rsplit('.').next() {
                Some("parquet") => parquet::text(&bytes),
                Some("gz") => {
                    let packed = MultiGzDecoder::new(bytes.as_ref());
                    std::io::read_to_string(packed).unwrap()
                }
                _ => unpacked(&bytes),
            };
            lines.extend(text.lines().map(|line| format!("{key} {line}")));
        }
    }
    lines
}

/// The bytes themselves, and what is in them if they are frames, or frames behind a byte that says so.
fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).into_owned();
    for start in 0..bytes.len().min(2) {
        if let Ok(inside) = zstd::decode_all(&bytes[start..]) {
            write!(text, "\n{}", String::from_utf8_lossy(&inside)).unwrap();
        }
    }
    text
}
