//! What an event costs is exact, rounded up once, and never wrong.

use crate::draw::{factor, operation, quantities};
use crate::given::{self, cost_of};
use crate::oracle::{cost, ratio, to_amount, up_to_unit, value};
use proptest::prelude::*;
use tollgate_core::{
    Amount, Catalog, Component, Event, Factor, Operation, Price, QUANTITY_MAX, Quantities,
};

/// Whether every price stays below 1e11 at this tier, and the cost as well:
/// far beyond any use, and where no intermediate figure leaves its range.
fn is_usual(operation: &Operation, tier: Factor, used: &Quantities) -> bool {
    let factor = value(tier.to_amount());
    let most = ratio(100_000_000_000_u64, 1);
    let prices = operation
        .prices
        .values()
        .map(|price| value(price.amount) * &factor);
    operation.is_summable()
        && prices.fold(cost(operation, &factor, used), |sum, price| sum + price) < most
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_cost_is_the_exact_sum_rounded_up_once(operation in operation(8), tier in factor(), used in quantities()) {
        let exact = up_to_unit(&cost(&operation, &value(tier.to_amount()), &used));
        match cost_of(&operation, tier, &used) {
            Some(cost) => prop_assert_eq!(Some(cost), to_amount(&exact)),
            None => prop_assert!(!is_usual(&operation, tier, &used), "{} has no cost", exact),
        }
    }

    #[test]
    fn a_cost_out_of_range_is_none(
        tenths in 1_i128..1000,
        per in 1_u64..10,
        used in quantities(),
        component in crate::draw::component(),
    ) {
        let amount = Amount::from_units(tenths * 10_i128.pow(35)).unwrap();
        let operation = given::operation(&[(component, Price { amount, per })]);
        let exact = up_to_unit(&cost(&operation, &ratio(1, 1), &used));
        if to_amount(&exact).is_none() {
            prop_assert_eq!(cost_of(&operation, Factor::ONE, &used), None);
        }
    }

    #[test]
    fn more_use_never_costs_less(operation in operation(4), tier in factor(), less in quantities(), more in quantities()) {
        let more = Quantities {
            units: less.units.max(more.units),
            tokens_out: less.tokens_out.max(more.tokens_out),
            tokens_processed: less.tokens_processed.max(more.tokens_processed),
            api_calls: less.api_calls.max(more.api_calls),
            searches: less.searches.max(more.searches),
            images: less.images.max(more.images),
            pages: less.pages.max(more.pages),
            characters: less.characters.max(more.characters),
            data_bytes: less.data_bytes.max(more.data_bytes),
            duration_ms: less.duration_ms.max(more.duration_ms),
            ..less
        };
        if let (Some(a), Some(b)) = (cost_of(&operation, tier, &less), cost_of(&operation, tier, &more)) {
            prop_assert!(a <= b);
        }
    }

    #[test]
    fn a_price_of_one_is_exact(price in crate::draw::price(), tier in factor()) {
        let exact = crate::oracle::rate(&price, &value(tier.to_amount()));
        if let Some(rate) = price.rate(tier) {
            prop_assert_eq!(ratio(rate.numerator, rate.denominator) / crate::oracle::one_in_units(), exact);
        } else {
            prop_assert!(value(price.amount) * value(tier.to_amount()) > ratio(10_i128.pow(20), 1));
        }
    }
}

#[test]
fn prices_that_an_accountant_can_check() {
    let row = |prices: &[(Component, &str, u64)], tier: &str, used: [u64; 4], cost: &str| {
        let prices: Vec<_> = prices
            .iter()
            .map(|(c, amount, per)| (*c, given::price(amount, *per)))
            .collect();
        let [units, tokens_in, cached_tokens_in, tokens_out] = used;
        let used = Quantities {
            units,
            tokens_in,
            cached_tokens_in,
            tokens_out,
            ..Quantities::default()
        };
        let found = cost_of(&given::operation(&prices), given::factor(tier), &used);
        assert_eq!(
            found.map(|amount| amount.to_string()).as_deref(),
            Some(cost),
            "{prices:?} {used:?}"
        );
    };
    use Component::{CachedTokenIn, TokenIn, TokenOut, Unit};
    let gpt_4o = [
        (TokenIn, "0.0000025", 1),
        (CachedTokenIn, "0.00000125", 1),
        (TokenOut, "0.00001", 1),
    ];
    row(&gpt_4o, "1", [1, 1200, 0, 300], "0.006");
    row(&gpt_4o, "1", [1, 1200, 1000, 300], "0.00475");
    row(&gpt_4o, "1.5", [1, 1200, 0, 300], "0.009");
    row(
        &[(TokenIn, "2.50", 1_000_000), (TokenOut, "10", 1_000_000)],
        "1",
        [1, 1200, 500, 300],
        "0.006",
    );
    row(
        &[(TokenIn, "37.5e-12", 1)],
        "1",
        [1, 1, 0, 0],
        "0.0000000000375",
    );
    row(
        &[(TokenIn, "1e-15", 1)],
        "0.001",
        [0, 1, 0, 0],
        "0.000000000000000001",
    );
    row(&[(Unit, "1", 3)], "1", [1, 0, 0, 0], "0.333333333333333334");
    row(&[(Unit, "1", 3)], "1", [3, 0, 0, 0], "1");
    // Two thirds and one third are one: they are summed before they are rounded.
    row(&[(Unit, "1", 3), (TokenIn, "2", 3)], "1", [1, 1, 0, 0], "1");
    row(
        &[(Unit, "1", 3), (TokenIn, "1", 7)],
        "1",
        [1, 1, 0, 0],
        "0.476190476190476191",
    );
    row(
        &[(Unit, "0.000004", 1)],
        "1",
        [QUANTITY_MAX, 0, 0, 0],
        "36028797018.963964",
    );
    row(&[], "1", [QUANTITY_MAX, 1, 1, 1], "0");
}

/// Dearer events would leave no room for their sums.
#[test]
fn an_event_costs_at_most_1e15_or_is_refused_in_words() {
    let mut card = given::card("default", 1, 1);
    for (of, unit) in [("dear", "1e15"), ("usual", "1")] {
        let prices = given::operation(&[(Component::Unit, given::price(unit, 1))]);
        card.operations.insert(given::name(of), prices);
    }
    let mut catalog = Catalog::default();
    catalog.insert(card);
    let cost = |of: &str, units: u64| {
        let mut event: Event = given::event("e", of);
        event.quantities.units = units;
        catalog.price(&[], None, &event).map_or_else(
            |refusal| refusal.to_string(),
            |priced| priced.cost.to_string(),
        )
    };
    assert_eq!(cost("dear", 0), "0");
    assert_eq!(cost("dear", 1), "1000000000000000");
    assert_eq!(cost("dear", 2), "the cost is out of range");
    assert_eq!(cost("dear", QUANTITY_MAX), "the cost is out of range");
    assert_eq!(
        cost("usual", 1_000_000_000_000_001),
        "the cost is out of range"
    );
}
