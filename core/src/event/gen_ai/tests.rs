use super::*;
use crate::event::number::Reported;
use Reported::{Integer, Text};
use alloc::string::ToString;

const IN: &str = "gen_ai.usage.input_tokens";

const OUT: &str = "gen_ai.usage.output_tokens";

fn read(span: &Span<'_>, attributes: &[(&str, Reported<'_>)]) -> GenAi {
    GenAi::read(span, &attributes.iter().copied().collect())
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
        "id": alloc::format!("span-{}-{}", "a".repeat(32), "b".repeat(16)),
        "task_id": "a".repeat(32),
        "timestamp": "2026-11-22T10:00:00.84Z",
        "operation": "gpt-4o",
        "model": "gpt-4o",
        "provider": "openai",
        "agent_id": "Math-Tutor",
        "session_id": "conv-1",
        "tool_name": "search-web",
        "tokens_in": 1200,
        "tokens_out": 300,
        "cached_tokens_in": 0,
        "api_calls": 1,
        "duration_ms": 840,
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), json);
}
