//! `usage-entitlements.json`: which plans allow how much.

use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use tollgate_core::{Currency, Name, SoftMode};

/// Where it is, unless said otherwise.
pub(crate) const PATH: &str = "var/reports/usage-entitlements.json";

/// The entitlements of some plans, as an operator keeps them in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifact {
    /// When it was written (RFC 3339).
    pub(crate) generated_at: String,
    /// Whether the guardrails are on.
    pub(crate) enabled: bool,
    /// What passing a soft limit does; absent leaves what each plan says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) soft_limit_mode: Option<SoftMode>,
    /// Currency of the plans that are made from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<Currency>,
    /// What each plan has.
    pub(crate) plans: Vec<Plan>,
}

/// What one plan has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// The plan's code.
    pub(crate) plan_code: Name,
    /// What it has, by key.
    pub(crate) features: Vec<Feature>,
}

/// One feature of a plan; no limit is no cap, and 0 allows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Feature {
    /// Its key, unique in the plan.
    pub(crate) feature_key: String,
    /// Its name for people.
    #[serde(default)]
    pub(crate) display_name: Option<String>,
    /// What it counts.
    #[serde(default)]
    pub(crate) unit: Option<String>,
    /// Whether its use is counted; else it is only shown.
    #[serde(default = "metered")]
    pub(crate) is_metered: bool,
    /// Where a warning begins.
    #[serde(default)]
    pub(crate) soft_limit: Option<u64>,
    /// The most.
    #[serde(default)]
    pub(crate) hard_limit: Option<u64>,
}

fn metered() -> bool {
    true
}

impl Artifact {
    /// From the file at `path`; the first fault where it is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let action = format!("read the entitlements `{}`", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| Failure::to(&action, error))?;
        Self::parse(&text).map_err(|fault| Failure::to(action, fault))
    }

    /// From its text.
    fn parse(text: &str) -> Result<Self, String> {
        let artifact: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut codes = BTreeSet::new();
        for plan in &artifact.plans {
            Name::in_path(plan.plan_code.as_str())
                .map_err(|error| format!("plan code `{}` {error}", plan.plan_code))?;
            if !codes.insert(&plan.plan_code) {
                return Err(format!("plan `{}` stands twice", plan.plan_code));
            }
            plan.fault().map_or(Ok(()), |fault| {
                Err(format!("plan `{}`: {fault}", plan.plan_code))
            })?;
        }
        Ok(artifact)
    }
}

impl Plan {
    fn fault(&self) -> Option<String> {
        let mut keys = BTreeSet::new();
        self.features.iter().find_map(|feature| {
            let key = &feature.feature_key;
            if !keys.insert(key) {
                return Some(format!("feature `{key}` stands twice"));
            }
            let crossed = feature
                .soft_limit
                .zip(feature.hard_limit)
                .filter(|(soft, hard)| soft > hard);
            crossed.map(|(soft, hard)| {
                format!("the soft limit {soft} of `{key}` is above the hard limit {hard}")
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"generated_at":"2026-11-22T10:00:00+00:00","enabled":true,"plans":[{"plan_code":"starter","features":[
        {"feature_key":"messages","display_name":"Messages","unit":"requests","is_metered":true,"soft_limit":150,"hard_limit":200},
        {"feature_key":"seats","soft_limit":null}]}]}"#;

    #[test]
    fn what_a_file_leaves_out_has_a_meaning() {
        let artifact = Artifact::parse(FILE).unwrap();
        assert_eq!((artifact.soft_limit_mode, artifact.currency), (None, None));
        let seats = &artifact.plans[0].features[1];
        assert_eq!(
            (
                seats.is_metered,
                seats.soft_limit,
                seats.hard_limit,
                &seats.unit
            ),
            (true, None, None, &None)
        );
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused_with_the_place() {
        for (part, other, fault) in [
            (
                "\"soft_limit\":150",
                "\"soft_limit\":201",
                "plan `starter`: the soft limit 201 of `messages` is above the hard limit 200",
            ),
            (
                "\"seats\"",
                "\"messages\"",
                "plan `starter`: feature `messages` stands twice",
            ),
            (
                "\"soft_limit\":null",
                "\"softlimit\":1",
                "unknown field `softlimit`",
            ),
            ("150", "-1", "invalid value: integer `-1`"),
            ("150", "1.5", "invalid type: floating point `1.5`"),
            ("\"starter\"", "\"a/b\"", "plan code `a/b` "),
            ("\"enabled\":true,", "", "missing field `enabled`"),
        ] {
            let found = Artifact::parse(&FILE.replace(part, other)).unwrap_err();
            assert!(found.starts_with(fault), "{found}");
        }
        let twice = FILE.replace(
            "\"plans\":[",
            "\"plans\":[{\"plan_code\":\"starter\",\"features\":[]},",
        );
        assert_eq!(
            Artifact::parse(&twice).unwrap_err(),
            "plan `starter` stands twice"
        );
    }
}
