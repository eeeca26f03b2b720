//! A tenant's own fields.

use crate::event::name::Name;
use crate::limit::config::Lanes;
use crate::money::currency::Currency;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// A tenant's own fields; what is absent is unset, but for a currency, which
/// stays once it is fixed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TenantSettings {
    /// Who it is, for people.
    pub name: Option<String>,
    /// Who it is, for links.
    pub slug: Option<String>,
    /// Its currency: the one that first use fixed, or any before that.
    pub currency: Option<Currency>,
    /// The cards that price its events, the first that names an operation first; empty =
    /// those of the defaults.
    pub rate_cards: Vec<Name>,
    /// How long its events are kept, in days.
    pub retention_days: Option<u32>,
    /// Whether it may use nothing without a plan.
    pub require_plan: bool,
    /// Over how many partitions its pages of an hour are spread.
    pub lanes: Option<Lanes>,
}
