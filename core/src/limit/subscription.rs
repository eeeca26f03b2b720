//! Plans, and a tenant's subscription to one.

use crate::event::name::Name;
use crate::limit::limit::{Layer, Limit, OnUnavailable, SoftMode};
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::time::calendar::{Calendar, Zone};
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use crate::words::words;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A named set of limits and included credit, to which tenants subscribe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub code: Name,
    /// 1 when it is first put, one more with each change.
    pub version: u64,
    /// Its name for people.
    pub name: String,
    /// The currency of its allowance and spend limits.
    pub currency: Currency,
    /// What it entitles to, in the order they were put.
    pub features: Vec<Feature>,
    /// Money included in each period; absent = none, and no need of any.
    pub allowance: Option<Amount>,
}

/// One thing that a plan entitles to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feature {
    /// Unique in its plan.
    pub feature_key: Name,
    /// Its name for people.
    pub display_name: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// What it is counted in, for people.
    pub unit: Option<String>,
    /// Whether its use is counted and limited; else it is only shown.
    pub is_metered: bool,
    /// What is counted.
    pub measure: Measure,
    /// When it starts anew.
    pub window: WindowKind,
    /// Past it: warn, or refuse by `soft_mode`. In units of the measure.
    pub soft: Option<i128>,
    /// Past it: refuse.
    pub hard: Option<i128>,
    /// What passing `soft` does.
    pub soft_mode: SoftMode,
    /// What happens while the store is out of reach.
    pub on_unavailable: OnUnavailable,
}

/// A tenant's subscription. It has its own copy of the plan, renewed with each
/// version of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subscription {
    /// The plan as it is in force for the tenant.
    pub plan: Plan,
    /// Whether it entitles to anything.
    pub status: Status,
    /// Where its periods begin; absent = with each calendar month.
    pub period_anchor: Option<Instant>,
    /// Whose midnights the tenant's days, months and periods begin at.
    pub time_zone: Option<Zone>,
    /// Features whose values are this tenant's own.
    pub overrides: Vec<Override>,
    /// When the tenant first subscribed, to whatever plan: periods that had
    /// ended by then have no allowance.
    pub since: Instant,
}

/// A feature's values for one tenant, in place of the plan's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Override {
    /// Which feature of the plan.
    pub feature_key: Name,
    /// Its soft value; absent = none.
    pub soft: Option<i128>,
    /// Its hard value; absent = none.
    pub hard: Option<i128>,
}

words! {
    /// Where a subscription stands.
    #[derive(Default)]
    pub enum Status {
        /// The plan's limits hold.
        #[default]
        Active = "active",
        /// A payment is late: the plan's limits hold, and its soft ones refuse.
        PastDue = "past_due",
        /// It is over: nothing is admitted.
        Cancelled = "cancelled",
    }
}

impl Feature {
    /// The measure that `feature_key` stands for where none is named: that of
    /// its own name, the common ones of chat, else units of the operation of
    /// that name.
    #[must_use]
    pub fn measure_of(feature_key: &Name) -> Measure {
        match feature_key.as_str() {
            "messages" => Measure::Events,
            "input_tokens" => Measure::TokensIn,
            "output_tokens" => Measure::TokensOut,
            text => text
                .parse()
                .unwrap_or_else(|_| Measure::UnitsOf(feature_key.clone())),
        }
    }
}

impl Subscription {
    /// Takes a later version of the plan. Overrides of features that it no
    /// longer meters, or counts otherwise, are dropped.
    pub fn renew(&mut self, plan: Plan) {
        let measure = |plan: &Plan, key: &Name| {
            plan.features
                .iter()
                .find(|feature| feature.is_metered && feature.feature_key == *key)
                .map(|feature| feature.measure.clone())
        };
        let before = core::mem::replace(&mut self.plan, plan);
        let now = &self.plan;
        self.overrides.retain(|own| {
            measure(now, &own.feature_key)
                .is_some_and(|now| measure(&before, &own.feature_key) == Some(now))
        });
    }

    /// Where the tenant's windows begin.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        Calendar {
            zone: self.time_zone.clone(),
            anchor: self.period_anchor,
        }
    }

    /// The soft and the hard value of `feature` for this tenant, and whether
    /// they are its own.
    #[must_use]
    pub fn values(&self, feature: &Feature) -> (Option<i128>, Option<i128>, bool) {
        match self
            .overrides
            .iter()
            .find(|own| own.feature_key == feature.feature_key)
        {
            Some(own) => (own.soft, own.hard, true),
            None => (feature.soft, feature.hard, false),
        }
    }

    /// The id of the limit that `feature` stands for.
    #[must_use]
    pub fn limit_id(feature: &Feature) -> String {
        format!("plan:{}", feature.feature_key)
    }

    /// The limits that it stands for: of its metered features that have any.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        self.plan
            .features
            .iter()
            .filter(|feature| feature.is_metered)
            .filter_map(|feature| self.limit(feature))
            .collect()
    }

    fn limit(&self, feature: &Feature) -> Option<Limit> {
        let (soft, hard, _) = self.values(feature);
        let soft_mode = if self.status == Status::PastDue {
            SoftMode::Block
        } else {
            feature.soft_mode
        };
        Some(Limit {
            id: Name::new(&Self::limit_id(feature)).ok()?,
            layer: Layer::Plan,
            scope: Scope::Tenant,
            scope_id: None,
            measure: feature.measure.clone(),
            window: feature.window,
            soft,
            hard,
            currency: (feature.measure == Measure::Spend).then_some(self.plan.currency),
            soft_mode,
            on_unavailable: feature.on_unavailable,
        })
    }
}
