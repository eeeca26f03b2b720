//! One reading of a source: what it asked for, and what was wrong.

use super::check::{codes, dimensions, limit, prefix, truth};
use super::draft::{Allowed, Draft};
use super::source::Source;
use crate::presets::{CAPACITY, Dimension, Limits, PRESETS};
use std::cell::RefCell;
use std::collections::BTreeSet;
use tollgate_core::{Currency, Name, SoftMode};

/// One reading of a source: what it asked for, and what was wrong.
struct Reading<'a> {
    source: &'a Source,
    asked: RefCell<BTreeSet<String>>,
    faults: RefCell<Vec<String>>,
}

impl Source {
    /// All that it says, or all that is wrong with it.
    pub(super) fn draft(&self, is_headless: bool) -> Result<Draft, Vec<String>> {
        let reading = Reading {
            source: self,
            asked: RefCell::default(),
            faults: RefCell::default(),
        };
        let draft = reading.draft(is_headless);
        reading.name_strays();
        let faults = reading.faults.into_inner();
        if faults.is_empty() {
            Ok(draft)
        } else {
            Err(faults)
        }
    }

    /// The limits to begin with for a plan that `draft` did not have.
    pub(super) fn limits(&self, code: &Name, dimension: Dimension) -> Limits {
        let reading = Reading {
            source: self,
            asked: RefCell::default(),
            faults: RefCell::default(),
        };
        reading.limits(code, dimension)
    }
}

impl Reading<'_> {
    fn draft(&self, is_headless: bool) -> Draft {
        let kept = self.source.kept.as_ref();
        let enabled = self.read("ENABLE_USAGE_GUARDRAILS", truth);
        if enabled.is_none() && is_headless && self.is_faultless() {
            self.fault("ENABLE_USAGE_GUARDRAILS", "must be true or false");
        }
        let plans = self
            .read("USAGE_PLAN_CODES", codes)
            .unwrap_or_else(|| self.usual_codes());
        let dimensions = self
            .read("USAGE_DIMENSIONS", dimensions)
            .unwrap_or_else(|| self.usual_dimensions());
        let mode = self.read("USAGE_GUARDRAIL_SOFT_LIMIT_MODE", mode);
        let currency = self.read("USAGE_PLAN_CURRENCY", |text| {
            text.trim()
                .parse::<Currency>()
                .map_err(|error| error.to_string())
        });
        let has_capacity = self
            .read("ENABLE_VECTOR_LIMIT_ENTITLEMENTS", truth)
            .unwrap_or_else(|| self.has_usually_capacity());
        let allowed = |code: Name| {
            let limits = dimensions
                .iter()
                .map(|dimension| (*dimension, self.limits(&code, *dimension)))
                .collect();
            Allowed { limits, code }
        };
        let plans = plans.into_iter().map(allowed).collect();
        Draft {
            enabled: enabled.unwrap_or(true),
            mode: mode
                .or(kept.and_then(|kept| kept.soft_limit_mode))
                .unwrap_or(SoftMode::Warn),
            currency: currency
                .or(kept.and_then(|kept| kept.currency))
                .unwrap_or(Currency::USD),
            dimensions,
            has_capacity,
            plans,
        }
    }

    fn usual_codes(&self) -> Vec<Name> {
        let kept = self
            .source
            .kept
            .iter()
            .flat_map(|kept| &kept.plans)
            .map(|plan| plan.plan_code.clone());
        let kept: Vec<Name> = kept.collect();
        if !kept.is_empty() {
            return kept;
        }
        PRESETS
            .iter()
            .filter_map(|preset| Name::in_path(preset.code).ok())
            .collect()
    }

    fn usual_dimensions(&self) -> Vec<Dimension> {
        let kept: Vec<Dimension> = Dimension::ALL
            .into_iter()
            .filter(|dimension| self.keeps(dimension.key()))
            .collect();
        if kept.is_empty() {
            Dimension::ALL.to_vec()
        } else {
            kept
        }
    }

    fn has_usually_capacity(&self) -> bool {
        let has_plans = self
            .source
            .kept
            .as_ref()
            .is_some_and(|kept| !kept.plans.is_empty());
        !has_plans || CAPACITY.iter().any(|room| self.keeps(room.key))
    }

    /// Whether a plan of the file that is there has the feature `key`.
    fn keeps(&self, key: &str) -> bool {
        let mut features = self
            .source
            .kept
            .iter()
            .flat_map(|kept| &kept.plans)
            .flat_map(|plan| &plan.features);
        features.any(|feature| feature.feature_key == key)
    }

    fn limits(&self, code: &Name, dimension: Dimension) -> Limits {
        let usual = self.source.usual(code, dimension);
        let key = |kind: &str| {
            format!(
                "{}{}_{kind}_LIMIT",
                prefix(code),
                dimension.key().to_uppercase()
            )
        };
        let soft = self.read(&key("SOFT"), limit).unwrap_or(usual.soft);
        let hard = self.read(&key("HARD"), limit).unwrap_or(usual.hard);
        if let Some((soft, hard)) = soft.zip(hard).filter(|(soft, hard)| soft > hard) {
            self.fault(
                &key("SOFT"),
                &format!("must not be above the hard limit: {soft} > {hard}"),
            );
        }
        Limits { soft, hard }
    }

    /// The setting `key`; `None` if it is not set, or wrong, which is noted.
    fn read<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.asked.borrow_mut().insert(key.to_string());
        let value = self.source.value(key)?;
        parse(&value).map_err(|fault| self.fault(key, &fault)).ok()
    }

    fn fault(&self, key: &str, fault: &str) {
        self.faults.borrow_mut().push(format!("{key} {fault}"));
    }

    fn is_faultless(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// A setting that nobody asks for is misspelt, or for a plan that is not there.
    fn name_strays(&self) {
        let strays = self
            .source
            .given
            .iter()
            .filter(|(key, _)| !self.asked.borrow().contains(key));
        strays.for_each(|(key, _)| self.fault(key, "is no setting of these plans"));
    }
}

fn mode(text: &str) -> Result<SoftMode, String> {
    match text.trim().to_lowercase().as_str() {
        "warn" => Ok(SoftMode::Warn),
        "block" => Ok(SoftMode::Block),
        _ => Err("must be warn or block".to_string()),
    }
}
