//! What a tenant is entitled to, in the dialect of usage guardrails.

use crate::answers::figure::Figure;
use serde::{Deserialize, Serialize};
use tollgate_core::{
    Config, Currency, Feature, Fullness, Instant, Layer, Measure, Name, Scope, Standpoint, Status,
    Subscription, WindowKind,
};

/// What a tenant is entitled to, and how much of it is used: each limit on the tenant as
/// a whole or on one that is named, and the features of its plan that are only shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Entitlements {
    /// Whose they are.
    pub tenant_id: Name,
    /// The plan that it subscribes to.
    pub plan_code: Option<Name>,
    /// The same for people.
    pub plan_name: Option<String>,
    /// Where the subscription stands.
    pub subscription_status: Option<Status>,
    /// The tenant's, once it is fixed.
    pub currency: Option<Currency>,
    /// Where its days and months begin.
    pub time_zone: String,
    /// When the current period began.
    pub period_start: Instant,
    /// When the next begins.
    pub period_end: Option<Instant>,
    /// The plan's features, then other limits.
    pub entitlements: Vec<Entitlement>,
}

/// One of them. Without a limit the figures of a window are null.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Entitlement {
    /// The feature's key, else what is counted.
    pub feature_key: String,
    /// For people.
    pub display_name: Option<String>,
    /// What it is counted in, for people.
    pub unit: Option<String>,
    /// Whether it limits anything.
    pub is_metered: bool,
    /// Where its values come from.
    pub source: EntitlementSource,
    /// The limit's id.
    pub limit_id: Option<Name>,
    /// Whose use it counts.
    pub scope: Option<Scope>,
    /// Which one of that scope; null for the tenant.
    pub scope_id: Option<String>,
    /// What it counts.
    pub measure: Measure,
    /// How long it counts before it starts anew.
    pub window: Option<WindowKind>,
    /// When the window began.
    pub window_start: Option<Instant>,
    /// When the next begins.
    pub window_end: Option<Instant>,
    /// Past it: a warning.
    pub soft_limit: Option<Figure>,
    /// Past it: a refusal.
    pub hard_limit: Option<Figure>,
    /// Used in the window.
    pub usage: Option<Figure>,
    /// Set aside by holds.
    pub held: Option<Figure>,
    /// Left to the soft value; never below 0.
    pub remaining_to_soft_limit: Option<Figure>,
    /// Left to the hard value; never below 0.
    pub remaining_to_hard_limit: Option<Figure>,
    /// Used and held in percent of the soft value, with two digits.
    pub percent_of_soft_limit: Option<String>,
    /// Used and held in percent of the hard value, with two digits.
    pub percent_of_hard_limit: Option<String>,
    /// How full it is.
    pub status: Fullness,
}

/// Where the values of an entitlement come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EntitlementSource {
    /// The plan.
    Plan,
    /// The tenant's own, in place of the plan's.
    Override,
    /// `POST /quota`.
    Quota,
    /// `PUT /limits/{tenant_id}`.
    Limits,
    /// `PUT /budgets/{tenant_id}`.
    Budget,
    /// `PUT /budgets/{tenant_id}/tree`.
    Tree,
}

impl From<Layer> for EntitlementSource {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Quota => Self::Quota,
            Layer::Limits => Self::Limits,
            Layer::Budget => Self::Budget,
            Layer::Plan => Self::Plan,
            Layer::Tree => Self::Tree,
        }
    }
}

impl Entitlements {
    /// What `config` entitles to, its limits standing as `at` says.
    #[must_use]
    pub fn new(tenant: &Name, config: &Config, at: &[Standpoint], now: Instant) -> Self {
        let subscription = config.subscription.as_ref();
        let calendar = config.calendar();
        let period = calendar.holding(WindowKind::Period, now);
        let features = subscription.iter().flat_map(|of| {
            let features = of.plan.features.iter();
            features.map(|feature| Entitlement::of_feature(of, feature, at))
        });
        let others = at.iter().filter(|at| at.limit.layer != Layer::Plan);
        Self {
            tenant_id: tenant.clone(),
            plan_code: config.plan_code().cloned(),
            plan_name: subscription.map(|of| of.plan.name.clone()),
            subscription_status: subscription.map(|of| of.status),
            currency: config.currency,
            time_zone: calendar
                .zone
                .as_ref()
                .map_or("UTC", |zone| zone.name())
                .to_owned(),
            period_start: period.start,
            period_end: period.end(),
            entitlements: features.chain(others.map(Entitlement::of_limit)).collect(),
        }
    }
}

impl Entitlement {
    fn of_feature(subscription: &Subscription, feature: &Feature, at: &[Standpoint]) -> Self {
        let id = Subscription::limit_id(feature);
        let is_its = |at: &&Standpoint| at.limit.layer == Layer::Plan && at.limit.id.as_str() == id;
        let source = if subscription.values(feature).2 {
            EntitlementSource::Override
        } else {
            EntitlementSource::Plan
        };
        let standing = at.iter().find(is_its);
        Self {
            feature_key: feature.feature_key.to_string(),
            display_name: feature.display_name.clone(),
            unit: feature.unit.clone(),
            is_metered: feature.is_metered,
            source,
            ..standing.map_or_else(|| Self::unlimited(feature), Self::of_limit)
        }
    }

    /// A feature that nothing limits: what it allows, if anything, is shown.
    fn unlimited(feature: &Feature) -> Self {
        let figure = |value| Figure::of(&feature.measure, value);
        Self {
            feature_key: String::new(),
            display_name: None,
            unit: None,
            is_metered: false,
            source: EntitlementSource::Plan,
            limit_id: None,
            scope: None,
            scope_id: None,
            measure: feature.measure.clone(),
            window: None,
            window_start: None,
            window_end: None,
            soft_limit: feature.soft.map(figure),
            hard_limit: feature.hard.map(figure),
            usage: None,
            held: None,
            remaining_to_soft_limit: None,
            remaining_to_hard_limit: None,
            percent_of_soft_limit: None,
            percent_of_hard_limit: None,
            status: Fullness::Ok,
        }
    }

    fn of_limit(at: &Standpoint) -> Self {
        let limit = &at.limit;
        let figure = |value| Figure::of(&limit.measure, value);
        let left = |value: i128| figure(value.saturating_sub(at.count.taken()).max(0));
        let end = at.window.end();
        Self {
            feature_key: limit.feature_key(),
            display_name: None,
            unit: None,
            is_metered: true,
            source: limit.layer.into(),
            limit_id: Some(limit.id.clone()),
            scope: Some(limit.scope),
            scope_id: (limit.scope != Scope::Tenant).then(|| at.scope_id.to_string()),
            measure: limit.measure.clone(),
            window: Some(limit.window),
            window_start: end.map(|_| at.window.start),
            window_end: end,
            soft_limit: limit.soft.map(figure),
            hard_limit: limit.hard.map(figure),
            usage: Some(figure(at.count.used)),
            held: Some(figure(at.count.held)),
            remaining_to_soft_limit: limit.soft.map(left),
            remaining_to_hard_limit: limit.hard.map(left),
            percent_of_soft_limit: at.percent_of(limit.soft),
            percent_of_hard_limit: at.percent_of(limit.hard),
            status: at.fullness(),
        }
    }
}
