//! The table of `docs/gateways.md`: what each gateway can do, as its adapter says of the account that the conformance suite runs with.

use carillon_core::gateway::{Capabilities, Shared};
use jiff::SignedDuration;

use crate::{GatewayKind, conformance::samples};

const HEAD: &str = "\
| Kind | Messages a request | They share | Our id comes back | Knows a repeated id | Can be asked by our id | Signs its calls | Is told DLT ids | Answers STOP itself |
| --- | ---: | --- | --- | --- | --- | --- | --- | --- |
";

fn row(kind: GatewayKind, capabilities: Capabilities) -> String {
    let Capabilities {
        deduplicates_for,
        settles_after,
        echoes_our_id,
        messages_per_request,
        shared,
        signs_calls,
        tells_dlt,
        answers_keywords,
    } = capabilities;
    let shared = match (messages_per_request, shared) {
        (0 | 1, _) => "–",
        (_, Shared::Nothing) => "nothing",
        (_, Shared::Callback) => "sender and callback",
        (_, Shared::Text) => "text, sender and callback",
    };
    let yes = |can| if can { "yes" } else { "no" };
    let time = |before: &str, time: Option<SignedDuration>| {
        time.map_or_else(
            || "no".to_owned(),
            |time| format!("{before} {}", minutes(time)),
        )
    };
    format!(
        "| `{kind}` | {messages_per_request} | {shared} | {} | {} | {} | {} | {} | {} |\n",
        yes(echoes_our_id),
        time("for", deduplicates_for),
        time("after", settles_after),
        yes(signs_calls),
        yes(tells_dlt),
        yes(answers_keywords),
    )
}

fn minutes(time: SignedDuration) -> String {
    match (time.as_mins(), time.as_secs()) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, _) => format!("{minutes} min"),
    }
}

#[test]
fn the_table_of_the_documentation_is_what_the_adapters_say() {
    let samples = samples();
    let rows = samples
        .iter()
        .map(|sample| row(sample.account.kind, sample.account.gateway.capabilities()));
    let table: String = std::iter::once(HEAD.to_owned()).chain(rows).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/gateways.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (before, rest) = document
        .split_once("<!-- table -->\n")
        .expect("a place for the table");
    let (_, after) = rest.split_once("<!-- end of table -->").expect("its end");

    let expected = format!("{before}<!-- table -->\n{table}<!-- end of table -->{after}");

    if updates() {
        std::fs::write(path, &expected).unwrap();
        return;
    }
    assert_eq!(
        document, expected,
        "docs/gateways.md is stale: `CARILLON_UPDATE=1 cargo test --profile local -p carillon-gateways table` writes it anew"
    );
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no `main` that could read it for them"
)]
fn updates() -> bool {
    std::env::var("CARILLON_UPDATE").is_ok_and(|value| value == "1")
}
