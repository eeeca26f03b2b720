//! Which thresholds are told: each once, when use reaches it.

use super::calendar::Calendar;
use super::tenant::{Cap, Subject};
use std::collections::BTreeMap;

/// Percents of a limit.
pub(crate) const THRESHOLDS: [u8; 3] = [50, 80, 100];

/// A limit by its layer and subject, whose use, and when.
type Place = (&'static str, Subject, String, (Calendar, String));

/// An alert: a limit by its layer and subject, whose use, and the percent.
pub(crate) type Alert = (String, Subject, String, u8);

/// What was told.
#[derive(Default)]
pub(crate) struct Told {
    /// Whether the tenant is told anything.
    pub(crate) is_on: bool,
    highest: BTreeMap<Place, u8>,
    /// All of it, sorted.
    pub(crate) alerts: Vec<Alert>,
}

impl Told {
    /// Notes that something was used of a cap, which stands at `used` now.
    pub(crate) fn note(
        &mut self,
        (layer, cap): (&'static str, &Cap),
        id: &str,
        window: (Calendar, String),
        used: i128,
    ) {
        let value = cap.hard.or(cap.soft).filter(|value| *value > 0);
        let Some(value) = value.filter(|_| self.is_on) else {
            return;
        };
        let place = (layer, cap.of.clone(), id.to_owned(), window);
        let highest = self.highest.entry(place).or_default();
        for percent in THRESHOLDS {
            if percent > *highest && used * 100 >= value * i128::from(percent) {
                *highest = percent;
                let alert = (layer.to_owned(), cap.of.clone(), id.to_owned(), percent);
                self.alerts.push(alert);
            }
        }
    }
}
