//! Prices by tier and length of prompt, and the shortest operation that says the same.

use crate::import::decimal::Decimal;
use crate::import::draft::{
    Component, OperationDraft, OverDraft, Price, Prices, STANDARD, TierDraft,
};
use std::collections::{BTreeMap, BTreeSet};

/// The prices that a map has, where it has one: by tier and by how many tokens of input
/// they are over, 0 for the others.
#[derive(Debug, Default)]
pub(crate) struct Cells(BTreeMap<String, BTreeMap<u64, Prices>>);

/// All prices of each tier at each length, none left to be looked up elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Rows(BTreeMap<String, BTreeMap<u64, Prices>>);

impl Cells {
    /// Puts a price in its place.
    pub(crate) fn put(&mut self, tier: &str, over: u64, component: Component, price: Price) {
        self.at(tier, over).insert(component, price);
    }

    /// The prices of `tier` over `over`.
    pub(crate) fn at(&mut self, tier: &str, over: u64) -> &mut Prices {
        let tier = self.0.entry(tier.to_owned()).or_default();
        tier.entry(over).or_default()
    }

    /// The price of `component` in `tier` over `over`.
    pub(crate) fn price(&self, tier: &str, over: u64, component: Component) -> Option<Price> {
        self.0.get(tier)?.get(&over)?.get(&component).copied()
    }

    /// Whether `tier` has a price of `component` of its own at any length.
    pub(crate) fn has(&self, tier: &str, component: Component) -> bool {
        let lengths = self.0.get(tier).into_iter().flatten();
        lengths
            .into_iter()
            .any(|(_, prices)| prices.contains_key(&component))
    }

    /// Whether there is a price of its own in `tier`.
    pub(crate) fn has_tier(&self, tier: &str) -> bool {
        self.0.contains_key(tier)
    }

    /// All prices. A price that a length has not is that of the next shorter; one that a
    /// tier has not is the standard one. Where `takes_standard` says so of a tier, the
    /// standard price of the same length comes before the tier's own of a shorter one.
    pub(crate) fn rows(&self, takes_standard: impl Fn(&str) -> bool) -> Rows {
        let lengths = self.0.values().flat_map(BTreeMap::keys).copied();
        let lengths: BTreeSet<u64> = lengths.chain([0]).collect();
        let none = BTreeMap::new();
        let standard_cells = self.0.get(STANDARD).unwrap_or(&none);
        let standard = accumulate(&lengths, |length, last| {
            last.extend(standard_cells.get(&length).into_iter().flatten());
        });
        let mut rows = Rows::default();
        for (tier, cells) in self.0.iter().filter(|(tier, _)| *tier != STANDARD) {
            let takes_standard = takes_standard(tier);
            let own = accumulate(&lengths, |length, last| {
                if takes_standard && length > 0 {
                    last.extend(standard_cells.get(&length).into_iter().flatten());
                }
                last.extend(cells.get(&length).into_iter().flatten());
            });
            rows.0.insert(tier.clone(), laid_over(&standard, &own));
        }
        rows.0.insert(STANDARD.to_owned(), standard);
        rows
    }
}

fn accumulate(lengths: &BTreeSet<u64>, step: impl Fn(u64, &mut Prices)) -> BTreeMap<u64, Prices> {
    let mut last = Prices::new();
    let rows = lengths.iter().map(|length| {
        step(*length, &mut last);
        (*length, last.clone())
    });
    rows.collect()
}

fn laid_over(under: &BTreeMap<u64, Prices>, own: &BTreeMap<u64, Prices>) -> BTreeMap<u64, Prices> {
    let rows = under.iter().map(|(length, prices)| {
        let mut row = prices.clone();
        row.extend(own.get(length).into_iter().flatten());
        (*length, row)
    });
    rows.collect()
}

impl Rows {
    /// The standard rows.
    pub(crate) fn standard(&self) -> BTreeMap<u64, Prices> {
        self.0.get(STANDARD).cloned().unwrap_or_default()
    }

    /// Each row with its tier, to be changed.
    pub(crate) fn each_mut(&mut self) -> impl Iterator<Item = (&str, u64, &mut Prices)> {
        self.0.iter_mut().flat_map(|(tier, rows)| {
            let rows = rows.iter_mut();
            rows.map(move |(length, row)| (tier.as_str(), *length, row))
        })
    }

    /// Adds the tier `name`: what `change` makes of each standard row. A tier that is
    /// there stays.
    pub(crate) fn add(&mut self, name: &str, change: impl FnMut(&mut Prices)) {
        let mut rows = self.standard();
        rows.values_mut().for_each(change);
        self.0.entry(name.to_owned()).or_insert(rows);
    }

    /// The operation that says the same. A component that it does not name in a tier or
    /// over a length is one whose price is the same there.
    pub(crate) fn fold(&self, inclusive: bool) -> OperationDraft {
        let none = BTreeMap::new();
        let standard = self.0.get(STANDARD).unwrap_or(&none);
        let prices = standard.get(&0).cloned().unwrap_or_default();
        let over = overs(standard, inclusive, |_, part| prices.get(&part));
        let others = self.0.iter().filter(|(tier, _)| *tier != STANDARD);
        let tiers = others.map(|(tier, rows)| {
            let draft = match factor(standard, rows) {
                Some(factor) => TierDraft::Factor(factor),
                None => own_prices(standard, rows, inclusive),
            };
            (tier.clone(), draft)
        });
        OperationDraft {
            tiers: tiers.collect(),
            prices,
            over,
        }
    }
}

fn own_prices(
    standard: &BTreeMap<u64, Prices>,
    rows: &BTreeMap<u64, Prices>,
    inclusive: bool,
) -> TierDraft {
    let price = |rows: &BTreeMap<u64, Prices>, part| rows.get(&0)?.get(&part).copied();
    let first = rows.get(&0).into_iter().flatten();
    let differs = first.filter(|(part, own)| price(standard, **part).as_ref() != Some(*own));
    let prices: Prices = differs.map(|(part, own)| (*part, *own)).collect();
    let over = overs(rows, inclusive, |length, part| {
        let standard = standard.get(&length).and_then(|row| row.get(&part));
        prices.get(&part).or(standard)
    });
    TierDraft::Prices { prices, over }
}

/// What `rows` have over each length: all components that differ at any of them from
/// what would else hold, since only the greatest length that an event is over applies.
fn overs<'a>(
    rows: &BTreeMap<u64, Prices>,
    inclusive: bool,
    else_holds: impl Fn(u64, Component) -> Option<&'a Price>,
) -> Vec<OverDraft> {
    let longer = || rows.iter().filter(|(length, _)| **length > 0);
    let cells = longer().flat_map(|(length, row)| row.iter().map(move |cell| (*length, cell)));
    let differing: BTreeSet<Component> = cells
        .filter(|(length, (part, price))| else_holds(*length, **part) != Some(*price))
        .map(|(_, (part, _))| *part)
        .collect();
    if differing.is_empty() {
        return Vec::new();
    }
    let drafts = longer().map(|(length, row)| OverDraft {
        tokens_in: *length,
        inclusive,
        prices: row
            .iter()
            .filter(|(part, _)| differing.contains(part))
            .map(|(part, price)| (*part, *price))
            .collect(),
    });
    drafts.collect()
}

/// What all standard prices are multiplied by to get those of a tier, if one number is.
fn factor(standard: &BTreeMap<u64, Prices>, rows: &BTreeMap<u64, Prices>) -> Option<Decimal> {
    let cells = |rows: &BTreeMap<u64, Prices>| -> Vec<(u64, Component, Price)> {
        let each = rows
            .iter()
            .flat_map(|(length, row)| row.iter().map(|(part, price)| (*length, *part, *price)));
        each.collect()
    };
    let (bases, own) = (cells(standard), cells(rows));
    let is_same =
        |((l1, p1, a), (l2, p2, b)): (&(u64, Component, Price), &(u64, Component, Price))| {
            (l1, p1, a.per) == (l2, p2, b.per)
        };
    if bases.len() != own.len() || !bases.iter().zip(&own).all(is_same) {
        return None;
    }
    let mut pairs = bases
        .iter()
        .zip(&own)
        .map(|(a, b)| (a.2.amount, b.2.amount));
    let found = pairs.clone().find(|(base, _)| !base.is_zero());
    let factor = match found {
        Some((base, own)) => own.factor_of(base)?,
        None => Decimal::ONE,
    };
    let fits = factor.is_at_most(FACTOR_MAX);
    let holds = pairs.all(|(base, own)| base.times(factor) == Some(own));
    (fits && holds).then_some(factor)
}

const FACTOR_MAX: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use Component::{CachedTokenIn, Search, TokenIn, TokenOut};
    use serde_json::{Value, json};

    type Cell<'a> = (&'a str, u64, Component, &'a str);

    fn cells(cells: &[Cell<'_>]) -> Cells {
        let mut all = Cells::default();
        for (tier, over, component, amount) in cells {
            let amount = Decimal::exact(amount).unwrap();
            all.put(tier, *over, *component, Price { amount, per: 1 });
        }
        all
    }

    fn folded(all: &[Cell<'_>], takes_standard: bool) -> Value {
        let rows = cells(all).rows(|_| takes_standard);
        serde_json::to_value(rows.fold(false)).unwrap()
    }

    #[test]
    fn one_number_for_all_prices_is_a_factor() {
        let all = [
            (STANDARD, 0, TokenIn, "3"),
            (STANDARD, 0, TokenOut, "15"),
            (STANDARD, 200, TokenIn, "6"),
            ("batch", 0, TokenIn, "1.5"),
            ("batch", 0, TokenOut, "7.5"),
            ("batch", 200, TokenIn, "3"),
        ];
        let expected = json!({"token_in": "3", "token_out": "15",
            "over": [{"tokens_in": 200, "token_in": "6"}], "tiers": {"batch": "0.5"}});
        assert_eq!(folded(&all, false), expected);
    }

    #[test]
    fn a_price_that_a_tier_keeps_makes_it_prices() {
        let all = [
            (STANDARD, 0, TokenIn, "3"),
            (STANDARD, 0, Search, "0.01"),
            ("batch", 0, TokenIn, "1.5"),
        ];
        let expected = json!({"token_in": "3", "search": "0.01",
            "tiers": {"batch": {"token_in": "1.5"}}});
        assert_eq!(folded(&all, false), expected);
    }

    #[test]
    fn a_tier_without_a_long_price_takes_the_standard_one_or_its_own() {
        let all = [
            (STANDARD, 0, TokenIn, "3"),
            (STANDARD, 200, TokenIn, "6"),
            ("flex", 0, TokenIn, "2"),
        ];
        let over = json!([{"tokens_in": 200, "token_in": "6"}]);
        let own = json!({"token_in": "3", "over": over, "tiers": {"flex": {"token_in": "2"}}});
        assert_eq!(folded(&all, false), own);
        let standard = json!({"token_in": "3", "over": over,
            "tiers": {"flex": {"token_in": "2", "over": over}}});
        assert_eq!(folded(&all, true), standard);
    }

    #[test]
    fn each_length_names_all_components_that_differ_at_any() {
        let all = [
            (STANDARD, 0, TokenIn, "3"),
            (STANDARD, 0, CachedTokenIn, "1"),
            (STANDARD, 32, TokenIn, "4"),
            (STANDARD, 256, CachedTokenIn, "2"),
        ];
        let expected = json!({"token_in": "3", "cached_token_in": "1", "over": [
            {"tokens_in": 32, "token_in": "4", "cached_token_in": "1"},
            {"tokens_in": 256, "token_in": "4", "cached_token_in": "2"}]});
        assert_eq!(folded(&all, false), expected);
    }

    #[test]
    fn a_tier_added_is_made_of_the_standard_rows() {
        let mut rows = cells(&[(STANDARD, 0, TokenIn, "3")]).rows(|_| false);
        rows.add("us", |row| {
            for price in row.values_mut() {
                price.amount = Decimal::exact("3.3").unwrap();
            }
        });
        rows.add("us", Prices::clear);
        let expected = json!({"token_in": "3", "tiers": {"us": "1.1"}});
        assert_eq!(serde_json::to_value(rows.fold(false)).unwrap(), expected);
    }

    #[test]
    fn free_prices_have_the_factor_1() {
        let all = [(STANDARD, 0, TokenIn, "0"), ("batch", 0, TokenIn, "0")];
        let expected = json!({"token_in": "0", "tiers": {"batch": "1"}});
        assert_eq!(folded(&all, false), expected);
    }
}
