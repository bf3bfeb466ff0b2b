//! Which addresses are public: anybody may name a host whose address is ours, or nobody's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that the internet routes to a stranger. IANA's special-purpose registries, in the canonical form of
/// the address, so that `::ffff:127.0.0.1` is what it stands for.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // Shared by carriers.
        [100, second, ..] => second & 0b1100_0000 == 64,
        [172, second, ..] => second & 0b1111_0000 == 16,
        // This network, private, loopback; then multicast, reserved, broadcast.
        [0 | 10 | 127 | 224..=255, ..]
        // Link-local, where clouds keep their metadata.
        | [169, 254, ..]
        // Protocol assignments, documentation, 6to4 relays, private.
        | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [192, 168, ..]
        // Benchmarks, documentation.
        | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => false,
    };
    !special
}

/// Only `2000::/3` is global unicast. Outside of it: `::`, `::1`, `64:ff9b::/96`, `64:ff9b:1::/48`, `100::/64`, `5f00::/16`, `fc00::/7`,
/// `fe80::/10`, `ff00::/8`, and all that isn't assigned yet.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let global = first & 0xe000 == 0x2000;
    let special = match first {
        // Protocol assignments (Teredo among them), documentation.
        0x2001 => second < 0x0200 || second == 0x0db8,
        // 6to4: an address of version 4 inside.
        0x2002 => true,
        // Documentation.
        0x3fff => second < 0x1000,
        _ => false,
    };
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_public_is_known_from_its_first_to_its_last_address() {
        for (name, first, last) in [
            ("this network", "0.0.0.0", "0.255.255.255"),
            ("private", "10.0.0.0", "10.255.255.255"),
            ("shared by carriers", "100.64.0.0", "100.127.255.255"),
            ("loopback", "127.0.0.0", "127.255.255.255"),
            ("link-local", "169.254.0.0", "169.254.255.255"),
            ("private", "172.16.0.0", "172.31.255.255"),
            ("protocol assignments", "192.0.0.0", "192.0.0.255"),
            ("documentation 1", "192.0.2.0", "192.0.2.255"),
            ("6to4 relays", "192.88.99.0", "192.88.99.255"),
            ("private", "192.168.0.0", "192.168.255.255"),
            ("benchmarks", "198.18.0.0", "198.19.255.255"),
            ("documentation 2", "198.51.100.0", "198.51.100.255"),
            ("documentation 3", "203.0.113.0", "203.0.113.255"),
            ("multicast", "224.0.0.0", "239.255.255.255"),
            ("reserved", "240.0.0.0", "255.255.255.254"),
            ("broadcast", "255.255.255.255", "255.255.255.255"),
            ("unspecified and loopback", "::", "::1"),
            ("an old way to write version 4", "::7f00:1", "::ffff:ffff"),
            (
                "mapped this network",
                "::ffff:0.0.0.0",
                "::ffff:0.255.255.255",
            ),
            (
                "mapped loopback",
                "::ffff:127.0.0.0",
                "::ffff:127.255.255.255",
            ),
            (
                "mapped link-local",
                "::ffff:169.254.0.0",
                "::ffff:169.254.255.255",
            ),
            ("mapped private", "::ffff:10.0.0.0", "::ffff:10.255.255.255"),
            ("translated version 4", "64:ff9b::", "64:ff9b::ffff:ffff"),
            (
                "translated locally",
                "64:ff9b:1::",
                "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            ),
            ("discard", "100::", "100::ffff:ffff:ffff:ffff"),
            ("Teredo", "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
            (
                "protocol assignments 6",
                "2001:1::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "documentation 6",
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            ("6to4", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (
                "documentation 6, the longer",
                "3fff::",
                "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "segment routing",
                "5f00::",
                "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "unique local",
                "fc00::",
                "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "link-local 6",
                "fe80::",
                "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "site-local, long given up",
                "fec0::",
                "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "multicast 6",
                "ff00::",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
        ] {
            for address in [first, last] {
                assert!(
                    !is_public(address.parse().expect(name)),
                    "{name}: {address}"
                );
            }
        }
    }

    #[test]
    fn their_neighbours_are_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2000::1",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2001:4860:4860::8888",
            "2003::",
            "2600:1f00::1",
            "3ffe::1",
            "3fff:1000::",
        ] {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
    }
}
