use serde_json::{Value, json};

use super::{credentials, simulator};
use crate::{AllowedHosts, Credentials, FieldProblem, GatewayKind};

fn problems(config: &Value, credentials: &Value, allowed: &str) -> Vec<FieldProblem> {
    let credentials: Credentials = serde_json::from_value(credentials.clone()).unwrap();
    let allowed: AllowedHosts = allowed.parse().unwrap();
    match GatewayKind::Generic.open(config) {
        Ok(gateway) => gateway.validate(&credentials, &allowed),
        Err(problems) => problems,
    }
}

/// What is pointed to when one value of the shipped configuration is another.
fn pointers_with(at: &str, value: Value) -> Vec<String> {
    let mut config = simulator();
    *config.pointer_mut(at).unwrap() = value;
    let problems = problems(&config, &credentials(), "127.0.0.1");
    problems
        .into_iter()
        .map(|problem| problem.pointer)
        .collect()
}

#[test]
fn the_shipped_configuration_is_fine_where_its_host_is_allowed() {
    assert_eq!(problems(&simulator(), &credentials(), "127.0.0.1:9900"), []);

    let elsewhere = problems(&simulator(), &credentials(), "");
    let pointers: Vec<_> = elsewhere
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        ["/config/send/url", "/config/capabilities/inquiry/url"]
    );
}

#[test]
fn a_problem_points_to_its_field() {
    for (name, at, value, pointer) in [
        (
            "a word for a number",
            "/send/timeout_ms",
            json!("soon"),
            "/config/send/timeout_ms",
        ),
        (
            "no time at all",
            "/send/timeout_ms",
            json!(0),
            "/config/send/timeout_ms",
        ),
        (
            "an unknown class",
            "/send/errors/1/class",
            json!("odd"),
            "/config/send/errors/1/class",
        ),
        (
            "an unknown status word",
            "/dlr/status_map/DELIVRD",
            json!("done"),
            "/config/dlr/status_map/DELIVRD",
        ),
        (
            "a bad path",
            "/send/success/message_id",
            json!("id"),
            "/config/send/success/message_id",
        ),
        (
            "never",
            "/send/errors/2/when",
            json!({}),
            "/config/send/errors/2/when",
        ),
        (
            "an acceptance that is none",
            "/send/success/status",
            json!([200, 404]),
            "/config/send/success/status",
        ),
        (
            "no content type",
            "/send/content_type",
            Value::Null,
            "/config/send/content_type",
        ),
        (
            "a missing secret",
            "/send/headers/Authorization",
            json!("{{secret.other}}"),
            "/config/send/headers/Authorization",
        ),
        (
            "a text in a header",
            "/send/headers/Authorization",
            json!("{{text}}"),
            "/config/send/headers/Authorization",
        ),
        (
            "a missing signing secret",
            "/dlr/auth/secret_ref",
            json!("other"),
            "/config/dlr/auth/secret_ref",
        ),
        (
            "a reply that says no",
            "/dlr/respond/status",
            json!(500),
            "/config/dlr/respond/status",
        ),
    ] {
        assert_eq!(pointers_with(at, value), [pointer], "{name}");
    }
}

#[test]
fn a_body_that_cannot_be_filled_in_is_refused() {
    for (name, at, value) in [
        ("an unknown variable", "/send/body", json!("{{name|json}}")),
        (
            "a value that isn't escaped",
            "/send/body",
            json!("{\"text\":\"{{text}}\"}"),
        ),
        (
            "escaped for another place",
            "/send/body",
            json!("{\"text\":{{text|url}}}"),
        ),
        (
            "quoted twice",
            "/send/body",
            json!("{\"text\":\"{{text|json}}\"}"),
        ),
        ("a body of a GET", "/send/method", json!("GET")),
    ] {
        assert_eq!(pointers_with(at, value), ["/config/send/body"], "{name}");
    }
}

#[test]
fn a_url_that_must_not_be_called_is_refused() {
    for (name, url) in [
        ("no URL", "sms.example.net"),
        ("a URL without TLS", "http://sms.example.net/"),
        ("another scheme", "file:///etc/passwd"),
        ("a host that depends", "https://{{from|url}}.example.net/"),
        (
            "a host that depends on what follows",
            "https://sms{{from|url}}",
        ),
        (
            "a port that depends",
            "https://sms.example.net:{{from|url}}",
        ),
        ("a user in the URL", "https://user:pass@sms.example.net/"),
        (
            "an unescaped value in the URL",
            "https://sms.example.net/{{text}}",
        ),
    ] {
        assert_eq!(
            pointers_with("/send/url", json!(url)),
            ["/config/send/url"],
            "{name}"
        );
    }
}

#[test]
fn what_may_not_be_set_is_refused() {
    let mut config = simulator();
    config["send"]["headers"] = json!({"Host": "internal", "a b": "x"});
    let problems = problems(&config, &credentials(), "127.0.0.1");
    let pointers: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        ["/config/send/headers/Host", "/config/send/headers/a b"]
    );
}

#[test]
fn an_unknown_field_is_refused() {
    let mut config = simulator();
    config["send"]["retries"] = json!(3);

    let problems = problems(&config, &credentials(), "127.0.0.1");

    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("`retries`"), "{problems:?}");
}

#[test]
fn a_secret_that_cannot_be_sent_is_refused() {
    let credentials = json!({"token": "with a\nbreak", "signing": ""});

    let problems = problems(&simulator(), &credentials, "127.0.0.1");

    let pointers: Vec<_> = problems
        .iter()
        .map(|problem| problem.pointer.as_str())
        .collect();
    assert_eq!(
        pointers,
        [
            "/credentials/signing",
            "/credentials/token",
            "/config/dlr/auth/secret_ref"
        ]
    );
}
