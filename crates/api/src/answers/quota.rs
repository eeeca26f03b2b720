//! Quotas, in the dialect of ACGS.

use crate::answers::limit::{LimitStatus, statuses};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_core::{Config, Instant, Name, Quota, Standpoint, Window};

/// A quota that was set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuotaSet {
    /// Whose it is.
    pub tenant_id: Name,
    /// Always true.
    pub quota_set: bool,
    /// The most events of a calendar month; null = no limit.
    pub monthly_total_limit: Option<u64>,
    /// The same of `constitutional_validation`.
    pub monthly_validation_limit: Option<u64>,
    /// The same of `agent_message`.
    pub monthly_message_limit: Option<u64>,
    /// The same of `deliberation_request`.
    pub monthly_deliberation_limit: Option<u64>,
    /// The most events of a second, by receipt.
    pub rate_limit_per_second: Option<u64>,
    /// The deployment's; null where it has none.
    pub constitutional_hash: Option<String>,
}

impl QuotaSet {
    /// The answer to setting `quota`.
    #[must_use]
    pub fn new(tenant: &Name, quota: &Quota, hash: Option<&str>) -> Self {
        Self {
            tenant_id: tenant.clone(),
            quota_set: true,
            monthly_total_limit: quota.monthly_total_limit,
            monthly_validation_limit: quota.monthly_validation_limit,
            monthly_message_limit: quota.monthly_message_limit,
            monthly_deliberation_limit: quota.monthly_deliberation_limit,
            rate_limit_per_second: quota.rate_limit_per_second,
            constitutional_hash: hash.map(str::to_owned),
        }
    }
}

/// Events of this month by what a quota limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuotaUse {
    /// All.
    pub total: i64,
    /// `constitutional_validation`.
    pub validation: i64,
    /// `agent_message`.
    pub messages: i64,
    /// `deliberation_request`.
    pub deliberation: i64,
}

/// What is left of each, never below 0; null where nothing limits it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuotaLeft {
    /// All.
    pub total: Option<u64>,
    /// `constitutional_validation`.
    pub validation: Option<u64>,
    /// `agent_message`.
    pub messages: Option<u64>,
    /// `deliberation_request`.
    pub deliberation: Option<u64>,
}

/// A tenant's quota and what it used of it this month.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct QuotaState {
    /// Whose it is.
    pub tenant_id: Name,
    /// Whether any limit is set, of whatever source.
    pub has_limits: bool,
    /// Events of this month by operation.
    pub usage: BTreeMap<Name, i64>,
    /// The same by what the quota limits.
    pub used: QuotaUse,
    /// What is left.
    pub remaining: QuotaLeft,
    /// The most events of a second.
    pub rate_limit_per_second: Option<u64>,
    /// When the month began.
    pub period_start: Instant,
    /// When it ends.
    pub period_end: Option<Instant>,
    /// All limits, of whatever source.
    pub limits: Vec<LimitStatus>,
    /// The deployment's; null where it has none.
    pub constitutional_hash: Option<String>,
}

impl QuotaState {
    /// The quota of `config`, of which `usage` was used in `month`.
    #[must_use]
    pub fn new(
        tenant: &Name,
        config: &Config,
        (usage, month): (BTreeMap<Name, i64>, Window),
        at: &[Standpoint],
        hash: Option<&str>,
    ) -> Self {
        let quota = config.quota.clone().unwrap_or_default();
        let used = QuotaUse::of(&usage);
        Self {
            tenant_id: tenant.clone(),
            has_limits: !config.all_limits().is_empty(),
            used,
            remaining: QuotaLeft::of(&quota, used),
            usage,
            rate_limit_per_second: quota.rate_limit_per_second,
            period_start: month.start,
            period_end: month.end(),
            limits: statuses(at),
            constitutional_hash: hash.map(str::to_owned),
        }
    }
}

impl QuotaUse {
    fn of(usage: &BTreeMap<Name, i64>) -> Self {
        let of = |operation: &str| {
            let found = usage.iter().find(|(name, _)| name.as_str() == operation);
            found.map_or(0, |(_, events)| *events)
        };
        let add = |sum: i64, events: &i64| sum.saturating_add(*events);
        Self {
            total: usage.values().fold(0, add),
            validation: of("constitutional_validation"),
            messages: of("agent_message"),
            deliberation: of("deliberation_request"),
        }
    }
}

impl QuotaLeft {
    fn of(quota: &Quota, used: QuotaUse) -> Self {
        let left = |limit: Option<u64>, used: i64| {
            limit.map(|limit| limit.saturating_sub(u64::try_from(used).unwrap_or(0)))
        };
        Self {
            total: left(quota.monthly_total_limit, used.total),
            validation: left(quota.monthly_validation_limit, used.validation),
            messages: left(quota.monthly_message_limit, used.messages),
            deliberation: left(quota.monthly_deliberation_limit, used.deliberation),
        }
    }
}
