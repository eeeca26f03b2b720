//! Whether events fit their limits, one after another.

use crate::decide::draw;
use crate::decide::postings::{Amounts, Postings};
use crate::decide::rules::{Rules, Track};
use crate::decide::ruling::{Decided, Ruling, Verdict};
use crate::event::totals::Overflow;
use crate::ledger::attribute::Figure;
use crate::ledger::posting::Posting;
use crate::ledger::standing::Standing;
use crate::limit::counter::{Count, CounterKey};
use crate::limit::credit::uncovered_counter;
use crate::limit::decision::{Decision, Mode, Objection};
use crate::limit::limit::{Limit, SoftMode};
use crate::limit::status::Standpoint;
use crate::money::amount::BOUND;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
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
        let touches = decider.touch(draft)?;
        decider.rule(touches);
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
    tallies: Vec<Tally>,
    /// Where the tallies are, once there are many.
    numbers: BTreeMap<CounterKey, usize>,
    /// By track, the place it was last found at: the next event is mostly in the
    /// same one.
    last: Vec<Option<Place>>,
}

/// A counter while events are decided.
struct Tally {
    key: CounterKey,
    slots: Vec<Slot>,
}

/// One figure of a counter. It is posted once it is counted.
struct Slot {
    figure: Figure,
    stood: Count,
    counted: bool,
    amount: i128,
    taken_max: i128,
}

/// Where a count is kept: the numbers of its tally, and of its slot there.
#[derive(Clone, Copy)]
struct Place {
    tally: usize,
    slot: usize,
}

/// Every counter that one event touches.
pub(crate) struct Touches<'a> {
    series: Vec<Touch<'a>>,
    objection: Option<Objection>,
    draws: Vec<Drawn>,
    is_pressed: bool,
}

/// One event's use of one series, tested against what stands.
struct Touch<'a> {
    track: &'a Track,
    place: Place,
    requested: i128,
    count: Count,
}

/// What one event takes of one source of credit.
struct Drawn {
    place: Place,
    amount: i128,
    capacity: i128,
}

/// From a tally's number on, tallies are found by their keys.
const FEW: usize = 8;

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
            tallies: Vec::new(),
            numbers: BTreeMap::new(),
            last: Vec::new(),
        }
    }

    /// For `count` events: of several, rulings list the limits that they pass,
    /// and no others.
    pub(crate) fn of_many(mut self, count: usize) -> Self {
        self.shows = count == 1;
        if count > 1 {
            self.last = alloc::vec![None; self.rules.tracks().len()];
        }
        self
    }

    /// The counters that a further event touches, as they stand.
    ///
    /// # Errors
    /// [`Overflow`] where a counter would leave its 38 digits.
    pub(crate) fn touch(&mut self, draft: &Draft) -> Result<Touches<'a>, Overflow> {
        let tracks = self.rules.tracks();
        let mut series = Vec::with_capacity(tracks.len());
        for (number, track) in tracks.iter().enumerate() {
            let Some(place) = self.place(number, track, draft) else {
                continue;
            };
            series.extend(self.touch_series(track, place, draft)?);
        }
        let config = self.rules.config();
        let tree = config.tree.as_ref();
        let node = tree
            .and_then(|tree| tree.disabled(&draft.event.dimensions))
            .cloned();
        let objection = node.map(Objection::NodeDisabled);
        let mut touches = Touches {
            series,
            objection,
            draws: Vec::new(),
            is_pressed: false,
        };
        if config.is_prepaid() {
            self.draw(&mut touches, draft)?;
        }
        Ok(touches)
    }

    fn touch_series(
        &self,
        track: &'a Track,
        place: Place,
        draft: &Draft,
    ) -> Result<Option<Touch<'a>>, Overflow> {
        let Some(slot) = self.slot(place) else {
            return Ok(None);
        };
        let requested = track
            .series
            .measure
            .of(&draft.event, draft.priced.cost.units());
        let used = slot.stood.used.checked_add(slot.amount).ok_or(Overflow)?;
        let taken = used.checked_add(slot.stood.held).ok_or(Overflow)?;
        if taken.checked_add(requested).is_none_or(|sum| sum >= BOUND) {
            return Err(Overflow);
        }
        let count = Count {
            used,
            held: slot.stood.held,
        };
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
            .map(|source| self.make_slot(&credit, source.counter.clone()))
            .collect();
        let taken: Vec<i128> = places
            .iter()
            .map(|place| place.map_or(0, |place| self.taken(place)))
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
        let Some(place) = self.make_slot(&credit, uncovered_counter()) else {
            return Ok(());
        };
        if self
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

    fn slot(&self, place: Place) -> Option<&Slot> {
        self.tallies.get(place.tally)?.slots.get(place.slot)
    }

    /// What is taken of a place, events admitted so far included.
    fn taken(&self, place: Place) -> i128 {
        let taken = |slot: &Slot| slot.stood.taken().saturating_add(slot.amount);
        self.slot(place).map_or(0, taken)
    }

    /// How many counters an event that touches these would bring along.
    pub(crate) fn new_counters(&self, touches: &Touches<'a>) -> usize {
        let counts = |tally: &Tally| tally.slots.iter().any(|slot| slot.counted);
        let is_new = |tally: usize| self.tallies.get(tally).is_some_and(|tally| !counts(tally));
        let of_series = || touches.series.iter().map(|touch| touch.place.tally);
        let tallies = || of_series().chain(touches.draws.iter().map(|drawn| drawn.place.tally));
        let is_first =
            |(index, tally): &(usize, usize)| !tallies().take(*index).any(|of| of == *tally);
        tallies()
            .enumerate()
            .filter(is_first)
            .filter(|(_, tally)| is_new(*tally))
            .count()
    }

    /// How many alerts an event that touches these would bring along.
    pub(crate) fn new_alerts(&self, touches: &Touches<'a>) -> usize {
        let more = |touch: &Touch<'_>| -> Option<usize> {
            let tally = self.tallies.get(touch.place.tally)?;
            let first = !tally.slots.get(touch.place.slot)?.counted;
            let used = touch.count.used;
            let span = (used, used.saturating_add(touch.requested));
            let watches = touch.track.watches.iter();
            Some(
                watches
                    .map(|watch| watch.more(self.standing, &tally.key, span, first))
                    .sum(),
            )
        };
        touches.series.iter().filter_map(more).sum()
    }

    /// Rules on the event that touches these, and counts it if it is admitted.
    pub(crate) fn rule(&mut self, touches: Touches<'a>) -> Decision {
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
                .filter_map(|drawn| self.take(drawn))
                .collect();
            self.is_pressed |= touches.is_pressed;
        }
        self.verdicts.push(verdict);
        decision
    }

    pub(crate) fn finish(self) -> Decided {
        let mut postings = Postings::new();
        for tally in self.tallies {
            let counted = tally.slots.into_iter().filter(|slot| slot.counted);
            let amounts = |slot: Slot| {
                let taken_max = Some(slot.taken_max);
                (
                    slot.figure,
                    Amounts {
                        used: slot.amount,
                        taken_max,
                        ..Amounts::default()
                    },
                )
            };
            let figures: BTreeMap<Figure, Amounts> = counted.map(amounts).collect();
            if !figures.is_empty() {
                postings.insert(tally.key, figures);
            }
        }
        Decided {
            verdicts: self.verdicts,
            postings,
            is_pressed: self.is_pressed,
        }
    }

    /// Where `track`, the one of this number, counts the event.
    fn place(&mut self, number: usize, track: &'a Track, draft: &Draft) -> Option<Place> {
        if track.is_rate() && self.mode == Mode::Observe {
            return None;
        }
        if let Some(place) = self.last.get(number).copied().flatten()
            && let Some(Tally { key, .. }) = self.tallies.get(place.tally)
            && track.series.counts_in(key, &draft.event, self.received)
        {
            return Some(place);
        }
        let counter = track.counter(&draft.event, self.received)?;
        let place = self.make_slot(&track.figure, counter)?;
        if let Some(last) = self.last.get_mut(number) {
            *last = Some(place);
        }
        Some(place)
    }

    fn find_tally(&self, key: &CounterKey) -> Option<usize> {
        if self.tallies.len() <= FEW {
            return self.tallies.iter().position(|tally| tally.key == *key);
        }
        self.numbers.get(key).copied()
    }

    fn make_tally(&mut self, key: CounterKey) -> usize {
        let number = self.tallies.len();
        if number == FEW {
            let known = self.tallies.iter().enumerate();
            self.numbers
                .extend(known.map(|(number, tally)| (tally.key.clone(), number)));
        }
        if number >= FEW {
            self.numbers.insert(key.clone(), number);
        }
        self.tallies.push(Tally {
            key,
            slots: Vec::with_capacity(1),
        });
        number
    }

    /// The place of a figure of `key`, made if there is none.
    fn make_slot(&mut self, figure: &Figure, key: CounterKey) -> Option<Place> {
        let tally = match self.find_tally(&key) {
            Some(tally) => tally,
            None => self.make_tally(key),
        };
        let Tally { key, slots } = self.tallies.get_mut(tally)?;
        if let Some(slot) = slots.iter().position(|slot| slot.figure == *figure) {
            return Some(Place { tally, slot });
        }
        slots.push(Slot {
            figure: figure.clone(),
            stood: self.standing.count(key, figure),
            counted: false,
            amount: 0,
            taken_max: BOUND.saturating_sub(1),
        });
        Some(Place {
            tally,
            slot: slots.len().saturating_sub(1),
        })
    }

    /// Takes of a source what an event draws.
    fn take(&mut self, drawn: &Drawn) -> Option<Posting> {
        let tally = self.tallies.get_mut(drawn.place.tally)?;
        let slot = tally.slots.get_mut(drawn.place.slot)?;
        slot.counted = true;
        slot.amount = slot.amount.saturating_add(drawn.amount);
        slot.taken_max = slot
            .taken_max
            .min(drawn.capacity.saturating_sub(slot.amount));
        Some(Posting::used(
            tally.key.clone(),
            slot.figure.clone(),
            drawn.amount,
        ))
    }

    fn count(&mut self, touch: &Touch<'_>) {
        let tally = self.tallies.get_mut(touch.place.tally);
        let Some(slot) = tally.and_then(|tally| tally.slots.get_mut(touch.place.slot)) else {
            return;
        };
        slot.counted = true;
        // A named and an "each" series since one version share the figure;
        // both were read before either counted, so the first one counts.
        if slot.stood.used.saturating_add(slot.amount) == touch.count.used {
            slot.amount = slot.amount.saturating_add(touch.requested);
        }
        let sum = touch.count.taken().saturating_add(touch.requested);
        let room = |value: i128| value.saturating_sub(slot.amount);
        let steps = touch
            .track
            .limits
            .iter()
            .flat_map(|limit| [limit.soft, limit.hard])
            .flatten();
        let next = steps.filter(|step| sum <= *step).map(room).min();
        let most = next.unwrap_or(i128::MAX).min(room(BOUND.saturating_sub(1)));
        slot.taken_max = slot.taken_max.min(most);
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
            let Some(Tally { key, .. }) = self.tallies.get(touch.place.tally) else {
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

impl Touch<'_> {
    /// Tests one limit, and says in `ruling` what it passes.
    fn test(&self, key: &CounterKey, limit: &Arc<Limit>, shows: bool, ruling: &mut Ruling) {
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
