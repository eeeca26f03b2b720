//! What of a series is watched for alerts.

use crate::ledger::attribute::announced;
use crate::ledger::standing::Standing;
use crate::limit::alerts::Alerts;
use crate::limit::counter::CounterKey;
use crate::limit::limit::Limit;
use crate::limit::series::{Series, State};
use crate::time::window::WindowKind;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The first value that is `percent` of `value` or more.
fn share(value: i128, percent: u8) -> i128 {
    let percent = i128::from(percent);
    let (hundreds, rest) = (
        value.checked_div(100).unwrap_or(0),
        value.checked_rem(100).unwrap_or(0),
    );
    let rest = rest
        .saturating_mul(percent)
        .saturating_add(99)
        .checked_div(100)
        .unwrap_or(0);
    hundreds.saturating_mul(percent).saturating_add(rest)
}

/// One limit's thresholds, as a series' counters are tested for them.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) limit: Arc<Limit>,
    /// The counter attribute that holds the highest percent announced.
    pub(crate) attribute: Arc<str>,
    /// Percents and the values that reach them, ascending.
    pub(crate) steps: Vec<(u8, i128)>,
}

/// What is watched of a series: a rate by second is not, as it would alert
/// every second, nor is a series that is still being filled.
pub(crate) fn watches(
    alerts: Option<&Alerts>,
    series: &Series,
    limits: &[Arc<Limit>],
) -> Vec<Watch> {
    let Some(alerts) =
        alerts.filter(|_| series.state == State::Active && series.window != WindowKind::Second)
    else {
        return Vec::new();
    };
    let watch = |limit: &Arc<Limit>| {
        let value = limit.hard.or(limit.soft).filter(|value| *value > 0)?;
        let steps = alerts
            .thresholds
            .iter()
            .map(|percent| (*percent, share(value, *percent)))
            .collect();
        let attribute = announced(limit);
        Some(Watch {
            limit: Arc::clone(limit),
            attribute,
            steps,
        })
    };
    limits.iter().filter_map(watch).collect()
}

impl Watch {
    /// The highest percent announced, as far as `standing` knows.
    pub(crate) fn announced(&self, standing: &Standing, key: &CounterKey) -> u8 {
        let reading = standing.reading(key);
        let percent = reading.and_then(|reading| reading.announced.get(&self.attribute));
        percent.copied().unwrap_or(0)
    }

    /// How many thresholds what is used reaches by going from `before` to
    /// `after`, beside those that a transaction announces already; `first` = it
    /// counts nothing there yet.
    pub(crate) fn more(
        &self,
        standing: &Standing,
        key: &CounterKey,
        (before, after): (i128, i128),
        first: bool,
    ) -> usize {
        let announced = self.announced(standing, key);
        let is_new = |(percent, value): &&(u8, i128)| {
            *percent > announced && *value <= after && (first || *value > before)
        };
        self.steps.iter().filter(is_new).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_the_first_whole_value_that_reaches_it() {
        for (value, percent, first) in [
            (100, 50, 50),
            (3, 50, 2),
            (1, 1, 1),
            (7, 80, 6),
            (7, 100, 7),
            (199, 99, 198),
            (
                crate::money::amount::BOUND,
                100,
                crate::money::amount::BOUND,
            ),
        ] {
            assert_eq!(share(value, percent), first, "{percent} % of {value}");
        }
    }
}
