//! The card that is built in.

use crate::event::name::Name;
use crate::event::quantities::Component;
use crate::money::currency::Currency;
use crate::price::card::{Card, DEFAULT, Unpriced};
use crate::price::factor::Factor;
use crate::price::operation::{Operation, Price};
use crate::time::instant::Instant;
use alloc::collections::{BTreeMap, BTreeSet};

/// The built-in prices per unit in USD. Source: system 000, base rates.
const BUILT_IN: [(&str, &str); 9] = [
    ("constitutional_validation", "0.001"),
    ("agent_message", "0.0005"),
    ("policy_evaluation", "0.002"),
    ("compliance_check", "0.0015"),
    ("deliberation_request", "0.01"),
    ("hitl_approval", "0.05"),
    ("blockchain_anchor", "0.005"),
    ("audit_write", "0.001"),
    ("agent_task", "0"),
];

const BUILT_IN_TIERS: [(&str, &str); 5] = [
    ("standard", "1"),
    ("enhanced", "1.5"),
    ("deliberation", "3"),
    ("enterprise", "2"),
    ("batch", "0.5"),
];

/// Version 1 of the card `default`.
pub(crate) fn built_in_card() -> Option<Card> {
    let id = Name::new(DEFAULT).ok()?;
    let operation = |(name, unit): (&str, &str)| {
        let price = Price {
            amount: unit.parse().ok()?,
            per: 1,
        };
        let prices = BTreeMap::from([(Component::Unit, price)]);
        Some((
            Name::new(name).ok()?,
            Operation {
                prices,
                ..Operation::default()
            },
        ))
    };
    let tier = |(name, factor): (&str, &str)| {
        Some((Name::new(name).ok()?, Factor::new(factor.parse().ok()?)?))
    };
    Some(Card {
        id,
        version: 1,
        sequence: 0,
        currency: Currency::USD,
        effective_from: Instant::from_millis(-62_135_596_800_000).unwrap_or(Instant::EPOCH),
        tiers: BUILT_IN_TIERS.into_iter().filter_map(tier).collect(),
        unpriced: Unpriced::Reject,
        operations: BUILT_IN.into_iter().filter_map(operation).collect(),
        replaced: BTreeSet::new(),
        source: None,
    })
}
