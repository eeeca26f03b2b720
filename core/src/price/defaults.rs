//! What holds for tenants that name nothing of their own.

use crate::event::name::Name;
use crate::price::card::DEFAULT;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What holds for tenants that name nothing of their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Defaults {
    /// 0 = as they are built in; one more with each change.
    pub version: u32,
    /// The place of this version among all versions of cards, exchange rates and
    /// defaults; 0 = it is built in.
    pub sequence: u64,
    /// The cards that price, the first first.
    pub rate_cards: Vec<Name>,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            version: 0,
            sequence: 0,
            rate_cards: Name::new(DEFAULT).into_iter().collect(),
        }
    }
}
