use jiff::Timestamp;
use proptest::prelude::*;
use url::form_urlencoded;

use crate::{
    Credentials, Outgoing,
    fixtures::outgoing,
    generic::template::{BadTemplate, Template, Values},
};

fn template(source: &str) -> Result<Template, BadTemplate> {
    source.to_owned().try_into()
}

fn render(source: &str, message: &Outgoing) -> String {
    let credentials = serde_json::from_str(r#"{"token":"t0ken","login":"user:pass"}"#).unwrap();
    let now = message.expires_at - jiff::SignedDuration::from_secs(90);
    template(source).unwrap().render(Values {
        message,
        credentials: &credentials,
        now,
    })
}

#[test]
fn a_value_is_escaped_for_its_place() {
    let mut message = outgoing();
    message.sender = Some("+44 & Co".to_owned());
    message.text = "He said \"hi\"\n<{{to}}>".to_owned();
    for (name, source, expected) in [
        ("no variables", "plain } text {", "plain } text {"),
        (
            "a number",
            "{{to}} {{ to_no_plus }}",
            "+447700900123 447700900123",
        ),
        ("json", "{{text|json}}", r#""He said \"hi\"\n<{{to}}>""#),
        (
            "a number in json",
            "{{parts | json}} {{valid_seconds|json}}",
            "2 90",
        ),
        ("url", "{{from|url}}", "%2B44%20%26%20Co"),
        ("without the plus", "{{from_no_plus}}", "44 & Co"),
        (
            "xml",
            "{{text|xml}}",
            "He said &quot;hi&quot;&#10;&lt;{{to}}&gt;",
        ),
        (
            "base64",
            "Basic {{secret.login|base64}}",
            "Basic dXNlcjpwYXNz",
        ),
        ("a secret", "Bearer {{secret.token}}", "Bearer t0ken"),
        ("a secret that isn't there", "[{{secret.none}}]", "[]"),
        ("a time", "{{expires_at}}", "2026-08-01T12:00:00Z"),
    ] {
        assert_eq!(render(source, &message), expected, "{name}");
    }
}

#[test]
fn a_template_that_cannot_be_filled_is_refused() {
    for (name, source, expected) in [
        ("never closed", "{{to", BadTemplate::Open),
        (
            "unheard of",
            "{{name}}",
            BadTemplate::Variable("name".to_owned()),
        ),
        (
            "a secret without a name",
            "{{secret.}}",
            BadTemplate::Variable("secret.".to_owned()),
        ),
        (
            "an unknown filter",
            "{{to|upper}}",
            BadTemplate::Filter("upper".to_owned()),
        ),
        (
            "two filters",
            "{{to|url|json}}",
            BadTemplate::Filter("url|json".to_owned()),
        ),
    ] {
        assert_eq!(template(source), Err(expected), "{name}");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_out_of_json_and_url(text in "\\PC*|(?s).{0,80}") {
        let mut message = outgoing();
        message.text.clone_from(&text);

        let json: serde_json::Value = serde_json::from_str(&render(r#"{"text":{{text|json}}}"#, &message)).unwrap();
        let url = render("text={{text|url}}&end=1", &message);

        prop_assert_eq!(json["text"].as_str().unwrap(), &text);
        let fields: Vec<_> = form_urlencoded::parse(url.as_bytes()).collect();
        prop_assert_eq!(fields.len(), 2);
        prop_assert_eq!(fields[0].1.as_ref(), &text);
    }

    #[test]
    fn any_source_is_a_template_or_an_error(source in "(\\{\\{|\\}\\}|\\||to|text|json|[ a-z])*") {
        if let Ok(template) = template(&source) {
            let values = Values { message: &outgoing(), credentials: &Credentials::default(), now: Timestamp::UNIX_EPOCH };
            template.render(values);
        }
    }
}
