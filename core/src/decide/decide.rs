//! Whether events fit their limits, one after another.

use crate::decide::draw;
use crate::decide::rules::{Rules, Track};
use crate::decide::ruling::{Decided, Ruling, Verdict};
use crate::decide::tallies::{Place, Tallies};
use crate::decide::touch::{Drawn, Touch, Touches};
use crate::event::totals::Overflow;
use crate::ledger::standing::Standing;
use crate::limit::counter::CounterKey;
use crate::limit::credit::uncovered_counter;
use crate::limit::decision::{Decision, Mode, Objection};
use crate::limit::series::Series;
use crate::money::amount::BOUND;
use crate::price::draft::Draft;
use crate::time::calendar::Calendar;
use crate::time::instant::Instant;
use crate::time::window::Window;
use alloc::vec::Vec;

/// Decides `drafts` in order against `standing`.
///
/// # Errors
/// [`Overflow`] where a counter would leave its 38 digits.
pub fn decide(
    rules: &Rules,
    standing: &Standing,
    mode: Mode,
    received: Instant,
    drafts: &[Draft],
) -> Result<Decided, Overflow> {
    let mut decider = Decider::new(rules, standing, mode, received).of_many(drafts.len());
    for draft in drafts {
        decider.touch(draft)?;
        decider.rule();
    }
    Ok(decider.finish())
}

/// Decides events in order, each against `standing` plus those admitted before
/// it. What `standing` does not hold is taken as nothing; the bounds of the
/// postings make the store refuse where more stood, so that no decision rests
/// on an outdated reading.
pub(crate) struct Decider<'a> {
    rules: &'a Rules,
    standing: &'a Standing,
    mode: Mode,
    received: Instant,
    verdicts: Vec<Verdict>,
    is_pressed: bool,
    /// Whether rulings list every limit that applies.
    shows: bool,
    /// Whether rates by second count.
    rates: bool,
    tallies: Tallies<'a>,
    /// By track, the place it was last found at: the next event is mostly in the
    /// same one.
    last: Vec<Option<Place>>,
    /// The window that was found last: mostly the next track counts by it too.
    window: Option<(&'a Calendar, Window)>,
    /// What the event in question touches.
    touches: Touches<'a>,
}

impl<'a> Decider<'a> {
    pub(crate) fn new(
        rules: &'a Rules,
        standing: &'a Standing,
        mode: Mode,
        received: Instant,
    ) -> Self {
        Self {
            rules,
            standing,
            mode,
            received,
            verdicts: Vec::new(),
            is_pressed: false,
            shows: true,
            rates: mode == Mode::Enforce,
            tallies: Tallies::new(standing, rules.tracks().len()),
            last: Vec::new(),
            window: None,
            touches: Touches::default(),
        }
    }

    /// For `count` events: of several, rulings list the limits that they pass,
    /// and no others.
    pub(crate) fn of_many(mut self, count: usize) -> Self {
        self.shows = count == 1;
        self.verdicts.reserve(count);
        if count > 1 {
            self.last = alloc::vec![None; self.rules.tracks().len()];
        }
        self
    }

    /// Of events whose request was counted in rates by second before.
    pub(crate) fn without_rates(mut self) -> Self {
        self.rates = false;
        self
    }

    /// Finds the counters that a further event touches, as they stand.
    ///
    /// # Errors
    /// [`Overflow`] where a counter would leave its 38 digits.
    pub(crate) fn touch(&mut self, draft: &Draft) -> Result<(), Overflow> {
        let mut touches = core::mem::take(&mut self.touches).emptied();
        let tracks = self.rules.tracks();
        touches.series.reserve(tracks.len());
        for (number, track) in tracks.iter().enumerate() {
            let Some(place) = self.place(number, track, draft) else {
                continue;
            };
            touches
                .series
                .extend(self.touch_series(track, place, draft)?);
        }
        let config = self.rules.config();
        let tree = config.tree.as_ref();
        let node = tree
            .and_then(|tree| tree.disabled(&draft.event.dimensions))
            .cloned();
        touches.objection = node.map(Objection::NodeDisabled);
        if config.is_prepaid() {
            self.draw(&mut touches, draft)?;
        }
        self.touches = touches;
        Ok(())
    }

    fn touch_series(
        &self,
        track: &'a Track,
        place: Place,
        draft: &Draft,
    ) -> Result<Option<Touch<'a>>, Overflow> {
        let Some(count) = self.tallies.stands_at(place)? else {
            return Ok(None);
        };
        let requested = track
            .series
            .measure
            .of(&draft.event, draft.priced.cost.units());
        let taken = count.used.checked_add(count.held).ok_or(Overflow)?;
        if taken.checked_add(requested).is_none_or(|sum| sum >= BOUND) {
            return Err(Overflow);
        }
        Ok(Some(Touch {
            track,
            place,
            requested,
            count,
        }))
    }

    /// What the event draws of credit: all of its cost; in observe mode, beyond
    /// what there is, of nothing.
    fn draw(&mut self, touches: &mut Touches<'a>, draft: &Draft) -> Result<(), Overflow> {
        let (cost, currency) = (draft.priced.cost.units(), draft.priced.currency);
        let sources = self
            .rules
            .config()
            .sources(draft.event.timestamp, self.received);
        let credit = self.rules.credit().clone();
        let places: Vec<Option<Place>> = sources
            .iter()
            .map(|source| self.tallies.make_slot(&credit, source.counter.clone()))
            .collect();
        let taken: Vec<i128> = places
            .iter()
            .map(|place| place.map_or(0, |place| self.tallies.taken(place)))
            .collect();
        let capacities = sources.iter().map(|source| source.capacity);
        let charge = draw::charge(capacities.clone().zip(taken), cost);
        for (number, amount) in &charge.parts {
            let place = places.get(*number).copied().flatten();
            let (Some(source), Some(place)) = (sources.get(*number), place) else {
                continue;
            };
            touches.draws.push(Drawn {
                place,
                amount: *amount,
                capacity: source.capacity,
            });
        }
        let beyond_first = charge.parts.iter().any(|(number, _)| *number > 0);
        touches.is_pressed = beyond_first || charge.short > 0;
        if charge.short == 0 {
            return Ok(());
        }
        let capacity = capacities.fold(0, i128::saturating_add);
        let taken = capacity.saturating_sub(cost.saturating_sub(charge.short));
        let lacking = Objection::Credit {
            capacity,
            taken,
            requested: cost,
            currency,
        };
        touches.objection.get_or_insert(lacking);
        let Some(place) = self.tallies.make_slot(&credit, uncovered_counter()) else {
            return Ok(());
        };
        if self
            .tallies
            .taken(place)
            .checked_add(charge.short)
            .is_none_or(|sum| sum >= BOUND)
        {
            return Err(Overflow);
        }
        let capacity = BOUND.saturating_sub(1);
        touches.draws.push(Drawn {
            place,
            amount: charge.short,
            capacity,
        });
        Ok(())
    }

    /// How many counters the event would bring along.
    pub(crate) fn new_counters(&self) -> usize {
        let touches = &self.touches;
        let of_series = || touches.series.iter().map(|touch| touch.place.tally);
        let tallies = || of_series().chain(touches.draws.iter().map(|drawn| drawn.place.tally));
        let is_first =
            |(index, tally): &(usize, usize)| !tallies().take(*index).any(|of| of == *tally);
        tallies()
            .enumerate()
            .filter(is_first)
            .filter(|(_, tally)| self.tallies.is_new(*tally))
            .count()
    }

    /// How many alerts the event would bring along.
    pub(crate) fn new_alerts(&self) -> usize {
        let more = |touch: &Touch<'_>| -> Option<usize> {
            let (key, first) = self.tallies.first_at(touch.place)?;
            let used = touch.count.used;
            let span = (used, used.saturating_add(touch.requested));
            let watches = touch.track.watches.iter();
            Some(
                watches
                    .map(|watch| watch.more(self.standing, key, span, first))
                    .sum(),
            )
        };
        self.touches.series.iter().filter_map(more).sum()
    }

    /// Rules on the event, and counts it if it is admitted.
    pub(crate) fn rule(&mut self) -> Decision {
        let touches = core::mem::take(&mut self.touches);
        let ruling = self.ruling(&touches);
        let decision = ruling.decision;
        let mut verdict = Verdict {
            ruling,
            draws: Vec::new(),
        };
        if decision != Decision::Deny || self.mode == Mode::Observe {
            touches.series.iter().for_each(|touch| self.count(touch));
            verdict.draws = touches
                .draws
                .iter()
                .filter_map(|drawn| self.tallies.take(drawn.place, drawn.amount, drawn.capacity))
                .collect();
            self.is_pressed |= touches.is_pressed;
        }
        self.verdicts.push(verdict);
        self.touches = touches;
        decision
    }

    pub(crate) fn finish(self) -> Decided {
        Decided {
            verdicts: self.verdicts,
            postings: self.tallies.into_postings(),
            is_pressed: self.is_pressed,
        }
    }

    /// Where `track`, the one of this number, counts the event.
    fn place(&mut self, number: usize, track: &'a Track, draft: &Draft) -> Option<Place> {
        if track.is_rate() && !self.rates {
            return None;
        }
        if let Some(place) = self.last.get(number).copied().flatten()
            && let Some(key) = self.tallies.key(place)
            && track.series.counts_in(key, &draft.event, self.received)
        {
            return Some(place);
        }
        let counter = self.counter(&track.series, draft)?;
        let place = self.tallies.make_slot(&track.figure, counter)?;
        if let Some(last) = self.last.get_mut(number) {
            *last = Some(place);
        }
        Some(place)
    }

    /// The counter in which `series` counts the event.
    fn counter(&mut self, series: &'a Series, draft: &Draft) -> Option<CounterKey> {
        let by = series.counts_by(draft.event.timestamp, self.received);
        let known = self.window.filter(|(calendar, window)| {
            window.kind == series.window && window.holds(by) && **calendar == series.calendar
        });
        let window = match known {
            Some((_, window)) => window,
            None => series.calendar.holding(series.window, by),
        };
        self.window = Some((&series.calendar, window));
        series.counter_in(&draft.event.dimensions, window)
    }

    fn count(&mut self, touch: &Touch<'_>) {
        self.tallies.count(
            touch.place,
            touch.count,
            touch.requested,
            &touch.track.steps,
        );
    }

    fn ruling(&self, touches: &Touches<'_>) -> Ruling {
        let config = self.rules.config();
        let mut ruling = Ruling {
            objections: config
                .objection()
                .into_iter()
                .chain(touches.objection.clone())
                .collect(),
            limits: Vec::with_capacity(if self.shows { touches.series.len() } else { 0 }),
            plan_code: config.plan_code().cloned(),
            ..Ruling::default()
        };
        for touch in &touches.series {
            let Some(key) = self.tallies.key(touch.place) else {
                continue;
            };
            for limit in &touch.track.limits {
                touch.test(key, limit, self.shows, &mut ruling);
            }
        }
        let denies = !ruling.violations.is_empty() || !ruling.objections.is_empty();
        ruling.decision = match (denies, ruling.warnings.is_empty()) {
            (true, _) => Decision::Deny,
            (false, false) => Decision::Warn,
            (false, true) => Decision::Allow,
        };
        ruling
    }
}
