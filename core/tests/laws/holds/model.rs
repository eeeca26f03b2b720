//! Holds and events counted the slow way: sums over all of them, places by text.

use super::world::World;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Decision, Event, HoldState, Instant, Limit, Measure, Mode, Scope, Series, State, WindowKind,
};

/// Partition and sort key of a counter, and the measure and version of a figure.
pub(super) type Place = (String, String, String);

/// How much of each measure something is, and where it counts.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) amounts: BTreeMap<&'static str, i128>,
    pub(super) places: BTreeSet<Place>,
}

/// A hold, as the model knows it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) counted: Counted,
    pub(super) closed: Option<HoldState>,
    pub(super) expires: Instant,
    pub(super) version: u64,
}

/// The thresholds of all alerts.
pub(super) const THRESHOLDS: [u8; 3] = [50, 80, 100];

impl Counted {
    /// How much counts at a place.
    pub(super) fn at(&self, place: &Place) -> i128 {
        self.amounts[place.2.rsplit_once(':').unwrap().0]
    }

    /// Where it counts anything at all.
    pub(super) fn nonzero(&self) -> BTreeSet<Place> {
        let places = self.places.iter();
        places
            .filter(|place| self.at(place) != 0)
            .cloned()
            .collect()
    }
}

/// Where a series counts an event, told from how its time and agent are written;
/// `None` = it is outside, or counts by second.
fn place(series: &Series, event: &Event) -> Option<Place> {
    let agent = event.dimensions.agent.as_ref()?.as_str();
    let day = event.timestamp.day();
    let named = series.scope_id.as_deref();
    let is_named = named.is_none_or(|named| named == agent);
    // A window that had ended when the series began is outside it.
    let is_over = series.window == WindowKind::Day && series.from.day() > day;
    let pk = match series.scope {
        Scope::Tenant => "T|acme|C|tenant|".to_owned(),
        _ => format!("T|acme|C|agent|{agent}"),
    };
    let sk = match series.window {
        WindowKind::Total => "total/1970-01-01T00:00:00Z".to_owned(),
        WindowKind::Second => return None,
        _ => format!("day/{day}T00:00:00Z"),
    };
    let figure = format!("{}:{}", series.measure, series.since);
    (is_named && !is_over).then_some((pk, sk, figure))
}

/// Where a series by second counts what is received now.
fn place_of_second(series: &Series, now: Instant) -> Option<Place> {
    let figure = format!("{}:{}", series.measure, series.since);
    let place = (
        "T|acme|C|tenant|".to_owned(),
        format!("second/{now}"),
        figure,
    );
    (series.window == WindowKind::Second).then_some(place)
}

fn tests(limit: &Limit, series: &Series) -> bool {
    limit.scope == series.scope
        && limit.scope_id == series.scope_id
        && limit.measure == series.measure
        && limit.window == series.window
}

impl World {
    /// How an event counts under the limits of now.
    pub(super) fn counted(&self, event: &Event) -> Counted {
        let cost = self.draft(event).priced.cost.units();
        let amounts = BTreeMap::from([
            ("spend", cost),
            ("tokens", i128::from(event.quantities.tokens_out)),
            ("events", 1),
        ]);
        let series = self.rules.config().series.iter();
        let places = series.filter_map(|series| place(series, event)).collect();
        Counted { amounts, places }
    }

    /// How an event uses up the rates by second, which nothing ever gives back.
    pub(super) fn rated(&self, event: &Event) -> Counted {
        let series = self.rules.config().series.iter();
        let places = series.filter_map(|series| place_of_second(series, self.now));
        let places = places.collect();
        Counted {
            places,
            ..self.counted(event)
        }
    }

    /// Used and held together, and used alone, at each place.
    pub(super) fn sums(&self) -> BTreeMap<Place, (i128, i128)> {
        let mut sums: BTreeMap<_, (i128, i128)> = BTreeMap::new();
        let open = self.holds.values().filter(|held| held.closed.is_none());
        let held = open.map(|held| (&held.counted, false));
        let used = self.events.iter().map(|event| (event, true));
        for (counted, is_used) in used.chain(held) {
            for place in &counted.places {
                let (taken, used) = sums.entry(place.clone()).or_default();
                *taken += counted.at(place);
                *used += if is_used { counted.at(place) } else { 0 };
            }
        }
        sums
    }

    /// What is to be decided of an event now: rates test what is enforced alone.
    pub(super) fn decision(&self, event: &Event, mode: Mode) -> Decision {
        let (sums, counted) = (self.sums(), self.counted(event));
        let config = self.rules.config();
        let limits = config.all_limits();
        let fits = config.series.iter().all(|series| {
            let rate = place_of_second(series, self.now).filter(|_| mode == Mode::Enforce);
            let Some(place) = place(series, event).or(rate) else {
                return true;
            };
            let stands = sums.get(&place).map_or(0, |sum| sum.0) + counted.at(&place);
            let mut of_series = limits.iter().filter(|limit| tests(limit, series));
            of_series.all(|limit| limit.hard.is_none_or(|hard| stands <= hard))
        });
        if fits {
            Decision::Allow
        } else {
            Decision::Deny
        }
    }

    /// Counts an event that is recorded, of which so much was held, and announces
    /// what is reached where it uses anything. A use of no size is one too, where
    /// nothing was held for it.
    pub(super) fn count(&mut self, event: &Event, counted: Counted, held: Option<&Counted>) {
        let was_held = |place: &Place| {
            held.is_some_and(|held| held.places.contains(place) && held.at(place) != 0)
        };
        let uses = |place: &&Place| counted.at(place) > 0 || !was_held(place);
        let used: BTreeSet<Place> = counted.places.iter().filter(uses).cloned().collect();
        self.events.push(counted);
        self.announce(event, &used);
    }

    /// Announces what is reached of what is watched at these places of an event.
    pub(super) fn announce(&mut self, event: &Event, places: &BTreeSet<Place>) {
        let (sums, config) = (self.sums(), self.rules.config());
        let limits = config.all_limits();
        for series in config
            .series
            .iter()
            .filter(|series| series.state == State::Active)
        {
            let Some(place) = place(series, event).filter(|place| places.contains(place)) else {
                continue;
            };
            let used = sums.get(&place).map_or(0, |sum| sum.1);
            for limit in limits.iter().filter(|limit| tests(limit, series)) {
                let hard = limit.hard.filter(|hard| *hard > 0);
                let reached = |percent: &&u8| {
                    hard.is_some_and(|hard| used * 100 >= hard * i128::from(**percent))
                };
                let (pk, sk, _) = &place;
                let mark = (pk.clone(), sk.clone(), format!("a:limits:{}", limit.id));
                let told = self.announced.get(&mark).copied().unwrap_or(0);
                let news = THRESHOLDS.iter().filter(reached);
                let news: Vec<u8> = news.copied().filter(|percent| *percent > told).collect();
                self.alerts += news.len();
                if let Some(highest) = news.last() {
                    self.announced.insert(mark, *highest);
                }
            }
        }
    }

    /// What an event booked for a hold counts: where the hold counted anything,
    /// and where the event itself does.
    pub(super) fn booked(&self, held: &Held, event: &Event) -> Counted {
        let mut counted = self.counted(event);
        counted.places.extend(held.counted.places.iter().cloned());
        counted
    }
}

/// Whether a measure of the model is this one.
pub(super) fn amount_of(counted: &Counted, measure: &Measure) -> Option<i128> {
    counted.amounts.get(measure.to_string().as_str()).copied()
}
