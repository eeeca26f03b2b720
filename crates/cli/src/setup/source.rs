//! Where answers come from: settings, the environment, the file that is there,
//! presets.

use crate::artifact::Artifact;
use crate::presets::{Dimension, Limits, Preset};
use tollgate_core::Name;

/// What the environment says of a key.
pub(super) type Environment = Box<dyn Fn(&str) -> Option<String>>;

/// Where answers come from, the first that has one.
pub(super) struct Source {
    /// Of the command line, the last of a key.
    pub(super) given: Vec<(String, String)>,
    /// The environment.
    pub(super) environment: Environment,
    /// The file that is there.
    pub(super) kept: Option<Artifact>,
}

impl Source {
    /// The setting `key`, as it is written.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        let given = self
            .given
            .iter()
            .rev()
            .find(|(of, _)| of == key)
            .map(|(_, value)| value.clone());
        given.or_else(|| (self.environment)(key))
    }

    /// The limits of a plan in the file that is there, else of a preset.
    pub(super) fn usual(&self, code: &Name, dimension: Dimension) -> Limits {
        let plan = self
            .kept
            .iter()
            .flat_map(|kept| &kept.plans)
            .find(|plan| plan.plan_code == *code);
        let feature = plan.and_then(|plan| {
            plan.features
                .iter()
                .find(|feature| feature.feature_key == dimension.key())
        });
        match (feature, Preset::of(code.as_str())) {
            (Some(feature), _) => Limits {
                soft: feature.soft_limit,
                hard: feature.hard_limit,
            },
            (None, Some(preset)) => preset.limits(dimension),
            (None, None) => Limits::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::draft::{Allowed, Draft};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use tollgate_core::{Currency, SoftMode};

    fn source(given: &[(&str, &str)]) -> Source {
        let given = given
            .iter()
            .map(|(key, value)| ((*key).to_string(), (*value).to_string()))
            .collect();
        Source {
            given,
            environment: Box::new(|_| None),
            kept: None,
        }
    }

    fn draft(given: &[(&str, &str)]) -> Draft {
        source(&[&[("ENABLE_USAGE_GUARDRAILS", "true")], given].concat())
            .draft(true)
            .unwrap()
    }

    fn limits(draft: &Draft, plan: usize, dimension: usize) -> (Option<u64>, Option<u64>) {
        let Limits { soft, hard } = draft.plans[plan].limits[dimension].1;
        (soft, hard)
    }

    /// What a shell makes of the file.
    fn sourced(file: &str) -> Vec<(String, String)> {
        let lines = file
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                line.split_once('=')
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .unwrap()
            })
            .collect()
    }

    prop_compose! {
        fn any_draft()(
            codes in proptest::collection::btree_set("[a-z][a-z0-9]{0,4}", 1..4),
            dimensions in proptest::sample::subsequence(Dimension::ALL.to_vec(), 1..=3),
            values in proptest::collection::vec(
                (proptest::option::of(0..1000_u64), proptest::option::of(0..1000_u64)),
                9,
            ),
            blocks in any::<bool>(), has_capacity in any::<bool>(), enabled in any::<bool>(),
        ) -> Draft {
            let mut values = values.into_iter().map(|(a, b)| match (a, b) {
                (Some(a), Some(b)) => Limits { soft: Some(a.min(b)), hard: Some(a.max(b)) },
                (soft, hard) => Limits { soft, hard },
            });
            let plans = codes.iter().map(|code| Allowed {
                code: Name::new(code).unwrap(),
                limits: dimensions
                    .iter()
                    .map(|dimension| (*dimension, values.next().unwrap()))
                    .collect(),
            }).collect();
            let mode = if blocks { SoftMode::Block } else { SoftMode::Warn };
            Draft {
                enabled,
                mode,
                currency: "EUR".parse().unwrap(),
                dimensions: dimensions.clone(),
                has_capacity,
                plans,
            }
        }
    }

    proptest! {
        #[test]
        fn the_settings_that_are_written_read_back_as_the_same(draft in any_draft()) {
            let source = Source {
                given: sourced(&draft.settings_file()),
                environment: Box::new(|_| None),
                kept: None,
            };
            let read = source.draft(true).unwrap();
            if draft.enabled {
                prop_assert_eq!(read, draft);
            } else {
                prop_assert!(!read.enabled);
            }
        }

        #[test]
        fn the_artifact_that_is_written_is_where_the_next_run_begins(draft in any_draft()) {
            let kept = draft.artifact("2026-11-22T10:00:00Z".to_string(), &[]);
            let given = vec![("ENABLE_USAGE_GUARDRAILS".to_string(), draft.enabled.to_string())];
            let source = Source {
                given,
                environment: Box::new(|_| None),
                kept: Some(kept.clone()),
            };
            let read = source.draft(true).unwrap();
            prop_assert_eq!(read.artifact("2026-11-22T10:00:00Z".to_string(), &kept.plans), kept);
        }
    }

    #[test]
    fn what_is_not_set_is_as_in_the_presets() {
        let read = draft(&[
            ("USAGE_PLAN_CODES", "starter,own"),
            ("USAGE_STARTER_MESSAGES_HARD_LIMIT", ""),
        ]);
        assert_eq!(
            limits(&read, 0, 0),
            (Some(150), None),
            "an empty setting is no limit"
        );
        assert_eq!(limits(&read, 0, 2), (Some(75_000), Some(100_000)));
        assert_eq!(
            limits(&read, 1, 0),
            (None, None),
            "a plan without a preset has no limits"
        );
        assert_eq!(
            (read.mode, read.currency, read.has_capacity),
            (SoftMode::Warn, Currency::USD, true)
        );
        assert_eq!(
            draft(&[])
                .plans
                .iter()
                .map(|plan| plan.code.as_str())
                .collect::<Vec<_>>(),
            ["starter", "pro"]
        );
    }

    #[test]
    fn the_command_line_goes_before_the_environment_and_that_before_what_was_there() {
        let kept =
            draft(&[("USAGE_STARTER_MESSAGES_SOFT_LIMIT", "1")]).artifact(String::new(), &[]);
        let environment = |key: &str| match key {
            "USAGE_STARTER_MESSAGES_HARD_LIMIT" => Some("7".to_string()),
            "USAGE_PRO_MESSAGES_HARD_LIMIT" => Some("8".to_string()),
            _ => None,
        };
        let given = [
            ("ENABLE_USAGE_GUARDRAILS", "on"),
            ("USAGE_PRO_MESSAGES_SOFT_LIMIT", "3"),
            ("USAGE_PRO_MESSAGES_HARD_LIMIT", "9"),
        ];
        let read = Source {
            environment: Box::new(environment),
            kept: Some(kept),
            ..source(&given)
        }
        .draft(true)
        .unwrap();
        assert_eq!(
            (limits(&read, 0, 0), limits(&read, 1, 0)),
            ((Some(1), Some(7)), (Some(3), Some(9)))
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let given = [
            ("ENABLE_USAGE_GUARDRAILS", "maybe"),
            ("USAGE_DIMENSIONS", "tokens"),
            ("USAGE_GUARDRAIL_SOFT_LIMIT_MODE", "shout"),
            ("USAGE_PLAN_CURRENCY", "dollars"),
            ("USAGE_STARTER_MESSAGES_SOFT_LIMIT", "201"),
            ("USAGE_PRO_INPUT_TOKENS_HARD_LIMIT", "-1"),
            ("USAGE_PROO_MESSAGES_HARD_LIMIT", "5"),
        ];
        let faults = source(&given).draft(true).unwrap_err();
        let keys: BTreeSet<&str> = faults
            .iter()
            .filter_map(|fault| fault.split(' ').next())
            .collect();
        assert_eq!(keys, given.iter().map(|(key, _)| *key).collect());
        assert_eq!(faults.len(), given.len(), "{faults:?}");
    }

    #[test]
    fn whether_guardrails_are_on_is_not_guessed() {
        assert_eq!(
            source(&[]).draft(true).unwrap_err(),
            ["ENABLE_USAGE_GUARDRAILS must be true or false"]
        );
        assert!(source(&[]).draft(false).unwrap().enabled);
    }
}
