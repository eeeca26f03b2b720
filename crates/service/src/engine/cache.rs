//! What one process remembers of the store.

use crate::engine::head::Head;
use crate::engine::key::KeyRecord;
use crate::engine::times::Times;
use crate::engine::version::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate_core::{
    Catalog, CounterKey, Crossing, Instant, Lanes, Name, Reading, Rules, Standing,
};

/// The most tenants, keys or counters that a process remembers.
const REMEMBERED_MAX: usize = 10_000;

/// How long a tenant is not noted as busy again.
const NOTED_SECONDS: i64 = 8;

/// The most versions of the past that it remembers.
const PAST_MAX: usize = 16;

/// What one process remembers. Where others change the table too, it trusts none
/// of it but for outages, and for what only ever rises.
#[derive(Default)]
pub(crate) struct Cache {
    inner: Mutex<Remembered>,
    /// Whether this process makes every change itself.
    is_sole: bool,
}

#[derive(Default)]
struct Remembered {
    rules: BTreeMap<Name, (Arc<Rules>, Times)>,
    keys: BTreeMap<String, Arc<KeyRecord>>,
    catalog: Option<Arc<Catalog>>,
    sequence: u64,
    /// The catalogue's head as it was read last, and when that began.
    head: Option<(Head, tokio::time::Instant)>,
    /// Versions that are no longer listed, by sequence number.
    past: BTreeMap<u64, Version>,
    /// What was last read, however long ago: for outages of the store.
    last: LastRead,
    /// How often anything was forgotten: what was read before may be outdated.
    forgotten: u64,
    /// Tenants whose last event was refused or warned: read first, then plan.
    pressed: BTreeSet<Name>,
    /// By tenant, the percents that its counters were seen to have announced.
    announced: BTreeMap<Name, Arc<Standing>>,
    /// How many percents `announced` holds.
    announcing: usize,
    /// By tenant, the last time of receipt that was given.
    stamps: BTreeMap<Name, Instant>,
    /// By tenant, the last hour of receipt that was registered, and its lanes.
    hours: BTreeMap<Name, (Instant, Lanes)>,
    /// By tenant, how many pages were written since it was noted as busy, and when that
    /// was.
    pages: BTreeMap<Name, (u32, Instant)>,
    /// By tenant, up to when open holds of it are known to be listed.
    holding: BTreeMap<Name, Instant>,
    /// The newest hour of receipt of all tenants, as far as is known.
    newest: Option<Instant>,
    /// When a client's own time last confirmed the clock.
    confirmed: Option<Instant>,
    /// Whether the operator says that the clock is right.
    trusted: bool,
    /// By tenant, the change of limits that this process saw last, and since when.
    changes: BTreeMap<Name, (Instant, tokio::time::Instant)>,
}

/// What was last read of tenants, keys and rate cards.
#[derive(Default)]
struct LastRead {
    rules: BTreeMap<Name, Arc<Rules>>,
    keys: BTreeMap<String, Arc<KeyRecord>>,
    catalog: Option<Arc<Catalog>>,
}

impl Cache {
    pub(crate) fn new(is_sole: bool) -> Self {
        Self {
            inner: Mutex::default(),
            is_sole,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often anything was forgotten so far.
    pub(crate) fn forgotten(&self) -> u64 {
        self.lock().forgotten
    }

    /// The tenant's rules and the cards, if they are as they are stored.
    pub(crate) fn rules(&self, tenant: &Name) -> Option<(Arc<Rules>, Arc<Catalog>, Times)> {
        if !self.is_sole {
            return None;
        }
        let inner = self.lock();
        let (rules, times) = inner.rules.get(tenant)?;
        Some((Arc::clone(rules), inner.catalog.clone()?, *times))
    }

    /// The tenant's rules of this version of its configuration, if they were read.
    pub(crate) fn rules_of(&self, tenant: &Name, version: u64) -> Option<Arc<Rules>> {
        let inner = self.lock();
        let known = inner.last.rules.get(tenant)?;
        (known.config().version == version).then(|| Arc::clone(known))
    }

    /// The same as they were last read.
    pub(crate) fn last_rules(&self, tenant: &Name) -> Option<(Arc<Rules>, Arc<Catalog>)> {
        let inner = self.lock();
        Some((
            Arc::clone(inner.last.rules.get(tenant)?),
            inner.last.catalog.clone()?,
        ))
    }

    /// Remembers rules that were read when `forgotten` stood as given: a change
    /// meanwhile would be hidden by them.
    pub(crate) fn remember_rules(
        &self,
        tenant: &Name,
        (rules, catalog, times): (&Arc<Rules>, &Arc<Catalog>, Times),
        forgotten: u64,
    ) {
        let mut inner = self.lock();
        make_room(&mut inner.last.rules).insert(tenant.clone(), Arc::clone(rules));
        inner.last.catalog = Some(Arc::clone(catalog));
        if self.is_sole && inner.forgotten == forgotten {
            make_room(&mut inner.rules).insert(tenant.clone(), (Arc::clone(rules), times));
        }
    }

    /// Forgets the tenant's rules, so that they are read again.
    pub(crate) fn forget(&self, tenant: &Name) {
        let mut inner = self.lock();
        inner.rules.remove(tenant);
        inner.forgotten += 1;
    }

    /// The cards as far as they are known, and up to which sequence number.
    pub(crate) fn known_catalog(&self) -> (Option<Arc<Catalog>>, u64) {
        let inner = self.lock();
        (inner.catalog.clone(), inner.sequence)
    }

    /// Remembers the cards up to `sequence`.
    pub(crate) fn remember_catalog(&self, catalog: &Arc<Catalog>, sequence: u64) {
        let mut inner = self.lock();
        if sequence >= inner.sequence {
            inner.catalog = Some(Arc::clone(catalog));
            inner.sequence = sequence;
        }
    }

    /// A version that is no longer listed, if it was read lately.
    pub(crate) fn past_version(&self, sequence: u64) -> Option<Version> {
        self.lock().past.get(&sequence).cloned()
    }

    pub(crate) fn remember_past(&self, sequence: u64, version: &Version) {
        let mut inner = self.lock();
        if inner.past.len() >= PAST_MAX {
            inner.past.clear();
        }
        inner.past.insert(sequence, version.clone());
    }

    /// Forgets which cards are the latest, so that new ones are read.
    pub(crate) fn forget_latest_cards(&self) {
        let mut inner = self.lock();
        inner.rules.clear();
        inner.head = None;
        inner.forgotten += 1;
    }

    /// A key, if it is as it is stored.
    pub(crate) fn key(&self, id: &str) -> Option<Arc<KeyRecord>> {
        self.lock().keys.get(id).cloned()
    }

    /// A key as it was last read.
    pub(crate) fn last_key(&self, id: &str) -> Option<Arc<KeyRecord>> {
        self.lock().last.keys.get(id).cloned()
    }

    /// Remembers a key that was read when `forgotten` stood as given.
    pub(crate) fn remember_key(&self, record: &Arc<KeyRecord>, forgotten: u64) {
        let mut inner = self.lock();
        make_room(&mut inner.last.keys).insert(record.id.clone(), Arc::clone(record));
        if self.is_sole && inner.forgotten == forgotten {
            make_room(&mut inner.keys).insert(record.id.clone(), Arc::clone(record));
        }
    }

    pub(crate) fn forget_key(&self, id: &str) {
        let mut inner = self.lock();
        inner.keys.remove(id);
        inner.last.keys.remove(id);
        inner.forgotten += 1;
    }

    /// The last time of receipt that this process gave the tenant.
    pub(crate) fn last_stamp(&self, tenant: &Name) -> Option<Instant> {
        self.lock().stamps.get(tenant).copied()
    }

    pub(crate) fn note_stamp(&self, tenant: &Name, stamp: Instant) {
        let mut inner = self.lock();
        let last = inner.stamps.get(tenant).copied().unwrap_or(stamp);
        make_room(&mut inner.stamps).insert(tenant.clone(), stamp.max(last));
    }

    /// Whether the hour is known to be registered with as many lanes.
    pub(crate) fn is_registered(&self, tenant: &Name, hour: Instant, lanes: Lanes) -> bool {
        let inner = self.lock();
        let known = inner.hours.get(tenant);
        known.is_some_and(|(known, of)| *known == hour && *of >= lanes)
    }

    pub(crate) fn note_registered(&self, tenant: &Name, hour: Instant, lanes: Lanes) {
        make_room(&mut self.lock().hours).insert(tenant.clone(), (hour, lanes));
    }

    /// Counts a page that was written; whether that makes `most` since the tenant was
    /// last noted as busy, and that was not just now.
    pub(crate) fn counts_page(&self, tenant: &Name, now: Instant, most: u32) -> bool {
        let mut inner = self.lock();
        let pages = make_room(&mut inner.pages);
        let (count, noted) = pages.entry(tenant.clone()).or_insert((0, Instant::EPOCH));
        *count = count.saturating_add(1);
        let is_many = *count >= most && now >= noted.plus_seconds(NOTED_SECONDS);
        if is_many {
            (*count, *noted) = (0, now);
        }
        is_many
    }

    /// Up to when open holds of the tenant are known to be listed.
    pub(crate) fn holds_until(&self, tenant: &Name) -> Option<Instant> {
        self.lock().holding.get(tenant).copied()
    }

    pub(crate) fn note_holds_until(&self, tenant: &Name, until: Instant) {
        make_room(&mut self.lock().holding).insert(tenant.clone(), until);
    }

    /// The head of the catalogue, if it was read at most `age` ago.
    pub(crate) fn head(&self, age: Duration) -> Option<Head> {
        let inner = self.lock();
        let (head, read) = inner.head?;
        (read.elapsed() < age).then_some(head)
    }

    /// Remembers the head as it was read after `read`.
    pub(crate) fn remember_head(&self, head: Head, read: tokio::time::Instant) {
        self.lock().head = Some((head, read));
    }

    /// The newest hour of receipt of all tenants, as far as is known.
    pub(crate) fn newest(&self) -> Option<Instant> {
        self.lock().newest
    }

    pub(crate) fn note_newest(&self, newest: Instant) {
        let mut inner = self.lock();
        inner.newest = inner.newest.max(Some(newest));
    }

    /// When a client's own time last confirmed the clock.
    pub(crate) fn confirmed(&self) -> Option<Instant> {
        self.lock().confirmed
    }

    pub(crate) fn confirm(&self, now: Instant) {
        self.lock().confirmed = Some(now);
    }

    /// Whether the operator says that the clock is right.
    pub(crate) fn is_trusted(&self) -> bool {
        self.lock().trusted
    }

    pub(crate) fn trust(&self) {
        self.lock().trusted = true;
    }

    /// How long this process knows of the tenant's change that was published then.
    pub(crate) fn seen_for(&self, tenant: &Name, published: Instant) -> Duration {
        let mut inner = self.lock();
        match inner.changes.get(tenant) {
            Some((known, since)) if *known == published => since.elapsed(),
            _ => {
                let seen = (published, tokio::time::Instant::now());
                make_room(&mut inner.changes).insert(tenant.clone(), seen);
                Duration::ZERO
            }
        }
    }

    pub(crate) fn is_pressed(&self, tenant: &Name) -> bool {
        self.lock().pressed.contains(tenant)
    }

    pub(crate) fn set_pressed(&self, tenant: &Name, pressed: bool) {
        let mut inner = self.lock();
        if !pressed {
            inner.pressed.remove(tenant);
        } else if inner.pressed.len() < REMEMBERED_MAX {
            inner.pressed.insert(tenant.clone());
        }
    }

    /// What the tenant's counters are known to have announced, and nothing else:
    /// a plan that reads nothing need not stop where that was crossed.
    pub(crate) fn announced(&self, tenant: &Name, rules: &Rules) -> Arc<Standing> {
        let known = rules.config().alerts.as_ref();
        let known = known.and_then(|_| self.lock().announced.get(tenant).cloned());
        known.unwrap_or_default()
    }

    /// Remembers what was read of announced percents.
    pub(crate) fn note_readings(&self, tenant: &Name, standing: &Standing) {
        let announced = |(counter, reading): (&CounterKey, &Reading)| {
            let percents = reading.announced.iter();
            let counter = counter.clone();
            let of = move |(name, percent): (&Arc<str>, &u8)| {
                (counter.clone(), Arc::clone(name), *percent)
            };
            percents.map(of).collect::<Vec<_>>()
        };
        self.note_announced(tenant, standing.iter().flat_map(announced));
    }

    /// Remembers what a commit announced.
    pub(crate) fn note_crossings(&self, tenant: &Name, crossings: &[Crossing]) {
        let of = |crossing: &Crossing| {
            (
                crossing.counter.clone(),
                Arc::clone(&crossing.attribute),
                crossing.threshold,
            )
        };
        self.note_announced(tenant, crossings.iter().map(of));
    }

    fn note_announced(
        &self,
        tenant: &Name,
        percents: impl IntoIterator<Item = (CounterKey, Arc<str>, u8)>,
    ) {
        let mut inner = self.lock();
        for (counter, attribute, percent) in percents {
            if inner.announcing >= REMEMBERED_MAX {
                inner.announced.clear();
                inner.announcing = 0;
            }
            inner.announcing += 1;
            let known = Arc::make_mut(inner.announced.entry(tenant.clone()).or_default());
            let announced = &mut known.reading_mut(counter).announced;
            let held = announced.entry(attribute).or_default();
            *held = percent.max(*held);
        }
    }
}

/// The map with room for one more.
fn make_room<K: Ord, V>(map: &mut BTreeMap<K, V>) -> &mut BTreeMap<K, V> {
    if map.len() >= REMEMBERED_MAX {
        map.clear();
    }
    map
}
