//! Networks of IP addresses.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3), such as `10.0.0.0/8` and `2001:db8::/32`.
///
/// An address alone is a network of one. No bit may be set past the prefix: `10.0.0.1/8` is refused.
///
/// ```
/// use throughline_core::http_semconv::IpNetwork;
///
/// let network: IpNetwork = "10.0.0.0/8".parse()?;
/// assert!(network.contains([10, 1, 2, 3].into()));
/// # Ok::<(), throughline_core::http_semconv::ParseNetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork {
    address: IpAddr,
    prefix: u32,
}

impl IpNetwork {
    /// Whether `address` is in it. An IPv4 address that is mapped to IPv6, as listeners on both show it, counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(32 - self.prefix).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.checked_shr(128 - self.prefix).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for IpNetwork {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let parsed = || {
            let (address, prefix) = match text.split_once('/') {
                Some((address, prefix)) => (address, Some(prefix)),
                None => (text, None),
            };
            let address: IpAddr = address.parse().ok()?;
            // It would never match: such addresses are looked at as IPv4.
            if address.to_canonical() != address {
                return None;
            }
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix = match prefix {
                None => bits,
                // Digits only: no sign.
                Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                    prefix.parse().ok().filter(|&prefix| prefix <= bits)?
                }
                Some(_) => return None,
            };
            let rest = match address {
                IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
                IpAddr::V6(address) => address.to_bits(),
            };
            let past_prefix = rest.checked_shl(prefix).unwrap_or(0);
            (past_prefix == 0).then_some(Self { address, prefix })
        };
        parsed().ok_or_else(|| ParseNetworkError(text.to_owned()))
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The text that is no [`IpNetwork`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseNetworkError(String);

impl fmt::Display for ParseNetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no network such as 10.0.0.0/8 or fd00::/8",
            self.0
        )
    }
}

impl Error for ParseNetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, inside: &[&str], outside: &[&str]) {
        let network: IpNetwork = network.parse().unwrap();
        for address in inside {
            assert!(
                network.contains(address.parse().unwrap()),
                "{network} {address}"
            );
        }
        for address in outside {
            assert!(
                !network.contains(address.parse().unwrap()),
                "{network} {address}"
            );
        }
    }

    #[test]
    fn an_address_is_in_a_network_by_its_first_bits() {
        check(
            "10.0.0.0/8",
            &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
            &["11.0.0.0", "::10.0.0.1"],
        );
        check(
            "192.0.2.4/30",
            &["192.0.2.4", "192.0.2.7"],
            &["192.0.2.3", "192.0.2.8"],
        );
        check("192.0.2.4", &["192.0.2.4"], &["192.0.2.5"]);
        check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::1"]);
        check(
            "2001:db8::/32",
            &["2001:db8::1", "2001:db8:ffff::"],
            &["2001:db9::"],
        );
        check("::1/128", &["::1"], &["::2", "127.0.0.1"]);
        check("::/0", &["::", "ffff::"], &["1.2.3.4"]);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "/",
            "10.0.0.0/",
            "/8",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.0/8/8",
            " 10.0.0.0/8",
            "10.0.0.0/8 ",
            "10.0.0/8",
            "10.0.0.0:80/8",
            "010.0.0.0/8",
            "::1/127",
            "::/129",
            "[::1]/128",
            "localhost",
            "192.0.2.0/255.255.255.0",
            "::ffff:10.0.0.0/104",
            "::ffff:10.0.0.1",
            "1.0.0.0/99999999999",
        ] {
            let error = wrong.parse::<IpNetwork>().unwrap_err();
            let expected = format!("{wrong:?} is no network such as 10.0.0.0/8 or fd00::/8");
            assert_eq!(error.to_string(), expected);
        }
    }
}
