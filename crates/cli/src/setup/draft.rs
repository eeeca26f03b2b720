//! What is to be written.

use super::check::prefix;
use crate::artifact::{Artifact, Feature, Plan};
use crate::grid::{grid, number, text};
use crate::output::grouped;
use crate::presets::{CAPACITY, Dimension, Limits};
use std::fmt::Write;
use tollgate_core::{Currency, Name, SoftMode};

/// The guardrails as an operator wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// Whether they are on.
    pub(super) enabled: bool,
    /// What passing a soft limit does.
    pub(super) mode: SoftMode,
    /// Currency of new plans.
    pub(super) currency: Currency,
    /// What is metered.
    pub(super) dimensions: Vec<Dimension>,
    /// Whether plans show their capacity.
    pub(super) has_capacity: bool,
    /// What each plan allows.
    pub(super) plans: Vec<Allowed>,
}

/// What one plan allows, of each dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Allowed {
    /// The plan's code.
    pub(super) code: Name,
    /// Its limits.
    pub(super) limits: Vec<(Dimension, Limits)>,
}

impl Draft {
    /// As an artifact. Guardrails that are off keep the plans that were there.
    pub(super) fn artifact(&self, generated_at: String, kept: &[Plan]) -> Artifact {
        let plans = if self.enabled {
            self.plans.iter().map(|plan| self.plan(plan)).collect()
        } else {
            kept.to_vec()
        };
        let soft_limit_mode = Some(self.mode).filter(|_| self.enabled);
        let currency = Some(self.currency).filter(|_| self.enabled);
        Artifact {
            generated_at,
            enabled: self.enabled,
            soft_limit_mode,
            currency,
            plans,
        }
    }

    fn plan(&self, allowed: &Allowed) -> Plan {
        let limits = allowed.limits.iter();
        let metered = limits.map(|(dimension, limits)| dimension.feature(*limits));
        let capacity = CAPACITY
            .iter()
            .filter(|_| self.has_capacity)
            .map(|room| Feature {
                feature_key: room.key.to_string(),
                display_name: Some(room.key.to_string()),
                unit: Some(room.unit.to_string()),
                is_metered: false,
                soft_limit: None,
                hard_limit: Some(room.limit),
            });
        Plan {
            plan_code: allowed.code.clone(),
            features: metered.chain(capacity).collect(),
        }
    }

    /// As settings, each with what it is for. They read back as the same.
    pub(super) fn settings_file(&self) -> String {
        let mut file = String::from("# Usage guardrails, written by `tollgate setup`.\n");
        let mut set = |comment: &str, key: &str, value: &str| {
            // Writing to a text does not fail.
            let _ = if comment.is_empty() {
                writeln!(file, "{key}={value}")
            } else {
                writeln!(file, "\n# {comment}\n{key}={value}")
            };
        };
        set(
            "Whether plans limit what their tenants use.",
            "ENABLE_USAGE_GUARDRAILS",
            &self.enabled.to_string(),
        );
        if !self.enabled {
            return file;
        }
        let list = |items: Vec<&str>| items.join(",");
        set(
            "The plans.",
            "USAGE_PLAN_CODES",
            &list(self.plans.iter().map(|plan| plan.code.as_str()).collect()),
        );
        set(
            "What they meter.",
            "USAGE_DIMENSIONS",
            &list(
                self.dimensions
                    .iter()
                    .map(|dimension| dimension.key())
                    .collect(),
            ),
        );
        set(
            "At a soft limit: warn lets requests through, block refuses them.",
            "USAGE_GUARDRAIL_SOFT_LIMIT_MODE",
            self.mode.as_str(),
        );
        set(
            "Currency of new plans (ISO 4217).",
            "USAGE_PLAN_CURRENCY",
            self.currency.code(),
        );
        set(
            "Whether plans show their capacity.",
            "ENABLE_VECTOR_LIMIT_ENTITLEMENTS",
            &self.has_capacity.to_string(),
        );
        for plan in &self.plans {
            let prefix = prefix(&plan.code);
            let mut comment = format!(
                "Limits of the plan {} in each period; empty is no limit, 0 allows nothing.",
                plan.code
            );
            for (dimension, Limits { soft, hard }) in &plan.limits {
                for (kind, limit) in [("SOFT", soft), ("HARD", hard)] {
                    let value = limit.map(|limit| limit.to_string()).unwrap_or_default();
                    set(
                        &std::mem::take(&mut comment),
                        &format!("{prefix}{}_{kind}_LIMIT", dimension.key().to_uppercase()),
                        &value,
                    );
                }
            }
        }
        file
    }

    /// For people.
    pub(super) fn summary(&self) -> String {
        if !self.enabled {
            return "usage guardrails: off; plans stay as they are".to_string();
        }
        let shown = |limit: Option<u64>| limit.map_or_else(|| "none".to_string(), grouped);
        let mut rows: Vec<Vec<String>> = Vec::new();
        for plan in &self.plans {
            for (dimension, Limits { soft, hard }) in &plan.limits {
                let (code, unit) = (plan.code.to_string(), dimension.unit().to_string());
                rows.push(vec![
                    code,
                    dimension.key().to_string(),
                    shown(*soft),
                    shown(*hard),
                    unit,
                ]);
            }
        }
        let at_soft = match self.mode {
            SoftMode::Warn => "warns",
            SoftMode::Block => "refuses",
        };
        let capacity = if self.has_capacity {
            ", capacity shown"
        } else {
            ""
        };
        let columns = [
            text("plan"),
            text("feature"),
            number("soft"),
            number("hard"),
            text("unit"),
        ];
        format!(
            "usage guardrails: on, a soft limit {at_soft}, {}{capacity}\n{}",
            self.currency,
            grid(&columns, &rows)
        )
    }
}
