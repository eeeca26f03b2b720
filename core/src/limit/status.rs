//! Where a limit stands, as answers show it.

use crate::limit::counter::{Count, CounterKey};
use crate::limit::limit::Limit;
use crate::limit::measure::Measure;
use crate::money::amount::Amount;
use crate::time::window::Window;
use crate::words::words;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

/// A limit as one event (or a reader) found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standpoint {
    /// The limit.
    pub limit: Arc<Limit>,
    /// Which one of its scope; empty for the tenant.
    pub scope_id: Arc<str>,
    /// The window in question.
    pub window: Window,
    /// What it held before the request.
    pub count: Count,
    /// What the request asked for on top; 0 for a reader.
    pub requested: i128,
    /// Whether the hard value (or a blocking soft one) is the one passed.
    pub hard_passed: bool,
}

/// A [`Standpoint`] in figures, as in the API's `LimitStatus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    /// Used, without what is held.
    pub used: String,
    /// Held.
    pub held: String,
    /// Left to the hard value (else the soft one), never negative; absent
    /// without either.
    pub remaining: Option<String>,
    /// Used and held, in percent of the hard value (else the soft one), two
    /// digits half-even; absent for a limit of 0 and without a limit.
    pub percent: Option<String>,
    /// How full it is.
    pub status: Fullness,
}

words! {
    /// How full a limit is, by what is used and held.
    pub enum Fullness {
        /// Below 80 % of its soft value, else of its hard one.
        Ok = "ok",
        /// From there on.
        Approaching = "approaching",
        /// The soft value is reached.
        SoftLimitExceeded = "soft_limit_exceeded",
        /// The hard value is reached.
        HardLimitExceeded = "hard_limit_exceeded",
    }
}

words! {
    /// Which value of a limit refuses.
    pub enum LimitType {
        /// The hard one.
        Hard = "hard_limit",
        /// The soft one, where that blocks.
        Soft = "soft_limit",
    }
}

/// The share of a limit from which it counts as approaching: 80 %.
const APPROACHING_PERCENT: i128 = 80;

impl Standpoint {
    /// The counter that was tested.
    #[must_use]
    pub fn counter(&self) -> CounterKey {
        CounterKey {
            scope: self.limit.scope,
            scope_id: Arc::clone(&self.scope_id),
            window: self.window,
        }
    }

    /// Whether it counts money.
    #[must_use]
    pub fn is_money(&self) -> bool {
        self.limit.measure == Measure::Spend
    }

    /// The value passed, or the hard one, or the soft one.
    #[must_use]
    pub fn limit_value(&self) -> Option<i128> {
        let blocked_by_soft = self.hard_passed && !self.passes(self.limit.hard);
        if blocked_by_soft {
            self.limit.soft
        } else {
            self.limit.hard.or(self.limit.soft)
        }
    }

    /// Which of its values it passes.
    #[must_use]
    pub fn limit_type(&self) -> LimitType {
        if self.passes(self.limit.hard) {
            LimitType::Hard
        } else {
            LimitType::Soft
        }
    }

    fn passes(&self, value: Option<i128>) -> bool {
        value.is_some_and(|value| self.count.taken().saturating_add(self.requested) > value)
    }

    /// A value of its measure as text: a decimal for spend, else an integer.
    #[must_use]
    pub fn text(&self, value: i128) -> String {
        value_text(&self.limit.measure, value)
    }

    /// Used and held in percent of `value`, two digits half-even; absent
    /// without a value and for 0.
    #[must_use]
    pub fn percent_of(&self, value: Option<i128>) -> Option<String> {
        percent(self.count.taken(), value?)
    }

    /// Its figures.
    #[must_use]
    pub fn status(&self) -> LimitStatus {
        let taken = self.count.taken();
        let reference = self.limit.hard.or(self.limit.soft);
        let remaining = reference.map(|value| value.saturating_sub(taken).max(0));
        LimitStatus {
            used: self.text(self.count.used),
            held: self.text(self.count.held),
            remaining: remaining.map(|left| self.text(left)),
            percent: self.percent_of(reference),
            status: self.fullness(),
        }
    }

    /// How full it is.
    #[must_use]
    pub fn fullness(&self) -> Fullness {
        let taken = self.count.taken();
        let reached = |value: Option<i128>| value.is_some_and(|value| taken >= value);
        let near = self.limit.soft.or(self.limit.hard).is_some_and(|value| {
            taken.saturating_mul(100) >= value.saturating_mul(APPROACHING_PERCENT)
        });
        if reached(self.limit.hard) {
            Fullness::HardLimitExceeded
        } else if reached(self.limit.soft) {
            Fullness::SoftLimitExceeded
        } else if near {
            Fullness::Approaching
        } else {
            Fullness::Ok
        }
    }
}

/// `part` of `whole` in percent with two digits, half-even.
fn percent(part: i128, whole: i128) -> Option<String> {
    let hundredths = crate::money::amount::div_half_even(part.checked_mul(10_000)?, whole)?;
    let units = hundredths.checked_mul(10_000_000_000_000_000)?;
    Amount::from_units(units).map(|amount| amount.fixed(2))
}

/// The text of a limit's value: a decimal for spend, else an integer.
pub(crate) fn value_text(measure: &Measure, value: i128) -> String {
    match measure {
        Measure::Spend => Amount::from_units(value)
            .map_or_else(|| format!("{value}"), |amount| format!("{amount}")),
        _ => format!("{value}"),
    }
}
