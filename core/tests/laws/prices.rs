//! Every way in which models are priced: parts of tokens, large inputs, tiers of an
//! operation, packages, minimums, shares.

use crate::draw::{self, component, factor, quantities};
use crate::given::{self, card, event, name, usd};
use crate::oracle::{cost_at, quantity, ratio, to_amount, up_to_unit, value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Bill, Card, Catalog, Charge, Component, Currency, Event, Factor, Group, Item, Name,
    Operation, Over, Packages, Price, PriceError, Priced, Prices, QUANTITY_MAX, Quantities, Tier,
    Totals, Unpriced, bill,
};

/// How many draws each law is tried with: `TOLLGATE_DRAWS`, else a few.
fn draws() -> ProptestConfig {
    let draws = std::env::var("TOLLGATE_DRAWS").ok();
    let cases = draws.and_then(|draws| draws.parse().ok()).unwrap_or(1024);
    ProptestConfig {
        max_global_rejects: u32::MAX,
        ..ProptestConfig::with_cases(cases)
    }
}

/// Any price, mostly for a number that prices are told for.
fn price() -> impl Strategy<Value = Price> {
    let pers = [1, 7, 1000, MILLION, 1_073_741_824];
    let usual = (draw::price(), proptest::sample::select(pers.to_vec()));
    prop_oneof![
        9 => usual.prop_map(|(price, per)| Price { per, ..price }),
        1 => draw::price(),
    ]
}

/// Sizes of inputs from which other prices hold, small ones, so that events lie on both
/// sides of each edge.
fn sizes() -> impl Strategy<Value = Vec<Over>> {
    let prices = btree_map(component(), price(), 0..4);
    btree_map(0_u64..60, (prices, any::<bool>()), 0..4).prop_map(|drawn| {
        let mut last = 0;
        let mut over = Vec::new();
        for (tokens_in, (prices, inclusive)) in drawn {
            let one = Over {
                tokens_in,
                inclusive,
                prices,
            };
            if over.is_empty() || one.from() > last {
                last = one.from();
                over.push(one);
            }
        }
        over
    })
}

fn tier() -> impl Strategy<Value = Tier> {
    let prices = btree_map(component(), price(), 0..4);
    prop_oneof![
        factor().prop_map(Tier::Factor),
        (prices, sizes()).prop_map(|(prices, over)| Tier::Prices { prices, over }),
    ]
}

/// An operation with all that changes what an event of it costs.
fn priced() -> impl Strategy<Value = Operation> {
    let prices = btree_map(component(), price(), 0..6);
    let packages = (1_u64..50, price()).prop_map(|(size, price)| Packages {
        size,
        price: price.amount,
    });
    let packages = option::weighted(0.3, packages);
    (prices, sizes(), option::of(tier()), packages).prop_map(|(prices, over, tier, packages)| {
        Operation {
            prices,
            over,
            tiers: tier.map(|tier| (name("own"), tier)).into_iter().collect(),
            packages,
            ..Operation::default()
        }
    })
}

/// Few tokens in, around the sizes, or any number of everything.
fn used() -> impl Strategy<Value = Quantities> {
    (quantities(), option::weighted(0.7, 0_u64..64)).prop_map(|(used, few)| match few {
        Some(tokens_in) => Quantities {
            tokens_in,
            cached_tokens_in: used.cached_tokens_in.min(tokens_in),
            cache_write_tokens_in: 0,
            cache_write_1h_tokens_in: 0,
            audio_tokens_in: 0,
            cached_audio_tokens_in: 0,
            image_tokens_in: 0,
            video_tokens_in: 0,
            ..used
        },
        None => used,
    })
}

/// The greatest of `over` that an input of `tokens_in` reaches.
fn reached(over: &[Over], tokens_in: u64) -> Option<&Over> {
    let is_reached =
        |one: &&Over| tokens_in > one.tokens_in || (one.inclusive && tokens_in == one.tokens_in);
    over.iter().rfind(is_reached)
}

/// The prices and the factor that hold, written out by hand.
fn in_force(operation: &Operation, tier: &str, card: &Card, tokens_in: u64) -> (Prices, Factor) {
    let mut prices = operation.prices.clone();
    if let Some(packages) = operation.packages {
        prices.insert(
            Component::Unit,
            Price {
                amount: packages.price,
                per: packages.size,
            },
        );
    }
    let lay = |prices: &mut Prices, over: &[Over]| {
        prices.extend(
            reached(over, tokens_in)
                .into_iter()
                .flat_map(|over| over.prices.clone()),
        );
    };
    lay(&mut prices, &operation.over);
    match operation.tiers.get(&name(tier)) {
        Some(Tier::Factor(factor)) => (prices, *factor),
        Some(Tier::Prices { prices: own, over }) => {
            prices.extend(own.clone());
            lay(&mut prices, over);
            (prices, Factor::ONE)
        }
        None => (prices, card.tiers[&name(tier)]),
    }
}

/// Tokens that other tokens' prices leave without one.
fn forgotten(prices: &Prices, used: &Quantities) -> bool {
    let is_of_tokens = |component: &Component| {
        let word = component.as_str();
        (word.contains("token_in") || word.contains("token_out")) && !word.contains("processed")
    };
    let charged: u64 = prices
        .keys()
        .filter(|component| is_of_tokens(component))
        .map(|component| quantity(prices, *component, used))
        .sum();
    let all = used.tokens_in.saturating_add(used.tokens_out);
    prices.keys().any(is_of_tokens) && charged < all
}

fn pricing(operation: &Operation, factor: Factor, unpriced: Unpriced) -> Catalog {
    let mut card = card("default", 1, 1);
    card.unpriced = unpriced;
    card.tiers.insert(name("times"), factor);
    card.tiers.insert(name("own"), Factor::ONE);
    card.operations.insert(name("op"), operation.clone());
    let mut catalog = Catalog::default();
    catalog.insert(card);
    catalog
}

fn of(used: Quantities, tier: &str) -> Event {
    let mut event = event("e", "op");
    event.quantities = used;
    event.dimensions.tier = name(tier);
    event
}

proptest! {
    #![proptest_config(draws())]

    /// For any card and event: the sum of its parts by big rationals.
    #[test]
    fn a_cost_is_the_sum_of_its_parts(
        operation in priced(), factor in factor(), used in used(), own in any::<bool>(), free in any::<bool>(),
    ) {
        prop_assume!(operation.is_summable());
        let (tier, unpriced) = (if own { "own" } else { "times" }, if free { Unpriced::Free } else { Unpriced::Reject });
        let catalog = pricing(&operation, factor, unpriced);
        let card = catalog.card("default", None).unwrap();
        let (prices, factor) = in_force(&operation, tier, card, used.tokens_in);
        let exact = cost_at(&prices, &value(factor.to_amount()), &used);
        let rejected = !free && forgotten(&prices, &used);
        match catalog.price(&[], None, &of(used, tier)) {
            Ok(Priced { cost, card, .. }) => {
                prop_assert!(!rejected);
                prop_assert_eq!(Some(cost), to_amount(&up_to_unit(&exact)));
                let from = |over: &[Over]| reached(over, used.tokens_in).map_or(0, Over::from);
                let in_tier = match operation.tiers.get(&name(tier)) {
                    Some(Tier::Prices { over, .. }) => from(over),
                    _ => 0,
                };
                prop_assert_eq!(card.unwrap().over, from(&operation.over).max(in_tier));
            }
            Err(PriceError::UnpricedComponent { .. }) => prop_assert!(rejected),
            Err(PriceError::Range) => {
                // Far beyond any use: 1e15 is the most, and each price times the factor
                // is to fit as well.
                let most = prices.values().map(|price| value(price.amount) * value(factor.to_amount()));
                let sum = most.fold(exact, |sum, price| sum + price);
                prop_assert!(sum > ratio(100_000_000_000_u64, 1), "{sum}");
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    /// Splitting an event over several changes its exact cost only by sizes of inputs.
    #[test]
    fn two_halves_cost_what_the_whole_does(operation in priced(), one in quantities(), other in quantities()) {
        let linear = Operation { over: Vec::new(), tiers: BTreeMap::new(), ..operation };
        prop_assume!(linear.is_summable());
        let [one, other] = [one, other].map(|used| Quantities::from_table(used.to_table().map(|count| count / 2)));
        let mut sum = one.to_table();
        for (component, count) in other.to_table().iter() {
            sum.set(component, sum.of(component) + count);
        }
        let catalog = pricing(&linear, Factor::ONE, Unpriced::Free);
        let cost = |used| catalog.price(&[], None, &of(used, "times")).map(|priced| value(priced.cost));
        let Ok(whole) = cost(Quantities::from_table(sum)) else { return Ok(()) };
        let halves = cost(one).unwrap() + cost(other).unwrap();
        // Each is rounded up once.
        let above = crate::oracle::in_units(&(halves - whole));
        prop_assert!(above > ratio(-1, 1) && above < ratio(2, 1), "{above}");
    }

    /// What is billed is what the events cost, but for packages, minimums and rounding.
    #[test]
    fn a_bill_adds_up_to_what_its_events_cost(operation in priced(), used in vec(used(), 1..6), own in any::<bool>()) {
        let operation = Operation { packages: None, ..operation };
        prop_assume!(operation.is_summable());
        let catalog = pricing(&operation, Factor::ONE, Unpriced::Free);
        let tier = if own { "own" } else { "times" };
        let mut sum = ratio(0, 1);
        let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
        for used in used {
            let event = of(used, tier);
            let Ok(priced) = catalog.price(&[], None, &event) else { return Ok(()) };
            sum += value(priced.cost);
            let totals = Totals::of(&event, priced.cost);
            groups.entry(group(tier, &priced)).or_default().add(&totals).unwrap();
        }
        let billed = bill(Currency::USD, &groups, &catalog).unwrap();
        let above = crate::oracle::in_units(&(sum - value(billed.unrounded)));
        prop_assert!(above > ratio(-200, 1) && above < ratio(200, 1), "{above}");
    }
}

fn group(tier: &str, priced: &Priced) -> Group {
    Group {
        operation: name("op"),
        tier: name(tier),
        card: priced.card.clone(),
        overridden: false,
    }
}

fn prices(list: &[(Component, &str, u64)]) -> Prices {
    let one = |(component, amount, per): &(Component, &str, u64)| {
        (*component, given::price(amount, *per))
    };
    list.iter().map(one).collect()
}

/// What an event costs, or why it has no cost.
fn cost(operation: &Operation, used: Quantities, tier: &str) -> String {
    let catalog = pricing(operation, given::factor("0.5"), Unpriced::Reject);
    match catalog.price(&[], None, &of(used, tier)) {
        Ok(priced) => priced.cost.to_string(),
        Err(error) => error.to_string(),
    }
}

const MILLION: u64 = 1_000_000;

/// Each row is a sum that can be done on paper; the prices are per million tokens.
#[test]
fn parts_of_tokens_cost_what_an_accountant_finds() {
    use Component::{
        AudioTokenIn, CacheWrite1hTokenIn, CacheWriteTokenIn, CachedTokenIn, ImageTokenOut,
        ReasoningTokenOut, Search, TokenIn, TokenOut,
    };
    let of = |list: &[(Component, &str)]| Operation {
        prices: list
            .iter()
            .map(|(component, amount)| {
                let per = if *component == Search { 1000 } else { MILLION };
                (*component, given::price(amount, per))
            })
            .collect(),
        ..Operation::default()
    };
    let gpt = of(&[(TokenIn, "2.50"), (CachedTokenIn, "1.25"), (TokenOut, "10")]);
    let claude = of(&[
        (TokenIn, "3"),
        (CachedTokenIn, "0.30"),
        (CacheWriteTokenIn, "3.75"),
        (TokenOut, "15"),
    ]);
    let mut hour = claude.clone();
    hour.prices
        .insert(CacheWrite1hTokenIn, given::price("6", MILLION));
    let mut thinking = gpt.clone();
    thinking
        .prices
        .insert(ReasoningTokenOut, given::price("40", MILLION));
    let mut searching = gpt.clone();
    searching.prices.insert(Search, given::price("10", 1000));
    let media = of(&[
        (TokenIn, "1"),
        (AudioTokenIn, "4"),
        (TokenOut, "2"),
        (ImageTokenOut, "30"),
    ]);
    let none = Quantities::NONE;
    for (about, operation, used, expected) in [
        (
            "86 fresh, 1,920 cached",
            &gpt,
            Quantities {
                tokens_in: 2006,
                cached_tokens_in: 1920,
                tokens_out: 300,
                ..none
            },
            "0.005615",
        ),
        (
            "3 fresh, 12,304 written",
            &claude,
            Quantities {
                tokens_in: 12_307,
                cache_write_tokens_in: 12_304,
                tokens_out: 550,
                ..none
            },
            "0.054399",
        ),
        (
            "1,000 written for an hour at their own price",
            &hour,
            Quantities {
                tokens_in: 1000,
                cache_write_1h_tokens_in: 1000,
                ..none
            },
            "0.006",
        ),
        (
            "the same without one: as those written for less",
            &claude,
            Quantities {
                tokens_in: 1000,
                cache_write_1h_tokens_in: 1000,
                ..none
            },
            "0.00375",
        ),
        (
            "the same without either: as any other",
            &gpt,
            Quantities {
                tokens_in: 1000,
                cache_write_1h_tokens_in: 1000,
                ..none
            },
            "0.0025",
        ),
        (
            "200 of reasoning without a price of their own",
            &gpt,
            Quantities {
                tokens_out: 300,
                reasoning_tokens_out: 200,
                ..none
            },
            "0.003",
        ),
        (
            "200 of reasoning at 40",
            &thinking,
            Quantities {
                tokens_out: 300,
                reasoning_tokens_out: 200,
                ..none
            },
            "0.009",
        ),
        (
            "3 searches at 10 a thousand",
            &searching,
            Quantities {
                searches: 3,
                ..none
            },
            "0.03",
        ),
        (
            "sound read from a cache costs what sound does",
            &media,
            Quantities {
                tokens_in: 300,
                cached_audio_tokens_in: 100,
                audio_tokens_in: 100,
                ..none
            },
            "0.0009",
        ),
        (
            "100 said, 100 drawn",
            &media,
            Quantities {
                tokens_out: 200,
                image_tokens_out: 100,
                ..none
            },
            "0.0032",
        ),
        (
            "nothing but what was cached",
            &gpt,
            Quantities {
                tokens_in: 1920,
                cached_tokens_in: 1920,
                ..none
            },
            "0.0024",
        ),
    ] {
        assert_eq!(cost(operation, used, "standard"), expected, "{about}");
    }
    let batch = Quantities {
        tokens_in: 2006,
        cached_tokens_in: 1920,
        tokens_out: 300,
        ..none
    };
    assert_eq!(cost(&gpt, batch, "times"), "0.0028075", "half");
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
    let used = Quantities {
        tokens_in: 300_000,
        tokens_out: 1000,
        ..Quantities::NONE
    };
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
    let both = Quantities {
        tokens_in: 10,
        tokens_out: 10,
        ..Quantities::NONE
    };
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

/// The bill of `units` of an operation, in as many events.
fn billed(operation: &Operation, units: &[u64]) -> Bill {
    let catalog = pricing(operation, Factor::ONE, Unpriced::Reject);
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for units in units {
        let event = of(
            Quantities {
                units: *units,
                ..Quantities::NONE
            },
            "standard",
        );
        let priced = catalog.price(&[], None, &event).unwrap();
        let totals = Totals::of(&event, priced.cost);
        groups
            .entry(group("standard", &priced))
            .or_default()
            .add(&totals)
            .unwrap();
    }
    bill(Currency::USD, &groups, &catalog).unwrap()
}

fn lines(bill: &Bill) -> Vec<(Item, i128, String)> {
    let line = |line: &tollgate_core::Line| (line.item, line.quantity, line.amount.to_string());
    bill.lines.iter().map(line).collect()
}

#[test]
fn each_begun_package_is_paid_for_in_full_once_a_range() {
    let operation = Operation {
        packages: Some(Packages {
            size: 1000,
            price: usd("2"),
        }),
        ..Operation::default()
    };
    for (units, packages, amount) in [
        (&[1][..], 1, "2"),
        (&[999], 1, "2"),
        (&[1000], 1, "2"),
        (&[1001], 2, "4"),
        (&[400, 400, 400], 2, "4"),
        (&[1000, 1000, 1], 3, "6"),
    ] {
        let expected = (Item::Charge(Charge::Package), packages, amount.to_owned());
        assert_eq!(lines(&billed(&operation, units)), [expected], "{units:?}");
    }
    let used = Quantities {
        units: 250,
        ..Quantities::NONE
    };
    assert_eq!(
        cost(&operation, used, "standard"),
        "0.5",
        "an event costs its share"
    );
}

#[test]
fn what_is_missing_to_the_minimum_is_a_line_of_its_own() {
    let operation = Operation {
        prices: prices(&[(Component::Unit, "0.10", 1)]),
        minimum: Some(usd("50")),
        ..Operation::default()
    };
    let of_units = |quantity, amount: &str| {
        (
            Item::Component(Component::Unit),
            quantity,
            amount.to_owned(),
        )
    };
    let missing = |amount: &str| (Item::Charge(Charge::Minimum), 1, amount.to_owned());
    for (units, expected) in [
        (1, vec![of_units(1, "0.1"), missing("49.9")]),
        (499, vec![of_units(499, "49.9"), missing("0.1")]),
        (500, vec![of_units(500, "50")]),
        (501, vec![of_units(501, "50.1")]),
    ] {
        assert_eq!(lines(&billed(&operation, &[units])), expected);
    }
    assert_eq!(lines(&billed(&operation, &[])), []);
}

#[test]
fn a_share_is_charged_on_top_of_the_price_that_comes_with_an_event() {
    let operation = Operation {
        percentage: Some(usd("0.03")),
        ..Operation::default()
    };
    let catalog = pricing(&operation, Factor::ONE, Unpriced::Reject);
    let mut event = of(Quantities::default(), "standard");
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for (given, expected) in [("10", "10.3"), ("0.1", "0.103"), ("0", "0")] {
        event.cost_override = Some(usd(given));
        let priced = catalog.price(&[], None, &event).unwrap();
        assert_eq!(priced.cost.to_string(), expected);
        let group = Group {
            overridden: true,
            ..group("standard", &priced)
        };
        groups
            .entry(group)
            .or_default()
            .add(&Totals::of(&event, priced.cost))
            .unwrap();
    }
    let billed = bill(Currency::USD, &groups, &catalog).unwrap();
    let line = |charge, amount: &str| (Item::Charge(charge), 3, amount.to_owned());
    assert_eq!(
        lines(&billed),
        [
            line(Charge::Override, "10.1"),
            line(Charge::Percentage, "0.3")
        ]
    );
    assert_eq!(billed.unrounded, usd("10.403"));
}

/// What nothing has a price for costs nothing and is named.
#[test]
fn what_is_only_observed_without_a_price_is_a_line_of_nothing() {
    let catalog = pricing(&Operation::default(), Factor::ONE, Unpriced::Reject);
    let event = of(Quantities::default(), "standard");
    let priced = catalog.unpriced(&[], None, event.timestamp);
    assert_eq!(
        (priced.cost, priced.currency, &priced.card),
        (Amount::ZERO, Currency::USD, &None)
    );
    let groups = BTreeMap::from([(group("standard", &priced), Totals::of(&event, priced.cost))]);
    let billed = bill(Currency::USD, &groups, &catalog).unwrap();
    let expected = (Item::Charge(Charge::Unpriced), 1, "0".to_owned());
    assert_eq!((lines(&billed), billed.events), (vec![expected], 1));
    let none: &[Name] = &[name("nowhere")];
    assert_eq!(
        catalog.unpriced(none, None, event.timestamp).currency,
        Currency::USD
    );
}
