//! The last file of an export: what it is of, and each of its files with its rows, bytes and checksum.

use carillon_core::{
    export::{Dataset, Export, Filter, Format, Numbers, Part, Progress, table::Column},
    id::{AccountId, ExportId},
};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Manifest<'a> {
    version: u8,
    export: ExportId,
    account: AccountId,
    dataset: Dataset,
    filter: &'a Filter,
    format: Format,
    numbers: Numbers,
    columns: Vec<&'static str>,
    created: Timestamp,
    finished: Timestamp,
    rows: u64,
    bytes: u64,
    parts: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    rows: u64,
    bytes: u64,
    sha256: &'a str,
}

pub fn manifest(
    export: &Export,
    progress: &Progress,
    columns: &[Column],
    finished: Timestamp,
) -> Vec<u8> {
    let file = |part: &Part| {
        let name = part.key.rsplit('/').next();
        name.map_or(0, |name| part.key.len() - name.len())
    };
    let parts = progress.parts.iter().map(|part| File {
        file: &part.key[file(part)..],
        rows: part.rows,
        bytes: part.bytes,
        sha256: &part.sha256,
    });
    let manifest = Manifest {
        version: 1,
        export: export.id,
        account: export.account,
        dataset: export.dataset,
        filter: &export.filter,
        format: export.format,
        numbers: export.numbers,
        columns: columns.iter().map(|column| column.name).collect(),
        created: export.created,
        finished,
        rows: progress.settled_rows(),
        bytes: progress.settled_bytes(),
        parts: parts.collect(),
    };
    serde_json::to_vec_pretty(&manifest).expect("a manifest is representable in JSON")
}
