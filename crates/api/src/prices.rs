//! Prices of operations as operators send them.

use crate::json::{Errors, Fault, Node, NodeKind, Object, scalar};
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Component, DiscountMode, Factor, Name, Operation, Over, Packages, Price, Prices,
    QUANTITY_MAX, Tier, VolumeDiscount,
};

/// The highest price.
const PRICE_MAX: u64 = 1_000_000_000_000;
/// Discounts have at most 9 fraction digits, so that a line stays exact.
const DISCOUNT_STEP: i128 = 1_000_000_000;
/// The most volume discounts of one operation.
const DISCOUNTS_MAX: usize = 100;
/// The most sizes of inputs with prices of their own.
const OVER_MAX: usize = 20;
/// Shares have at most 6 fraction digits.
const SHARE_STEP: i128 = 1_000_000_000_000;

/// The prices of one operation.
pub(crate) fn operation(object: &mut Object<'_>) -> Option<Operation> {
    let prices = prices(object);
    let over = over(object);
    let tiers = object.take("tiers").map(|node| named(&node, tier));
    let discounts = object.take("volume_discounts").map(|node| discounts(&node));
    let packages = object.take("packages").map(|node| node.object(packages));
    let operation = Operation {
        over,
        tiers: tiers
            .and_then(|tiers| object.keep(tiers))
            .unwrap_or_default(),
        volume_discounts: discounts
            .and_then(|discounts| object.keep(discounts))
            .unwrap_or_default(),
        discount_mode: object
            .read("discount_mode", scalar::one_of(&DiscountMode::ALL))
            .unwrap_or_default(),
        packages: packages.and_then(|packages| object.keep(packages)),
        minimum: object.read("minimum", scalar::decimal_to(PRICE_MAX)),
        percentage: object.read("percentage", scalar::decimal_to(10)),
        prices,
    };
    let is_fine = operation
        .percentage
        .is_some_and(|share| share.units() % SHARE_STEP != 0);
    object.forbid(is_fine, "percentage", "must have at most 6 fraction digits");
    let packed = operation.packages.is_some();
    let has_unit = operation.prices.contains_key(&Component::Unit);
    object.forbid(
        packed && has_unit,
        "packages",
        "must be absent beside `unit`",
    );
    object.forbid(
        packed && !operation.volume_discounts.is_empty(),
        "packages",
        "must be absent beside `volume_discounts`",
    );
    if !operation.is_summable() {
        object.fault_here(Fault::rule(
            "has prices per numbers whose least common multiple exceeds 1e18",
        ));
    }
    Some(operation)
}

/// Prices by component, among the fields of `object`.
fn prices(object: &mut Object<'_>) -> Prices {
    let mut prices = BTreeMap::new();
    for component in Component::ALL {
        let price = object.take(component.as_str()).map(|node| price(&node));
        let price = price.and_then(|price| object.keep(price));
        prices.extend(price.map(|price| (component, price)));
    }
    prices
}

/// The prices of large inputs, the field `over` of `object`.
fn over(object: &mut Object<'_>) -> Vec<Over> {
    let Some(node) = object.take("over") else {
        return Vec::new();
    };
    let nodes = node.elements(0, OVER_MAX);
    let read = nodes.and_then(|nodes| {
        let mut last: Option<u64> = None;
        Errors::gather(nodes.iter().map(|node| {
            node.object(|object| {
                let size = object.need("tokens_in", scalar::quantity);
                let inclusive = object.read("inclusive", scalar::flag).unwrap_or(false);
                let over = Over {
                    tokens_in: size.unwrap_or(0),
                    inclusive,
                    prices: prices(object),
                };
                let from = size.map(|_| over.from());
                let falls = from.zip(last).is_some_and(|(from, last)| from <= last);
                object.forbid(falls, "tokens_in", "must exceed that of the one before");
                last = from.or(last);
                size.map(|_| over)
            })
        }))
    });
    object.keep(read).unwrap_or_default()
}

/// A factor, or prices.
fn tier(node: &Node<'_>) -> Result<Tier, Errors> {
    if node.kind() != NodeKind::Object {
        return factor(node).map(Tier::Factor);
    }
    node.object(|object| {
        let (prices, over) = (prices(object), over(object));
        if prices.is_empty() && over.is_empty() {
            object.fault_here(Fault::rule("must be a factor or name a price"));
        }
        Some(Tier::Prices { prices, over })
    })
}

/// What all prices of a tier are multiplied by.
pub(crate) fn factor(node: &Node<'_>) -> Result<Factor, Errors> {
    let factor = Factor::new(node.scalar(scalar::decimal)?);
    factor.ok_or_else(|| {
        node.fault(Fault::rule(
            "must be at most 1000000, with at most 3 fraction digits",
        ))
    })
}

fn packages(object: &mut Object<'_>) -> Option<Packages> {
    let size = object.need("size", scalar::integer(1, Price::PER_MAX));
    let price = object.need("price", scalar::decimal_to(PRICE_MAX));
    Some(Packages {
        size: size?,
        price: price?,
    })
}

/// A dictionary with names for keys.
pub(crate) fn named<'a, T>(
    node: &Node<'a>,
    read: impl Fn(&Node<'a>) -> Result<T, Errors>,
) -> Result<BTreeMap<Name, T>, Errors> {
    let entry = |(key, node): (String, Node<'a>)| {
        let name = Name::new(&key)
            .map_err(|error| node.fault(Fault::Rule(format!("has a name that {error}"))))?;
        Ok((name, read(&node)?))
    };
    Errors::gather(node.entries()?.into_iter().map(entry)).map(BTreeMap::from_iter)
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
            let fine = discount.is_some_and(|discount| discount.units() % DISCOUNT_STEP != 0);
            object.forbid(fine, "discount", "must have at most 9 fraction digits");
            last = from.or(last);
            Some(VolumeDiscount {
                from: from?,
                discount: discount?,
            })
        })
    });
    Errors::gather(discounts)
}
