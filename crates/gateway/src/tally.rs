//! What is counted: requests that were answered, and what limits decided.

use tollgate_core::Instant;

/// The plan and feature of whatever is new once there are too many.
const OTHER: &str = "other";

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The path of its route, parameters in braces; `none` for a stray.
    pub route: &'a str,
    /// Its method; `none` for a stray, since clients make them up.
    pub method: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// When it was answered.
    pub at: Instant,
}

/// The labels that decisions, and hits of limits, are counted under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Tally {
    /// `usage_guardrail_decisions_total`.
    Decision {
        decision: &'static str,
        plan_code: String,
    },
    /// `usage_limit_hits_total`.
    Hit {
        plan_code: String,
        limit_type: &'static str,
        feature_key: String,
    },
}

impl Tally {
    /// The same under no plan and feature of its own.
    pub(crate) fn cut(self) -> Self {
        let other = || OTHER.to_owned();
        match self {
            Self::Decision { decision, .. } => Self::Decision {
                decision,
                plan_code: other(),
            },
            Self::Hit { limit_type, .. } => Self::Hit {
                plan_code: other(),
                limit_type,
                feature_key: other(),
            },
        }
    }
}

/// Microseconds as decimal seconds.
pub(crate) fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
