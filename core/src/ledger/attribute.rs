//! The attributes of counters: their names are made and read here alone.

use crate::ledger::item::{Attrs, Value};
use crate::limit::counter::Count;
use crate::limit::limit::Limit;
use crate::limit::measure::Measure;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use core::cmp::Ordering;
use serde::{Deserialize, Serialize};

/// Used and held together: what limits guard.
const TAKEN: &str = "u:";
/// What is used of it: what alerts guard.
const USED: &str = "n:";
/// The highest percent of a limit that was announced.
const ANNOUNCED: &str = "a:";

/// One figure of a counter: a measure, counted since a version of the tenant's
/// configuration, so that what an earlier count left behind is never mixed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "(Measure, u64)", into = "(Measure, u64)")]
pub struct Figure(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    measure: Measure,
    since: u64,
    taken: Arc<str>,
    used: Arc<str>,
}

impl Figure {
    /// `measure` since the configuration version `since`.
    #[must_use]
    pub fn new(measure: Measure, since: u64) -> Self {
        let name = |prefix: &str| Arc::from(format!("{prefix}{measure}:{since}"));
        let (taken, used) = (name(TAKEN), name(USED));
        Self(Arc::new(Inner {
            measure,
            since,
            taken,
            used,
        }))
    }

    /// What sources of credit count: money, in every version.
    #[must_use]
    pub fn credit() -> Self {
        Self::new(Measure::Spend, 0)
    }

    /// What it counts.
    #[must_use]
    pub fn measure(&self) -> &Measure {
        &self.0.measure
    }

    /// The configuration version since which it is counted.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.0.since
    }

    /// The attribute of what is used and held together.
    #[must_use]
    pub fn taken(&self) -> &Arc<str> {
        &self.0.taken
    }

    /// The attribute of what is used.
    #[must_use]
    pub fn used(&self) -> &Arc<str> {
        &self.0.used
    }
}

impl PartialEq for Figure {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Figure {}

impl PartialOrd for Figure {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Figure {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.since(), self.measure()).cmp(&(other.since(), other.measure()))
    }
}

impl From<(Measure, u64)> for Figure {
    fn from((measure, since): (Measure, u64)) -> Self {
        Self::new(measure, since)
    }
}

impl From<Figure> for (Measure, u64) {
    fn from(figure: Figure) -> Self {
        (figure.measure().clone(), figure.since())
    }
}

/// The attribute of the highest percent of `limit` that was announced.
#[must_use]
pub fn announced(limit: &Limit) -> Arc<str> {
    Arc::from(format!("{ANNOUNCED}{}:{}", limit.layer.as_str(), limit.id))
}

/// What one counter was read to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reading {
    /// By figure.
    pub counts: BTreeMap<Figure, Count>,
    /// By attribute, the percents announced.
    pub announced: BTreeMap<Arc<str>, u8>,
}

impl Reading {
    /// Reads a counter's item.
    #[must_use]
    pub fn of(attrs: &Attrs) -> Self {
        let mut reading = Self::default();
        for (name, value) in attrs {
            let Some(number) = value.as_number() else {
                continue;
            };
            if let Some(figure) = name.strip_prefix(TAKEN).and_then(figure_of) {
                let used = attrs
                    .get(figure.used())
                    .and_then(Value::as_number)
                    .unwrap_or(0);
                let held = number.saturating_sub(used);
                reading.counts.insert(figure, Count { used, held });
            } else if name.starts_with(ANNOUNCED) {
                let percent = u8::try_from(number).unwrap_or(u8::MAX);
                reading.announced.insert(Arc::clone(name), percent);
            }
        }
        reading
    }
}

fn figure_of(text: &str) -> Option<Figure> {
    let (measure, since) = text.rsplit_once(':')?;
    Some(Figure::new(measure.parse().ok()?, since.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_as_it_is_written() {
        for measure in ["spend", "events", "units:aws-polly:standard:character"] {
            let figure = Figure::new(measure.parse().unwrap(), 7);
            let attrs = Attrs::from([
                (Arc::clone(figure.taken()), Value::N(5)),
                (Arc::clone(figure.used()), Value::N(2)),
            ]);
            let counts = BTreeMap::from([(figure, Count { used: 2, held: 3 })]);
            let expected = Reading {
                counts,
                ..Reading::default()
            };
            assert_eq!(Reading::of(&attrs), expected, "{measure}");
        }
    }
}
