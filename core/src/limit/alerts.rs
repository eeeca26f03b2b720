//! When a tenant is told how far its limits are used.

use crate::limit::counter::{CounterKey, Standing};
use crate::limit::limit::Limit;
use crate::limit::series::{Series, State};
use crate::time::window::WindowKind;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// When a tenant is told how far its limits are used, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alerts {
    /// Percents from 1 to 100 of a limit's hard value (else its soft one),
    /// 1 to 10 of them, ascending, none twice.
    pub thresholds: Vec<u8>,
    /// Where alerts are sent; absent = nowhere, they are only shown.
    pub url: Option<String>,
    /// What signs them; there is one where there is a `url`.
    pub secret: Option<Secret>,
}

/// What signs alerts. It is never shown by formatting.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Alerts {
    /// The thresholds that hold where none are named.
    pub const THRESHOLDS: [u8; 3] = [50, 80, 100];
}

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
        let attribute = Arc::from(format!("a:{}:{}", limit.layer.as_str(), limit.id));
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
    pub(crate) fn announced(&self, standing: Option<&Standing>, key: &CounterKey) -> i128 {
        standing
            .and_then(|standing| standing.get(key)?.get(&self.attribute))
            .map_or(0, |count| count.taken)
    }

    /// How many thresholds going from `before` to `after` adds to those that a
    /// transaction announces; `first` = it counts nothing there yet.
    pub(crate) fn more(
        &self,
        standing: Option<&Standing>,
        key: &CounterKey,
        (before, after): (i128, i128),
        first: bool,
    ) -> usize {
        let announced = self.announced(standing, key);
        let is_new = |(percent, value): &&(u8, i128)| {
            i128::from(*percent) > announced && *value <= after && (first || *value > before)
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

    #[test]
    fn a_secret_is_not_shown_by_formatting() {
        let alerts = Alerts {
            thresholds: Alerts::THRESHOLDS.to_vec(),
            url: None,
            secret: Some(Secret("hidden".into())),
        };
        assert!(!format!("{alerts:?}").contains("hidden"));
    }
}
