//! Files of recipients: what is wrong with one is said before anything is sent.

use reqwest::StatusCode;
use serde_json::json;

use crate::account::Account;

/// UTF-16 with a byte order mark.
fn utf16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect()
}

#[tokio::test]
async fn files_of_every_dialect_are_read() {
    let account = Account::new("Dialects").await;
    for (name, file) in [
        (
            "a byte order mark",
            "\u{feff}phone,name\n+447700900123,Ann\n"
                .as_bytes()
                .to_vec(),
        ),
        ("UTF-16", utf16("phone\tname\r\n+447700900123\tAnn\r\n")),
        ("semicolons", b"phone;name\n+447700900123;Ann\n".to_vec()),
        (
            "a quoted line break",
            b"phone,name\n+447700900123,\"Ann\nMarie\"\n".to_vec(),
        ),
    ] {
        let upload = account.upload(&file).await;
        let campaign = account
            .post(
                "/v1/campaigns",
                &json!({"name": name, "class": "transactional", "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"}}),
            )
            .await;
        let id = campaign["id"].as_str().expect("an id");

        let preview = account
            .post(&format!("/v1/campaigns/{id}/preview"), &json!({}))
            .await;

        let text = preview.to_string();
        assert!(text.contains("Hi Ann"), "{name}: {text}");
    }
}

#[tokio::test]
async fn an_unusable_file_is_refused_with_what_is_wrong_and_nothing_is_made() {
    let account = Account::new("Unusable files").await;
    for (name, file, code, words) in [
        (
            "no phone column",
            "name,city\nAnn,Rome\n",
            "no_phone_column",
            "`name`, `city`",
        ),
        (
            "no header",
            "+447700900123,Ann\n",
            "no_header",
            "add a header",
        ),
        ("empty", "", "empty_file", "empty"),
        ("only a header", "phone,name\n", "empty_audience", "no rows"),
        (
            "a placeholder without a column",
            "phone,city\n+447700900123,Rome\n",
            "unknown_placeholder",
            "`name`",
        ),
        (
            "numbers in scientific notation",
            "phone,name\n4.47701E+11,Ann\n",
            "damaged_number",
            "line 2, column `phone`",
        ),
        (
            "a quote that is never closed",
            "phone,name\n12,\"Ann\n+447700900123,Bea\n",
            "unclosed_quote",
            "line 2",
        ),
        ("a workbook", "PK\u{3}\u{4}\u{0}\u{0}", "not_text", "CSV"),
    ] {
        let upload = account.upload(file.as_bytes()).await;
        let campaign = json!({"name": name, "class": "transactional", "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"}});

        let refused = account.try_post_as_test("/v1/campaigns", &campaign).await;

        let error = &refused.body["errors"][0];
        assert_eq!(
            (refused.status, &error["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(code)),
            "{name}: {refused:?}"
        );
        assert!(
            error["detail"]
                .as_str()
                .is_some_and(|it| it.contains(words)),
            "{name}: {}",
            refused.body
        );
    }
    for list in ["/v1/campaigns", "/v1/batches"] {
        assert_eq!(account.get(list).await["data"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn a_file_that_turns_out_unusable_is_refused_at_the_start_too() {
    let account = Account::new("Late file").await;
    let upload = account.post("/v1/uploads", &json!({})).await;
    let campaign = json!({"name": "Late", "class": "transactional", "audience": {"type": "upload", "upload": upload["id"]}, "content": {"text": "Hi"}});
    let made = account.post("/v1/campaigns", &campaign).await;
    let id = made["id"].as_str().expect("an id");
    account.put(&upload, b"name\nAnn\n").await;

    let refused = account
        .try_post(&format!("/v1/campaigns/{id}/start"), &json!({}))
        .await;

    assert_eq!(
        (refused.status, &refused.body["errors"][0]["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("no_phone_column"))
    );
    assert_eq!(account.get("/v1/batches").await["data"], json!([]));
    let after = account.get(&format!("/v1/campaigns/{id}")).await;
    assert_eq!(after["status"], "draft");
}

#[tokio::test]
async fn a_preview_names_the_rows_that_will_be_left_out() {
    let account = Account::new("Damaged rows").await;
    let file = "phone,name\n4.47701E+11,Ann\n+447700900123,Bea\n07700900124,Cid\n";
    let upload = account.upload(file.as_bytes()).await;
    let campaign = json!({"name": "Some", "class": "transactional", "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"}});
    let made = account.post("/v1/campaigns", &campaign).await;
    let id = made["id"].as_str().expect("an id");

    let preview = account
        .post(&format!("/v1/campaigns/{id}/preview"), &json!({}))
        .await;

    let problems = preview["problems"].as_array().expect("problems").iter();
    let told: Vec<_> = problems
        .map(|problem| (problem["line"].as_u64(), problem["code"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some(2), Some("damaged_number")),
            (Some(4), Some("no_country_code"))
        ]
    );
    assert_eq!(preview["data"].as_array().map(Vec::len), Some(1));
}
