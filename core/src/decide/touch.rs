//! What one event touches, and which limits it passes.

use crate::decide::rules::Track;
use crate::decide::ruling::Ruling;
use crate::decide::tallies::Place;
use crate::limit::counter::{Count, CounterKey};
use crate::limit::decision::Objection;
use crate::limit::limit::{Limit, SoftMode};
use crate::limit::status::Standpoint;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Every counter that one event touches.
#[derive(Default)]
pub(crate) struct Touches<'a> {
    pub(crate) series: Vec<Touch<'a>>,
    pub(crate) objection: Option<Objection>,
    pub(crate) draws: Vec<Drawn>,
    /// Whether it draws beyond the first source.
    pub(crate) is_pressed: bool,
}

/// One event's use of one series, tested against what stands.
pub(crate) struct Touch<'a> {
    pub(crate) track: &'a Track,
    pub(crate) place: Place,
    pub(crate) requested: i128,
    pub(crate) count: Count,
}

/// What one event takes of one source of credit.
pub(crate) struct Drawn {
    pub(crate) place: Place,
    pub(crate) amount: i128,
    pub(crate) capacity: i128,
}

impl Touches<'_> {
    /// The same without anything in it, for the next event.
    pub(crate) fn emptied(mut self) -> Self {
        self.series.clear();
        self.draws.clear();
        Self {
            objection: None,
            is_pressed: false,
            ..self
        }
    }
}

impl Touch<'_> {
    /// Tests one limit, and says in `ruling` what it passes.
    pub(crate) fn test(
        &self,
        key: &CounterKey,
        limit: &Arc<Limit>,
        shows: bool,
        ruling: &mut Ruling,
    ) {
        let sum = self.count.taken().saturating_add(self.requested);
        let passes = |value: Option<i128>| value.is_some_and(|value| sum > value);
        let soft = passes(limit.soft);
        let hard = passes(limit.hard) || (soft && limit.soft_mode == SoftMode::Block);
        let standpoint = |hard_passed: bool| Standpoint {
            limit: Arc::clone(limit),
            scope_id: Arc::clone(&key.scope_id),
            window: key.window,
            count: self.count,
            requested: self.requested,
            hard_passed,
        };
        if shows {
            ruling.limits.push(standpoint(hard));
        }
        if hard {
            ruling.violations.push(standpoint(true));
        } else if soft {
            ruling.warnings.push(standpoint(false));
        }
    }
}
