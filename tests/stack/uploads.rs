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
                &json!({"name": name, "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"}}),
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
async fn an_unusable_file_is_refused_with_what_is_wrong_and_nothing_is_sent() {
    let account = Account::new("Unusable files").await;
    for (name, file, words) in [
        ("no phone column", "name,city\nAnn,Rome\n", "phone"),
        ("empty", "", "empty"),
        (
            "a placeholder without a column",
            "phone,city\n+447700900123,Rome\n",
            "name",
        ),
    ] {
        let upload = account.upload(file.as_bytes()).await;
        let campaign = json!({"name": name, "audience": {"type": "upload", "upload": upload}, "content": {"text": "Hi {{name}}"}});

        let created = account.try_post_as_test("/v1/campaigns", &campaign).await;
        let answer = match created.body["id"].as_str() {
            Some(id) => {
                account
                    .try_post_as_test(&format!("/v1/campaigns/{id}/start"), &json!({}))
                    .await
            }
            None => created,
        };

        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {answer:?}"
        );
        assert!(
            answer.body.to_string().contains(words),
            "{name}: {}",
            answer.body
        );
    }
    let batches = account.get("/v1/batches").await;
    assert_eq!(batches["data"], json!([]));
}
