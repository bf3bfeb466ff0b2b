//! `/v1/campaigns`.

use serde_json::{Value, json};

use super::told;
use crate::tests::send;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_campaign_that_can_not_be_sent_is_refused_with_its_field() {
    let inline = |recipients: Value| json!({"type": "inline", "recipients": recipients});
    let ann = || inline(json!([{"to": "+447700900123", "vars": {"name": "Ann"}}]));
    let campaign = |audience: Value, text: &str| json!({"name": "Spring", "audience": audience, "content": {"text": text}});
    let many: Vec<_> = (0..10_001)
        .map(|row| json!(format!("+4477009{row:05}")))
        .collect();
    for (name, body, status, expected) in [
        (
            "an unknown type",
            campaign(json!({"type": "everybody"}), "Hi"),
            400,
            ("invalid_request", "/audience/type", "wrong_value"),
        ),
        (
            "a field of another type",
            campaign(
                json!({"type": "inline", "recipients": ["+447700900123"], "upload": "upl_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            400,
            ("unknown_field", "/audience/upload", "unknown_field"),
        ),
        (
            "no recipients field",
            campaign(json!({"type": "inline"}), "Hi"),
            400,
            ("invalid_request", "/audience", "missing_field"),
        ),
        (
            "an id of something else",
            campaign(
                json!({"type": "upload", "upload": "bat_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            400,
            ("invalid_request", "/audience/upload", "wrong_value"),
        ),
        (
            "nobody",
            campaign(inline(json!([])), "Hi"),
            422,
            ("empty_audience", "/audience/recipients", "empty_audience"),
        ),
        (
            "too many",
            campaign(inline(json!(many)), "Hi"),
            422,
            ("invalid_content", "/audience/recipients", "invalid_content"),
        ),
        (
            "a bad number",
            campaign(inline(json!(["+447700900123", "+44"])), "Hi"),
            422,
            ("invalid_phone", "/audience/recipients/1", "invalid_phone"),
        ),
        (
            "a placeholder without a value",
            campaign(ann(), "Hi {{nam}}"),
            422,
            (
                "unknown_placeholder",
                "/audience/recipients/0/vars",
                "unknown_placeholder",
            ),
        ),
        (
            "no text",
            campaign(ann(), ""),
            422,
            ("invalid_text", "/content/text", "invalid_text"),
        ),
        (
            "no name",
            json!({"name": " ", "audience": ann(), "content": {"text": "Hi"}}),
            422,
            ("invalid_content", "/name", "invalid_content"),
        ),
        (
            "an unknown policy",
            json!({"name": "a", "audience": ann(), "content": {"text": "Hi"}, "policies": {"doubt": "always"}}),
            400,
            ("invalid_request", "/policies/doubt", "wrong_value"),
        ),
        (
            "contacts without a list",
            campaign(
                json!({"type": "contacts", "exclude_lists": ["lst_01h455vb4pex5vsknk084sn02q"]}),
                "Hi",
            ),
            422,
            ("invalid_content", "/audience", "invalid_content"),
        ),
        (
            "a list of an upload",
            campaign(
                json!({"type": "upload", "upload": "upl_01h455vb4pex5vsknk084sn02q", "lists": []}),
                "Hi",
            ),
            400,
            ("unknown_field", "/audience/lists", "unknown_field"),
        ),
        (
            "the failed of a batch",
            campaign(
                json!({"type": "failed_of", "batch": "bat_01h455vb4pex5vsknk084sn02q"}),
                "Hi",
            ),
            422,
            (
                "audience_not_available",
                "/audience/type",
                "audience_not_available",
            ),
        ),
    ] {
        let answer = send("POST", "/v1/campaigns", body.to_string()).await;

        assert_eq!(
            (answer.status.as_u16(), told(&answer.body)),
            (status, expected),
            "{name}: {}",
            answer.body
        );
    }
}
