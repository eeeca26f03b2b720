//! Whether events fit their limits, one after another.

use crate::amount::BOUND;
use crate::config::Track;
use crate::limit::{Limit, SoftMode};
use crate::{Count, CounterKey, Draft, Instant, Overflow, Standing, Standpoint, State, WindowKind};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What was decided of an event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Within all limits.
    #[default]
    Allow,
    /// Past a soft limit.
    Warn,
    /// Past a hard limit: refused, or in observe mode recorded all the same.
    Deny,
}

/// Whether limits hold or only look on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// An event past a hard limit is not recorded.
    Enforce,
    /// An event that has already happened is recorded past any limit, and says so.
    Observe,
}

/// The decision on one event, and what led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The decision.
    pub decision: Decision,
    /// Every limit it passes that refuses.
    pub violations: Vec<Standpoint>,
    /// Every soft limit it passes that warns.
    pub warnings: Vec<Standpoint>,
    /// Every limit that applies, as the event found it.
    pub limits: Vec<Standpoint>,
}

/// What a pack of admitted events adds to one attribute of one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addition {
    /// How much.
    pub amount: i128,
    /// The most the attribute may hold beforehand for every decision to stand.
    pub at_most: i128,
}

/// The rulings on a pack, and what its admitted events add.
#[derive(Clone, Debug, Default)]
pub struct Decided {
    /// In the order of the events.
    pub rulings: Vec<Ruling>,
    /// By counter, then attribute.
    pub additions: BTreeMap<CounterKey, BTreeMap<Arc<str>, Addition>>,
}

impl Decision {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// One event's use of one series, tested against what stands.
struct Touch<'a> {
    track: &'a Track,
    counter: CounterKey,
    requested: i128,
    count: Count,
}

/// Decides events in order, each against `standing` plus those admitted before
/// it. What `standing` does not hold is taken as nothing; the additions'
/// `at_most` make the store refuse where more stood, so that no decision rests
/// on an outdated reading.
pub(crate) struct Decider<'a> {
    tracks: &'a [Track],
    standing: Option<&'a Standing>,
    mode: Mode,
    received: Instant,
    decided: Decided,
}

impl<'a> Decider<'a> {
    pub(crate) fn new(tracks: &'a [Track], standing: Option<&'a Standing>, mode: Mode, received: Instant) -> Self {
        Self { tracks, standing, mode, received, decided: Decided::default() }
    }

    /// How many counters a further event would bring along.
    pub(crate) fn new_counters(&self, draft: &Draft) -> usize {
        let mut fresh: Vec<CounterKey> = Vec::new();
        for track in self.tracks {
            let Some(counter) = self.counter(track, draft) else { continue };
            if !self.decided.additions.contains_key(&counter) && !fresh.contains(&counter) {
                fresh.push(counter);
            }
        }
        fresh.len()
    }

    /// Rules on one more event, and counts it if it is admitted.
    ///
    /// # Errors
    /// [`Overflow`] where a counter would leave its 38 digits.
    pub(crate) fn rule(&mut self, draft: &Draft) -> Result<Decision, Overflow> {
        let touches: Result<Vec<Touch<'_>>, Overflow> =
            self.tracks.iter().filter_map(|track| self.touch(track, draft).transpose()).collect();
        let touches = touches?;
        let ruling = ruling(&touches);
        let decision = ruling.decision;
        self.decided.rulings.push(ruling);
        if decision == Decision::Deny && self.mode == Mode::Enforce {
            return Ok(decision);
        }
        for touch in &touches {
            self.count(touch);
        }
        Ok(decision)
    }

    pub(crate) fn finish(self) -> Decided {
        self.decided
    }

    fn counter(&self, track: &Track, draft: &Draft) -> Option<CounterKey> {
        if track.series.window == WindowKind::Second && self.mode == Mode::Observe {
            return None;
        }
        let (scope_id, window) = track.series.place(&draft.event.dimensions, draft.event.timestamp, self.received)?;
        Some(CounterKey { scope: track.series.scope, scope_id, window })
    }

    fn touch(&self, track: &'a Track, draft: &Draft) -> Result<Option<Touch<'a>>, Overflow> {
        let Some(counter) = self.counter(track, draft) else {
            return Ok(None);
        };
        let requested = track.series.measure.of(&draft.event, draft.priced.cost.units());
        let stood = self.standing.and_then(|standing| standing.get(&counter)?.get(&track.taken)).copied().unwrap_or_default();
        let added = self.decided.additions.get(&counter).and_then(|additions| additions.get(&track.taken)).map_or(0, |a| a.amount);
        let taken = stood.taken.checked_add(added).ok_or(Overflow)?;
        if taken.checked_add(requested).is_none_or(|sum| sum >= BOUND) {
            return Err(Overflow);
        }
        Ok(Some(Touch { track, counter, requested, count: Count { taken, held: stood.held } }))
    }

    fn count(&mut self, touch: &Touch<'_>) {
        let additions = self.decided.additions.entry(touch.counter.clone()).or_default();
        let none = Addition { amount: 0, at_most: BOUND.saturating_sub(1) };
        let addition = additions.entry(Arc::clone(&touch.track.taken)).or_insert(none);
        // A named and an "each" series since one version share the attribute;
        // `touch` read both before either counted, so the first one counts.
        let stood = self.standing.and_then(|standing| standing.get(&touch.counter)?.get(&touch.track.taken));
        let stood = stood.copied().unwrap_or_default().taken;
        if stood.saturating_add(addition.amount) == touch.count.taken {
            addition.amount = addition.amount.saturating_add(touch.requested);
        }
        let sum = touch.count.taken.saturating_add(touch.requested);
        let room = |value: i128| value.saturating_sub(addition.amount);
        let steps = touch.tested().flat_map(|limit| [limit.soft, limit.hard]).flatten();
        let next = steps.filter(|step| sum <= *step).map(room).min();
        addition.at_most = addition.at_most.min(next.unwrap_or(i128::MAX)).min(room(BOUND.saturating_sub(1)));
    }
}

impl Touch<'_> {
    /// The limits that are tested: none while the series is being filled.
    fn tested(&self) -> impl Iterator<Item = &Arc<Limit>> {
        let active = self.track.series.state == State::Active;
        self.track.limits.iter().filter(move |_| active)
    }

    fn standpoint(&self, limit: &Arc<Limit>, hard_passed: bool) -> Standpoint {
        Standpoint {
            limit: Arc::clone(limit),
            scope_id: Arc::clone(&self.counter.scope_id),
            window: self.counter.window,
            count: self.count,
            requested: self.requested,
            hard_passed,
        }
    }
}

fn ruling(touches: &[Touch<'_>]) -> Ruling {
    let mut ruling = Ruling { decision: Decision::Allow, violations: Vec::new(), warnings: Vec::new(), limits: Vec::new() };
    for touch in touches {
        for limit in touch.tested() {
            let sum = touch.count.taken.saturating_add(touch.requested);
            let passes = |value: Option<i128>| value.is_some_and(|value| sum > value);
            let soft = passes(limit.soft);
            let hard = passes(limit.hard) || (soft && limit.soft_mode == SoftMode::Block);
            ruling.limits.push(touch.standpoint(limit, hard));
            if hard {
                ruling.violations.push(touch.standpoint(limit, true));
            } else if soft {
                ruling.warnings.push(touch.standpoint(limit, false));
            }
        }
    }
    ruling.decision = match (ruling.violations.is_empty(), ruling.warnings.is_empty()) {
        (false, _) => Decision::Deny,
        (true, false) => Decision::Warn,
        (true, true) => Decision::Allow,
    };
    ruling
}

/// Decides `drafts` in order against `standing`.
///
/// # Errors
/// [`Overflow`] where a counter would leave its 38 digits.
pub fn decide(config: &crate::Config, standing: &Standing, mode: Mode, received: Instant, drafts: &[Draft]) -> Result<Decided, Overflow> {
    let tracks = config.tracks();
    let mut decider = Decider::new(&tracks, Some(standing), mode, received);
    for draft in drafts {
        decider.rule(draft)?;
    }
    Ok(decider.finish())
}
