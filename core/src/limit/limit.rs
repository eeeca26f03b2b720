//! Caps: what they count, for whom, and where they stop.

use crate::event::name::Name;
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::money::currency::Currency;
use crate::time::window::WindowKind;
use crate::words::words;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A cap: scope x measure x window, with a soft and a hard value.
///
/// Values are units of the measure: a count, or for [`Measure::Spend`] units
/// of 1e-18 of the currency. Absent = no limit, 0 = nothing allowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Unique in its layer.
    pub id: Name,
    /// Who set it.
    pub layer: Layer,
    /// Whose use it counts.
    pub scope: Scope,
    /// The one that it counts; absent = each one of that scope on its own.
    pub scope_id: Option<Arc<str>>,
    /// What it counts.
    pub measure: Measure,
    /// When it starts anew.
    pub window: WindowKind,
    /// Past it: warn (or refuse, see `soft_mode`).
    pub soft: Option<i128>,
    /// Past it: refuse.
    pub hard: Option<i128>,
    /// The currency of a spend limit.
    pub currency: Option<Currency>,
    /// What passing `soft` does.
    pub soft_mode: SoftMode,
    /// What happens while the store is out of reach.
    pub on_unavailable: OnUnavailable,
}

words! {
    /// Where a limit was set. Layers are separate; all apply.
    pub enum Layer {
        /// `POST /quota`.
        Quota = "quota",
        /// `PUT /limits`.
        Limits = "limits",
        /// `PUT /budgets`.
        Budget = "budget",
        /// The plan that the tenant subscribes to.
        Plan = "plan",
        /// `PUT /budgets/{tenant_id}/tree`.
        Tree = "tree",
    }
}

words! {
    /// What passing a soft value does.
    #[derive(Default)]
    pub enum SoftMode {
        /// The event is admitted with a warning.
        #[default]
        Warn = "warn",
        /// The event is refused.
        Block = "block",
    }
}

words! {
    /// What a limit does while the store is out of reach.
    #[derive(Default)]
    pub enum OnUnavailable {
        /// Nothing is admitted.
        #[default]
        Deny = "deny",
        /// Checks and holds pass, unless another limit keeps them from it.
        Allow = "allow",
    }
}

/// The id of a limit that is known by what it limits: the same whatever is set
/// beside it. A text that is no id is shortened to its digest.
pub(crate) fn limit_id(text: &str) -> Option<Name> {
    Name::id(text).ok().or_else(|| {
        let layer = text.split(':').next().unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let mut id = format!("{layer}:");
        digest
            .iter()
            .take(16)
            .for_each(|byte| id.push_str(&format!("{byte:02x}")));
        Name::new(&id).ok()
    })
}

impl Limit {
    /// Whether it caps or warns at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.soft.is_none() && self.hard.is_none()
    }

    /// The feature that it limits: its plan's, else its measure.
    #[must_use]
    pub fn feature_key(&self) -> String {
        let of_plan = self
            .id
            .as_str()
            .strip_prefix("plan:")
            .filter(|_| self.layer == Layer::Plan);
        of_plan.map_or_else(|| self.measure.to_string(), String::from)
    }
}
