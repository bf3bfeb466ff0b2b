//! Files of contacts: looked at, tried, imported, and taken back, against the deployed stack.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::account::{Account, json_body, send, unique};

/// Everything is done once the import has one of these.
const ENDS: [&str; 4] = ["done", "failed", "cancelled", "undone"];

fn id(thing: &Value) -> &str {
    thing["id"].as_str().expect("an id")
}

/// Once it is on its way no more.
async fn ended(account: &Account, import: &str) -> Value {
    for _ in 0..240 {
        let now = account.get(&format!("/v1/imports/{import}")).await;
        if ENDS.iter().any(|end| now["status"] == *end) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the import {import} doesn't end");
}

async fn import(account: &Account, request: &Value) -> Value {
    let begun = account.try_post("/v1/imports", request).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    ended(account, id(&begun.body)).await
}

async fn undo(account: &Account, import: &Value) -> Value {
    let path = format!("/v1/imports/{}/undo", id(import));
    let begun = account.try_post(&path, &json!({})).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.body);
    ended(account, id(import)).await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a file's whole way")]
async fn a_file_is_looked_at_tried_imported_and_taken_back() {
    let account = Account::new("Imports").await;
    let list = account.post("/v1/lists", &json!({"name": "Spring"})).await;
    let old = json!({"number": "+447700900001", "attributes": {"Vorname": "Old", "city": "Bath"}});
    account.try_post("/v1/contacts", &old).await;
    account
        .try_post(
            "/v1/suppressions",
            &json!({"number": "+447700900002", "reason": "asked by phone"}),
        )
        .await;
    let csv = "Mobil;Vorname;Alter;geboren\n07700 900001;Jörg;30;31.12.1990\n07700900002;Ann;41;01.02.1991\n\
               4,47911E+11;Bo;1;01.02.1991\n7700900003;Cy;x;01.02.1991\n07700900002;Zoe;3;01.02.1991\n";
    let file: Vec<u8> = csv
        .chars()
        .map(|it| u8::try_from(u32::from(it)).unwrap())
        .collect();
    let upload = account.upload(&file).await;

    let asked = json!({"upload": upload, "default_country": "GB"});
    let preview = account.post("/v1/imports/preview", &asked).await;

    assert_eq!(
        (
            &preview["encoding"],
            &preview["delimiter"],
            &preview["header"]
        ),
        (&json!("Windows-1252"), &json!("semicolon"), &json!(true)),
        "{preview}"
    );
    assert_eq!(preview["columns"][0]["to"], "phone", "{preview}");
    assert_eq!(preview["rows"][0][1], "Jörg");
    let mapping = json!([
        {"column": "Mobil", "to": "phone"},
        {"column": "Vorname", "to": "attribute", "name": "Vorname"},
        {"column": "Alter", "to": "attribute", "name": "age", "type": "number"},
        {"column": "#4", "to": "attribute", "name": "born", "type": "date_day_first"},
    ]);
    let request = json!({"upload": upload, "default_country": "GB", "mapping": mapping, "lists": [id(&list)], "tags": ["new"]});
    let mapped = json!({"upload": upload, "default_country": "GB", "mapping": mapping});
    let preview = account.post("/v1/imports/preview", &mapped).await;
    let codes: Vec<&Value> = preview["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["code"])
        .collect();
    assert_eq!(codes, ["damaged_number", "invalid_number"], "{preview}");

    let mut dry = request.clone();
    dry["dry_run"] = json!(true);
    let dry = import(&account, &dry).await;

    let counts = |import: &Value| {
        [
            "rows",
            "created",
            "updated",
            "duplicates",
            "rejected",
            "suppressed",
        ]
        .map(|name| import["counts"][name].as_u64().unwrap())
    };
    assert_eq!(counts(&dry), [5, 1, 1, 1, 2, 1], "{dry}");
    let untouched = account.get("/v1/contacts").await;
    assert_eq!(untouched["data"].as_array().map(Vec::len), Some(1));

    let done = import(&account, &request).await;

    assert_eq!(
        (counts(&done), &done["status"]),
        ([5, 1, 1, 1, 2, 1], &json!("done")),
        "{done}"
    );
    assert_eq!(done["bytes_read"], done["bytes"]);
    let found = account.get("/v1/contacts?number=%2B447700900001").await;
    assert_eq!(
        found["data"][0]["attributes"],
        json!({"Vorname": "Jörg", "age": 30, "born": "1990-12-31", "city": "Bath"})
    );
    let members = account.get(&format!("/v1/lists/{}", id(&list))).await;
    assert_eq!(members["members"]["count"], 2);
    let suppressed = account
        .try_post(
            "/v1/suppressions/search",
            &json!({"number": "+447700900002"}),
        )
        .await;
    assert_eq!(suppressed.status, StatusCode::OK, "{}", suppressed.body);

    let rejected = account
        .get(&format!("/v1/imports/{}/rejected", id(&done)))
        .await;
    let url = rejected["url"].as_str().expect("a URL");
    let fetched = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(
        fetched.starts_with("\u{feff}import_line;import_code;"),
        "{fetched}"
    );
    for words in [
        "4;damaged_number;Mobil;",
        "5;invalid_number;Alter;",
        "6;duplicate;;",
        "4,47911E+11;Bo;1",
    ] {
        assert!(fetched.contains(words), "{words}: {fetched}");
    }

    let undone = undo(&account, &done).await;

    assert_eq!(
        undone["undo"],
        json!({"rows": 5, "removed": 1, "restored": 1, "changed_since": 0, "deleted_since": 0}),
        "{undone}"
    );
    let left = account.get("/v1/contacts").await;
    let left = left["data"].as_array().unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(
        left[0]["attributes"],
        json!({"Vorname": "Old", "city": "Bath"})
    );
    let twice = account
        .try_post(&format!("/v1/imports/{}/undo", id(&done)), &json!({}))
        .await;
    assert_eq!(
        (twice.status, &twice.body["code"]),
        (StatusCode::CONFLICT, &json!("invalid_state"))
    );
}

#[tokio::test]
async fn the_same_request_is_one_import_and_nobody_else_sees_it() {
    let (account, other) = (
        Account::new("Import once").await,
        Account::new("Import thief").await,
    );
    let upload = account.upload(b"phone\n+447700900001\n").await;
    let body = json!({"upload": upload});
    let post = async || {
        let request = account.request(Method::POST, "/v1/imports");
        let request = request.header("idempotency-key", "import-once");
        send(json_body(request, &body)).await
    };

    let (first, second) = (post().await, post().await);

    assert_eq!(first.body["id"], second.body["id"], "{}", second.body);
    let import = id(&first.body).to_owned();
    ended(&account, &import).await;
    let all = account.get("/v1/imports").await;
    assert_eq!(all["data"].as_array().map(Vec::len), Some(1), "{all}");
    for path in ["", "/rejected"] {
        let seen = send(other.request(Method::GET, &format!("/v1/imports/{import}{path}"))).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{path}");
    }
    for act in ["cancel", "undo"] {
        let done = other
            .try_post(&format!("/v1/imports/{import}/{act}"), &json!({}))
            .await;
        assert_eq!(done.status, StatusCode::NOT_FOUND, "{act}");
    }
    let stolen = other.try_post("/v1/imports", &body).await;
    assert_eq!(
        stolen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        stolen.body
    );
    let stolen = other.try_post("/v1/imports/preview", &body).await;
    assert_eq!(
        stolen.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        stolen.body
    );
    assert_eq!(other.get("/v1/contacts").await["data"], json!([]));
}

#[tokio::test]
async fn two_imports_at_once_are_both_done_and_are_listed_newest_first() {
    let account = Account::new("Imports at once").await;
    let file = |first: u32| {
        let mut csv = "phone,name\n".to_owned();
        for row in 0..300 {
            writeln!(csv, "+4477009{:05},Ann", first + row).unwrap();
        }
        csv.into_bytes()
    };
    let (one, two) = (
        account.upload(&file(0)).await,
        account.upload(&file(200)).await,
    );

    let (one, two) = (json!({"upload": one}), json!({"upload": two}));
    let (one, two) = tokio::join!(import(&account, &one), import(&account, &two));

    let created = [&one, &two].map(|it| it["counts"]["created"].as_u64().unwrap());
    assert_eq!(created.iter().sum::<u64>(), 500, "{one} {two}");
    let page = account.get("/v1/imports?limit=1").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let next = account
        .get(&format!("/v1/imports?limit=1&cursor={cursor}"))
        .await;
    let mut listed = [id(&page["data"][0]), id(&next["data"][0])];
    assert!(listed[0] > listed[1]);
    listed.sort_unstable();
    let mut made = [id(&one), id(&two)];
    made.sort_unstable();
    assert_eq!(listed, made);
}

#[tokio::test]
async fn what_can_not_be_imported_is_refused_with_the_field_and_the_way_out() {
    let account = Account::new("Import refusals").await;
    let upload = account.upload(b"who,phone\nAnn,+447700900001\n").await;
    let names = account.upload(b"who,where\nAnn,Rome\n").await;
    let phone = json!({"column": "phone", "to": "phone"});
    for (name, body, pointer, words) in [
        (
            "no numbers",
            json!({"upload": names}),
            "/mapping",
            "no column is mapped to `phone`",
        ),
        (
            "no such column",
            json!({"upload": upload, "mapping": [phone, {"column": "city", "to": "attribute", "name": "city"}]}),
            "/mapping/1/column",
            "`who`, `phone`",
        ),
        (
            "a name that no text can use",
            json!({"upload": upload, "mapping": [phone, {"column": "who", "to": "attribute", "name": "first name"}]}),
            "/mapping/1/name",
            "letter",
        ),
        (
            "no such list",
            json!({"upload": upload, "lists": ["lst_01h455vb4pex5vsknk084sn02q"]}),
            "/lists/0",
            "no such list",
        ),
        (
            "no such country",
            json!({"upload": upload, "default_country": "Britain"}),
            "/default_country",
            "",
        ),
        (
            "a consent to come",
            json!({"upload": upload, "consent": {"scope": "marketing", "given": "2999-01-01T00:00:00Z", "source": "a", "text": "b"}}),
            "/consent/given",
            "future",
        ),
    ] {
        let refused = account.try_post("/v1/imports", &body).await;

        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {}",
            refused.body
        );
        let error = &refused.body["errors"][0];
        assert_eq!(error["pointer"], pointer, "{name}: {}", refused.body);
        assert!(
            error["detail"].as_str().unwrap().contains(words),
            "{name}: {error}"
        );
    }
    assert_eq!(account.get("/v1/imports").await["data"], json!([]));
    let preview = account
        .post("/v1/imports/preview", &json!({"upload": names}))
        .await;
    assert_eq!(preview["columns"][0]["to"], "ignore", "{preview}");
}

/// All rows of an export's files, by their columns.
async fn exported(account: &Account, what: &Value) -> Vec<BTreeMap<String, String>> {
    let export = account.post("/v1/exports", what).await;
    let path = format!("/v1/exports/{}", id(&export));
    let finished = |export: &Value| export["status"] == "finished";
    account.wait_for(&path, finished).await;
    let download = account
        .request(Method::POST, &format!("{path}/download"))
        .header("idempotency-key", unique());
    let download = send(json_body(download, &json!({}))).await.body;
    let mut rows = Vec::new();
    for file in download["files"].as_array().expect("files") {
        let url = file["url"].as_str().expect("a link");
        let csv = reqwest::get(url)
            .await
            .expect("an answer")
            .bytes()
            .await
            .expect("a file");
        let mut reader = csv::Reader::from_reader(csv.as_ref());
        rows.extend(reader.deserialize().map(|row| row.expect("a row")));
    }
    rows
}

#[tokio::test]
async fn what_is_imported_is_exported_again_and_so_are_opt_outs() {
    let account = Account::new("There and back").await;
    let number = |row: u32| format!("+4477009{row:05}");
    let mut csv = "phone,name,city\n".to_owned();
    for row in 0..1_000 {
        writeln!(csv, "{},\"Ann, the {row}th\",Köln", number(row)).unwrap();
    }
    let upload = account.upload(csv.as_bytes()).await;
    let mapping = json!([
        {"column": "phone", "to": "phone"},
        {"column": "name", "to": "attribute", "name": "name"},
        {"column": "city", "to": "attribute", "name": "city"},
    ]);
    let done = import(
        &account,
        &json!({"upload": upload, "mapping": mapping, "tags": ["spring"]}),
    )
    .await;
    assert_eq!(done["counts"]["created"], 1_000, "{done}");
    let opted_out = [3, 5, 700].map(number);
    for number in &opted_out {
        account
            .post(
                "/v1/suppressions",
                &json!({"number": number, "reason": "asked by phone"}),
            )
            .await;
    }

    let contacts = json!({"dataset": "contacts", "csv": "raw"});
    let contacts = exported(&account, &contacts).await;
    let opt_outs = exported(&account, &json!({"dataset": "opt_outs", "csv": "raw"})).await;

    let found: BTreeMap<String, Value> = contacts
        .iter()
        .map(|row| {
            (
                row["number"].clone(),
                serde_json::from_str(&row["attributes"]).unwrap(),
            )
        })
        .collect();
    let expected: BTreeMap<String, Value> = (0..1_000)
        .map(|row| {
            (
                number(row),
                json!({"name": format!("Ann, the {row}th"), "city": "Köln"}),
            )
        })
        .collect();
    assert_eq!((contacts.len(), found), (1_000, expected));
    assert!(
        contacts.iter().all(|row| row["tags"].contains("spring")),
        "{:?}",
        contacts[0]
    );
    let mut found: Vec<&String> = opt_outs.iter().map(|row| &row["number"]).collect();
    found.sort();
    assert_eq!(found, opted_out.iter().collect::<Vec<_>>());
    assert!(opt_outs.iter().all(|row| row["reason"] == "asked by phone"));
}
