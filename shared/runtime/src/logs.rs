//! Logs as JSON lines on standard output, at the level that the function's logging configuration names.
//! Never a number, a text or a secret: other crates' debug output would hold some, so it stays off.

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Registry, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::config::Config;

/// Our own crates beside the function's.
const OURS: [&str; 5] = [
    "carillon_api",
    "carillon_core",
    "carillon_gateways",
    "carillon_runtime",
    "carillon_store",
];

/// Call once, first thing in `main`, with `env!("CARGO_CRATE_NAME")`.
pub fn init(function: &'static str) {
    let level = Config::optional("AWS_LAMBDA_LOG_LEVEL")
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    subscriber(function, level).init();
}

fn subscriber(function: &'static str, level: LevelFilter) -> impl Subscriber + Send + Sync {
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false);
    Registry::default()
        .with(targets(function, level))
        .with(lines)
}

fn targets(function: &'static str, level: LevelFilter) -> Targets {
    let ours = OURS.into_iter().chain([function]);
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        // Its span carries the request id.
        .with_target("lambda_runtime", level.min(LevelFilter::INFO))
        .with_targets(ours.map(|target| (target, level)))
}

/// An error and its causes on one line, for a log. Ours hold no numbers and no texts.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn debug_output_of_other_crates_stays_off() {
        let targets = targets("send", LevelFilter::TRACE);

        for (name, target, level, shown) in [
            ("ours", "carillon_store::ledger", Level::TRACE, true),
            ("the function's", "send::window", Level::DEBUG, true),
            (
                "a client's warning",
                "aws_smithy_runtime",
                Level::WARN,
                true,
            ),
            (
                "a client's requests",
                "aws_smithy_runtime",
                Level::DEBUG,
                false,
            ),
            ("a connection's bytes", "h2", Level::TRACE, false),
        ] {
            assert_eq!(targets.would_enable(target, &level), shown, "{name}");
        }
    }
}
