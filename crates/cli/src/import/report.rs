//! What an import made of each entry, and what it left.

use crate::import::decimal::Decimal;
use crate::import::draft::Price;

/// A field of an entry that is not on the card as the map has it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The entry's name in the map.
    pub(crate) entry: String,
    /// The field, empty where it is the entry as a whole.
    pub(crate) field: String,
    /// Why.
    pub(crate) why: String,
    /// Whether the entry is incomplete without it: it is a price that is not 0.
    pub(crate) is_gap: bool,
}

/// How many entries there were, and how many of them the card prices completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// All.
    pub(crate) entries: usize,
    /// Those of which each price that is not 0 is on the card.
    pub(crate) complete: usize,
}

impl Tally {
    pub(super) fn add(&mut self, is_complete: bool) {
        self.entries = self.entries.saturating_add(1);
        self.complete = self.complete.saturating_add(usize::from(is_complete));
    }
}

/// What is found out about one entry.
#[derive(Debug)]
pub(crate) struct Entry {
    name: String,
    pub(super) is_complete: bool,
    pub(super) left: Vec<Left>,
    pub(super) rounded: Vec<Left>,
}

impl Entry {
    /// The entry `name`, complete so far.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            is_complete: true,
            left: Vec::new(),
            rounded: Vec::new(),
        }
    }

    /// Leaves a price: the entry is incomplete.
    pub(crate) fn leave(&mut self, field: &str, why: &str) {
        self.is_complete = false;
        let told = self.told(field, why, true);
        push_new(&mut self.left, told);
    }

    /// Tells of something that is no price: the entry stays complete.
    pub(crate) fn note(&mut self, field: &str, why: &str) {
        let told = self.told(field, why, false);
        push_new(&mut self.left, told);
    }

    /// The price of `field` as a card can hold it; leaves it where none can.
    pub(crate) fn price(
        &mut self,
        field: &str,
        amount: Option<Decimal>,
        per: u64,
    ) -> Option<Price> {
        let fits = amount.filter(|amount| amount.is_at_most(PRICE_MAX));
        let Some(exact) = fits else {
            self.leave(field, "is no number from 0 to 1,000,000,000,000");
            return None;
        };
        let amount = exact.rounded(FRACTION_MAX)?;
        if amount.is_zero() && !exact.is_zero() {
            self.leave(field, "is less than a card can hold, 15 fraction digits");
            return None;
        }
        if amount != exact {
            let why = format!("{exact} for {per} became {amount}");
            let told = self.told(field, &why, false);
            push_new(&mut self.rounded, told);
        }
        Some(Price { amount, per })
    }

    fn told(&self, field: &str, why: &str, is_gap: bool) -> Left {
        Left {
            entry: self.name.clone(),
            field: field.to_owned(),
            why: why.to_owned(),
            is_gap,
        }
    }
}

/// The same price of many dates is told once.
fn push_new(list: &mut Vec<Left>, one: Left) {
    if !list.contains(&one) {
        list.push(one);
    }
}

/// Whether an entry has prices that are not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None.
    Unpriced,
    /// Of tokens, and perhaps others.
    Tokens,
    /// None of tokens.
    Others,
}

const PRICE_MAX: u64 = 1_000_000_000_000;
const FRACTION_MAX: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_what_a_card_can_hold() {
        let mut entry = Entry::new("a");
        let mut price = |text: &str| {
            let price = entry.price("f", Decimal::exact(text), 1)?;
            Some(price.amount.to_string())
        };
        assert_eq!(price("1.5").as_deref(), Some("1.5"));
        assert_eq!(price("0").as_deref(), Some("0"));
        assert_eq!(price("0.050000000000000004").as_deref(), Some("0.05"));
        assert_eq!(price("1000000000001"), None);
        assert_eq!(price("1e-20"), None);
        assert_eq!((entry.rounded.len(), entry.left.len()), (1, 2));
        assert!(!entry.is_complete && entry.left.iter().all(|left| left.is_gap));
    }
}
