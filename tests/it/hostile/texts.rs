//! Bodies that are no JSON, or JSON of another shape.

use super::{Case, Place, bodies};
use axum::body::Body;
use serde_json::Value;
use tollgate_gateway::Route;
use tollgate_tests::TestApp;

pub(super) fn cases() -> Vec<Case> {
    let routes = TestApp::routes();
    routes
        .iter()
        .filter_map(|route| Some((route, bodies::good(route)?)))
        .flat_map(|(route, good)| of(route, &good))
        .collect()
}

fn of(route: &Route, good: &Value) -> Vec<Case> {
    let case = |(name, body): (&str, Vec<u8>)| {
        let request = TestApp::request(
            TestApp::operator(),
            route.method.as_str(),
            &bodies::path(route),
            Body::from(body),
        );
        let place = if route.path == "/usage/validate" {
            Place::Verdict
        } else {
            Place::Answer
        };
        Case::new(route, name, request).at("").told_in(place)
    };
    // A purge without a body is one without conditions; a hold is in the path.
    let may_be_empty = [
        "/usage/purge",
        "/holds/{hold_id}/release",
        "/holds/{hold_id}/extend",
    ]
    .contains(&route.path);
    let texts = texts(&good.to_string())
        .into_iter()
        .filter(|(name, _)| *name != "empty" || !may_be_empty);
    let mut cases: Vec<Case> = texts.map(case).collect();
    let large = vec![b' '; (1 << 20) + 1];
    let mut large = case(("more than 1 MiB", large)).told_in(Place::Answer);
    large.pointer = None;
    cases.push(large);
    cases
}

fn texts(good: &str) -> Vec<(&'static str, Vec<u8>)> {
    let joined = |parts: &[&[u8]]| parts.concat();
    let nested = |open: &str, close: &str, depth: usize| {
        format!("{}{}", open.repeat(depth), close.repeat(depth)).into_bytes()
    };
    let within = |depth: usize| {
        format!(
            "{},\"deep\":{}{}}}",
            good.trim_end_matches('}'),
            "[".repeat(depth),
            "]".repeat(depth)
        )
        .into_bytes()
    };
    let without_last = good
        .as_bytes()
        .split_last()
        .map(|(_, rest)| rest.to_vec())
        .unwrap_or_default();
    vec![
        ("empty", Vec::new()),
        ("blank", b" \n\t ".to_vec()),
        ("cut short", without_last),
        ("a word", b"nonsense".to_vec()),
        ("XML", b"<?xml version=\"1.0\"?><event/>".to_vec()),
        ("YAML", b"operation: agent_message".to_vec()),
        ("a form", b"operation=agent_message&units=1".to_vec()),
        ("single quotes", good.replace('"', "'").into_bytes()),
        ("a comment", joined(&[b"/* */", good.as_bytes()])),
        ("an array", b"[]".to_vec()),
        ("an array around", joined(&[b"[", good.as_bytes(), b"]"])),
        ("null", b"null".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("a number", b"7".to_vec()),
        ("a flag", b"true".to_vec()),
        ("NaN", b"NaN".to_vec()),
        (
            "a byte order mark",
            joined(&[b"\xEF\xBB\xBF", good.as_bytes()]),
        ),
        (
            "UTF-16",
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "a byte that is no UTF-8",
            joined(&[good.as_bytes(), b"\xff"]),
        ),
        ("a NUL at the end", joined(&[good.as_bytes(), b"\0"])),
        (
            "a second value",
            joined(&[good.as_bytes(), good.as_bytes()]),
        ),
        ("a comma at the end", joined(&[good.as_bytes(), b","])),
        (
            "gzip",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0".to_vec(),
        ),
        ("33 deep", within(32)),
        ("10,000 deep", within(10_000)),
        ("10,000 arrays", nested("[", "]", 10_000)),
        ("10,000 objects", nested("{\"a\":", "}", 10_000)),
        ("500,000 open brackets", vec![b'['; 500_000]),
    ]
}
