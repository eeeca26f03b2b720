//! Credit: a plan's allowance and prepaid grants, from which costs are drawn.
//!
//! Each source is a counter like any other, in the scope [`Scope::Credit`]: its
//! capacity is tested in the transaction that draws from it, holds hold it, and
//! what ends a hold gives it back.

use crate::limit::allowance::{Earlier, Moved};
use crate::limit::config::Config;
use crate::limit::counter::CounterKey;
use crate::limit::grant::{GRANTS_MAX, credit_counter};
use crate::limit::scope::Scope;
use crate::limit::subscription::{Status, Subscription};
use crate::money::amount::Amount;
use crate::time::calendar::Calendar;
use crate::time::instant::{DAY_SECONDS, Instant};
use crate::time::window::WindowKind;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One source and how much it holds in all.
pub(crate) struct Source {
    pub(crate) counter: CounterKey,
    pub(crate) capacity: i128,
}

/// The counter of what was used beyond all credit.
#[must_use]
pub fn uncovered_counter() -> CounterKey {
    credit_counter("uncovered")
}

impl Config {
    /// Whether costs must be covered by credit: the plan includes some, or the
    /// tenant was ever granted any.
    #[must_use]
    pub fn is_prepaid(&self) -> bool {
        self.prepaid || self.allowance().is_some()
    }

    /// What the plan includes in each period.
    #[must_use]
    pub fn allowance(&self) -> Option<Amount> {
        let subscription = self.subscription.as_ref();
        subscription
            .filter(|own| own.status != Status::Cancelled)?
            .plan
            .allowance
    }

    /// The counter of the allowance of the period that holds `at`, by the calendar
    /// that held for it then, or of the one that took over from it. Periods of two
    /// calendars never share one, so that what was drawn is found again.
    #[must_use]
    pub fn allowance_counter(&self, at: Instant) -> CounterKey {
        let earlier = self.earlier.iter().find(|earlier| at < earlier.until);
        let (calendar, number) = match earlier {
            Some(earlier) => (earlier.calendar.clone(), earlier.number),
            None => (self.calendar(), self.calendars),
        };
        let counter = CounterKey {
            scope: Scope::Credit,
            scope_id: allowance_id(number),
            window: calendar.holding(WindowKind::Period, at),
        };
        self.stands_in(&counter).clone()
    }

    /// Where what was drawn from `source` stands now.
    #[must_use]
    pub fn stands_in<'a>(&'a self, source: &'a CounterKey) -> &'a CounterKey {
        let moved = self.moved.iter().find(|moved| moved.from == *source);
        moved.map_or(source, |moved| &moved.to)
    }

    /// Where a cost at `timestamp` is drawn from at `now`, in this order: the
    /// allowance of its period, then the grants that were valid at that time.
    pub(crate) fn sources(&self, timestamp: Instant, now: Instant) -> Vec<Source> {
        let since = self
            .subscription
            .as_ref()
            .map(|subscription| subscription.since);
        let allowance = self.allowance().and_then(|amount| {
            let counter = self.allowance_counter(timestamp);
            let begun = since?;
            let lasts = counter.window.end().is_none_or(|end| begun < end);
            lasts.then_some(Source {
                counter,
                capacity: amount.units(),
            })
        });
        let grants = self
            .grants
            .iter()
            .filter(|grant| grant.covers(timestamp, now));
        let grants = grants.take(GRANTS_MAX).map(|grant| Source {
            counter: grant.counter(),
            capacity: grant.amount.units(),
        });
        allowance.into_iter().chain(grants).collect()
    }

    /// Takes another subscription, or none, at `now`. Where periods come to begin
    /// elsewhere by it, those before the current one stay as they were, and the
    /// current one's allowance stands in another counter: to which all that the
    /// old one holds is to be moved.
    pub fn set_subscription(&mut self, next: Option<Subscription>, now: Instant) -> Option<Moved> {
        let (before, from) = (self.periods(), self.allowance_counter(now));
        self.subscription = next;
        let periods = self.periods();
        if periods == before {
            return None;
        }
        // What lies before either period is of the calendar of before.
        let current = periods.holding(WindowKind::Period, now);
        let begins = from.window.start.max(current.start);
        let last = self.earlier.last().map(|earlier| earlier.until);
        if last.is_none_or(|last| last < begins) {
            self.earlier.push(Earlier {
                until: begins,
                calendar: before,
                number: self.calendars,
            });
        }
        self.calendars = self.calendars.saturating_add(1);
        let to = self.allowance_counter(now);
        let taken_over = |held: &&mut Moved| held.to == from;
        for held in self.moved.iter_mut().filter(taken_over) {
            held.to = to.clone();
        }
        let moved = Moved { from, to };
        self.moved.push(moved.clone());
        self.forget_periods(now);
        Some(moved)
    }

    /// Forgets the calendars of periods of which nothing is kept any more.
    fn forget_periods(&mut self, now: Instant) {
        // As long as markers are kept.
        let days = i64::from(self.retention()).saturating_add(1);
        let oldest = now.plus_seconds(days.saturating_mul(DAY_SECONDS).saturating_neg());
        let is_kept = |end: Option<Instant>| end.is_none_or(|end| end > oldest);
        self.earlier.retain(|earlier| is_kept(Some(earlier.until)));
        self.moved.retain(|held| is_kept(held.from.window.end()));
    }

    fn periods(&self) -> Calendar {
        self.calendar().of(WindowKind::Period)
    }
}

/// Which source the allowances of the calendar of this number are.
fn allowance_id(number: u32) -> Arc<str> {
    match number {
        0 => Arc::from("allowance"),
        number => Arc::from(format!("allowance:{number}")),
    }
}
