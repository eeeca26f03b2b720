//! Alerts: as operators set them, as answers and webhooks show them.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tollgate_core::{Alerts, AlertsOrder};
use url::{Host, Url};

/// The longest url, in characters.
const URL_MAX: usize = 2000;
/// The most thresholds.
const THRESHOLDS_MAX: usize = 10;
/// Names that resolve, if at all, inside a network.
const INNER: [&str; 7] = [
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "arpa",
];

/// Reads `PUT /alerts/{tenant_id}`; `is_local` = the server runs on the
/// operator's own machine, so its webhooks may too.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_alerts(body: &[u8], is_local: bool) -> Result<AlertsOrder, Problem> {
    let alerts = Node::root(body).and_then(|node| node.object(|object| alerts(object, is_local)));
    alerts.map_err(Errors::into_problem)
}

fn alerts(object: &mut Object<'_>, is_local: bool) -> Option<AlertsOrder> {
    let is_given = object.has("thresholds");
    let nodes = object
        .take("thresholds")
        .map(|node| node.elements(0, THRESHOLDS_MAX));
    let nodes = nodes
        .and_then(|nodes| object.keep(nodes))
        .unwrap_or_default();
    let given = object.keep(Errors::gather(
        nodes.iter().map(|node| node.scalar(percent)),
    ));
    let url = object.read("url", |raw| webhook(raw, is_local));
    let rotate_secret = object.read("rotate_secret", scalar::flag).unwrap_or(false);
    let given = given?;
    let ascend = given
        .iter()
        .zip(given.iter().skip(1))
        .all(|(before, after)| before < after);
    object.forbid(!ascend, "thresholds", "must ascend, none twice");
    Some(AlertsOrder {
        thresholds: if is_given {
            given
        } else {
            Alerts::THRESHOLDS.to_vec()
        },
        url,
        rotate_secret,
    })
}

fn percent(raw: &RawValue) -> Result<u8, Fault> {
    let percent = scalar::integer(1, 100)(raw)?;
    u8::try_from(percent).map_err(|_| Fault::rule("must be from 1 to 100"))
}

fn webhook(raw: &RawValue, is_local: bool) -> Result<String, Fault> {
    let text = scalar::line(URL_MAX)(raw)?;
    webhook_url(&text, is_local)
        .map(String::from)
        .map_err(Fault::rule)
}

/// The url of a webhook, if alerts may be sent there.
///
/// # Errors
/// What is wrong with it.
pub fn webhook_url(text: &str, is_local: bool) -> Result<Url, &'static str> {
    let url: Url = text.parse().map_err(|_| "is not a url")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user or password");
    }
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return Err("must name a host"),
    };
    match url.scheme() {
        "https" | "http" if is_local && is_loopback => return Ok(url),
        "https" => {}
        _ => return Err("must begin with https://"),
    }
    match url.host() {
        Some(Host::Domain(name)) if is_public_name(name) => Ok(url),
        _ => Err("must name a public host, not an address or a name inside a network"),
    }
}

fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.rsplit_once('.')
        .is_some_and(|(before, last)| !before.is_empty() && !INNER.contains(&last))
}

/// Whether an address belongs to the public internet: alerts go nowhere else.
#[must_use]
pub fn is_public_address(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let inner = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_unspecified()
        || ip.is_broadcast();
    let other = ip.is_documentation() || ip.is_multicast();
    let reserved = match ip.octets() {
        // This network, carrier-grade NAT, protocol assignments, benchmarks, reserved.
        [0, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [240..=255, ..] => true,
        _ => false,
    };
    !(inner || other || reserved)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    // Only global unicast; of it not what embeds or tunnels to a v4 address, and no documentation.
    match ip.segments() {
        [0x2001, 0..=0x01ff, ..]
        | [0x2001, 0x0db8, ..]
        | [0x2002, ..]
        | [0x3fff, 0..=0x0fff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;

    #[test]
    fn alerts_are_refused_by_field() {
        for (body, status, pointer) in [
            (r#"{"thresholds":[0]}"#, 422, "/thresholds/0"),
            (r#"{"thresholds":[101]}"#, 422, "/thresholds/0"),
            (r#"{"thresholds":[80,50]}"#, 422, "/thresholds"),
            (r#"{"thresholds":[50,50]}"#, 422, "/thresholds"),
            (
                r#"{"thresholds":[1,2,3,4,5,6,7,8,9,10,11]}"#,
                400,
                "/thresholds",
            ),
            (r#"{"thresholds":["50"]}"#, 400, "/thresholds/0"),
            (r#"{"thresholds":50}"#, 400, "/thresholds"),
            (r#"{"url":7}"#, 400, "/url"),
            (r#"{"url":""}"#, 422, "/url"),
            (r#"{"rotate_secret":"yes"}"#, 400, "/rotate_secret"),
            (r#"{"secret":"mine"}"#, 400, "/secret"),
        ] {
            assert_eq!(
                refusal(parse_alerts(body.as_bytes(), false)),
                (status, pointer.to_owned()),
                "{body}"
            );
        }
        let empty = parse_alerts(b"{}", false).unwrap();
        assert_eq!((empty.thresholds, empty.url), (vec![50, 80, 100], None));
        assert!(
            parse_alerts(br#"{"thresholds":[]}"#, false)
                .unwrap()
                .thresholds
                .is_empty()
        );
    }

    #[test]
    fn a_webhook_is_a_public_name_over_https() {
        let hostile = [
            "http://hooks.example.com/",
            "ftp://hooks.example.com/",
            "file:///etc/passwd",
            "gopher://hooks.example.com/",
            "https://user@hooks.example.com/",
            "https://user:secret@hooks.example.com/",
            "https://:secret@hooks.example.com/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db.localhost/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
            "https://8.8.8.8/",
            "https://metadata/",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://router.lan./",
            "https://1.0.0.127.in-addr.arpa/",
            "https:///path",
            "https://",
            "//hooks.example.com/",
            "hooks.example.com",
            "https://exa mple.com/",
            "https://①②⑦.⓪.⓪.①/",
        ];
        for url in hostile {
            assert!(webhook_url(url, false).is_err(), "{url}");
        }
        for url in [
            "https://hooks.example.com/t/1?x=y",
            "https://hooks.example.com:8443/",
            "https://hooks.example.com./",
        ] {
            assert!(webhook_url(url, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_webhook_is_on_this_machine_only_where_that_is_allowed() {
        let loopback = [
            "http://127.0.0.1:9999/hook",
            "http://localhost:1/",
            "http://[::1]:1/",
            "https://localhost/",
        ];
        for url in loopback {
            assert!(
                webhook_url(url, true).is_ok() && webhook_url(url, false).is_err(),
                "{url}"
            );
        }
        for url in [
            "http://hooks.example.com/",
            "http://10.0.0.1/",
            "https://169.254.169.254/",
            "http://0.0.0.0/",
            "ftp://localhost/",
        ] {
            assert!(webhook_url(url, true).is_err(), "{url}");
        }
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for (ip, public) in [
            ("8.8.8.8", true),
            ("93.184.216.34", true),
            ("2606:2800:220:1::1", true),
            ("127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("172.31.255.255", false),
            ("192.168.0.1", false),
            ("198.18.0.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:8.8.8.8", false),
            ("64:ff9b::a00:1", false),
            ("fc00::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2002:a00:1::", false),
        ] {
            assert_eq!(is_public_address(ip.parse().unwrap()), public, "{ip}");
        }
    }
}
