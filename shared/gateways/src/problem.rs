//! What is wrong with a gateway's configuration, field by field; and the private hosts that it may name all the same.

use std::str::FromStr;

use serde::Serialize;
use url::Url;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// JSON pointer within the gateway account: `/config/send/url`, `/credentials/token`.
    pub pointer: String,
    /// What is wrong, then what to do about it.
    pub message: String,
}

impl FieldProblem {
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }
}

/// A pointer one step down, by the rules of RFC 6901.
pub fn below(pointer: &str, step: &str) -> String {
    format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"))
}

/// Hosts that may be called on private addresses, over plain HTTP and on any port: a parameter of the deployment, empty in most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Host>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    /// `None` is every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host: expected names or addresses, each with a port or without, such as `127.0.0.1:9900,gateway.internal`"
)]
pub struct NotAHost(String);

impl AllowedHosts {
    /// Whether this host, on this port, is one of them.
    pub fn contains(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        self.of_name(url.host_str().unwrap_or_default())
            .any(|host| host.port.is_none() || host.port == port)
    }

    /// Whether this host is one of them on some port.
    pub fn names(&self, host: &str) -> bool {
        self.of_name(host).next().is_some()
    }

    fn of_name(&self, host: &str) -> impl Iterator<Item = &Host> {
        self.0
            .iter()
            .filter(move |allowed| allowed.name.eq_ignore_ascii_case(host))
    }
}

/// Hosts or `host:port`, separated by commas. Addresses of version 6 in brackets.
impl FromStr for AllowedHosts {
    type Err = NotAHost;

    fn from_str(list: &str) -> Result<Self, NotAHost> {
        let entries = list
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        entries.map(host).collect::<Result<_, _>>().map(Self)
    }
}

fn host(entry: &str) -> Result<Host, NotAHost> {
    let refused = || NotAHost(entry.to_owned());
    // Written the way that URLs are, so that the two compare: `https`'s own port would vanish, so another scheme.
    let url = Url::parse(&format!("ftp://{entry}/")).map_err(|_| refused())?;
    let named_port = entry
        .rsplit_once(':')
        .is_some_and(|(before, _)| !before.is_empty())
        && !entry.ends_with(']');
    let port = url.port().or(named_port.then_some(21));
    let extra = url.path() != "/" || !url.username().is_empty() || url.query().is_some();
    let name = url.host_str().unwrap_or_default().to_owned();
    if extra || name.is_empty() {
        return Err(refused());
    }
    Ok(Host { name, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_on_the_ports_that_were_named() {
        let allowed: AllowedHosts = "127.0.0.1:9900, gateway.internal,[::1]:80,two.internal:21"
            .parse()
            .unwrap();

        for (name, url, expected) in [
            ("its port", "http://127.0.0.1:9900/send", true),
            ("another port", "http://127.0.0.1:9901/send", false),
            ("no port", "http://127.0.0.1/send", false),
            ("the address written oddly", "http://0x7f.1:9900/send", true),
            ("a name on any port", "https://Gateway.Internal:1234/", true),
            ("a name below it", "https://a.gateway.internal/", false),
            ("version 6 on the port of its scheme", "http://[::1]/", true),
            ("version 6 on another", "http://[::1]:81/", false),
            ("an odd port", "http://two.internal:21/", true),
            ("not that port", "http://two.internal/", false),
            ("a stranger", "https://sms.example.net/", false),
        ] {
            assert_eq!(allowed.contains(&url.parse().unwrap()), expected, "{name}");
        }
        assert!(allowed.names("127.0.0.1"));
        assert!(!allowed.names("127.0.0.2"));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        assert_eq!("".parse(), Ok(AllowedHosts::default()));
        for entry in ["a b", "user@host", "host/path", "host:99999", ":80"] {
            assert!(entry.parse::<AllowedHosts>().is_err(), "{entry}");
        }
    }

    #[test]
    fn a_step_of_a_pointer_is_escaped() {
        assert_eq!(
            below("/config/send/headers", "a/b~c"),
            "/config/send/headers/a~1b~0c"
        );
    }
}
