//! From events to one transaction: the heart of the service.

use crate::alert::{self, Crossing};
use crate::config::{Config, Track};
use crate::credit::{credit_attribute, credit_held_attribute};
use crate::decide::Decider;
use crate::limit::OnUnavailable;
use crate::outbox::outbox;
use crate::page::{Page, PageError, Stored};
use crate::rollup::DAY_SECONDS;
use crate::ruling::{Addition, Decided, Decision, Mode, Ruling};
use crate::table;
use crate::{
    Answer, Attrs, Change, CounterKey, Currency, Draft, Fingerprint, Guard, Instant, Marker, Name, Overflow, Standing, Value, WindowKind,
    Write,
};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The most actions of a DynamoDB transaction.
pub const ACTIONS_MAX: usize = 100;
/// The most bytes of events in a page; an item holds 400 KB.
const PAGE_BYTES_MAX: usize = 300_000;
/// Seconds that markers and counters outlive the retention.
const GRACE_SECONDS: i64 = 86_400;

/// A configuration made ready to plan under.
#[derive(Clone, Debug)]
pub struct Pack {
    config: Arc<Config>,
    tracks: Vec<Track>,
    /// The attribute of credit, made once.
    credit: Arc<str>,
}

/// What to write for the first events of a list, and how each was decided.
#[derive(Clone, Debug)]
pub struct Planned {
    /// How many events of the list it covers.
    pub taken: usize,
    /// The rulings on them, in order.
    pub rulings: Vec<Ruling>,
    /// For each of them the answer to give if it is admitted.
    pub answers: Vec<Option<Answer>>,
    /// One transaction; empty when nothing is admitted.
    pub writes: Vec<Write>,
    /// Which event's marker each of the first writes is; the page comes first,
    /// then the markers, then the counters.
    pub markers: Vec<usize>,
    /// The counters, in the order of their writes.
    pub counters: Vec<CounterKey>,
    /// Whether credit was drawn beyond its first source: such plans are better
    /// made on what was read.
    pub is_pressed: bool,
    /// The alerts that it announces; their writes come last.
    pub crossings: Vec<Crossing>,
}

/// Why a plan cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A counter would leave its 38 digits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The page cannot be encoded.
    #[error(transparent)]
    Page(#[from] PageError),
}

/// What a plan is made of, beside the events.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Whose events they are.
    pub tenant: &'a Name,
    /// Whether limits hold.
    pub mode: Mode,
    /// The time of receipt.
    pub received: Instant,
    /// The page's id, which sorts by time of receipt.
    pub page_id: &'a str,
    /// What the counters stood at; `None` = not read, taken as nothing.
    pub standing: Option<&'a Standing>,
}

impl Pack {
    /// Makes `config` ready.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        let tracks = config.tracks();
        Self { config, tracks, credit: credit_attribute() }
    }

    /// Decides `drafts` in order against `standing`.
    ///
    /// # Errors
    /// [`Overflow`] where a counter would leave its 38 digits.
    pub fn decide(&self, standing: &Standing, mode: Mode, received: Instant, drafts: &[Draft]) -> Result<Decided, Overflow> {
        crate::decide::decide(self, standing, mode, received, drafts)
    }

    /// The attribute of what is taken of a source of credit.
    pub(crate) fn credit(&self) -> &Arc<str> {
        &self.credit
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The counters and attributes that `drafts` touch, for reading.
    #[must_use]
    pub fn counters(&self, drafts: &[Draft], mode: Mode, received: Instant) -> Vec<CounterKey> {
        let mut keys = alloc::collections::BTreeSet::new();
        for track in &self.tracks {
            if track.series.window == WindowKind::Second && mode == Mode::Observe {
                continue;
            }
            for draft in drafts {
                let (at, timestamp) = (&draft.event.dimensions, draft.event.timestamp);
                if let Some((scope_id, window)) = track.series.place(self.config.tree.as_ref(), at, timestamp, received) {
                    keys.insert(CounterKey { scope: track.series.scope, scope_id, window });
                }
            }
        }
        keys.extend(drafts.iter().flat_map(|draft| self.sources(draft, received)));
        keys.into_iter().collect()
    }

    /// Whether checks and holds pass while the store is out of reach: some limit
    /// of the tenant says so, and every one that applies to `draft`, tested yet
    /// or not.
    #[must_use]
    pub fn is_open_in_outage(&self, draft: &Draft, received: Instant) -> bool {
        let (at, timestamp, tree) = (&draft.event.dimensions, draft.event.timestamp, self.config.tree.as_ref());
        let is_open = |limit: &Arc<crate::Limit>| limit.on_unavailable == OnUnavailable::Allow;
        if !self.tracks.iter().flat_map(|track| &track.limits).any(is_open) {
            return false;
        }
        let applying = self.tracks.iter().filter(|track| track.series.place(tree, at, timestamp, received).is_some());
        applying.flat_map(|track| &track.limits).all(is_open)
    }

    /// The sources of credit that `draft` may be drawn from.
    #[must_use]
    pub fn sources(&self, draft: &Draft, received: Instant) -> Vec<CounterKey> {
        if !self.config.is_prepaid() {
            return Vec::new();
        }
        self.config.sources(draft.event.timestamp, received).into_iter().map(|source| source.counter).collect()
    }

    /// The counts that a counter item holds, and the percents announced.
    #[must_use]
    pub fn counts(&self, attrs: &Attrs) -> BTreeMap<Arc<str>, crate::Count> {
        let number = |name: &Arc<str>| attrs.get(name).and_then(Value::as_number).unwrap_or(0);
        let counts = self.tracks.iter().map(|track| {
            let count = crate::Count { taken: number(&track.taken), held: number(&track.held) };
            (Arc::clone(&track.taken), count)
        });
        let announced = self.tracks.iter().flat_map(|track| &track.watches).map(|watch| {
            let count = crate::Count { taken: number(&watch.attribute), held: 0 };
            (Arc::clone(&watch.attribute), count)
        });
        let credit = crate::Count { taken: number(&credit_attribute()), held: number(&credit_held_attribute()) };
        counts.chain(announced).chain([(credit_attribute(), credit)]).collect()
    }
}

/// Plans as many of the first `drafts` as one transaction takes.
///
/// Pure: the same arguments give the same writes. The writes are one page, a
/// marker for each admitted event, and one guarded addition for each counter,
/// so that the store either records all of it, each event for the first time
/// and within every limit, or nothing.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn plan(pack: &Pack, drafts: &[Draft], at: Circumstances<'_>) -> Result<Planned, PlanError> {
    let mut decider = Decider::new(pack, at.standing, at.mode, at.received).of_many(drafts.len());
    let mut admitted: Vec<usize> = Vec::new();
    let (mut taken, mut counters, mut alerts, mut bytes) = (0_usize, 0_usize, 0_usize, 0_usize);
    for (index, draft) in drafts.iter().enumerate() {
        let touches = match decider.touches(draft) {
            Err(_) if taken > 0 => break,
            touches => touches?,
        };
        let more = decider.new_counters(&touches);
        let (size, announced) = (size_estimate(draft), decider.new_alerts(&touches));
        let actions = counters.saturating_add(more).saturating_add(admitted.len()).saturating_add(2);
        let actions = actions.saturating_add(alerts.saturating_add(announced).saturating_mul(2));
        if taken > 0 && (actions > ACTIONS_MAX || bytes.saturating_add(size) > PAGE_BYTES_MAX) {
            break;
        }
        let decision = decider.rule(&touches);
        taken = taken.saturating_add(1);
        if decision == Decision::Deny && at.mode == Mode::Enforce {
            continue;
        }
        admitted.push(index);
        counters = counters.saturating_add(more);
        alerts = alerts.saturating_add(announced);
        bytes = bytes.saturating_add(size);
    }
    written(pack, drafts, at, decider.finish(), admitted, taken)
}

fn written(
    pack: &Pack,
    drafts: &[Draft],
    at: Circumstances<'_>,
    decided: Decided,
    admitted: Vec<usize>,
    taken: usize,
) -> Result<Planned, PlanError> {
    let Decided { rulings, additions, draws, is_pressed, mut crossings } = decided;
    let mut answers: Vec<Option<Answer>> = alloc::vec![None; taken];
    let mut writes = Vec::new();
    if !admitted.is_empty() {
        let chosen: Vec<(&Draft, Decision)> = admitted.iter().filter_map(|i| Some((drafts.get(*i)?, rulings.get(*i)?.decision))).collect();
        let currency = chosen.first().map_or(Currency::USD, |(draft, _)| draft.priced.currency);
        let events = chosen.iter().map(|(draft, decision)| Stored::of(draft, *decision)).collect();
        writes.push(page_write(pack, at, currency, events)?);
        let page = format!("{}/{}", at.received.day(), at.page_id);
        let draws = admitted.iter().filter_map(|i| draws.get(*i));
        for (place, ((draft, decision), draws)) in chosen.iter().zip(draws).enumerate() {
            let marker = Marker { draws: draws.clone(), ..marker(&page, draft, *decision, place) };
            writes.push(marker.write(at.tenant, &draft.event, expiry(pack, draft.event.timestamp.max(at.received))));
            if let Some(slot) = admitted.get(place).and_then(|index| answers.get_mut(*index)) {
                *slot = Some(marker.answer);
            }
        }
        alert::fit(&mut crossings, writes.len().saturating_add(additions.len()));
        let counter = |(key, counts)| alert::marked(counter_write(pack, at, key, counts), key, &crossings);
        writes.extend(additions.iter().map(counter));
        writes.extend(outbox(pack.config.alerts.as_ref(), at.tenant, at.received, &crossings));
    }
    let counters = additions.into_keys().collect();
    Ok(Planned { taken, rulings, answers, writes, markers: admitted, counters, is_pressed, crossings })
}

pub(crate) fn marker(page: &str, draft: &Draft, decision: Decision, place: usize) -> Marker {
    let marker = marker_of(format!("{page}/{place}"), &Stored::of(draft, decision), draft.fingerprint, draft.priced.currency);
    Marker { answer: Answer { timestamp_given: draft.timestamp_given, ..marker.answer }, ..marker }
}

/// The marker of `stored`, which stands in `page`; its timestamp was named.
pub(crate) fn marker_of(page: String, stored: &Stored, fingerprint: Fingerprint, currency: Currency) -> Marker {
    let answer = Answer {
        timestamp: stored.event.timestamp,
        timestamp_given: true,
        cost: stored.signed_cost(),
        currency,
        card: stored.card.clone(),
        decision: stored.decision,
    };
    Marker { fingerprint, answer, page, draws: Vec::new() }
}

/// The page of `events`, all of whose costs are in `currency`.
pub(crate) fn page_write(pack: &Pack, at: Circumstances<'_>, currency: Currency, events: Vec<Stored>) -> Result<Write, PlanError> {
    let page = Page { received: at.received, config_version: pack.config.version, currency, events };
    let times = || page.events.iter().map(|stored| stored.event.timestamp);
    let seconds = |time: Option<Instant>| Value::N(i128::from(time.unwrap_or(at.received).unix_seconds()));
    let attrs = Attrs::from([
        (Arc::from(table::BODY), Value::B(page.encode()?)),
        (Arc::from(table::CONFIG_VERSION), Value::N(i128::from(pack.config.version))),
        (Arc::from(table::COUNT), Value::N(i128::try_from(page.events.len()).unwrap_or(0))),
        (Arc::from(table::FIRST), seconds(times().min())),
        (Arc::from(table::LAST), seconds(times().max())),
    ]);
    let key = table::page(at.tenant, at.received, at.page_id);
    Ok(Write { key, change: Change::Put(attrs), guards: alloc::vec![Guard::Absent] })
}

pub(crate) fn counter_write(pack: &Pack, at: Circumstances<'_>, key: &CounterKey, counts: &BTreeMap<Arc<str>, Addition>) -> Write {
    let version = i128::from(pack.config.version);
    let mut guards = alloc::vec![Guard::AtMost(Arc::from(table::LIMITS_VERSION), version)];
    guards.extend(counts.iter().map(|(name, addition)| Guard::AtMost(Arc::clone(name), addition.at_most)));
    let mut set = alloc::vec![(Arc::from(table::LIMITS_VERSION), Value::N(version))];
    let expires = counter_expiry(pack, at.received, key);
    if let Some(expires) = expires {
        set.push((Arc::from(table::TTL), Value::N(i128::from(expires.unix_seconds()))));
    }
    let add = counts.iter().map(|(name, addition)| (Arc::clone(name), addition.amount)).collect();
    Write { key: table::counter(at.tenant, key), change: Change::Update { add, set }, guards }
}

/// When a counter written at `received` may be forgotten; `None` = never.
pub(crate) fn counter_expiry(pack: &Pack, received: Instant, key: &CounterKey) -> Option<Instant> {
    match key.window.kind {
        WindowKind::Total => None,
        WindowKind::Second => Some(key.window.start.plus_seconds(DAY_SECONDS.saturating_mul(2))),
        WindowKind::Hour | WindowKind::Day | WindowKind::Month | WindowKind::Period => {
            key.window.end().map(|end| expiry(pack, end.max(received)))
        }
    }
}

/// When what belongs to `from` may be forgotten.
pub(crate) fn expiry(pack: &Pack, from: Instant) -> Instant {
    let kept = i64::from(pack.config.retention()).saturating_mul(DAY_SECONDS);
    from.plus_seconds(kept.saturating_add(GRACE_SECONDS))
}

/// At least the bytes that the event takes in a page.
fn size_estimate(draft: &Draft) -> usize {
    let event = &draft.event;
    let d = &event.dimensions;
    let names = [&d.agent, &d.consumer, &d.session, &event.task, &d.tool_server, &d.tool_name, &d.model, &d.node, &event.provider];
    let texts: usize = names.into_iter().flatten().map(|name| name.as_str().len()).sum();
    let metadata = event.metadata.as_ref().map_or(0, alloc::string::String::len);
    texts.saturating_add(metadata).saturating_add(d.operation.as_str().len()).saturating_add(event.id.as_str().len()).saturating_add(256)
}
