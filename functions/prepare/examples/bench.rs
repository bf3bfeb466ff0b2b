//! The cost of preparing a large audience, without AWS: makes a CSV, then reads, sorts, deduplicates and cuts it into parts
//! on disk, in a process of its own so that its figures are its own.
//!
//! `cargo run --release -p prepare --example bench -- 10000000`

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::Command,
    time::Instant,
};

use carillon_core::{chunk::CHUNK_SLOTS, content::Texts, recipients::Options};
use prepare::{recipients::Recipients, rows::Rows};

const TEXT: &str = "Hello {{name}}, your parcel is on its way. Reply STOP to opt out.";
const PART_BYTES: usize = 8 << 20;
/// Ranges in use, by libphonenumber's data: the first number of each.
const RANGES: [u64; 5] = [
    447_400_000_000,   // Great Britain
    4_915_120_000_000, // Germany
    33_612_000_000,    // France
    919_876_000_000,   // India
    905_321_000_000,   // Turkey
];
/// Numbers of a range that are used; the ranges hold a million and more.
const RANGE: u64 = 4_000_000;
/// Has no factor in common with `RANGE`, so that each number comes once before any comes again.
const STEP: u64 = 2_400_007;
const NAMES: [&str; 8] = [
    "Amelia",
    "Bartholomew",
    "Chiara",
    "Dörte",
    "Émile",
    "Fatma",
    "Giovanna",
    "Harpreet",
];
const SURNAMES: [&str; 7] = [
    "Yılmaz",
    "Okafor",
    "Smith",
    "Lindqvist",
    "Rossi",
    "Ng",
    "Dubois",
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [rows] => in_a_folder(rows.parse()?),
        ["prepare", folder] => prepare(Path::new(folder)),
        _ => in_a_folder(10_000_000),
    }
}

/// Makes the file here and prepares it in a child.
fn in_a_folder(rows: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let bytes = make(rows, &folder.path().join("audience.csv"))?;
    println!("rows {rows}, {bytes} bytes of CSV");
    let mut child = Command::new(env::current_exe()?);
    let status = child.arg("prepare").arg(folder.path()).status()?;
    if status.success() {
        Ok(())
    } else {
        Err("the child failed".into())
    }
}

/// One row in a thousand has no valid number, and one in a hundred a number of an earlier row.
fn make(rows: u64, path: &Path) -> std::io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "phone,name,reference")?;
    for row in 0..rows {
        let source = if row % 100 == 99 { row - 50 } else { row };
        let range = RANGES[usize::try_from(source % 5).unwrap_or_default()];
        let number = range + source / 5 * STEP % RANGE;
        let number = if row % 1000 == 500 { row } else { number };
        let name = NAMES[usize::try_from(row % 8).unwrap_or_default()];
        let surname = SURNAMES[usize::try_from(row % 7).unwrap_or_default()];
        writeln!(file, "+{number},{name} {surname},order-26-{row:08}")?;
    }
    file.flush()?;
    Ok(fs::metadata(path)?.len())
}

fn prepare(folder: &Path) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let file = File::open(folder.join("audience.csv"))?;
    let texts = Texts::parse(&TEXT.into())?;
    let rows = Rows::csv(file, &Options::default())?;
    let mut recipients = Recipients::read(rows, &texts, None)?;
    let read = cpu_seconds()?;
    recipients.deduplicate();
    let rejected = recipients.rejected_csv()?.unwrap_or_default();
    let sorted = cpu_seconds()?;
    let mut parts = recipients.into_parts(CHUNK_SLOTS, PART_BYTES);
    let mut bytes = 0;
    for part in parts.by_ref() {
        let part = part?;
        bytes += part.frames.len();
        fs::write(folder.join(format!("part-{:04}", part.number)), part.frames)?;
    }
    let manifest = parts.into_manifest("bat_01h455vb4pex5vsknk084sn02q".parse()?, 1);
    let json = serde_json::to_vec(&manifest)?.len();
    let all = cpu_seconds()?;
    let wall = started.elapsed().as_secs_f64();
    let peak = peak_memory()?;
    println!("{:?}", manifest.prepared);
    println!(
        "parts {}, {bytes} bytes; chunks {}; manifest {json} bytes; rejected rows {} bytes",
        manifest.parts,
        manifest.chunks(),
        rejected.len()
    );
    println!(
        "CPU {all:.1} s: reading {read:.1}, deduplicating {:.1}, cutting {:.1}; wall {wall:.1} s",
        sorted - read,
        all - sorted
    );
    println!("peak memory {peak}");
    Ok(())
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
