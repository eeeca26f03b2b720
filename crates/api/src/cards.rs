//! Rate cards as operators send them.

use crate::json::{Errors, Fault, Node, NodeKind, Object, scalar};
use crate::problem::Problem;
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Card, Component, Currency, DiscountMode, Factor, Instant, Name, Operation, Price, QUANTITY_MAX, Unpriced, VolumeDiscount,
};

/// The highest price.
const PRICE_MAX: u64 = 1_000_000_000_000;
/// The most volume discounts of one operation.
const DISCOUNTS_MAX: usize = 100;
const UNPRICED: &[(&str, Unpriced)] = &[("reject", Unpriced::Reject), ("free", Unpriced::Free)];
const DISCOUNT_MODES: &[(&str, DiscountMode)] = &[("graduated", DiscountMode::Graduated), ("volume", DiscountMode::Volume)];

/// A rate card as it was sent: to become the next version of its card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCard {
    /// The card.
    pub id: Name,
    /// The currency of all of its prices.
    pub currency: Currency,
    /// The first instant that it prices; absent = from receipt on.
    pub effective_from: Option<Instant>,
    /// Price factors by tier.
    pub tiers: BTreeMap<Name, Factor>,
    /// What becomes of an operation that it does not name.
    pub unpriced: Unpriced,
    /// Prices by operation.
    pub operations: BTreeMap<Name, Operation>,
}

impl NewCard {
    /// The card as `version`, at `sequence` among all versions of all cards.
    #[must_use]
    pub fn into_card(self, version: u32, sequence: u64, now: Instant) -> Card {
        Card {
            id: self.id,
            version,
            sequence,
            currency: self.currency,
            effective_from: self.effective_from.unwrap_or(now),
            tiers: self.tiers,
            unpriced: self.unpriced,
            operations: self.operations,
        }
    }
}

/// Reads `PUT /rate-cards/{id}`; an `id` in the body must be the same.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_card(id_in_path: &str, body: &[u8]) -> Result<NewCard, Problem> {
    let id = Name::in_path(id_in_path).map_err(|error| Problem::invalid_event("/id", error.to_string()))?;
    let card = Node::root(body).and_then(|node| node.object(|object| card(object, id)));
    card.map_err(Errors::into_problem)
}

fn card(object: &mut Object<'_>, id: Name) -> Option<NewCard> {
    let other = object.read("id", scalar::path_name).is_some_and(|given| given != id);
    object.forbid(other, "id", "must be the id in the path");
    let currency = object.need("currency", scalar::currency);
    let effective_from = object.read("effective_from", scalar::instant);
    let unpriced = object.read("unpriced", scalar::one_of(UNPRICED)).unwrap_or(Unpriced::Reject);
    let tiers = object.take("tiers").map_or_else(|| Ok(standard_tier()), |node| tiers(&node));
    let tiers = object.keep(tiers);
    object.require("operations");
    let operations = object.take("operations").map(|node| named(&node, |node| node.object(operation)));
    let operations = operations.and_then(|operations| object.keep(operations));
    Some(NewCard {
        id,
        currency: currency?,
        effective_from,
        tiers: tiers?,
        unpriced,
        operations: operations?,
    })
}

fn standard_tier() -> BTreeMap<Name, Factor> {
    BTreeMap::from([(Name::standard(), Factor::ONE)])
}

fn tiers(node: &Node<'_>) -> Result<BTreeMap<Name, Factor>, Errors> {
    let tiers = named(node, |node| {
        let factor = Factor::new(node.scalar(scalar::decimal)?);
        factor.ok_or_else(|| node.fault(Fault::rule("must be at most 1000000, with at most 3 fraction digits")))
    })?;
    if tiers.is_empty() {
        return Err(node.fault(Fault::rule("must name at least one tier")));
    }
    Ok(tiers)
}

/// A dictionary with names for keys.
fn named<'a, T>(node: &Node<'a>, read: impl Fn(&Node<'a>) -> Result<T, Errors>) -> Result<BTreeMap<Name, T>, Errors> {
    let entry = |(key, node): (String, Node<'a>)| {
        let name = Name::new(&key).map_err(|error| node.fault(Fault::Rule(format!("has a name that {error}"))))?;
        Ok((name, read(&node)?))
    };
    Errors::gather(node.entries()?.into_iter().map(entry)).map(BTreeMap::from_iter)
}

fn operation(object: &mut Object<'_>) -> Option<Operation> {
    let mut prices = BTreeMap::new();
    for component in Component::ALL {
        let price = object.take(component.as_str()).map(|node| price(&node));
        let price = price.and_then(|price| object.keep(price));
        prices.extend(price.map(|price| (component, price)));
    }
    let discounts = object.take("volume_discounts").map(|node| discounts(&node));
    let operation = Operation {
        prices,
        volume_discounts: discounts.and_then(|discounts| object.keep(discounts)).unwrap_or_default(),
        discount_mode: object.read("discount_mode", scalar::one_of(DISCOUNT_MODES)).unwrap_or_default(),
    };
    if !operation.is_summable() {
        object.fault_here(Fault::rule("has prices per numbers whose least common multiple exceeds 1e18"));
    }
    Some(operation)
}

/// An amount for one, or `{amount, per}`.
fn price(node: &Node<'_>) -> Result<Price, Errors> {
    if node.kind() != NodeKind::Object {
        let amount = node.scalar(scalar::decimal_to(PRICE_MAX))?;
        return Ok(Price { amount, per: 1 });
    }
    node.object(|object| {
        let amount = object.need("amount", scalar::decimal_to(PRICE_MAX));
        let per = object.need("per", scalar::integer(1, Price::PER_MAX));
        Some(Price {
            amount: amount?,
            per: per?,
        })
    })
}

fn discounts(node: &Node<'_>) -> Result<Vec<VolumeDiscount>, Errors> {
    let nodes = node.elements(0, DISCOUNTS_MAX)?;
    let mut last: Option<u64> = None;
    let discounts = nodes.iter().map(|node| {
        node.object(|object| {
            let from = object.need("from", scalar::integer(0, QUANTITY_MAX));
            let discount: Option<Amount> = object.need("discount", scalar::decimal_to(1));
            let falls = from.zip(last).is_some_and(|(from, last)| from <= last);
            object.forbid(falls, "from", "must exceed that of the discount before");
            last = from.or(last);
            Some(VolumeDiscount {
                from: from?,
                discount: discount?,
            })
        })
    });
    Errors::gather(discounts)
}
