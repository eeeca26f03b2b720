//! What holds for tenants that name nothing of their own.

use serde::{Deserialize, Serialize};
use tollgate_core::{Defaults, Name};

/// What holds for tenants that name nothing of their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Defaults"))]
pub struct DefaultsAnswer {
    /// The rate cards that price, the first that names an operation first.
    pub rate_cards: Vec<Name>,
    /// Of these settings, as `ETag` has it; 0 where they were never set.
    pub version: u32,
}

impl From<&Defaults> for DefaultsAnswer {
    fn from(defaults: &Defaults) -> Self {
        Self {
            rate_cards: defaults.rate_cards.clone(),
            version: defaults.version,
        }
    }
}
