//! Credit counted the slow way: each draw remembers its source, and sources that
//! took over others are looked up one by one.

use std::collections::BTreeMap;
use tollgate_core::{DAY_SECONDS, HoldState, Instant};

/// Where credit comes from. An allowance is told by the calendar that its period
/// is of, the first being 0, and by the start of the period.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Source {
    Allowance(usize, String),
    Grant(u8),
    Uncovered,
}

/// What was drawn, in the order that it was.
pub(super) type Draws = Vec<(Source, i128)>;

/// A calendar of periods that begin at a day of the month, and when it began.
#[derive(Clone, Debug)]
struct Era {
    begin: String,
    day: u32,
    number: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) number: u8,
    pub(super) amount: i128,
    pub(super) priority: u32,
    pub(super) expires: Option<Instant>,
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) draws: Draws,
    pub(super) closed: Option<HoldState>,
    pub(super) expires: Instant,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    eras: Vec<Era>,
    changes: usize,
    took_over: BTreeMap<Source, Source>,
    pub(super) allowance: Option<i128>,
    /// In the order that they were made.
    pub(super) grants: Vec<Granted>,
    pub(super) events: Vec<Draws>,
    pub(super) holds: BTreeMap<u8, Held>,
}

/// When the tenant first subscribed.
pub(super) const SINCE: &str = "2026-10-28T00:00:00Z";

/// The start of the period that begins at this day of the month and holds `time`.
pub(super) fn start(day: u32, time: &str) -> String {
    let month = &time[..7];
    let is_within = time[8..10].parse::<u32>().unwrap() >= day;
    let month = if is_within {
        month.to_owned()
    } else {
        moved(month, -1)
    };
    format!("{month}-{day:02}T00:00:00Z")
}

/// The end of the period with this start.
fn end(start: &str) -> String {
    format!("{}{}", moved(&start[..7], 1), &start[7..])
}

/// A month so many months later.
fn moved(month: &str, months: i64) -> String {
    let (year, month) = month.split_once('-').unwrap();
    let count = year.parse::<i64>().unwrap() * 12 + month.parse::<i64>().unwrap() - 1 + months;
    format!("{:04}-{:02}", count / 12, count % 12 + 1)
}

impl Model {
    /// A tenant with periods of calendar months.
    pub(super) fn new(allowance: Option<i128>) -> Self {
        let first = Era {
            begin: String::new(),
            day: 1,
            number: 0,
        };
        Self {
            eras: vec![first],
            changes: 0,
            took_over: BTreeMap::new(),
            allowance,
            grants: Vec::new(),
            events: Vec::new(),
            holds: BTreeMap::new(),
        }
    }

    /// Where what was drawn from a source stands now.
    pub(super) fn stands_in(&self, source: &Source) -> Source {
        let mut source = source;
        while let Some(next) = self.took_over.get(source) {
            source = next;
        }
        source.clone()
    }

    /// The allowance that an event at `time` is drawn from.
    pub(super) fn allowance_at(&self, time: &str) -> Source {
        let era = self.eras.iter().rfind(|era| era.begin.as_str() <= time);
        let era = era.unwrap();
        self.stands_in(&Source::Allowance(era.number, start(era.day, time)))
    }

    /// Periods begin at another day of the month from `now` on.
    pub(super) fn change_periods(&mut self, day: u32, now: &str) {
        let last = self.eras.last().unwrap().clone();
        if last.day == day {
            return;
        }
        self.changes += 1;
        let (from, begins) = (
            self.allowance_at(now),
            start(last.day, now).max(start(day, now)),
        );
        let number = self.changes;
        if begins <= last.begin {
            // The current period is all that there was of the calendar before.
            self.eras.pop();
        }
        self.eras.push(Era {
            begin: begins.max(last.begin),
            day,
            number,
        });
        self.took_over.insert(from, self.allowance_at(now));
    }

    pub(super) fn is_prepaid(&self) -> bool {
        self.allowance.is_some() || !self.grants.is_empty()
    }

    /// The sources of a cost at `time`, each with how much it is in all.
    pub(super) fn sources(&self, time: Instant, now: Instant) -> Vec<(Source, i128)> {
        let source = self.allowance_at(&time.to_string());
        let Source::Allowance(_, start) = &source else {
            panic!("an allowance")
        };
        let lasts = end(start).as_str() > SINCE;
        let allowance = self
            .allowance
            .filter(|_| lasts)
            .map(|amount| (source, amount));
        let covers = |grant: &&Granted| {
            let end = grant.expires;
            end.is_none_or(|end| time < end && now < end.plus_seconds(35 * DAY_SECONDS))
        };
        let mut grants: Vec<&Granted> = self.grants.iter().filter(covers).collect();
        // Of those alike the one made first is drawn first.
        grants.sort_by_key(|grant| (grant.priority, grant.expires.is_none(), grant.expires));
        let grants = grants
            .into_iter()
            .map(|grant| (Source::Grant(grant.number), grant.amount));
        allowance.into_iter().chain(grants).collect()
    }

    /// How `cost` is drawn, and what no source covers.
    pub(super) fn charge(&self, time: Instant, now: Instant, cost: i128) -> (Draws, i128) {
        let (sums, mut draws, mut short) = (self.sums(), Vec::new(), cost);
        for (source, amount) in self.sources(time, now) {
            let taken = sums.get(&source).map_or(0, |sum| sum.0);
            let part = (amount - taken).clamp(0, short);
            if part > 0 {
                draws.push((source, part));
                short -= part;
            }
        }
        (draws, short)
    }

    /// The same where it has happened.
    pub(super) fn charge_all(&self, time: Instant, now: Instant, cost: i128) -> Draws {
        if !self.is_prepaid() {
            return Vec::new();
        }
        let (mut draws, short) = self.charge(time, now, cost);
        draws.extend((short > 0).then_some((Source::Uncovered, short)));
        draws
    }

    /// Used and held together, and used alone, of each source where it stands.
    pub(super) fn sums(&self) -> BTreeMap<Source, (i128, i128)> {
        let mut sums: BTreeMap<Source, (i128, i128)> = BTreeMap::new();
        let open = self.holds.values().filter(|held| held.closed.is_none());
        let held = open.map(|held| (&held.draws, false));
        for (draws, is_used) in self.events.iter().map(|draws| (draws, true)).chain(held) {
            for (source, amount) in draws {
                let (taken, used) = sums.entry(self.stands_in(source)).or_default();
                *taken += amount;
                *used += if is_used { *amount } else { 0 };
            }
        }
        sums.into_iter().filter(|(_, sum)| *sum != (0, 0)).collect()
    }
}
