//! IP addresses and ranges as people write them in Services.

use core::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// An address; like the API server, takes IPv4 numbers with leading zeros for decimal ones.
pub(crate) fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().ok().or_else(|| decimal(text).map(IpAddr::V4))?;
    Some(IpAddr::to_canonical(&address))
}

fn decimal(text: &str) -> Option<Ipv4Addr> {
    let numbers: Option<Vec<u8>> = text.split('.').map(|number| number.parse().ok()).collect();
    let octets: [u8; 4] = numbers?.try_into().ok()?;
    Some(octets.into())
}

/// A range such as `10.0.0.0/8`.
pub(crate) fn parse_range(text: &str) -> Option<IpNet> {
    let (address, length) = text.trim().split_once('/')?;
    IpNet::new(parse(address)?, length.parse().ok()?).ok()
}

/// True if the address lies in one of the ranges; what is no range holds nothing.
pub(crate) fn is_in(address: IpAddr, ranges: &[String]) -> bool {
    ranges.iter().filter_map(|range| parse_range(range)).any(|range| range.contains(&address))
}

/// True if the ranges together hold every address of one of the two families.
pub(crate) fn hold_everything(ranges: &[IpNet]) -> bool {
    IpNet::aggregate(&ranges.to_vec()).iter().any(|range| range.prefix_len() == 0)
}

/// True if the Internet does not route to the address: private use, shared by carriers, link-local, loopback.
///
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>, RFC 1918, RFC 4193, RFC 6598.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || is_shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// True if instances of a cloud find out about themselves, and get credentials, at the address.
///
/// Link-local at nearly every cloud; besides, the ranges that Amazon, Google, Alibaba, Oracle and Azure chose.
pub(crate) fn is_metadata(address: IpAddr) -> bool {
    const CHOSEN: [&str; 5] =
        ["fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"];
    let is_link_local = matches!(address, IpAddr::V4(v4) if v4.is_link_local());
    is_link_local || CHOSEN.into_iter().filter_map(parse).any(|chosen| chosen == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_decimal_and_mapped_addresses_are_the_mapped_ones() {
        for (text, expected) in [
            ("010.0.0.01", Some("10.0.0.1")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            (" 10.0.0.1", Some("10.0.0.1")),
            ("10.0.0", None),
            ("10.0.0.256", None),
            ("web", None),
        ] {
            assert_eq!(parse(text).map(|address| address.to_string()).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn ranges_hold_everything_alone_or_together() {
        for (texts, expected) in [
            (&["10.0.0.0/8", "0.0.0.0/0"][..], true),
            (&["::/0"][..], true),
            (&["0.0.0.0/1", "128.0.0.0/1"][..], true),
            (&["0.0.0.0/1", "8000::/1"][..], false),
            (&["10.0.0.0/8"][..], false),
            (&[][..], false),
        ] {
            let ranges: Vec<IpNet> = texts.iter().filter_map(|text| parse_range(text)).collect();
            assert_eq!(hold_everything(&ranges), expected, "{texts:?}");
        }
    }

    #[test]
    fn addresses_that_the_internet_does_not_route_are_private() {
        for (text, expected) in [
            ("10.1.2.3", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("fd00::1", true),
            ("2001:db8::1", false),
        ] {
            assert_eq!(parse(text).map(is_private), Some(expected), "{text}");
        }
    }
}
