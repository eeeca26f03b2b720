//! Counts of requests, as Prometheus text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// What a process counted of its requests; no tenant is named.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(String, u16), Timing>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    count: u64,
    micros: u64,
}

impl Metrics {
    /// Counts one request to `route` answered with `status`.
    pub fn count(&self, route: &str, status: u16, micros: u64) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let timing = requests.entry((route.to_owned(), status)).or_default();
        timing.count = timing.count.saturating_add(1);
        timing.micros = timing.micros.saturating_add(micros);
    }

    /// The counts in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text =
            String::from("# HELP tollgate_requests_total Requests by route and status.\n# TYPE tollgate_requests_total counter\n");
        for ((route, status), timing) in requests.iter() {
            let _ = writeln!(text, "tollgate_requests_total{{route=\"{route}\",status=\"{status}\"}} {}", timing.count);
        }
        text.push_str("# HELP tollgate_request_seconds_total Time spent answering, by route and status.\n# TYPE tollgate_request_seconds_total counter\n");
        for ((route, status), timing) in requests.iter() {
            let (seconds, rest) = (timing.micros / 1_000_000, timing.micros % 1_000_000);
            let _ = writeln!(text, "tollgate_request_seconds_total{{route=\"{route}\",status=\"{status}\"}} {seconds}.{rest:06}");
        }
        text
    }
}
