//! Short ways to write down what a test starts from.

use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Card, Component, Config, Currency, Event, Factor, Instant, Name, Operation, Price,
    Unpriced,
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
        takes_over: None,
    }
}
