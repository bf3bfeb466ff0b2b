//! What an export costs: a batch is written to tables and files of its own, then exported by a process of its own, so that its
//! seconds and its memory are the export's.
//!
//! `make bench-export ROWS=1000000`

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that fails has nothing to show"
)]

#[expect(dead_code, reason = "a benchmark needs less than the tests")]
#[path = "../tests/export/setup.rs"]
mod setup;

use std::{env, fs, process::Command, time::Instant};

use carillon_core::export::{CsvCells, Export, Filter, Format, Progress};
use carillon_store::queues::ExportRequest;
use carillon_testkit::stack;
use export::worker::{Ended, work};
use jiff::{SignedDuration, Timestamp};
use setup::{Setup, Tables};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["work", core, ledger, contacts, account, export] => {
            let tables = Tables {
                core: (*core).to_owned(),
                ledger: (*ledger).to_owned(),
                contacts: (*contacts).to_owned(),
                hooks: None,
            };
            let request = ExportRequest {
                export: export.parse().unwrap(),
                account: account.parse().unwrap(),
            };
            measure(&tables, request).await;
        }
        [rows] => all(rows.parse().unwrap()).await,
        _ => all(1_000_000).await,
    }
}

async fn all(rows: u32) {
    println!("[bench] writing a batch of {rows} messages");
    let setup = Setup::with_chunks(rows / 100).await;
    let cells = CsvCells::Raw;
    for (name, format) in [
        ("CSV", Format::Csv { cells, gzip: false }),
        ("CSV, gzip", Format::Csv { cells, gzip: true }),
        ("Parquet, ZSTD", Format::Parquet),
    ] {
        let export = setup.export(format, Filter::default()).await;
        run(&setup, &export);
        let (_, progress) = setup.find(&export).await;
        show(name, &progress);
    }
}

/// The same program, that knows nothing but the names.
fn run(setup: &Setup, export: &Export) {
    let Tables {
        core,
        ledger,
        contacts,
        hooks: _,
    } = &setup.tables;
    let (account, export) = (export.account.to_string(), export.id.to_string());
    let status = Command::new(env::current_exe().unwrap())
        .args(["work", core, ledger, contacts, &account, &export])
        .status();
    assert!(status.unwrap().success());
}

async fn measure(tables: &Tables, request: ExportRequest) {
    let state = tables.state(&stack::aws().await);
    let deadline = Timestamp::now() + SignedDuration::from_mins(15);
    let began = Instant::now();

    let ended = work(&state, request, deadline).await.unwrap();

    let seconds = began.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    let kilobytes: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    println!(
        "[bench] {ended:?} in {seconds:.1} s, {:.1} s of CPU, peak {} MB",
        cpu_seconds(),
        kilobytes / 1024
    );
    assert_eq!(ended, Ended::Finished);
}

/// User and system, of this process.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u32 = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<u32>().unwrap())
        .sum();
    f64::from(ticks) / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "shown to a tenth")]
fn show(name: &str, progress: &Progress) {
    let Progress {
        rows, bytes, parts, ..
    } = progress;
    println!(
        "[bench] {name}: {rows} rows, {bytes} bytes, {:.1} a row, {} files",
        *bytes as f64 / *rows as f64,
        parts.len()
    );
}
