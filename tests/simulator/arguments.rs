//! The command line of the simulator.

use std::time::Duration;

pub const USAGE: &str = "usage: gateway-simulator --token TOKEN --secret SECRET [--port PORT] \
[--lifetime SECONDS] [--receipt-concurrency N]
  --token                what callers of /send must show as their bearer token
  --secret               what receipts are signed with
  --port                 on 127.0.0.1; 0 takes a free one (default 9900)
  --lifetime             ends by itself after this many seconds (default: never)
  --receipt-concurrency  receipts under way at once (default 8)";

#[derive(Debug, PartialEq)]
pub struct Arguments {
    pub token: String,
    pub secret: String,
    pub port: u16,
    pub lifetime: Option<Duration>,
    pub receipt_concurrency: usize,
}

impl Arguments {
    /// The error is a sentence for the person who typed it.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let (mut token, mut secret, mut lifetime) = (None, None, None);
        let (mut port, mut receipt_concurrency) = (9900, 8);
        while let Some(flag) = words.next() {
            let mut value = || words.next().ok_or(format!("`{flag}` needs a value"));
            match flag.as_str() {
                "--token" => token = Some(value()?),
                "--secret" => secret = Some(value()?),
                "--port" => port = number(&flag, &value()?)?,
                "--lifetime" => lifetime = Some(Duration::from_secs(number(&flag, &value()?)?)),
                "--receipt-concurrency" => receipt_concurrency = number(&flag, &value()?)?,
                other => return Err(format!("`{other}` is not a flag of this program")),
            }
        }
        if receipt_concurrency == 0 {
            return Err("`--receipt-concurrency` must be at least 1".to_owned());
        }

        Ok(Self {
            token: token.ok_or("`--token` is missing")?,
            secret: secret.ok_or("`--secret` is missing")?,
            port,
            lifetime,
            receipt_concurrency,
        })
    }
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("`{flag}` takes a whole number, not `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_flag_is_taken() {
        let arguments =
            parse("--port 0 --token t --secret s --lifetime 45 --receipt-concurrency 2");

        assert_eq!(
            arguments,
            Ok(Arguments {
                token: "t".to_owned(),
                secret: "s".to_owned(),
                port: 0,
                lifetime: Some(Duration::from_secs(45)),
                receipt_concurrency: 2,
            })
        );
    }

    #[test]
    fn a_mistake_is_named() {
        let cases = [
            ("no token", "--secret s", "`--token` is missing"),
            ("no secret", "--token t", "`--secret` is missing"),
            ("no value", "--token", "`--token` needs a value"),
            (
                "not a number",
                "--port x",
                "`--port` takes a whole number, not `x`",
            ),
            (
                "unknown",
                "--colour",
                "`--colour` is not a flag of this program",
            ),
        ];

        for (name, line, expected) in cases {
            assert_eq!(parse(line), Err(expected.to_owned()), "{name}");
        }
    }
}
