//! The speed of an import against the local stack, in tables of its own: makes a CSV, imports it, tries it dry, and undoes it. Rows a
//! second are mostly those of the emulator; CPU and memory are those of this process.
//!
//! `make bench-import ROWS=1000000`

use std::{env, error::Error, fmt::Write, fs, time::Instant};

use carillon_core::{
    id::AccountId,
    import::{Blank, Counts, Layout, MappedColumn, OnConflict, Progress, Target, Terms, ValueKind},
    keyed_hash::DeploymentKey,
};
use carillon_store::{
    audit::{Actor, Audit},
    consents::Consents,
    contacts::Contacts,
    dead_letter_queues::DeadLetterQueues,
    files::Files,
    imports::{ImportRequest, Imports},
    queues::{QueueUrls, Queues},
    records::Records,
    suppressions::Suppressions,
};
use carillon_testkit::{build, stack, watched::Watch};
use import::{GROUP, Importer};
use jiff::{SignedDuration, Timestamp};

/// British mobile numbers, four million of them; has no factor in common with the step, so that each comes once.
const FIRST: u64 = 447_400_000_000;
const RANGE: u64 = 4_000_000;
const STEP: u64 = 2_400_007;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let rows = env::args().nth(1).unwrap_or_else(|| "1000000".to_owned());
    let rows: u64 = rows.parse()?;
    let watch = Watch::default();
    let importer = importer(&watch).await;
    let csv = make(rows);
    println!("rows {rows}, {} bytes of CSV", csv.len());
    let account: AccountId = build::id();
    let upload = build::id();
    let files = &importer.files;
    let bytes = csv.len() as u64;
    files.put_upload(account, upload, csv.into()).await?;
    let arrived = files.find_upload(account, upload).await?;
    let terms = Terms {
        id: build::id(),
        account,
        upload,
        etag: arrived.ok_or("no upload")?.etag,
        bytes,
        layout: layout(),
        default_country: None,
        on_conflict: OnConflict::Update,
        blank: Blank::Keep,
        lists: [].into(),
        tags: [].into(),
        consent: None,
        dry_run: false,
        created: Timestamp::now(),
    };
    let request = |terms: &Terms| ImportRequest {
        account,
        import: terms.id,
    };
    importer
        .imports
        .create(&terms, Timestamp::now(), &audit(account))
        .await?;
    run(&importer, &watch, request(&terms), "import").await?;
    let dry = Terms {
        id: build::id(),
        dry_run: true,
        ..terms.clone()
    };
    importer
        .imports
        .create(&dry, Timestamp::now(), &audit(account))
        .await?;
    run(&importer, &watch, request(&dry), "dry run").await?;
    let entry = audit(account);
    let undo = importer
        .imports
        .undo(request(&terms), Timestamp::now(), &entry);
    undo.await?.map_err(|_| "it can't be undone")?;
    run(&importer, &watch, request(&terms), "undo").await?;
    println!("peak memory {}", peak_memory()?);
    Ok(())
}

async fn run(
    importer: &Importer,
    watch: &Watch,
    request: ImportRequest,
    what: &str,
) -> Result<(), Box<dyn Error>> {
    let (started, cpu, calls) = (Instant::now(), cpu_seconds()?, watch.calls());
    let deadline = Timestamp::now() + SignedDuration::from_hours(10);
    importer.work(request, deadline).await?;
    let (wall, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let found = importer
        .imports
        .find(request.account, request.import)
        .await?;
    let import = found.ok_or("no import")?;
    let Progress { counts, undo } = import.progress;
    let Counts { rows, .. } = counts;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rows = rows as f64;
    let calls = f64::from(watch.calls() - calls);
    println!(
        "{what}: {:?}, {:.0} rows/s, {:.4} calls a row, wall {wall:.1} s, CPU of this process {cpu:.1} s = {:.0} us a row; peak memory so far {}",
        import.stage,
        rows / wall,
        calls / rows,
        cpu / rows * 1e6,
        peak_memory()?
    );
    println!("  {counts:?} {undo:?}");
    Ok(())
}

async fn importer(watch: &Watch) -> Importer {
    let aws = watch.over(&stack::aws().await);
    let core = stack::table_like(&aws.dynamodb(), "CORE_TABLE").await;
    let contacts = stack::table_like(&aws.dynamodb(), "CONTACTS_TABLE").await;
    let key = DeploymentKey::from_secret("a secret of a benchmark");
    Importer {
        dead: DeadLetterQueues::new(aws.sqs(), Vec::new(), 3),
        imports: Imports::new(aws.dynamodb(), &core),
        lists: Records::new(aws.dynamodb(), &core),
        contacts: Contacts::new(aws.dynamodb(), &contacts),
        consents: Consents::new(aws.dynamodb(), &contacts, key.clone()),
        suppressions: Suppressions::new(aws.dynamodb(), &contacts),
        files: Files::new(aws.s3(), stack::variable("FILES_BUCKET")),
        queues: Queues::new(aws.sqs(), QueueUrls::default()),
        key,
        group: GROUP,
    }
}

/// One row in a thousand has no valid number, and one in a hundred a number of an earlier row.
fn make(rows: u64) -> String {
    let mut csv = "phone,name,city,joined\n".to_owned();
    for row in 0..rows {
        let source = if row % 100 == 99 { row - 50 } else { row };
        let number = FIRST + source * STEP % RANGE;
        let number = if row % 1000 == 500 { row } else { number };
        writeln!(csv, "+{number},Ann Lindqvist {row},Leeds,2026-01-31").expect("memory takes it");
    }
    csv
}

fn layout() -> Layout {
    let names = ["phone", "name", "city", "joined"];
    let attribute = |name: &str, kind| Target::Attribute {
        name: name.parse().expect("a name"),
        kind,
    };
    let targets = [
        Target::Phone,
        attribute("name", ValueKind::Text),
        attribute("city", ValueKind::Text),
        attribute("joined", ValueKind::Date),
    ];
    let columns = targets.into_iter().enumerate();
    Layout {
        delimiter: b',',
        header: true,
        names: names.map(str::to_owned).to_vec(),
        columns: columns
            .map(|(place, target)| MappedColumn {
                place,
                header: names[place].to_owned(),
                target,
            })
            .collect(),
    }
}

fn audit(account: AccountId) -> Audit {
    Audit {
        id: build::id(),
        at: Timestamp::now(),
        account,
        actor: Actor::Operator,
        action: "bench".to_owned(),
        target: "bench".to_owned(),
    }
}

/// User and system time of this process: fields 14 and 15 of proc(5), in hundredths.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let times = fields.split_whitespace().skip(11).take(2);
    let times: Result<Vec<u32>, _> = times.map(str::parse).collect();
    Ok(f64::from(times?.iter().sum::<u32>()) / 100.0)
}

fn peak_memory() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line
        .ok_or("no VmHWM in /proc/self/status")?
        .trim()
        .to_owned())
}
