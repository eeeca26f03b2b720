//! Every way in which models are priced: parts of tokens, large inputs, tiers of an
//! operation, packages, minimums, shares.

mod models;
mod ranges;

use crate::draw::{self, component, factor, quantities};
use crate::given::{self, card, event, name};
use crate::oracle::{cost_at, quantity, ratio, to_amount, up_to_unit, value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tollgate_core::{
    Card, Catalog, Component, Currency, Event, Factor, Group, Operation, Over, Packages, Price,
    PriceError, Priced, Prices, Quantities, Tier, Totals, Unpriced, bill,
};

/// `PROPTEST_CASES` says how many draws.
fn draws() -> ProptestConfig {
    ProptestConfig {
        max_global_rejects: u32::MAX,
        ..ProptestConfig::default()
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

pub(crate) fn pricing(operation: &Operation, factor: Factor, unpriced: Unpriced) -> Catalog {
    let mut card = card("default", 1, 1);
    card.unpriced = unpriced;
    card.tiers.insert(name("times"), factor);
    card.tiers.insert(name("own"), Factor::ONE);
    card.operations.insert(name("op"), operation.clone());
    let mut catalog = Catalog::default();
    catalog.insert(card);
    catalog
}

pub(crate) fn of(used: Quantities, tier: &str) -> Event {
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

pub(crate) fn group(tier: &str, priced: &Priced) -> Group {
    Group {
        operation: name("op"),
        tier: name(tier),
        card: priced.card.clone(),
        overridden: false,
    }
}

pub(crate) fn prices(list: &[(Component, &str, u64)]) -> Prices {
    let one = |(component, amount, per): &(Component, &str, u64)| {
        (*component, given::price(amount, *per))
    };
    list.iter().map(one).collect()
}

/// What an event costs, or why it has no cost.
pub(crate) fn cost(operation: &Operation, used: Quantities, tier: &str) -> String {
    let catalog = pricing(operation, given::factor("0.5"), Unpriced::Reject);
    match catalog.price(&[], None, &of(used, tier)) {
        Ok(priced) => priced.cost.to_string(),
        Err(error) => error.to_string(),
    }
}

pub(crate) const MILLION: u64 = 1_000_000;

/// `tokens_in 10 searches 3`, and nothing of all else.
pub(crate) fn used_of(text: &str) -> Quantities {
    let mut table = Quantities::NONE.to_table();
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.chunks(2) {
        let mut all = Component::ALL.into_iter();
        let component = all
            .find(|component| component.quantity() == pair[0])
            .unwrap();
        table.set(component, pair[1].parse().unwrap());
    }
    Quantities::from_table(table)
}
