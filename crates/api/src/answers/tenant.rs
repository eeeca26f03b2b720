//! Tenants.

use serde::{Deserialize, Serialize};
use tollgate_core::{Config, Currency, Instant, Name, Resource};

/// A tenant's own settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Tenant {
    /// Its id.
    pub id: Name,
    /// For people.
    pub name: Option<String>,
    /// For addresses.
    pub slug: Option<String>,
    /// The currency of all of its costs; null until the first is recorded.
    pub currency: Option<Currency>,
    /// The rate cards that price its events, the first that names an operation; null =
    /// those of the defaults.
    pub rate_cards: Option<Vec<Name>>,
    /// How many days its events are kept.
    pub retention_days: u32,
    /// Whether nothing is admitted without a plan.
    pub require_plan: bool,
    /// Over how many partitions its events of an hour are spread.
    pub lanes: u8,
    /// When it was first heard of.
    pub created_at: Option<Instant>,
    /// Of these settings alone, as `ETag` has it; 0 where they were never set.
    pub version: u64,
}

/// What of a tenant a PUT can set, for a patch to be merged with.
#[derive(Serialize)]
struct Changeable {
    name: Option<String>,
    slug: Option<String>,
    currency: Option<Currency>,
    rate_cards: Option<Vec<Name>>,
    retention_days: Option<u32>,
    require_plan: bool,
    lanes: Option<u8>,
}

impl Tenant {
    /// What of `config` a PUT can set, for a patch to be merged with.
    #[must_use]
    pub fn changeable(config: &Config) -> impl Serialize + use<> {
        Changeable {
            name: config.name.clone(),
            slug: config.slug.clone(),
            currency: config.currency,
            rate_cards: Some(config.rate_cards.clone()).filter(|cards| !cards.is_empty()),
            retention_days: config.retention_days,
            require_plan: config.require_plan,
            lanes: config.lanes.map(|lanes| lanes.count()),
        }
    }

    /// The tenant of `config`.
    #[must_use]
    pub fn new(id: &Name, config: &Config) -> Self {
        Self {
            id: id.clone(),
            name: config.name.clone(),
            slug: config.slug.clone(),
            currency: config.currency,
            rate_cards: Some(config.rate_cards.clone()).filter(|cards| !cards.is_empty()),
            retention_days: config.retention(),
            require_plan: config.require_plan,
            lanes: config.lanes().into(),
            created_at: config.created,
            version: config.revision(Resource::Tenant),
        }
    }
}
