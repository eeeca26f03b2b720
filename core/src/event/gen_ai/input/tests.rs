use super::*;
use crate::event::gen_ai::{GenAi, Span};
use crate::event::number::Reported;
use Reported::{Integer, Other, Text};
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

fn read(cached: CachedTokens, attributes: &[(&str, Reported<'_>)]) -> GenAi {
    let span = Span {
        cached,
        ..Span::default()
    };
    GenAi::read(&span, &attributes.iter().copied().collect())
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
        let event = read(cached, &all);
        assert_eq!(
            (event.tokens_in, event.cached_tokens_in, event.tokens_out),
            *tokens,
            "{provider} {model} {attributes:?}"
        );
        assert!(event.cached_tokens_in <= event.tokens_in);
    }
}

#[test]
fn tokens_in_includes_cached_tokens_that_some_report_apart() {
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
        ],
    );
}

#[test]
fn tokens_in_is_as_reported_where_cached_tokens_are_within() {
    tokens_are(
        CachedTokens::Detected,
        &[
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
    fn any_numbers_give_a_quantity_whose_cached_part_is_no_more_than_it(
        input: Option<i64>,
        cached: Option<i64>,
        written: Option<i64>,
        provider in 0..4_usize,
    ) {
        let provider = ["openai", "anthropic", "aws.bedrock", "acme"][provider];
        let numbers = [(IN, input), (READ, cached), (WRITTEN, written)];
        let known = numbers.into_iter().filter_map(|(name, number)| Some((name, Integer(number?))));
        let mut attributes: Vec<_> = known.collect();
        attributes.push(("gen_ai.provider.name", Text(provider)));
        for counted in [CachedTokens::Detected, CachedTokens::Within, CachedTokens::Apart] {
            let event = read(counted, &attributes);
            assert!(event.cached_tokens_in <= event.tokens_in && event.tokens_in <= MAX);
            let least = input.map_or(0, |input| input.clamp(0, 9_007_199_254_740_991));
            assert!(event.tokens_in >= least.unsigned_abs());
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
