//! What an event costs, by tables that can be checked on paper.

use super::{MILLION, cost, prices, used_of};
use crate::given::{self, name};
use tollgate_core::{Component, Operation, Over, QUANTITY_MAX, Quantities, Tier};

/// Prices per million tokens, and per thousand searches.
fn per_million(list: &[(Component, &str)]) -> Operation {
    let price = |(component, amount): &(Component, &str)| {
        let per = match component {
            Component::Search => 1000,
            _ => MILLION,
        };
        (*component, given::price(amount, per))
    };
    Operation {
        prices: list.iter().map(price).collect(),
        ..Operation::default()
    }
}

fn gpt() -> Operation {
    per_million(&[
        (Component::TokenIn, "2.50"),
        (Component::CachedTokenIn, "1.25"),
        (Component::TokenOut, "10"),
    ])
}

/// `operation` with one price more.
fn and(mut operation: Operation, component: Component, amount: &str) -> Operation {
    operation
        .prices
        .extend(per_million(&[(component, amount)]).prices);
    operation
}

/// Each is a sum that can be done on paper.
fn costs(operation: &Operation, used: &str, expected: &str) {
    let found = cost(operation, used_of(used), "standard");
    assert_eq!(found, expected, "{used}");
}

#[test]
fn parts_of_the_input_cost_what_an_accountant_finds() {
    let gpt = gpt();
    // 86 fresh, 1,920 cached, 300 out.
    let used = "tokens_in 2006 cached_tokens_in 1920 tokens_out 300";
    costs(&gpt, used, "0.005615");
    assert_eq!(cost(&gpt, used_of(used), "times"), "0.0028075", "half");
    costs(&gpt, "tokens_in 1920 cached_tokens_in 1920", "0.0024");
    let claude = per_million(&[
        (Component::TokenIn, "3"),
        (Component::CachedTokenIn, "0.30"),
        (Component::CacheWriteTokenIn, "3.75"),
        (Component::TokenOut, "15"),
    ]);
    // 3 fresh, 12,304 written, 550 out.
    let used = "tokens_in 12307 cache_write_tokens_in 12304 tokens_out 550";
    costs(&claude, used, "0.054399");
    // Written for an hour: at their own price, else as those written for less, else as any.
    let hour = and(claude.clone(), Component::CacheWrite1hTokenIn, "6");
    let used = "tokens_in 1000 cache_write_1h_tokens_in 1000";
    costs(&hour, used, "0.006");
    costs(&claude, used, "0.00375");
    costs(&gpt, used, "0.0025");
    // Sound read from a cache costs what sound does: 200 at 4 and 100 at 1.
    let sound = per_million(&[(Component::TokenIn, "1"), (Component::AudioTokenIn, "4")]);
    let used = "tokens_in 300 cached_audio_tokens_in 100 audio_tokens_in 100";
    costs(&sound, used, "0.0009");
}

#[test]
fn parts_of_the_output_and_searches_cost_what_an_accountant_finds() {
    let gpt = gpt();
    let used = "tokens_out 300 reasoning_tokens_out 200";
    costs(&gpt, used, "0.003");
    let thinking = and(gpt.clone(), Component::ReasoningTokenOut, "40");
    costs(&thinking, used, "0.009");
    let drawing = and(gpt.clone(), Component::ImageTokenOut, "30");
    costs(&drawing, "tokens_out 200 image_tokens_out 100", "0.004");
    let searching = and(gpt, Component::Search, "10");
    costs(&searching, "searches 3", "0.03");
}

#[test]
fn a_large_input_reprices_all_tokens_of_its_event() {
    use Component::{CachedTokenIn, Search, TokenIn, TokenOut};
    let over = |tokens_in, inclusive, list: &[(Component, &str, u64)]| Over {
        tokens_in,
        inclusive,
        prices: prices(list),
    };
    let gemini = |inclusive| Operation {
        prices: prices(&[
            (TokenIn, "3", MILLION),
            (CachedTokenIn, "0.30", MILLION),
            (TokenOut, "15", MILLION),
            (Search, "10", 1000),
        ]),
        over: vec![over(
            200_000,
            inclusive,
            &[(TokenIn, "6", MILLION), (TokenOut, "22.50", MILLION)],
        )],
        ..Operation::default()
    };
    let used = |tokens_in| Quantities {
        tokens_in,
        cached_tokens_in: 100_000,
        tokens_out: 1000,
        searches: 1,
        ..Quantities::NONE
    };
    // 100,000 cached at 0.30 and one search at 0.01 whatever the size.
    for (inclusive, tokens_in, expected) in [
        (false, 199_999, "0.354997"),
        (false, 200_000, "0.355"),
        (false, 200_001, "0.662506"),
        (true, 199_999, "0.354997"),
        (true, 200_000, "0.6625"),
        (true, 200_001, "0.662506"),
    ] {
        assert_eq!(
            cost(&gemini(inclusive), used(tokens_in), "standard"),
            expected,
            "{inclusive} {tokens_in}"
        );
    }
    let mut steps = gemini(false);
    steps
        .over
        .push(over(500_000, false, &[(TokenIn, "9", MILLION)]));
    // Of several the greatest that applies, and no other: output is back at 15.
    assert_eq!(cost(&steps, used(500_001), "standard"), "3.655009");
}

#[test]
fn an_operations_tiers_come_before_the_cards() {
    use Component::{TokenIn, TokenOut};
    let mut operation = Operation {
        prices: prices(&[(TokenIn, "3", MILLION), (TokenOut, "15", MILLION)]),
        ..Operation::default()
    };
    let used = used_of("tokens_in 300000 tokens_out 1000");
    assert_eq!(cost(&operation, used, "times"), "0.4575", "the card's half");
    operation
        .tiers
        .insert(name("times"), Tier::Factor(given::factor("0.8")));
    assert_eq!(cost(&operation, used, "times"), "0.732");
    let priority = Tier::Prices {
        prices: prices(&[(TokenIn, "4.5", MILLION)]),
        over: vec![Over {
            tokens_in: 200_000,
            inclusive: false,
            prices: prices(&[(TokenIn, "9", MILLION)]),
        }],
    };
    operation.tiers.insert(name("priority"), priority);
    // What the tier does not name costs what it does without it.
    assert_eq!(cost(&operation, used, "priority"), "2.715");
    let small = Quantities {
        tokens_in: 1000,
        ..used
    };
    assert_eq!(cost(&operation, small, "priority"), "0.0195");
    assert_eq!(
        cost(&operation, used, "gold"),
        "rate card `default` has no tier `gold`"
    );
}

#[test]
fn a_token_price_that_was_forgotten_is_no_gift() {
    use Component::{CachedTokenIn, TokenIn, TokenOut, Unit};
    let only = |component, amount: &str| Operation {
        prices: prices(&[(component, amount, MILLION)]),
        ..Operation::default()
    };
    let both = used_of("tokens_in 10 tokens_out 10");
    let out = Quantities {
        tokens_in: 0,
        ..both
    };
    for (operation, used, expected) in [
        (
            only(TokenIn, "1"),
            both,
            "operation `op` has no price for `token_out`",
        ),
        (
            only(TokenOut, "1"),
            both,
            "operation `op` has no price for `token_in`",
        ),
        (
            only(CachedTokenIn, "1"),
            both,
            "operation `op` has no price for `token_in`",
        ),
        (only(TokenOut, "1"), out, "0.00001"),
        (only(Unit, "1"), both, "0"),
    ] {
        assert_eq!(
            cost(&operation, used, "standard"),
            expected,
            "{operation:?}"
        );
    }
    let explicit = Operation {
        prices: prices(&[(TokenIn, "1", MILLION), (TokenOut, "0", 1)]),
        ..Operation::default()
    };
    assert_eq!(cost(&explicit, both, "standard"), "0.00001");
}

#[test]
fn a_price_may_be_per_any_number_up_to_the_largest_quantity() {
    use Component::DataByte;
    for (amount, per, data_bytes, expected) in [
        ("0.12", 1_073_741_824, 1_073_741_824, "0.12"),
        ("0.12", 1_073_741_824, 1, "0.000000000111758709"),
        ("1", QUANTITY_MAX, QUANTITY_MAX, "1"),
        ("1", QUANTITY_MAX, 1, "0.000000000000000112"),
    ] {
        let operation = Operation {
            prices: prices(&[(DataByte, amount, per)]),
            ..Operation::default()
        };
        let used = Quantities {
            data_bytes,
            ..Quantities::NONE
        };
        assert_eq!(
            cost(&operation, used, "standard"),
            expected,
            "{amount} {per}"
        );
    }
}
