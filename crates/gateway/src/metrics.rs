//! Counts of requests and of what limits decided, as Prometheus text.
//!
//! No tenant is named, and the label sets are bounded: routes and statuses are
//! the API's own, and what configurations name is cut off at [`LABELS_MAX`].

use crate::embedded::Embedded;
use crate::tally::{Answered, Tally, seconds};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tollgate_core::{Decision, Name, Objection, Ruling};

/// The most label sets of decisions and hits. Whatever is new after them counts
/// with `other` as plan and feature, which adds no more than a handful.
const LABELS_MAX: usize = 1000;
/// The plan of a tenant that subscribes to none.
const UNKNOWN: &str = "unknown";

/// The upper bounds of the histogram: in microseconds, and as labels in seconds.
const BOUNDS: [(u64, &str); 11] = [
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
];

/// What a process counted.
#[derive(Debug, Default)]
pub struct Metrics {
    counts: Mutex<Counts>,
    embedded: Option<Embedded>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<(String, u16), Timing>,
    durations: BTreeMap<(String, String, u16), Histogram>,
    tallies: BTreeMap<Tally, u64>,
    /// What the next embedded lines will say.
    pending: BTreeMap<Tally, u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    count: u64,
    micros: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Histogram {
    /// How many took no longer than each bound, and longer than the one before.
    within: [u64; BOUNDS.len()],
    all: Timing,
}

impl Timing {
    fn add(&mut self, micros: u64) {
        self.count = self.count.saturating_add(1);
        self.micros = self.micros.saturating_add(micros);
    }
}

impl Counts {
    fn tally(&mut self, tally: Tally, is_embedded: bool) {
        let is_full = self.tallies.len() >= LABELS_MAX && !self.tallies.contains_key(&tally);
        let tally = if is_full { tally.cut() } else { tally };
        let bump = |counts: &mut BTreeMap<Tally, u64>, tally| {
            let count = counts.entry(tally).or_default();
            *count = count.saturating_add(1);
        };
        if is_embedded {
            bump(&mut self.pending, tally.clone());
        }
        bump(&mut self.tallies, tally);
    }
}

impl Metrics {
    /// Nothing counted yet; with `embedded`, each request is also written there.
    #[must_use]
    pub fn new(embedded: Option<Embedded>) -> Self {
        Self {
            counts: Mutex::default(),
            embedded,
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one answered request, and writes its embedded lines.
    pub fn count(&self, request: Answered<'_>) {
        let Answered {
            route,
            method,
            status,
            micros,
            ..
        } = request;
        let label = if method == route {
            route.to_owned()
        } else {
            format!("{method} {route}")
        };
        let mut counts = self.counts();
        counts
            .requests
            .entry((label, status))
            .or_default()
            .add(micros);
        let histogram = counts
            .durations
            .entry((route.to_owned(), method.to_owned(), status / 100))
            .or_default();
        histogram.all.add(micros);
        let bucket = BOUNDS.iter().position(|(bound, _)| micros <= *bound);
        if let Some(within) = bucket.and_then(|place| histogram.within.get_mut(place)) {
            *within = within.saturating_add(1);
        }
        let pending = std::mem::take(&mut counts.pending);
        drop(counts);
        if let Some(embedded) = &self.embedded {
            embedded.write(request, pending);
        }
    }

    /// Counts what limits decided of an event or hold in enforce mode, and each
    /// limit that it passed. A refusal for want of a plan is no decision of a
    /// limit, and is not counted.
    pub fn decided(&self, decision: Decision, ruling: &Ruling) {
        if ruling
            .objections
            .iter()
            .any(|objection| matches!(objection, Objection::NoPlan | Objection::Cancelled))
        {
            return;
        }
        let decision = match decision {
            Decision::Allow => "allow",
            Decision::Warn => "soft_limit",
            Decision::Deny => "hard_limit",
        };
        let plan_code = ruling.plan_code.as_ref().map_or_else(
            || UNKNOWN.to_owned(),
            |plan: &Name| plan.as_str().to_lowercase(),
        );
        let is_embedded = self.embedded.is_some();
        let mut counts = self.counts();
        for passed in ruling.violations.iter().chain(&ruling.warnings) {
            let limit_type = passed.limit_type().as_str();
            let feature_key = passed.limit.feature_key();
            counts.tally(
                Tally::Hit {
                    plan_code: plan_code.clone(),
                    limit_type,
                    feature_key,
                },
                is_embedded,
            );
        }
        counts.tally(
            Tally::Decision {
                decision,
                plan_code,
            },
            is_embedded,
        );
    }

    /// The counts in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let counts = self.counts();
        let mut text = String::new();
        head(
            &mut text,
            "tollgate_requests_total",
            "Requests by route and status.",
            "counter",
        );
        for ((route, status), timing) in &counts.requests {
            let _ = writeln!(
                text,
                "tollgate_requests_total{{route=\"{route}\",status=\"{status}\"}} {}",
                timing.count
            );
        }
        head(
            &mut text,
            "tollgate_request_seconds_total",
            "Time spent answering, by route and status.",
            "counter",
        );
        for ((route, status), timing) in &counts.requests {
            let seconds = seconds(timing.micros);
            let _ = writeln!(
                text,
                "tollgate_request_seconds_total{{route=\"{route}\",status=\"{status}\"}} {seconds}"
            );
        }
        counts.render_durations(&mut text);
        counts.render_tallies(&mut text);
        text
    }
}

impl Counts {
    fn render_durations(&self, text: &mut String) {
        const NAME: &str = "http_request_duration_seconds";
        head(
            text,
            NAME,
            "Time spent answering, by route, method and class of status.",
            "histogram",
        );
        for ((route, method, class), histogram) in &self.durations {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{class}xx\"");
            let mut within = 0_u64;
            for ((_, bound), more) in BOUNDS.iter().zip(histogram.within) {
                within = within.saturating_add(more);
                let _ = writeln!(text, "{NAME}_bucket{{{labels},le=\"{bound}\"}} {within}");
            }
            let Timing { count, micros } = histogram.all;
            let _ = writeln!(text, "{NAME}_bucket{{{labels},le=\"+Inf\"}} {count}");
            let _ = writeln!(text, "{NAME}_sum{{{labels}}} {}", seconds(micros));
            let _ = writeln!(text, "{NAME}_count{{{labels}}} {count}");
        }
    }

    fn render_tallies(&self, text: &mut String) {
        head(
            text,
            "usage_guardrail_decisions_total",
            "Events and holds decided in enforce mode, by decision and plan.",
            "counter",
        );
        for (tally, count) in &self.tallies {
            if let Tally::Decision {
                decision,
                plan_code,
            } = tally
            {
                let _ = writeln!(
                    text,
                    "usage_guardrail_decisions_total{{decision=\"{decision}\",plan_code=\"{plan_code}\"}} {count}"
                );
            }
        }
        head(
            text,
            "usage_limit_hits_total",
            "Limits that those passed, by plan, kind of value and feature.",
            "counter",
        );
        for (tally, count) in &self.tallies {
            if let Tally::Hit {
                plan_code,
                limit_type,
                feature_key,
            } = tally
            {
                let labels = format!(
                    "plan_code=\"{plan_code}\",limit_type=\"{limit_type}\",feature_key=\"{feature_key}\""
                );
                let _ = writeln!(text, "usage_limit_hits_total{{{labels}}} {count}");
            }
        }
    }
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_core::Instant;

    #[test]
    fn label_sets_beyond_the_bound_share_one_other() {
        let metrics = Metrics::default();
        for number in 0..LABELS_MAX + 50 {
            let plan_code = Name::new(&format!("plan-{number}")).ok();
            metrics.decided(
                Decision::Allow,
                &Ruling {
                    plan_code,
                    ..Ruling::default()
                },
            );
        }
        let text = metrics.render();
        assert!(text.contains(
            "usage_guardrail_decisions_total{decision=\"allow\",plan_code=\"other\"} 50\n"
        ));
        assert_eq!(
            text.matches("usage_guardrail_decisions_total{").count(),
            LABELS_MAX + 1
        );
    }

    #[test]
    fn a_duration_counts_in_every_bucket_that_it_fits() {
        let metrics = Metrics::default();
        for micros in [5_000, 5_001, 10_000_001] {
            metrics.count(Answered {
                route: "/check",
                method: "POST",
                status: 201,
                micros,
                at: Instant::EPOCH,
            });
        }
        let text = metrics.render();
        let labels = "route=\"/check\",method=\"POST\",status=\"2xx\"";
        for (le, count) in [("0.005", 1), ("0.01", 2), ("10", 2), ("+Inf", 3)] {
            assert!(
                text.contains(&format!(
                    "http_request_duration_seconds_bucket{{{labels},le=\"{le}\"}} {count}\n"
                )),
                "{le}: {text}"
            );
        }
        assert!(
            text.contains(&format!(
                "http_request_duration_seconds_sum{{{labels}}} 10.010002\n"
            )),
            "{text}"
        );
        assert!(
            text.contains(&format!(
                "http_request_duration_seconds_count{{{labels}}} 3\n"
            )),
            "{text}"
        );
    }
}
