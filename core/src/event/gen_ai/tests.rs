use super::*;
use crate::event::number::Reported;
use crate::event::quantities::QUANTITY_MAX;
use Reported::{Integer, Other, Text};
use alloc::string::ToString;
use alloc::vec::Vec;

const MAX: u64 = QUANTITY_MAX;

const IN: &str = "gen_ai.usage.input_tokens";

const OUT: &str = "gen_ai.usage.output_tokens";

const READ: &str = "gen_ai.usage.cache_read.input_tokens";

const WRITTEN: &str = "gen_ai.usage.cache_creation.input_tokens";

const OLD_IN: &str = "gen_ai.usage.prompt_tokens";

const OLD_OUT: &str = "gen_ai.usage.completion_tokens";

const OLD_READ: &str = "gen_ai.usage.cache_read_input_tokens";

const OLD_WRITTEN: &str = "gen_ai.usage.cache_creation_input_tokens";

type Row<'a> = (
    &'a str,
    &'a str,
    &'a [(&'a str, Reported<'a>)],
    (u64, u64, u64),
);

fn read(span: &Span<'_>, attributes: &[(&str, Reported<'_>)]) -> GenAi {
    GenAi::read(span, &attributes.iter().copied().collect())
}

/// Reads each row's attributes and compares tokens_in, cached_tokens_in and
/// tokens_out.
fn tokens_are(cached: CachedTokens, rows: &[Row<'_>]) {
    for (provider, model, attributes, tokens) in rows {
        let mut all: Vec<_> = attributes.to_vec();
        all.extend([
            ("gen_ai.provider.name", Text(provider)),
            ("gen_ai.request.model", Text(model)),
        ]);
        let event = read(
            &Span {
                cached,
                ..Span::default()
            },
            &all,
        );
        assert_eq!(
            (event.tokens_in, event.cached_tokens_in, event.tokens_out),
            *tokens,
            "{provider} {model} {attributes:?}"
        );
        assert!(event.cached_tokens_in <= event.tokens_in);
    }
}

#[test]
fn tokens_in_includes_cached_tokens_whatever_the_provider_reports() {
    let raw = &[
        (IN, Integer(100)),
        (READ, Integer(900)),
        (WRITTEN, Integer(50)),
        (OUT, Integer(7)),
    ];
    let raw_old = &[
        (IN, Integer(100)),
        (OLD_READ, Integer(900)),
        (OLD_WRITTEN, Integer(50)),
        (OUT, Integer(7)),
    ];
    let summed = &[
        (IN, Integer(1050)),
        (READ, Integer(900)),
        (WRITTEN, Integer(50)),
        (OUT, Integer(7)),
    ];
    tokens_are(
        CachedTokens::Detected,
        &[
            ("anthropic", "claude-sonnet-4", raw, (1050, 900, 7)),
            ("anthropic", "claude-sonnet-4", raw_old, (1050, 900, 7)),
            ("anthropic", "claude-sonnet-4", summed, (1050, 900, 7)),
            (
                "anthropic",
                "claude-sonnet-4",
                &[
                    (IN, Integer(40)),
                    (WRITTEN, Integer(5000)),
                    (OUT, Integer(1)),
                ],
                (5040, 0, 1),
            ),
            (
                "anthropic",
                "claude-sonnet-4",
                &[(IN, Integer(100)), (OUT, Integer(7))],
                (100, 0, 7),
            ),
            (
                "aws.bedrock",
                "us.anthropic.claude-3-5-haiku-v1:0",
                raw,
                (1050, 900, 7),
            ),
            (
                "aws.bedrock",
                "us.anthropic.claude-3-5-haiku-v1:0",
                summed,
                (1050, 900, 7),
            ),
            (
                "aws.bedrock",
                "amazon.nova-pro-v1:0",
                &[(IN, Integer(12)), (READ, Integer(1000)), (OUT, Integer(40))],
                (1012, 1000, 40),
            ),
            (
                "gcp.vertex_ai",
                "claude-sonnet-4@20250514",
                raw,
                (1050, 900, 7),
            ),
            (
                "openai",
                "gpt-4o",
                &[
                    (IN, Integer(1200)),
                    (READ, Integer(1024)),
                    (OUT, Integer(300)),
                ],
                (1200, 1024, 300),
            ),
            (
                "openai",
                "gpt-4o",
                &[
                    (IN, Integer(1200)),
                    ("gen_ai.usage.input_tokens.cached", Integer(1024)),
                ],
                (1200, 1024, 0),
            ),
            (
                "openai",
                "gpt-4o",
                &[
                    (IN, Integer(1200)),
                    ("gen_ai.usage.cached_input_tokens", Integer(5)),
                ],
                (1200, 5, 0),
            ),
            (
                "azure.ai.openai",
                "gpt-4o",
                &[(IN, Integer(10)), (READ, Integer(11))],
                (10, 10, 0),
            ),
            (
                "gcp.gemini",
                "gemini-2.5-pro",
                &[
                    (IN, Integer(4000)),
                    (READ, Integer(3000)),
                    (OUT, Integer(9)),
                ],
                (4000, 3000, 9),
            ),
            (
                "gcp.vertex_ai",
                "gemini-2.5-pro",
                &[(IN, Integer(4000)), (READ, Integer(3000))],
                (4000, 3000, 0),
            ),
            (
                "acme",
                "their-model",
                &[(IN, Integer(10)), (READ, Integer(4)), (OUT, Integer(3))],
                (10, 4, 3),
            ),
        ],
    );
}

#[test]
fn the_cached_part_is_never_more_than_the_whole() {
    tokens_are(
        CachedTokens::Detected,
        &[
            (
                "openai",
                "gpt-4o",
                &[(IN, Integer(10)), (READ, Integer(400))],
                (10, 10, 0),
            ),
            (
                "gcp.gemini",
                "gemini-2.5-pro",
                &[(IN, Integer(0)), (READ, Integer(400))],
                (0, 0, 0),
            ),
            (
                "acme",
                "their-model",
                &[(IN, Integer(10)), (READ, Integer(400))],
                (410, 400, 0),
            ),
            (
                "openai",
                "gpt-4o",
                &[(READ, Integer(400)), (OUT, Integer(1))],
                (400, 400, 1),
            ),
            (
                "anthropic",
                "claude-sonnet-4",
                &[(READ, Integer(400)), (WRITTEN, Integer(30))],
                (430, 400, 0),
            ),
            (
                "anthropic",
                "claude-sonnet-4",
                &[(IN, Integer(i64::MAX)), (READ, Integer(i64::MAX))],
                (MAX, MAX, 0),
            ),
        ],
    );
}

proptest::proptest! {
    #[test]
    fn any_numbers_give_a_quantity_whose_cached_part_is_no_more_than_it(input: Option<i64>, cached: Option<i64>, written: Option<i64>, provider in 0..4_usize) {
        let provider = ["openai", "anthropic", "aws.bedrock", "acme"][provider];
        let numbers = [(IN, input), (READ, cached), (WRITTEN, written)];
        let mut attributes: Vec<_> = numbers.iter().filter_map(|(name, number)| Some((*name, Integer((*number)?)))).collect();
        attributes.push(("gen_ai.provider.name", Text(provider)));
        for counted in [CachedTokens::Detected, CachedTokens::Within, CachedTokens::Apart] {
            let event = read(&Span { cached: counted, ..Span::default() }, &attributes);
            assert!(event.cached_tokens_in <= event.tokens_in && event.tokens_in <= MAX);
            assert!(event.tokens_in >= input.map_or(0, |input| input.clamp(0, 9_007_199_254_740_991).unsigned_abs()));
        }
    }
}

#[test]
fn numbers_may_be_text_missing_negative_or_too_large() {
    tokens_are(
        CachedTokens::Detected,
        &[
            ("openai", "gpt-4o", &[], (0, 0, 0)),
            (
                "openai",
                "gpt-4o",
                &[(IN, Integer(-1)), (OUT, Integer(-2))],
                (0, 0, 0),
            ),
            (
                "openai",
                "gpt-4o",
                &[(IN, Text("1200")), (READ, Text("24")), (OUT, Text("300"))],
                (1200, 24, 300),
            ),
            (
                "openai",
                "gpt-4o",
                &[(IN, Text("10.5")), (OUT, Other)],
                (0, 0, 0),
            ),
            (
                "openai",
                "gpt-4o",
                &[
                    (IN, Text("many")),
                    (OLD_IN, Integer(5)),
                    (OLD_OUT, Integer(6)),
                ],
                (5, 0, 6),
            ),
            (
                "openai",
                "gpt-4o",
                &[
                    (IN, Integer(3)),
                    (OLD_IN, Integer(5)),
                    (OUT, Integer(4)),
                    (OLD_OUT, Integer(6)),
                ],
                (3, 0, 4),
            ),
            (
                "openai",
                "gpt-4o",
                &[(IN, Integer(i64::MAX)), (OUT, Text("9007199254740992"))],
                (MAX, 0, MAX),
            ),
        ],
    );
}

#[test]
fn who_knows_the_instrumentation_can_say_how_it_counts() {
    let close = &[
        (IN, Integer(1000)),
        (READ, Integer(200)),
        (WRITTEN, Integer(50)),
    ];
    let far = &[(IN, Integer(10)), (READ, Integer(200))];
    tokens_are(
        CachedTokens::Detected,
        &[("anthropic", "claude-sonnet-4", close, (1000, 200, 0))],
    );
    tokens_are(
        CachedTokens::Apart,
        &[
            ("anthropic", "claude-sonnet-4", close, (1250, 200, 0)),
            ("openai", "gpt-4o", far, (210, 200, 0)),
        ],
    );
    tokens_are(
        CachedTokens::Within,
        &[
            ("anthropic", "claude-sonnet-4", close, (1000, 200, 0)),
            ("acme", "m", far, (10, 10, 0)),
        ],
    );
}

#[test]
fn the_model_that_answered_is_the_operation() {
    let named = |attributes: &[(&str, Reported<'_>)]| {
        let event = read(&Span::default(), attributes);
        assert_eq!(event.operation, event.model);
        event.operation.map(|name| name.to_string())
    };
    let (asked, answered) = (
        ("gen_ai.request.model", Text("gpt-4o")),
        ("gen_ai.response.model", Text("gpt-4o-2024-08-06")),
    );
    assert_eq!(
        named(&[asked, answered]).as_deref(),
        Some("gpt-4o-2024-08-06")
    );
    assert_eq!(named(&[asked]).as_deref(), Some("gpt-4o"));
    assert_eq!(
        named(&[asked, ("gen_ai.response.model", Text(" "))]).as_deref(),
        Some("gpt-4o")
    );
    assert_eq!(named(&[]), None);
}

#[test]
fn an_export_that_is_repeated_has_the_same_id_and_the_trace_is_the_task() {
    let trace = "4BF92F3577B34DA6A3CE929D0E0E4736";
    let event = read(
        &Span {
            trace_id: Some(trace),
            span_id: Some("00f067aa0ba902b7"),
            ..Span::default()
        },
        &[],
    );
    assert_eq!(
        event.id.unwrap().as_str(),
        "span-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
    );
    assert_eq!(
        event.task.unwrap().as_str(),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    for (trace_id, span_id) in [
        (Some(trace), None),
        (None, Some("00f067aa0ba902b7")),
        (Some(trace), Some("0000000000000000")),
        (Some("xyz"), Some("1")),
    ] {
        assert_eq!(
            read(
                &Span {
                    trace_id,
                    span_id,
                    ..Span::default()
                },
                &[]
            )
            .id,
            None
        );
    }
}

#[test]
fn the_duration_is_the_spans_and_never_negative() {
    let at = |text: &str| Some(text.parse::<Instant>().unwrap());
    for (start, end, millis) in [
        (
            at("2026-11-22T10:00:00Z"),
            at("2026-11-22T10:00:01.2345Z"),
            1234,
        ),
        (
            at("2026-11-22T10:00:00Z"),
            at("2026-11-22T10:00:01.2355Z"),
            1236,
        ),
        (at("2026-11-22T10:00:01Z"), at("2026-11-22T10:00:00Z"), 0),
        (None, at("2026-11-22T10:00:00Z"), 0),
        (at("2026-11-22T10:00:00Z"), None, 0),
    ] {
        let event = read(
            &Span {
                start,
                end,
                ..Span::default()
            },
            &[],
        );
        assert_eq!(event.duration_ms, millis, "{start:?} {end:?}");
        assert_eq!(event.timestamp, end.or(start));
    }
}

#[test]
fn it_serialises_to_the_event_of_the_api() {
    let start = "2026-11-22T10:00:00Z".parse().unwrap();
    let end = "2026-11-22T10:00:00.84Z".parse().unwrap();
    let span = Span {
        trace_id: Some(&"a".repeat(32)),
        span_id: Some(&"b".repeat(16)),
        start: Some(start),
        end: Some(end),
        ..Span::default()
    };
    let event = read(
        &span,
        &[
            ("gen_ai.system", Text("openai")),
            ("gen_ai.request.model", Text("gpt-4o")),
            ("gen_ai.agent.name", Text("Math Tutor")),
            ("gen_ai.conversation.id", Text("conv 1")),
            ("gen_ai.tool.name", Text("search|web")),
            ("server.port", Integer(443)),
            (IN, Integer(1200)),
            (OUT, Integer(300)),
        ],
    );
    let json = serde_json::json!({
        "id": alloc::format!("span-{}-{}", "a".repeat(32), "b".repeat(16)), "task_id": "a".repeat(32), "timestamp": "2026-11-22T10:00:00.84Z",
        "operation": "gpt-4o", "model": "gpt-4o", "provider": "openai", "agent_id": "Math-Tutor", "session_id": "conv-1",
        "tool_name": "search-web", "tokens_in": 1200, "tokens_out": 300, "cached_tokens_in": 0, "api_calls": 1, "duration_ms": 840
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), json);
}
