//! The quota form of limits.

use crate::event::name::Name;
use crate::limit::limit::{Layer, Limit, OnUnavailable, SoftMode};
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::time::window::WindowKind;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The quota form of limits: events in the calendar month, and a rate.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Events of any operation.
    pub monthly_total_limit: Option<u64>,
    /// Events of `constitutional_validation`.
    pub monthly_validation_limit: Option<u64>,
    /// Events of `agent_message`.
    pub monthly_message_limit: Option<u64>,
    /// Events of `deliberation_request`.
    pub monthly_deliberation_limit: Option<u64>,
    /// Events by receipt second, in enforce mode.
    pub rate_limit_per_second: Option<u64>,
}

impl Quota {
    /// The limits that it stands for.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        let of = |operation: &str| Name::new(operation).ok().map(Measure::EventsOf);
        let monthly = [
            (
                "quota:total",
                self.monthly_total_limit,
                Some(Measure::Events),
            ),
            (
                "quota:validation",
                self.monthly_validation_limit,
                of("constitutional_validation"),
            ),
            (
                "quota:message",
                self.monthly_message_limit,
                of("agent_message"),
            ),
            (
                "quota:deliberation",
                self.monthly_deliberation_limit,
                of("deliberation_request"),
            ),
        ];
        let rate = (
            "quota:rate",
            self.rate_limit_per_second,
            Some(Measure::Events),
        );
        let windows = core::iter::repeat_n(WindowKind::Month, 4).chain([WindowKind::Second]);
        let all = monthly.into_iter().chain([rate]).zip(windows);
        all.filter_map(|((id, hard, measure), window)| quota_limit(id, hard?, measure?, window))
            .collect()
    }
}

fn quota_limit(id: &str, hard: u64, measure: Measure, window: WindowKind) -> Option<Limit> {
    Some(Limit {
        id: Name::new(id).ok()?,
        layer: Layer::Quota,
        scope: Scope::Tenant,
        scope_id: None,
        measure,
        window,
        soft: None,
        hard: Some(i128::from(hard)),
        currency: None,
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    })
}
