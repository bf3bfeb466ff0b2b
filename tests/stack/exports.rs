//! Exports from the request to the file: what they say is what the report says and what the gateway saw, slot by slot.

use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, Answer, RunningSimulator, json_body, send, unique};

type Row = BTreeMap<String, String>;

const RECIPIENTS: u32 = 520;

async fn export(account: &Account, request: &Value) -> Value {
    let export = account.post("/v1/exports", request).await;
    let id = export["id"].as_str().expect("an id").to_owned();
    account
        .wait_for(&format!("/v1/exports/{id}"), |export| {
            export["status"] == "finished"
        })
        .await
}

async fn post(account: &Account, path: &str) -> Answer {
    let request = account
        .request(Method::POST, path)
        .header("idempotency-key", unique());
    send(json_body(request, &json!({}))).await
}

/// The files of a finished export, each as long and with the checksum that the manifest says.
async fn files(account: &Account, export: &Value) -> Vec<Vec<u8>> {
    let id = export["id"].as_str().expect("an id");
    let download = post(account, &format!("/v1/exports/{id}/download")).await;
    assert_eq!(download.status, StatusCode::OK, "{}", download.body);
    let manifest = fetch(&download.body["manifest"]["url"]).await;
    let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest");
    let listed = download.body["files"].as_array().expect("files");
    assert_eq!(
        manifest["parts"].as_array().map(Vec::len),
        Some(listed.len())
    );
    let mut files = Vec::new();
    for (file, part) in listed
        .iter()
        .zip(manifest["parts"].as_array().expect("parts"))
    {
        let bytes = fetch(&file["url"]).await;
        let sum = digest(&SHA256, &bytes);
        let sum: String = sum
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(part["sha256"], sum, "{part}");
        assert_eq!(part["bytes"], bytes.len(), "{part}");
        files.push(bytes);
    }
    assert_eq!(manifest["rows"], export["progress"]["rows"], "{manifest}");
    files
}

async fn fetch(url: &Value) -> Vec<u8> {
    let answer = reqwest::get(url.as_str().expect("a link"))
        .await
        .expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.bytes().await.expect("a file").to_vec()
}

fn rows_of_csv(files: &[Vec<u8>]) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in files {
        let mut reader = csv::Reader::from_reader(file.as_slice());
        rows.extend(reader.deserialize().map(|row| row.expect("a row")));
    }
    rows
}

/// As `DuckDB` reads them, with its words made those of CSV.
fn rows_of_parquet(files: &[Vec<u8>]) -> Vec<Row> {
    let home = std::env::temp_dir().join(unique());
    std::fs::create_dir_all(&home).expect("a folder");
    let paths: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(number, file)| {
            let path = home.join(format!("{number}.parquet"));
            std::fs::write(&path, file).expect("a file");
            path
        })
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let python = root.join(".local/judges/bin/python");
    assert!(
        python.exists(),
        "there is no {}: run `make peers`",
        python.display()
    );
    let output = Command::new(python)
        .arg(root.join("tests/judges/parquet.py"))
        .args(&paths)
        .output()
        .expect("DuckDB runs");
    std::fs::remove_dir_all(home).expect("the folder is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).expect("JSON lines");
    let row = |line: &str| {
        let row: BTreeMap<String, Value> = serde_json::from_str(line).expect("a row");
        row.into_iter()
            .map(|(name, value)| {
                let text = match value {
                    Value::Null => String::new(),
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                (name, text)
            })
            .collect()
    };
    lines.lines().map(row).collect()
}

/// The words of two writers for the same time.
fn same_times(mut row: Row) -> Row {
    for name in ["accepted_at", "sent_at", "final_at"] {
        let time = row.remove(name).unwrap_or_default();
        let read = time
            .parse::<jiff::Timestamp>()
            .map(|time| time.as_millisecond().to_string());
        row.insert(name.to_owned(), read.unwrap_or(time));
    }
    row
}

/// Rows whose numbers opt out after the campaign was prepared: each in another window of the first chunk.
const OPTED_OUT: [u32; 3] = [15, 45, 75];
const FIRST: u32 = 10_000;

fn number(row: u32) -> String {
    format!("+4477009{:05}", FIRST + row)
}

/// A gateway that can't tell what it got, slow enough that a cancel finds something to cancel.
async fn slow_gateway(account: &Account, simulator: &RunningSimulator) -> String {
    let rules = json!({"rules": [
        {"suffix": ["1"], "receipts": ["UNDELIV"]},
        {"suffix": ["2"], "receipts": ["EXPIRED"]},
        {"suffix": ["3"], "answer": "refuse"},
        {"suffix": ["07"], "answer": "drop_accepted", "receipts": []},
        {"suffix": ["8"], "receipts": []},
    ]});
    simulator.control.set_rules(&rules).await.expect("rules");
    let gateway = account
        .with_gateway_at(&simulator.url, |config| config["capabilities"] = json!({}))
        .await;
    let pace = json!({"parts_per_second": 25});
    account
        .change(&format!("/v1/gateways/{gateway}"), &pace)
        .await;
    gateway
}

/// A campaign in which messages come to every end: by the gateway's word, by ours, by a doubt, an opt-out and a cancel.
async fn every_end(account: &Account, simulator: &RunningSimulator) -> String {
    let csv: String = (0..RECIPIENTS)
        .map(|row| format!("{},\"=Ann, {row}\",ref-{row}\n", number(row)))
        .collect();
    let upload = account
        .upload(format!("phone,name,reference\n{csv}").as_bytes())
        .await;
    let campaign = account
        .post("/v1/campaigns", &json!({
            "name": "Every end", "class": "transactional", "sender": "ACME",
            "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"},
        }))
        .await;
    let id = campaign["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/campaigns/{id}");
    let report = format!("{path}/report");
    account.post(&format!("{path}/start"), &json!({})).await;
    account.post(&format!("{path}/pause"), &json!({})).await;
    account
        .wait_for(&report, |report| report["accepted"] == RECIPIENTS)
        .await;
    for row in OPTED_OUT {
        let opt_out = json!({"number": number(row), "reason": "asked by phone"});
        account.post("/v1/suppressions", &opt_out).await;
    }
    account.post(&format!("{path}/resume"), &json!({})).await;
    let ends = ["delivered", "undelivered", "failed", "expired", "unknown"];
    let every = |report: &Value| {
        let some = |word: &&str| report["counts"][*word].as_u64() > Some(0);
        let opted_out = report["counts"]["suppressed"] == OPTED_OUT.len();
        opted_out && ends.iter().all(some)
    };
    account.wait_for(&report, every).await;
    account.post(&format!("{path}/cancel"), &json!({})).await;
    let all_left = |report: &Value| {
        let counts = &report["counts"];
        ["scheduled", "queued", "held", "sending"].map(|word| &counts[word]) == [&json!(0); 4]
    };
    account.wait_for(&report, all_left).await;
    reported(account, simulator, &report).await;
    id
}

/// Returns when each report of the gateway is in the campaign's.
async fn reported(account: &Account, simulator: &RunningSimulator, report: &str) {
    let seen = simulator.control.recipients().await.expect("recipients");
    let refused = seen.iter().filter(|seen| seen.accepted == 0).count() as u64;
    // What has no report to come: the rules above say so by the last digits.
    let silent = |to: &str| to.ends_with('8') || to.ends_with("07");
    let reports =
        |seen: &&carillon_tests::simulator::Recipient| seen.accepted > 0 && !silent(&seen.to);
    let reports = seen.iter().filter(reports).count() as u64;
    let expected = reports + refused;
    account
        .wait_for(report, |report| {
            let counts = &report["counts"];
            let ended = ["delivered", "undelivered", "expired", "failed"];
            let ended = ended.map(|word| counts[word].as_u64().unwrap_or(0));
            ended.iter().sum::<u64>() == expected
        })
        .await;
}

/// The groups of a report, whatever they have in common, have the sum that the campaign's own report has.
async fn by_anything_it_adds_up(account: &Account, id: &str, report: &Value) {
    let bys = [
        "country", "gateway", "sender", "status", "reason", "campaign", "template", "lane", "day",
        "hour",
    ];
    for by in bys {
        let path = format!("/v1/reports?campaign={id}&by={by}&zone=Europe/Paris");
        let broken_down = account.get(&path).await;
        let total = &broken_down["total"];
        assert_eq!(total["counts"], report["counts"], "{by}");
        for (figure, of_report) in [
            ("accepted", "accepted"),
            ("sent", "submitted"),
            ("doubted", "doubted"),
            ("parts", "parts"),
        ] {
            assert_eq!(total[figure], report[of_report], "{by}: {figure}");
        }
        let groups = broken_down["groups"].as_array().expect("groups");
        for figure in [
            "accepted",
            "sent",
            "delivered",
            "clicked",
            "doubted",
            "parts",
            "cost_micros",
            "without_price",
        ] {
            let sum: u64 = groups
                .iter()
                .filter_map(|group| group[figure].as_u64())
                .sum();
            assert_eq!(total[figure], sum, "{by}: {figure}");
        }
    }
    let compared = account
        .get(&format!("/v1/reports/compare?campaigns={id}"))
        .await;
    assert_eq!(compared["campaigns"][0]["counts"], report["counts"]);
}

#[tokio::test]
async fn report_csv_parquet_and_gateway_agree_slot_by_slot() {
    let (account, simulator) = (Account::new("Exports").await, RunningSimulator::start());
    let gateway = slow_gateway(&account, &simulator).await;
    let id = every_end(&account, &simulator).await;
    let report = account.get(&format!("/v1/campaigns/{id}/report")).await;

    let raw = json!({"dataset": "messages", "campaign": id, "csv": "raw", "gzip": true});
    let csv = export(&account, &raw).await;
    let parquet = json!({"dataset": "messages", "campaign": id, "format": "parquet"});
    let parquet = export(&account, &parquet).await;

    let unzipped: Vec<Vec<u8>> = files(&account, &csv)
        .await
        .iter()
        .map(|file| {
            let mut text = Vec::new();
            let mut gzip = flate2::read::GzDecoder::new(file.as_slice());
            gzip.read_to_end(&mut text).expect("a gzip stream");
            text
        })
        .collect();
    assert!(unzipped.len() > 1, "one file shows nothing of many: {csv}");
    let rows = rows_of_csv(&unzipped);
    assert_eq!(rows.len(), RECIPIENTS as usize);
    let read = rows_of_parquet(&files(&account, &parquet).await);
    let times = |rows: &[Row]| -> Vec<Row> { rows.iter().cloned().map(same_times).collect() };
    assert_eq!(times(&read), times(&rows));

    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &rows {
        *counted.entry(row["status"].as_str()).or_default() += 1;
    }
    for (status, count) in report["counts"].as_object().expect("counts") {
        let found = counted.get(status.as_str()).copied().unwrap_or(0);
        assert_eq!(*count, found, "{status}: {report}");
    }
    by_anything_it_adds_up(&account, &id, &report).await;
    for end in [
        "delivered",
        "undelivered",
        "failed",
        "expired",
        "sent",
        "suppressed",
        "cancelled",
        "unknown",
    ] {
        assert!(counted.get(end) > Some(&0), "nothing is {end}: {counted:?}");
    }
    assert_eq!(counted["suppressed"], OPTED_OUT.len() as u64);
    let seen = simulator.control.recipients().await.expect("recipients");
    let seen: BTreeMap<&str, _> = seen.iter().map(|seen| (seen.to.as_str(), seen)).collect();
    for row in &rows {
        let seen = seen.get(row["to"].as_str());
        let number: u32 = row["to"][8..].parse().expect("digits");
        let row_of_file = number - FIRST;
        let expected = match seen.map(|seen| (seen.requests, seen.accepted, seen.status.as_deref()))
        {
            None if OPTED_OUT.contains(&row_of_file) => "suppressed",
            None => "cancelled",
            Some((1, 1, Some("DELIVRD"))) => "delivered",
            Some((1, 1, Some("UNDELIV"))) => "undelivered",
            Some((1, 1, Some("EXPIRED"))) => "expired",
            Some((1, 0, None)) => "failed",
            // Its answer never came, and nobody can be asked.
            Some((1, 1, None)) if row["to"].ends_with("07") => "unknown",
            Some((1, 1, None)) => "sent",
            other => panic!("{row:?} was seen as {other:?}"),
        };
        assert_eq!(row["status"], expected, "{row:?} was seen as {seen:?}");
        let tried = seen.is_some();
        assert_eq!(
            row["gateway_id"],
            if tried { gateway.as_str() } else { "" },
            "{row:?}"
        );
        assert_eq!(row["sender"], if tried { "ACME" } else { "" }, "{row:?}");
        assert_eq!(row["reference"], format!("ref-{row_of_file}"));
        assert_eq!(
            (row["country"].as_str(), row["parts"].as_str()),
            ("GB", "1")
        );
    }
}

#[tokio::test]
async fn an_export_shows_no_formula_to_a_spreadsheet_and_no_number_that_is_masked() {
    let account = Account::new("Spreadsheet").await;
    let to = json!([{"to": "+447700900777", "reference": "=1+1"}]);
    let message = json!({"to": to, "text": "Hello", "sender": "ACME"});
    let sent = account.try_post_as_test("/v1/messages", &message).await;
    let batch = sent.body["batch"].as_str().expect("a batch").to_owned();

    let finished = export(
        &account,
        &json!({"dataset": "messages", "batch": batch, "numbers": "masked"}),
    )
    .await;

    let file = files(&account, &finished).await.concat();
    let text = String::from_utf8(file).expect("UTF-8");
    assert!(text.starts_with('\u{feff}'), "{text}");
    assert!(text.contains(",'=1+1,"), "{text}");
    assert!(!text.contains("7700900777"), "{text}");
}

#[tokio::test]
async fn an_export_is_its_accounts_alone() {
    let (owner, other) = (Account::new("Owner").await, Account::new("Other").await);
    let made = export(&owner, &json!({"dataset": "messages"})).await;
    let id = made["id"].as_str().expect("an id");

    for (method, path) in [
        (Method::GET, format!("/v1/exports/{id}")),
        (Method::POST, format!("/v1/exports/{id}/cancel")),
        (Method::POST, format!("/v1/exports/{id}/download")),
    ] {
        let request = other
            .request(method, &path)
            .header("idempotency-key", unique());
        let answer = send(json_body(request, &json!({}))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let listed = other.get("/v1/exports").await;
    assert_eq!(listed["data"], json!([]));
    let again = post(&owner, &format!("/v1/exports/{id}/cancel")).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
}

/// By the deployed table and workgroup of `infra/analytics.yaml`.
fn read_by_athena(account: &str, day: Date) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Command::new(root.join(".local/tools/bin/python"))
        .arg(root.join("tests/judges/lake.py"))
        .args([account, &day.to_string()])
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test]
async fn athena_looks_where_a_day_of_the_lake_lies() {
    let account = Account::new("Lake").await;
    let simulated = json!({"kind": "simulated", "name": "Mine"});
    account.post("/v1/gateways", &simulated).await;
    let message = json!({"to": "+447700900123", "text": "Hi"});
    account.post("/v1/messages", &message).await;
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let lake = json!({"dataset": "messages", "format": "parquet", "lake": day});

    let written = export(&account, &lake).await;

    let id = account.get("/v1/account").await["id"].clone();
    let id = id.as_str().expect("an id");
    assert_eq!(written["progress"]["rows"], 1, "{written}");
    let expected = json!({
        "partitions": ["account", "dt"], "files": ["part-00000.parquet"], "enforced": true, "encrypted": "SSE_S3",
    });
    assert_eq!(read_by_athena(id, day), expected);
    let before = day.yesterday().expect("a day before");
    assert_eq!(read_by_athena(id, before)["files"], json!([]));
}
