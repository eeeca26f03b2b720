//! Events as clients send them, well and badly.

use super::*;
use crate::refusals::{refusal, refuses};

const FULL: &str = r#"{"id":"evt-1","tenant_id":"acme-corp","timestamp":"2026-11-22T11:00:00.5+01:00",
    "operation":"gpt-4o","tier":"enhanced","units":2,"tokens_in":1200,"tokens_out":300,"cached_tokens_in":1200,
    "tokens_processed":7,"api_calls":1,"duration_ms":840,"latency_ms":"12.5","compliance_score":0.97,"data_bytes":9007199254740991,
    "agent_id":"a1","consumer_id":"c1","session_id":"s1","task_id":"t/1","tool_server":"srv","tool_name":"search",
    "model":"gpt-4o","provider":"openai","budget_node":"team/x","cost_override":5e-2,"metadata":{"b":[1.0, 12345678901234567890123],"a":"\u00e9"}}"#;

/// Claims that an event of `x` with these members is refused for them by 422.
fn breaks(members: &str, pointers: &str) {
    let body = format!(r#"{{"operation":"x",{members}}}"#);
    refuses(parse_event, &[(body.as_bytes(), 422, pointers)]);
}

#[test]
fn every_field_is_read_as_it_is_written() {
    let new = parse_event(FULL.as_bytes()).unwrap();
    let now = Instant::EPOCH;
    assert_eq!(new.tenant.as_ref().unwrap().as_str(), "acme-corp");
    let id = new.id.clone().unwrap();
    let event = new.into_event(id, now);
    assert_eq!(event.timestamp.to_string(), "2026-11-22T10:00:00.5Z");
    assert_eq!(event.quantities.data_bytes, 9_007_199_254_740_991);
    assert_eq!(
        event.dimensions.tool_name.as_ref().unwrap().as_str(),
        "search"
    );
    assert_eq!(event.task.as_ref().unwrap().as_str(), "t/1");
    assert_eq!(event.dimensions.node.as_ref().unwrap().as_str(), "team/x");
    assert_eq!(event.latency_ms.unwrap().to_string(), "12.5");
    assert_eq!(event.compliance_score.to_string(), "0.97");
    assert_eq!(event.cost_override.unwrap().to_string(), "0.05");
    assert_eq!(
        event.metadata.as_deref(),
        Some(r#"{"a":"é","b":[1.0,12345678901234567890123]}"#)
    );
}

#[test]
fn only_the_operation_is_required_and_null_is_absent() {
    for body in [
        r#"{"operation":"x"}"#,
        r#" {"operation":"x","units":null,"agent_id":null,"tier":null,"metadata":null} "#,
    ] {
        let new = parse_event(body.as_bytes()).unwrap();
        assert_eq!((&new.tenant, &new.id, new.timestamp), (&None, &None, None));
        let name = Name::new("x").unwrap();
        let now = Instant::from_millis(1).unwrap();
        assert_eq!(
            new.into_event(name.clone(), now),
            Event::new(name.clone(), now, name),
            "{body}"
        );
    }
}

/// As programs write them: whole numbers with a point, floats with residue.
#[test]
fn numbers_are_read_as_programs_write_them() {
    let read = |members: &str| {
        let body = format!(r#"{{"operation":"x",{members}}}"#);
        let new = parse_event(body.as_bytes()).unwrap();
        new.into_event(Name::new("e").unwrap(), Instant::EPOCH)
    };
    for (written, units) in [
        ("1200", 1200),
        ("1200.0", 1200),
        ("1.2e3", 1200),
        ("12000E-1", 1200),
        ("-0.0", 0),
        ("0e99999", 0),
        ("9007199254740991.000", 9_007_199_254_740_991),
    ] {
        let event = read(&format!(r#""units":{written}"#));
        assert_eq!(event.quantities.units, units, "{written}");
    }
    for (written, latency) in [
        ("0.30000000000000004", "0.3"),
        ("\"0.30000000000000004\"", "0.3"),
        ("0.0000005", "0"),
        ("0.0000015", "0.000002"),
        ("1e-400", "0"),
        ("0.41747093200683594", "0.417471"),
    ] {
        let event = read(&format!(r#""latency_ms":{written}"#));
        assert_eq!(event.latency_ms.unwrap().to_string(), latency, "{written}");
    }
    for (written, cost) in [
        ("0.30000000000000004", "0.3"),
        ("5.000000000000001e-8", "0.00000005"),
        ("1e-15", "0.000000000000001"),
        ("\"0.000000000000001\"", "0.000000000000001"),
        ("0.0000000000000015", "0.000000000000002"),
        ("0", "0"),
    ] {
        let event = read(&format!(r#""cost_override":{written}"#));
        assert_eq!(event.cost_override.unwrap().to_string(), cost, "{written}");
    }
}

#[test]
fn what_is_no_json_is_400() {
    let deep = format!(
        r#"{{"operation":"x","metadata":{}1{}}}"#,
        "[".repeat(32),
        "]".repeat(32)
    );
    let bodies: [&[u8]; 14] = [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b"\"x\"",
        b"\xEF\xBB\xBF{\"operation\":\"x\"}",
        b"{\"operation\":\"\xff\"}",
        b"{\"operation\":\"a\x01b\"}",
        br#"{"operation":"x"} {}"#,
        br#"{"operation":"x",}"#,
        br#"{"operation":"x","units":01}"#,
        br#"{"operation":"x","units":NaN}"#,
        br#"{"operation":"x","latency_ms":Infinity}"#,
        deep.as_bytes(),
    ];
    refuses(parse_event, &bodies.map(|body| (body, 400, "")));
}

#[test]
fn what_is_misshapen_is_400_and_names_its_place() {
    refuses(
        parse_event,
        &[
            (b"{}", 400, "/operation"),
            (br#"{"operation":null}"#, 400, "/operation"),
            (br#"{"operation":"x","operation":"y"}"#, 400, "/operation"),
            (br#"{"operation":"x","unit":1}"#, 400, "/unit"),
            (br#"{"operation":"x","a/b~c":1}"#, 400, "/a~1b~0c"),
            (br#"{"operation":7}"#, 400, "/operation"),
            (br#"{"operation":["x"]}"#, 400, "/operation"),
            (br#"{"operation":"\ud800"}"#, 400, "/operation"),
            (br#"{"operation":"x","units":1.5}"#, 400, "/units"),
            (br#"{"operation":"x","units":12e-1}"#, 400, "/units"),
            (
                br#"{"operation":"x","units":1.0000000000000000001}"#,
                400,
                "/units",
            ),
            (br#"{"operation":"x","units":"5"}"#, 400, "/units"),
            (br#"{"operation":"x","units":true}"#, 400, "/units"),
            (
                br#"{"operation":"x","latency_ms":true}"#,
                400,
                "/latency_ms",
            ),
            (
                br#"{"operation":"x","cost_override":{}}"#,
                400,
                "/cost_override",
            ),
            (
                br#"{"operation":"x","timestamp":1700000000}"#,
                400,
                "/timestamp",
            ),
            (
                br#"{"operation":"x","metadata":{"a":1,"b":{"k":1,"k":2}}}"#,
                400,
                "/metadata",
            ),
            (
                br#"{"operation":"x","metadata":["\udc00"]}"#,
                400,
                "/metadata",
            ),
            (
                br#"{"units":-1,"agent_id":5,"zz":0}"#,
                400,
                "/operation /agent_id /units /zz",
            ),
        ],
    );
}

#[test]
fn what_breaks_a_rule_is_422_and_names_its_place() {
    let long = format!(r#"{{"operation":"{}"}}"#, "x".repeat(129));
    let large = format!(r#""metadata":"{}""#, "x".repeat(2047));
    refuses(
        parse_event,
        &[
            (br#"{"operation":""}"#, 422, "/operation"),
            (br#"{"operation":"a|b"}"#, 422, "/operation"),
            (br#"{"operation":"100%"}"#, 422, "/operation"),
            (br#"{"operation":"x","id":"a b"}"#, 422, "/id"),
            (br#"{"operation":"a\u0000"}"#, 422, "/operation"),
            (br#"{"operation":"-a"}"#, 422, "/operation"),
            (
                "{\"operation\":\"caf\u{e9}\"}".as_bytes(),
                422,
                "/operation",
            ),
            (long.as_bytes(), 422, "/operation"),
        ],
    );
    for (members, pointers) in [
        (r#""id":"void-1""#, "/id"),
        (r#""tenant_id":"a/b""#, "/tenant_id"),
        (r#""tenant_id":"summary""#, "/tenant_id"),
        (r#""timestamp":"2026-11-22T10:00:00""#, "/timestamp"),
        (r#""timestamp":"yesterday""#, "/timestamp"),
        (r#""timestamp":"2026-02-30T10:00:00Z""#, "/timestamp"),
        (large.as_str(), "/metadata"),
    ] {
        breaks(members, pointers);
    }
}

#[test]
fn a_number_out_of_its_range_is_422_and_names_its_place() {
    for (members, pointers) in [
        (r#""units":-1"#, "/units"),
        (r#""units":9007199254740992"#, "/units"),
        (
            r#""units":340282366920938463463374607431768211456"#,
            "/units",
        ),
        (r#""tokens_in":1,"cached_tokens_in":2"#, "/tokens_in"),
        (
            r#""tokens_in":3,"cached_tokens_in":2,"cache_write_tokens_in":2"#,
            "/tokens_in",
        ),
        (
            r#""tokens_out":3,"reasoning_tokens_out":2,"audio_tokens_out":2"#,
            "/tokens_out",
        ),
        (r#""latency_ms":"NaN""#, "/latency_ms"),
        (r#""latency_ms":"""#, "/latency_ms"),
        (r#""latency_ms":1e400"#, "/latency_ms"),
        (r#""latency_ms":-0.1"#, "/latency_ms"),
        (r#""latency_ms":10000000000.1"#, "/latency_ms"),
        (r#""units":1e99999999999999999999"#, "/units"),
        (r#""compliance_score":1.000001"#, "/compliance_score"),
        (r#""cost_override":1e-16"#, "/cost_override"),
        (r#""cost_override":"0.0000000000000001""#, "/cost_override"),
        (
            r#""cost_override":100000000000000000000000000000000000001"#,
            "/cost_override",
        ),
        (r#""cost_override":1000000000000001"#, "/cost_override"),
        (r#""units":-1,"tier":"a  b""#, "/tier /units"),
    ] {
        breaks(members, pointers);
    }
}

#[test]
fn metadata_may_be_2048_bytes_in_canonical_form_however_it_is_spaced() {
    let body = format!(
        r#"{{"operation":"x","metadata":{}"{}"}}"#,
        " ".repeat(5000),
        "x".repeat(2046)
    );
    assert_eq!(
        parse_event(body.as_bytes())
            .unwrap()
            .contents()
            .metadata
            .as_ref()
            .unwrap()
            .len(),
        2048
    );
}

#[test]
fn nesting_is_counted_outside_strings_only() {
    let text = format!(r#"{{"operation":"x","metadata":"\"{}"}}"#, "[".repeat(100));
    assert!(parse_event(text.as_bytes()).is_ok());
    let deep = format!(
        r#"{{"operation":"x","metadata":{}{}}}"#,
        "[".repeat(31),
        "]".repeat(31)
    );
    assert!(parse_event(deep.as_bytes()).is_ok());
    let bomb = "[".repeat(1_000_000);
    assert_eq!(refusal(parse_event(bomb.as_bytes())), (400, String::new()));
}

#[test]
fn the_list_of_faults_is_bounded_and_says_how_many_there_are() {
    let fields: Vec<String> = (0..5000)
        .map(|number| format!(r#""f{number}":0"#))
        .collect();
    let problem = parse_event(format!("{{{}}}", fields.join(",")).as_bytes()).unwrap_err();
    assert_eq!(problem.errors.len(), 1000);
    assert!(
        problem.detail.starts_with("5001 values"),
        "{}",
        problem.detail
    );
}
