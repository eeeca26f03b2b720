//! Whether events fit their limits, one after another.

use crate::decide::crossings::crossed;
use crate::decide::rules::{Pack, Track};
use crate::decide::ruling::{Addition, Decided, Ruling};
use crate::event::dimensions::Dimensions;
use crate::event::totals::Overflow;
use crate::limit::config::Config;
use crate::limit::counter::{Count, CounterKey, Standing};
use crate::limit::credit;
use crate::limit::credit::{Draw, uncovered_counter};
use crate::limit::decision::{Decision, Mode, Objection};
use crate::limit::limit::{Limit, SoftMode};
use crate::limit::scope::Scope;
use crate::limit::series::State;
use crate::limit::status::Standpoint;
use crate::money::amount::BOUND;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One event's use of one series, tested against what stands.
struct Touch<'a> {
    track: &'a Track,
    place: Place,
    requested: i128,
    count: Count,
}

/// Every counter that one event touches.
pub(crate) struct Touches<'a> {
    series: Vec<Touch<'a>>,
    objection: Option<Objection>,
    draws: Vec<Drawn>,
    is_pressed: bool,
}

/// What one event takes of one source of credit.
struct Drawn {
    place: Place,
    amount: i128,
    capacity: i128,
}

/// Where a count is kept: the numbers of its tally, and of its slot there.
#[derive(Clone, Copy)]
struct Place {
    tally: usize,
    slot: usize,
}

/// A counter while events are decided.
struct Tally {
    key: CounterKey,
    slots: Vec<Slot>,
}

/// One attribute of a counter. It becomes an addition once it is counted.
struct Slot {
    attribute: Arc<str>,
    stood: Count,
    counted: bool,
    addition: Addition,
}

/// Decides events in order, each against `standing` plus those admitted before
/// it. What `standing` does not hold is taken as nothing; the additions'
/// `at_most` make the store refuse where more stood, so that no decision rests
/// on an outdated reading.
pub(crate) struct Decider<'a> {
    tracks: &'a [Track],
    config: &'a Config,
    standing: Option<&'a Standing>,
    mode: Mode,
    received: Instant,
    rulings: Vec<Ruling>,
    draws: Vec<Vec<Draw>>,
    is_pressed: bool,
    credit: Arc<str>,
    /// Whether rulings list every limit that applies.
    shows: bool,
    tallies: Vec<Tally>,
    numbers: BTreeMap<CounterKey, usize>,
    /// By track, the place it was last found at and when that window ends: the
    /// next event is mostly in the same one.
    last: Vec<Option<(Place, Option<Instant>)>>,
}

impl<'a> Decider<'a> {
    pub(crate) fn new(
        pack: &'a Pack,
        standing: Option<&'a Standing>,
        mode: Mode,
        received: Instant,
    ) -> Self {
        let tracks = pack.tracks();
        Self {
            tracks,
            config: pack.config(),
            standing,
            mode,
            received,
            rulings: Vec::new(),
            draws: Vec::new(),
            is_pressed: false,
            credit: Arc::clone(pack.credit()),
            shows: true,
            tallies: Vec::new(),
            numbers: BTreeMap::new(),
            last: alloc::vec![None; tracks.len()],
        }
    }

    /// For `count` events: of several, rulings list the limits that they pass,
    /// and no others.
    pub(crate) fn of_many(mut self, count: usize) -> Self {
        self.shows = count == 1;
        self
    }

    /// The counters that a further event touches, as they stand.
    ///
    /// # Errors
    /// [`Overflow`] where a counter would leave its 38 digits.
    pub(crate) fn touches(&mut self, draft: &Draft) -> Result<Touches<'a>, Overflow> {
        let tracks = self.tracks;
        let mut touches = Vec::with_capacity(tracks.len());
        for (number, track) in tracks.iter().enumerate() {
            let Some(place) = self.place(number, track, draft) else {
                continue;
            };
            touches.extend(self.touch(track, place, draft)?);
        }
        let node = self
            .config
            .tree
            .as_ref()
            .and_then(|tree| tree.disabled(&draft.event.dimensions))
            .cloned();
        let mut touches = Touches {
            series: touches,
            objection: node.map(Objection::NodeDisabled),
            draws: Vec::new(),
            is_pressed: false,
        };
        if self.config.is_prepaid() {
            self.draw(&mut touches, draft)?;
        }
        Ok(touches)
    }

    /// What the event draws of credit: all of its cost; in observe mode, beyond
    /// what there is, of nothing.
    fn draw(&mut self, touches: &mut Touches<'a>, draft: &Draft) -> Result<(), Overflow> {
        let (cost, currency) = (draft.priced.cost.units(), draft.priced.currency);
        let sources = self.config.sources(draft.event.timestamp, self.received);
        let credit = Arc::clone(&self.credit);
        let places: Vec<Option<Place>> = sources
            .iter()
            .map(|source| self.slot(&credit, source.counter.clone()))
            .collect();
        let taken: Vec<i128> = places
            .iter()
            .map(|place| place.map_or(0, |place| self.stands(place)))
            .collect();
        let charge = credit::charge(
            sources.iter().map(|source| source.capacity).zip(taken),
            cost,
        );
        for (number, amount) in &charge.parts {
            let (Some(source), Some(Some(place))) = (sources.get(*number), places.get(*number))
            else {
                continue;
            };
            touches.draws.push(Drawn {
                place: *place,
                amount: *amount,
                capacity: source.capacity,
            });
        }
        touches.is_pressed = charge.parts.iter().any(|(number, _)| *number > 0) || charge.short > 0;
        if charge.short == 0 {
            return Ok(());
        }
        let capacity = sources
            .iter()
            .map(|source| source.capacity)
            .fold(0, i128::saturating_add);
        let taken = capacity.saturating_sub(cost.saturating_sub(charge.short));
        touches.objection.get_or_insert(Objection::Credit {
            capacity,
            taken,
            requested: cost,
            currency,
        });
        let Some(place) = self.slot(&credit, uncovered_counter()) else {
            return Ok(());
        };
        if self
            .stands(place)
            .checked_add(charge.short)
            .is_none_or(|sum| sum >= BOUND)
        {
            return Err(Overflow);
        }
        touches.draws.push(Drawn {
            place,
            amount: charge.short,
            capacity: BOUND.saturating_sub(1),
        });
        Ok(())
    }

    /// What is taken of a place, events admitted so far included.
    fn stands(&self, place: Place) -> i128 {
        let slot = self
            .tallies
            .get(place.tally)
            .and_then(|tally| tally.slots.get(place.slot));
        slot.map_or(0, |slot| {
            slot.stood.taken.saturating_add(slot.addition.amount)
        })
    }

    /// How many counters an event that touches these would bring along.
    pub(crate) fn new_counters(&self, touches: &Touches<'a>) -> usize {
        let is_new = |tally: usize| {
            self.tallies
                .get(tally)
                .is_some_and(|tally| !tally.slots.iter().any(|slot| slot.counted))
        };
        let of_series = || touches.series.iter().map(|touch| touch.place.tally);
        let tallies = || of_series().chain(touches.draws.iter().map(|drawn| drawn.place.tally));
        let firsts = tallies()
            .enumerate()
            .filter(|(index, tally)| !tallies().take(*index).any(|before| before == *tally));
        firsts.filter(|(_, tally)| is_new(*tally)).count()
    }

    /// How many alerts an event that touches these would bring along.
    pub(crate) fn new_alerts(&self, touches: &Touches<'a>) -> usize {
        let more = |touch: &Touch<'_>| -> Option<usize> {
            let tally = self.tallies.get(touch.place.tally)?;
            let first = !tally.slots.get(touch.place.slot)?.counted;
            let span = (
                touch.count.taken,
                touch.count.taken.saturating_add(touch.requested),
            );
            Some(
                touch
                    .track
                    .watches
                    .iter()
                    .map(|watch| watch.more(self.standing, &tally.key, span, first))
                    .sum(),
            )
        };
        touches.series.iter().filter_map(more).sum()
    }

    /// Rules on the event that touches these, and counts it if it is admitted.
    pub(crate) fn rule(&mut self, touches: &Touches<'a>) -> Decision {
        let ruling = ruling(self.config, &self.tallies, touches, self.shows);
        let decision = ruling.decision;
        self.rulings.push(ruling);
        if decision == Decision::Deny && self.mode == Mode::Enforce {
            self.draws.push(Vec::new());
            return decision;
        }
        for touch in &touches.series {
            self.count(touch);
        }
        let draws = touches
            .draws
            .iter()
            .filter_map(|drawn| self.take(drawn))
            .collect();
        self.draws.push(draws);
        self.is_pressed |= touches.is_pressed;
        decision
    }

    pub(crate) fn finish(self) -> Decided {
        let mut additions: BTreeMap<CounterKey, BTreeMap<Arc<str>, Addition>> = BTreeMap::new();
        let mut crossings = Vec::new();
        for tally in self.tallies {
            let mut counted = BTreeMap::new();
            for Slot {
                attribute,
                stood,
                mut addition,
                ..
            } in tally.slots.into_iter().filter(|slot| slot.counted)
            {
                let after = Count {
                    taken: stood.taken.saturating_add(addition.amount),
                    held: stood.held,
                };
                let (crossed, most) =
                    crossed(self.tracks, self.standing, &tally.key, &attribute, after);
                crossings.extend(crossed);
                addition.at_most = addition
                    .at_most
                    .min(most.map_or(i128::MAX, |most| most.saturating_sub(addition.amount)));
                counted.insert(attribute, addition);
            }
            if !counted.is_empty() {
                additions.insert(tally.key, counted);
            }
        }
        Decided {
            rulings: self.rulings,
            additions,
            draws: self.draws,
            is_pressed: self.is_pressed,
            crossings,
        }
    }

    /// Where `track`, the one of this number, counts the event.
    fn place(&mut self, number: usize, track: &Track, draft: &Draft) -> Option<Place> {
        let is_second = track.series.window == WindowKind::Second;
        let d = &draft.event.dimensions;
        if (is_second && self.mode == Mode::Observe) || !track.series.measure.concerns(&d.operation)
        {
            return None;
        }
        let by = if is_second {
            self.received
        } else {
            draft.event.timestamp
        };
        if let Some((place, end)) = self.last.get(number).copied().flatten()
            && let Some(Tally { key, .. }) = self.tallies.get(place.tally)
            && key.window.start <= by
            && end.is_none_or(|end| by < end)
            && (key.scope.is(d, &key.scope_id) || self.is_within(d, key))
        {
            return Some(place);
        }
        let (scope_id, window) = track.series.place(
            self.config.tree.as_ref(),
            d,
            draft.event.timestamp,
            self.received,
        )?;
        let place = self.slot(
            &track.taken,
            CounterKey {
                scope: track.series.scope,
                scope_id,
                window,
            },
        )?;
        if let Some(last) = self.last.get_mut(number) {
            *last = Some((place, window.end()));
        }
        Some(place)
    }

    fn is_within(&self, d: &Dimensions, key: &CounterKey) -> bool {
        key.scope == Scope::Node
            && self
                .config
                .tree
                .as_ref()
                .is_some_and(|tree| tree.holds(d, &key.scope_id))
    }

    /// The place of an attribute of `key`, made if there is none.
    fn slot(&mut self, attribute: &Arc<str>, key: CounterKey) -> Option<Place> {
        let next = self.tallies.len();
        let tally = *self.numbers.entry(key.clone()).or_insert(next);
        if tally == next {
            self.tallies.push(Tally {
                key,
                slots: Vec::new(),
            });
        }
        let Tally { key, slots } = self.tallies.get_mut(tally)?;
        if let Some(slot) = slots.iter().position(|slot| slot.attribute == *attribute) {
            return Some(Place { tally, slot });
        }
        let stood = self
            .standing
            .and_then(|standing| standing.get(key)?.get(attribute))
            .copied();
        slots.push(Slot {
            attribute: Arc::clone(attribute),
            stood: stood.unwrap_or_default(),
            counted: false,
            addition: Addition {
                amount: 0,
                at_most: BOUND.saturating_sub(1),
            },
        });
        Some(Place {
            tally,
            slot: slots.len().saturating_sub(1),
        })
    }

    fn touch(
        &self,
        track: &'a Track,
        place: Place,
        draft: &Draft,
    ) -> Result<Option<Touch<'a>>, Overflow> {
        let Some(slot) = self
            .tallies
            .get(place.tally)
            .and_then(|tally| tally.slots.get(place.slot))
        else {
            return Ok(None);
        };
        let requested = track
            .series
            .measure
            .of(&draft.event, draft.priced.cost.units());
        let taken = slot
            .stood
            .taken
            .checked_add(slot.addition.amount)
            .ok_or(Overflow)?;
        if taken.checked_add(requested).is_none_or(|sum| sum >= BOUND) {
            return Err(Overflow);
        }
        let count = Count {
            taken,
            held: slot.stood.held,
        };
        Ok(Some(Touch {
            track,
            place,
            requested,
            count,
        }))
    }

    /// Takes of a source what an event draws.
    fn take(&mut self, drawn: &Drawn) -> Option<Draw> {
        let tally = self.tallies.get_mut(drawn.place.tally)?;
        let slot = tally.slots.get_mut(drawn.place.slot)?;
        slot.counted = true;
        slot.addition.amount = slot.addition.amount.saturating_add(drawn.amount);
        slot.addition.at_most = slot
            .addition
            .at_most
            .min(drawn.capacity.saturating_sub(slot.addition.amount));
        Some(Draw {
            counter: tally.key.clone(),
            amount: drawn.amount,
        })
    }

    fn count(&mut self, touch: &Touch<'_>) {
        let tally = self.tallies.get_mut(touch.place.tally);
        let Some(slot) = tally.and_then(|tally| tally.slots.get_mut(touch.place.slot)) else {
            return;
        };
        let addition = &mut slot.addition;
        slot.counted = true;
        // A named and an "each" series since one version share the attribute;
        // both were read before either counted, so the first one counts.
        if slot.stood.taken.saturating_add(addition.amount) == touch.count.taken {
            addition.amount = addition.amount.saturating_add(touch.requested);
        }
        let sum = touch.count.taken.saturating_add(touch.requested);
        let room = |value: i128| value.saturating_sub(addition.amount);
        let steps = touch
            .tested()
            .flat_map(|limit| [limit.soft, limit.hard])
            .flatten();
        let next = steps.filter(|step| sum <= *step).map(room).min();
        addition.at_most = addition
            .at_most
            .min(next.unwrap_or(i128::MAX))
            .min(room(BOUND.saturating_sub(1)));
    }
}

impl Touch<'_> {
    /// The limits that are tested: none while the series is being filled.
    fn tested(&self) -> impl Iterator<Item = &Arc<Limit>> {
        let active = self.track.series.state == State::Active;
        self.track.limits.iter().filter(move |_| active)
    }

    fn standpoint(&self, key: &CounterKey, limit: &Arc<Limit>, hard_passed: bool) -> Standpoint {
        Standpoint {
            limit: Arc::clone(limit),
            scope_id: Arc::clone(&key.scope_id),
            window: key.window,
            count: self.count,
            requested: self.requested,
            hard_passed,
        }
    }
}

fn ruling(config: &Config, tallies: &[Tally], touches: &Touches<'_>, shows: bool) -> Ruling {
    let mut ruling = Ruling {
        objections: config
            .objection()
            .into_iter()
            .chain(touches.objection.clone())
            .collect(),
        limits: Vec::with_capacity(if shows { touches.series.len() } else { 0 }),
        plan_code: config.plan_code().cloned(),
        ..Ruling::default()
    };
    for touch in &touches.series {
        let Some(Tally { key, .. }) = tallies.get(touch.place.tally) else {
            continue;
        };
        for limit in touch.tested() {
            let sum = touch.count.taken.saturating_add(touch.requested);
            let passes = |value: Option<i128>| value.is_some_and(|value| sum > value);
            let soft = passes(limit.soft);
            let hard = passes(limit.hard) || (soft && limit.soft_mode == SoftMode::Block);
            if shows {
                ruling.limits.push(touch.standpoint(key, limit, hard));
            }
            if hard {
                ruling.violations.push(touch.standpoint(key, limit, true));
            } else if soft {
                ruling.warnings.push(touch.standpoint(key, limit, false));
            }
        }
    }
    ruling.decision = match (
        ruling.violations.is_empty() && ruling.objections.is_empty(),
        ruling.warnings.is_empty(),
    ) {
        (false, _) => Decision::Deny,
        (true, false) => Decision::Warn,
        (true, true) => Decision::Allow,
    };
    ruling
}

/// Decides `drafts` in order against `standing`.
pub(crate) fn decide(
    pack: &Pack,
    standing: &Standing,
    mode: Mode,
    received: Instant,
    drafts: &[Draft],
) -> Result<Decided, Overflow> {
    let mut decider = Decider::new(pack, Some(standing), mode, received).of_many(drafts.len());
    for draft in drafts {
        let touches = decider.touches(draft)?;
        decider.rule(&touches);
    }
    Ok(decider.finish())
}
