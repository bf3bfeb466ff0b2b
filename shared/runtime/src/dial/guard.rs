//! Where calls to hosts that a tenant named may go: to public addresses by HTTPS, and to the private hosts that the deployment allows.
//! Addresses are looked at after resolution, and those that were looked at are dialled: a name can't change its mind in between.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use carillon_gateways::AllowedHosts;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::address::is_public;

const PORTS: [u16; 2] = [443, 8443];

#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Arc<AllowedHosts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    #[error("only `https` is called")]
    Scheme,
    #[error("only the ports 443 and 8443 are called")]
    Port,
    #[error("a URL with a user in it is not called")]
    User,
    #[error("the address is not public")]
    Address,
    #[error("the URL has no host")]
    Host,
}

impl Guard {
    /// `allowed` is the deployment's parameter.
    pub fn new(allowed: AllowedHosts) -> Self {
        let allowed = Arc::new(allowed);
        Self { allowed }
    }

    /// What can be said of a URL before its name is resolved. An allowed host is called on its allowed ports, and on no other.
    pub fn check(&self, url: &Url) -> Result<(), Forbidden> {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Forbidden::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Forbidden::User);
        }
        if self.allowed.contains(url) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(Forbidden::Scheme);
        }
        let port = url.port_or_known_default();
        let named = url.host_str().is_some_and(|host| self.allowed.names(host));
        if named || !PORTS.iter().any(|allowed| port == Some(*allowed)) {
            return Err(Forbidden::Port);
        }
        let address = match url.host().ok_or(Forbidden::Host)? {
            Host::Ipv4(address) => IpAddr::from(address),
            Host::Ipv6(address) => IpAddr::from(address),
            // Its addresses are looked at when it is resolved.
            Host::Domain(_) => return Ok(()),
        };
        if is_public(address) {
            Ok(())
        } else {
            Err(Forbidden::Address)
        }
    }

    /// Those of a name's addresses that may be dialled.
    fn filter(
        &self,
        name: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Forbidden> {
        let allowed = self.allowed.names(name);
        let kept: Vec<_> = found
            .filter(|address| allowed || is_public(address.ip()))
            .collect();
        if kept.is_empty() {
            Err(Forbidden::Address)
        } else {
            Ok(kept)
        }
    }
}

/// The connector's resolver.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            // The port is put in by the connector.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept = guard.filter(name.as_str(), found)?;
            let addresses: Addrs = Box::new(kept.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("127.0.0.1:9900,gateway.internal".parse().unwrap())
    }

    #[test]
    fn a_url_is_looked_at_before_it_is_called() {
        for (name, url, expected) in [
            ("a public host", "https://sms.example.net/send", Ok(())),
            (
                "the other port",
                "https://sms.example.net:8443/send",
                Ok(()),
            ),
            ("a public address", "https://8.8.8.8/", Ok(())),
            ("an allowed host", "http://127.0.0.1:9900/send", Ok(())),
            (
                "allowed on any port",
                "http://gateway.internal:1234/",
                Ok(()),
            ),
            (
                "without TLS",
                "http://sms.example.net/",
                Err(Forbidden::Scheme),
            ),
            (
                "another scheme",
                "ftp://sms.example.net/",
                Err(Forbidden::Scheme),
            ),
            ("a file", "file:///etc/passwd", Err(Forbidden::Scheme)),
            (
                "another port",
                "https://sms.example.net:9001/",
                Err(Forbidden::Port),
            ),
            (
                "another port of an allowed host",
                "http://127.0.0.1:9001/",
                Err(Forbidden::Scheme),
            ),
            (
                "the same by TLS",
                "https://127.0.0.1/",
                Err(Forbidden::Port),
            ),
            (
                "a user",
                "https://user@sms.example.net/",
                Err(Forbidden::User),
            ),
            (
                "a user and an address",
                "https://1:2@[::1]:9876",
                Err(Forbidden::User),
            ),
            (
                "a user at an allowed host",
                "http://user:p@127.0.0.1:9900/",
                Err(Forbidden::User),
            ),
            ("loopback", "https://127.0.0.2/", Err(Forbidden::Address)),
            (
                "loopback as one number",
                "https://2130706434/",
                Err(Forbidden::Address),
            ),
            (
                "loopback in octal",
                "https://0177.0.0.2/",
                Err(Forbidden::Address),
            ),
            ("loopback 6", "https://[::1]/", Err(Forbidden::Address)),
            (
                "loopback, mapped",
                "https://[::ffff:127.0.0.1]/",
                Err(Forbidden::Address),
            ),
            (
                "metadata",
                "https://169.254.169.254/latest/",
                Err(Forbidden::Address),
            ),
            (
                "metadata 6",
                "https://[fd00:ec2::254]/",
                Err(Forbidden::Address),
            ),
            (
                "metadata, translated",
                "https://[64:ff9b::a9fe:a9fe]/",
                Err(Forbidden::Address),
            ),
        ] {
            assert_eq!(guard().check(&url.parse().unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn a_name_keeps_its_public_addresses_only() {
        let found = |addresses: &[&str]| {
            let parsed: Vec<SocketAddr> = addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect();
            parsed.into_iter()
        };
        let (public, private) = ("8.8.8.8:0", "10.0.0.1:0");
        for (name, host, addresses, expected) in [
            ("public", "sms.example.net", &[public][..], Ok(vec![public])),
            (
                "mixed",
                "sms.example.net",
                &[private, public],
                Ok(vec![public]),
            ),
            (
                "private",
                "sms.example.net",
                &[private, "[::1]:0"],
                Err(Forbidden::Address),
            ),
            ("none", "sms.example.net", &[], Err(Forbidden::Address)),
            ("allowed", "gateway.internal", &[private], Ok(vec![private])),
        ] {
            let kept = guard().filter(host, found(addresses));

            let expected = expected.map(|list| found(&list).collect());
            assert_eq!(kept, expected, "{name}");
        }
    }
}
