//! Versions of prices, as they are read.

use std::sync::Arc;
use tollgate_core::{Card, ExchangeTable};

/// A version of a rate card or of the exchange rates.
#[derive(Clone)]
pub(crate) enum Version {
    Card(Arc<Card>),
    Exchange(Arc<ExchangeTable>),
}
