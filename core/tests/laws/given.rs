//! Short ways to write down what a test starts from.

use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Amount, Card, CardRef, Component, Config, Currency, Event, ExchangeRate, Factor, Instant, Name,
    Operation, Price, Quantities, Unpriced,
};

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

pub(crate) fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) fn factor(text: &str) -> Factor {
    Factor::new(usd(text)).unwrap()
}

pub(crate) fn price(amount: &str, per: u64) -> Price {
    Price {
        amount: usd(amount),
        per,
    }
}

pub(crate) fn operation(prices: &[(Component, Price)]) -> Operation {
    Operation {
        prices: prices.iter().copied().collect(),
        ..Operation::default()
    }
}

/// What `used` costs by `operation` at a tier of `factor`; `None` where that cannot be
/// told.
pub(crate) fn cost_of(operation: &Operation, factor: Factor, used: &Quantities) -> Option<Amount> {
    converted_cost(operation, factor, None, used)
}

/// The same, converted.
pub(crate) fn converted_cost(
    operation: &Operation,
    factor: Factor,
    exchange: Option<ExchangeRate>,
    used: &Quantities,
) -> Option<Amount> {
    let mut card = card("default", 1, 1);
    card.tiers.insert(Name::standard(), factor);
    let class = card.class(operation, &Name::standard(), used.tokens_in)?;
    class.cost(exchange, used, true).ok()
}

/// The version of a card that priced an event of whatever size.
pub(crate) fn card_ref(id: &str, version: u32) -> Option<CardRef> {
    Some(CardRef {
        id: name(id),
        version,
        over: 0,
        exchange: None,
    })
}

/// One unit of `of` at ten on 22 November 2026.
pub(crate) fn event(id: &str, of: &str) -> Event {
    Event::new(name(id), at("2026-11-22T10:00:00Z"), name(of))
}

/// The configuration with its limits counted for, all that is counted complete.
pub(crate) fn complete(config: Config, now: Instant) -> Config {
    let renewed = config.renewed(now).unwrap();
    let version = renewed.version;
    renewed.activated(version)
}

/// A card in USD with the tier `standard`, in force for ever, naming nothing.
pub(crate) fn card(id: &str, version: u32, sequence: u64) -> Card {
    Card {
        id: name(id),
        version,
        sequence,
        currency: Currency::USD,
        effective_from: at("2020-01-01T00:00:00Z"),
        tiers: BTreeMap::from([(Name::standard(), Factor::ONE)]),
        unpriced: Unpriced::Reject,
        operations: BTreeMap::new(),
        replaced: BTreeSet::new(),
        source: None,
    }
}
