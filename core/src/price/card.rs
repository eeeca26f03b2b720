//! Rate cards: versioned prices of operations in one currency.

use crate::event::name::Name;
use crate::money::currency::Currency;
use crate::price::factor::Factor;
use crate::price::operation::Operation;
use crate::time::instant::Instant;
use crate::words::words;
use alloc::collections::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

/// The id of the built-in card, which prices where no other is named.
pub(crate) const DEFAULT: &str = "default";

/// One version of a rate card. Versions never change; a correction is a new one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Card {
    /// The card.
    pub id: Name,
    /// 1 for its first version, and so on.
    pub version: u32,
    /// The place of this version among all versions of all cards.
    pub sequence: u64,
    /// The currency of all of its prices.
    pub currency: Currency,
    /// The first instant that it prices.
    pub effective_from: Instant,
    /// Price factors by tier.
    pub tiers: BTreeMap<Name, Factor>,
    /// What becomes of what it has no price for.
    pub unpriced: Unpriced,
    /// Prices by operation.
    pub operations: BTreeMap<Name, Operation>,
    /// The versions of before that price nothing since it was put, those that earlier
    /// versions replaced among them.
    #[serde(default)]
    pub replaced: BTreeSet<u32>,
    /// Where it was made from a price map: which, and the SHA-256 of its file.
    #[serde(default)]
    pub source: Option<Source>,
}

/// The price map that a card was made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Source {
    /// The map, such as `litellm`.
    pub map: Name,
    /// The SHA-256 of its file, as 64 hex digits.
    pub digest: Name,
}

words! {
    /// What becomes of an operation, or of tokens, without a price.
    pub enum Unpriced {
        /// It is refused.
        Reject = "reject",
        /// It costs nothing.
        Free = "free",
    }
}
