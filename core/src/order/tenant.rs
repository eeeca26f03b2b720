//! A tenant's own fields.

use crate::event::name::Name;
use crate::limit::config::{Config, Lanes};
use crate::money::currency::Currency;
use alloc::collections::BTreeSet;
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
    /// The fields that were named, if only to unset them.
    #[serde(skip)]
    pub named: BTreeSet<&'static str>,
}

impl TenantSettings {
    /// The fields, but for the currency, which stays.
    pub const FIELDS: [&'static str; 6] = [
        "name",
        "slug",
        "rate_cards",
        "retention_days",
        "require_plan",
        "lanes",
    ];

    /// The fields of `config` that are set and not named.
    pub fn dropped(&self, config: &Config) -> impl Iterator<Item = &'static str> {
        let is_set = [
            config.name.is_some(),
            config.slug.is_some(),
            !config.rate_cards.is_empty(),
            config.retention_days.is_some(),
            config.require_plan,
            config.lanes.is_some(),
        ];
        let set = Self::FIELDS.into_iter().zip(is_set);
        let set = set.filter(|(field, is_set)| *is_set && !self.named.contains(field));
        set.map(|(field, _)| field)
    }
}
