//! Limits: as they were set, and as they stand.

use crate::answers::figure::Figure;
use serde::{Deserialize, Serialize};
use tollgate_core::{
    Config, Currency, Fullness, Instant, Layer, Limit, Measure, Name, OnUnavailable, Resource,
    Scope, SoftMode, Standpoint, State, WindowKind,
};

/// A limit and where it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LimitStatus {
    /// Unique in its source.
    pub limit_id: Name,
    /// Where it was set.
    pub source: Layer,
    /// Whose use it counts.
    pub scope: Scope,
    /// Which one of that scope; null for the tenant.
    pub scope_id: Option<String>,
    /// What it counts.
    pub measure: Measure,
    /// Of a limit of spend.
    pub currency: Option<Currency>,
    /// How long it counts before it starts anew.
    pub window: WindowKind,
    /// When the window began; null for `total`.
    pub window_start: Option<Instant>,
    /// When the next begins; null for `total`.
    pub window_end: Option<Instant>,
    /// Past it: a warning.
    pub soft: Option<Figure>,
    /// Past it: a refusal.
    pub hard: Option<Figure>,
    /// Used in the window.
    pub used: Figure,
    /// Set aside by holds.
    pub held: Figure,
    /// Left to the hard value, else to the soft one; never below 0.
    pub remaining: Option<Figure>,
    /// Used and held, in percent of the hard value, else of the soft one, with two
    /// digits; null without either, and where it is 0.
    pub percent: Option<String>,
    /// How full it is.
    pub status: Fullness,
}

impl From<&Standpoint> for LimitStatus {
    fn from(at: &Standpoint) -> Self {
        let limit = &at.limit;
        let figure = |value| Figure::of(&limit.measure, value);
        let reference = limit.hard.or(limit.soft);
        let left = reference.map(|value| value.saturating_sub(at.count.taken()).max(0));
        let end = at.window.end();
        Self {
            limit_id: limit.id.clone(),
            source: limit.layer,
            scope: limit.scope,
            scope_id: (limit.scope != Scope::Tenant).then(|| at.scope_id.to_string()),
            measure: limit.measure.clone(),
            currency: limit.currency,
            window: limit.window,
            window_start: end.map(|_| at.window.start),
            window_end: end,
            soft: limit.soft.map(figure),
            hard: limit.hard.map(figure),
            used: figure(at.count.used),
            held: figure(at.count.held),
            remaining: left.map(figure),
            percent: at.percent_of(reference),
            status: at.fullness(),
        }
    }
}

/// Where limits stand, in their order.
pub(crate) fn statuses<'a>(at: impl IntoIterator<Item = &'a Standpoint>) -> Vec<LimitStatus> {
    at.into_iter().map(LimitStatus::from).collect()
}

/// A limit as it was set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ShownLimit {
    /// Unique in its source.
    pub id: Name,
    /// Whose use it counts.
    pub scope: Scope,
    /// The one that it counts; null = each one of that scope on its own.
    pub scope_id: Option<String>,
    /// What it counts.
    pub measure: Measure,
    /// How long it counts before it starts anew.
    pub window: WindowKind,
    /// Past it: a warning.
    pub soft: Option<Figure>,
    /// Past it: a refusal.
    pub hard: Option<Figure>,
    /// Of a limit of spend.
    pub currency: Option<Currency>,
    /// What passing the soft value does.
    pub soft_mode: SoftMode,
    /// What it does while the store is out of reach.
    pub on_unavailable: OnUnavailable,
    /// Where it was set.
    pub source: Layer,
    /// Whether all that its window holds is counted.
    pub state: State,
}

impl ShownLimit {
    pub(crate) fn new(limit: &Limit, state: State) -> Self {
        Self {
            id: limit.id.clone(),
            scope: limit.scope,
            scope_id: limit.scope_id.as_deref().map(str::to_owned),
            measure: limit.measure.clone(),
            window: limit.window,
            soft: Figure::of_limit(limit, limit.soft),
            hard: Figure::of_limit(limit, limit.hard),
            currency: limit.currency,
            soft_mode: limit.soft_mode,
            on_unavailable: limit.on_unavailable,
            source: limit.layer,
            state,
        }
    }
}

/// A tenant's limits, of all sources, and where they stand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "LimitsState"))]
pub struct Limits {
    /// Whose they are.
    pub tenant_id: Name,
    /// As they were set.
    pub limits: Vec<ShownLimit>,
    /// Where those stand that count one thing; of limits on each one of a scope,
    /// only one that is named stands anywhere.
    pub standing: Vec<LimitStatus>,
    /// Of these settings alone, as `ETag` has it; 0 where they were never set.
    pub version: u64,
}

impl Limits {
    /// The limits of `config`, standing as `at` says.
    #[must_use]
    pub fn new(tenant: &Name, config: &Config, at: &[Standpoint]) -> Self {
        let shown = |limit: &Limit| ShownLimit::new(limit, config.state_of(limit));
        Self {
            tenant_id: tenant.clone(),
            limits: config.all_limits().iter().map(shown).collect(),
            standing: statuses(at),
            version: config.revision(Resource::Limits),
        }
    }
}
