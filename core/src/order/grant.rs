//! Credit that is granted.

use crate::event::name::Name;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::time::instant::Instant;
use serde::Serialize;

/// A grant as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GrantOrder {
    /// Unique for the tenant, for ever: it makes the grant happen once.
    pub id: Name,
    /// How much; above 0.
    pub amount: Amount,
    /// The tenant's currency.
    pub currency: Currency,
    /// What is drawn first: the lowest number.
    pub priority: u32,
    /// From when on nothing is drawn of it.
    pub expires_at: Option<Instant>,
}
