//! The same counts for CloudWatch, in its Embedded Metric Format: JSON lines on
//! standard output, which Lambda hands on without a call.

use crate::tally::{Answered, Tally, seconds};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::Instant;

const NAMESPACE: &str = "Tollgate";

/// Where a function's counts are written. It answers one request at a time, so
/// what was decided since the last line belongs to the request of the next.
#[derive(Clone)]
pub struct Embedded {
    function: Arc<str>,
    line: Arc<dyn Fn(&str) + Send + Sync>,
}

/// One line: at most one request, decision and hit, since a line has each name
/// once.
#[derive(Default, Serialize)]
struct Line {
    #[serde(rename = "_aws")]
    aws: Value,
    #[serde(flatten)]
    labels: BTreeMap<&'static str, String>,
    #[serde(flatten)]
    figures: BTreeMap<&'static str, Box<RawValue>>,
    #[serde(skip)]
    directives: Vec<Value>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

impl Embedded {
    /// Writes for `function`, a `line` at a time, without its end.
    #[must_use]
    pub fn new(function: &str, line: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            function: Arc::from(function),
            line: Arc::new(line),
        }
    }

    /// Writes one line for the request, with the first of `tallies`, and a
    /// further line for each of the others.
    pub(crate) fn write(&self, request: Answered<'_>, tallies: BTreeMap<Tally, u64>) {
        let mut tallies = tallies.into_iter();
        let mut line = Line::default();
        line.request(&self.function, request);
        if let Some((tally, count)) = tallies.next() {
            line.tally(tally, count);
        }
        (self.line)(&line.text(request.at));
        for (tally, count) in tallies {
            let mut line = Line::default();
            line.tally(tally, count);
            (self.line)(&line.text(request.at));
        }
    }
}

impl Line {
    fn request(&mut self, function: &str, request: Answered<'_>) {
        let Answered {
            route,
            method,
            status,
            micros,
            ..
        } = request;
        let labels = [
            ("Function", function.to_owned()),
            ("Route", route.to_owned()),
            ("Method", method.to_owned()),
            ("Status", format!("{}xx", status / 100)),
        ];
        let figures = [
            ("http_request_duration_seconds", "Seconds", seconds(micros)),
            ("tollgate_requests_total", "Count", "1".to_owned()),
        ];
        self.add(&labels, &figures);
    }

    fn tally(&mut self, tally: Tally, count: u64) {
        let count = count.to_string();
        match tally {
            Tally::Decision {
                decision,
                plan_code,
            } => {
                let labels = [("Decision", decision.to_owned()), ("PlanCode", plan_code)];
                self.add(
                    &labels,
                    &[("usage_guardrail_decisions_total", "Count", count)],
                );
            }
            Tally::Hit {
                plan_code,
                limit_type,
                feature_key,
            } => {
                let labels = [
                    ("PlanCode", plan_code),
                    ("LimitType", limit_type.to_owned()),
                    ("FeatureKey", feature_key),
                ];
                self.add(&labels, &[("usage_limit_hits_total", "Count", count)]);
            }
        }
    }

    /// Adds figures, each of a name, a unit and a number as text.
    fn add(&mut self, labels: &[(&'static str, String)], figures: &[(&'static str, &str, String)]) {
        let dimensions: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
        let metrics: Vec<Value> = figures
            .iter()
            .map(|(name, unit, _)| json!({ "Name": name, "Unit": unit }))
            .collect();
        self.directives.push(
            json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics }),
        );
        self.labels.extend(labels.iter().cloned());
        let raw = figures.iter().filter_map(|(name, _, figure)| {
            Some((*name, RawValue::from_string(figure.clone()).ok()?))
        });
        self.figures.extend(raw);
    }

    fn text(mut self, at: Instant) -> String {
        let directives = std::mem::take(&mut self.directives);
        self.aws = json!({ "Timestamp": at.unix_millis(), "CloudWatchMetrics": directives });
        serde_json::to_string(&self).unwrap_or_default()
    }
}
