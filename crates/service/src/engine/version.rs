//! Versions of prices, as they are read.

use std::sync::Arc;
use tollgate_core::{Card, Catalog, Defaults, ExchangeTable};

/// A version of a rate card, of the exchange rates or of the defaults.
#[derive(Clone)]
pub(crate) enum Version {
    Card(Arc<Card>),
    Exchange(Arc<ExchangeTable>),
    Defaults(Arc<Defaults>),
}

impl Version {
    pub(crate) fn add_to(self, catalog: &mut Catalog) {
        match self {
            Self::Card(card) => catalog.insert(card),
            Self::Exchange(table) => catalog.insert_exchange(table),
            Self::Defaults(defaults) => catalog.set_defaults(defaults),
        }
    }
}
