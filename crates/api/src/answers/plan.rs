//! Plans and subscriptions.

use crate::answers::figure::Figure;
use serde::{Deserialize, Serialize};
use tollgate_core::{
    Amount, Config, Currency, Instant, Measure, Name, OnUnavailable, Resource, SoftMode, Status,
    Subscription, WindowKind,
};

/// A plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Plan {
    /// Its code.
    pub code: Name,
    /// 1 for the first, and so on, as `ETag` has it.
    pub version: u64,
    /// For people.
    pub name: String,
    /// The currency of its money.
    pub currency: Currency,
    /// Money that each period includes.
    pub allowance: Option<Amount>,
    /// What it limits, or shows.
    pub features: Vec<Feature>,
}

/// A feature of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Feature {
    /// Its key, unique in the plan.
    pub feature_key: Name,
    /// For people.
    pub display_name: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// What it is counted in, for people.
    pub unit: Option<String>,
    /// Whether it limits anything.
    pub is_metered: bool,
    /// What it counts.
    pub measure: Measure,
    /// How long it counts before it starts anew.
    pub window: WindowKind,
    /// Past it: a warning.
    pub soft_limit: Option<Figure>,
    /// Past it: a refusal.
    pub hard_limit: Option<Figure>,
    /// What passing the soft value does.
    pub soft_mode: SoftMode,
    /// What it does while the store is out of reach.
    pub on_unavailable: OnUnavailable,
}

/// A tenant's subscription; all null where it has none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Subscription"))]
pub struct SubscriptionState {
    /// Whose it is.
    pub tenant_id: Name,
    /// The plan's code.
    pub plan: Option<Name>,
    /// The version of the plan that holds.
    pub plan_version: Option<u64>,
    /// Where it stands.
    pub status: Option<Status>,
    /// From when on periods are counted; null = calendar months.
    pub period_anchor: Option<Instant>,
    /// Where its days and months begin; null = UTC.
    pub time_zone: Option<String>,
    /// Values in place of the plan's.
    pub overrides: Vec<Override>,
    /// When the current period began.
    pub period_start: Option<Instant>,
    /// When the next begins.
    pub period_end: Option<Instant>,
    /// Of these settings alone, as `ETag` has it; 0 where they were never set.
    pub version: u64,
}

/// A feature's values for one tenant, in place of the plan's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Override {
    /// Which feature.
    pub feature_key: Name,
    /// Past it: a warning.
    pub soft_limit: Option<Figure>,
    /// Past it: a refusal.
    pub hard_limit: Option<Figure>,
}

impl From<&tollgate_core::Plan> for Plan {
    fn from(plan: &tollgate_core::Plan) -> Self {
        Self {
            code: plan.code.clone(),
            version: plan.version,
            name: plan.name.clone(),
            currency: plan.currency,
            allowance: plan.allowance,
            features: plan.features.iter().map(Feature::from).collect(),
        }
    }
}

impl From<&tollgate_core::Feature> for Feature {
    fn from(feature: &tollgate_core::Feature) -> Self {
        let figure = |value| Figure::of(&feature.measure, value);
        Self {
            feature_key: feature.feature_key.clone(),
            display_name: feature.display_name.clone(),
            description: feature.description.clone(),
            unit: feature.unit.clone(),
            is_metered: feature.is_metered,
            measure: feature.measure.clone(),
            window: feature.window,
            soft_limit: feature.soft.map(figure),
            hard_limit: feature.hard.map(figure),
            soft_mode: feature.soft_mode,
            on_unavailable: feature.on_unavailable,
        }
    }
}

impl SubscriptionState {
    /// The subscription of `config`, and the period that holds `now`.
    #[must_use]
    pub fn new(tenant: &Name, config: &Config, now: Instant) -> Self {
        let subscription = config.subscription.as_ref();
        let period = subscription
            .map(|subscription| subscription.calendar().holding(WindowKind::Period, now));
        Self {
            tenant_id: tenant.clone(),
            plan: subscription.map(|of| of.plan.code.clone()),
            plan_version: subscription.map(|of| of.plan.version),
            status: subscription.map(|of| of.status),
            period_anchor: subscription.and_then(|of| of.period_anchor),
            time_zone: subscription
                .and_then(|of| of.time_zone.as_ref())
                .map(ToString::to_string),
            overrides: subscription.map(overrides).unwrap_or_default(),
            period_start: period.map(|period| period.start),
            period_end: period.and_then(|period| period.end()),
            version: config.revision(Resource::Subscription),
        }
    }
}

fn overrides(subscription: &Subscription) -> Vec<Override> {
    let features = &subscription.plan.features;
    let shown = subscription.overrides.iter().map(|own| {
        let feature = features
            .iter()
            .find(|one| one.feature_key == own.feature_key);
        let measure = feature.map_or(&Measure::Events, |feature| &feature.measure);
        Override {
            feature_key: own.feature_key.clone(),
            soft_limit: own.soft.map(|value| Figure::of(measure, value)),
            hard_limit: own.hard.map(|value| Figure::of(measure, value)),
        }
    });
    shown.collect()
}
