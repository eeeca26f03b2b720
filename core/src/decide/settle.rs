//! How a hold moves on: captured, released, expired, extended. Each is one
//! transaction, guarded by the state and version that it was read in, so that
//! exactly one ends it.

use crate::decide::crossings;
use crate::decide::rules::Pack;
use crate::decide::take::{end, entry};
use crate::decide::writes::{Circumstances, PlanError, counter_expiry, expiry, marker, page_write};
use crate::event::event::Event;
use crate::event::name::Name;
use crate::ledger::alert::outbox;
use crate::ledger::hold::{Closing, Hold, HoldState};
use crate::ledger::item::{ACTIONS_MAX, Change, Guard, Value, Write};
use crate::ledger::marker::Marker;
use crate::ledger::page::Stored;
use crate::ledger::table;
use crate::limit::counter::{CounterKey, Standing};
use crate::limit::credit;
use crate::limit::credit::{Draw, credit_attribute, uncovered_counter};
use crate::limit::scope::Scope;
use crate::money::amount::Amount;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A hold as it will be, and the writes that make it so.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The hold afterwards.
    pub hold: Hold,
    /// One transaction.
    pub writes: Vec<Write>,
}

/// The actions of a capture beside credit: hold, entry, page, marker, the
/// counters of series made since, and what is used beyond all credit.
const RESERVED: usize = 5 + crate::limit::config::COUNTERS_MAX;

/// By counter and attribute, what is added.
pub(crate) type Changes = BTreeMap<CounterKey, BTreeMap<Arc<str>, i128>>;

/// What a capture adds to each attribute, and what it takes of credit.
#[derive(Default)]
struct Booked {
    changes: Changes,
    draws: Vec<Draw>,
    /// By source, the most that may have been taken of it before.
    caps: BTreeMap<CounterKey, i128>,
}

/// Plans to give back what `hold` holds, at the client's wish.
///
/// # Errors
/// [`PlanError`] for an estimate that cannot be stored.
pub fn release(
    pack: &Pack,
    tenant: &Name,
    hold: &Hold,
    now: Instant,
) -> Result<Settled, PlanError> {
    freed(pack, tenant, hold, Closing::Released(now), now)
}

/// Plans to give back what `hold` holds, its time being over.
///
/// # Errors
/// As [`release`].
pub fn expire(pack: &Pack, tenant: &Name, hold: &Hold, now: Instant) -> Result<Settled, PlanError> {
    freed(pack, tenant, hold, Closing::Expired(now), now)
}

/// Plans to let `hold` live `ttl_seconds` from `now`, never shorter than it
/// would and at most 30 days in all; `None` = that changes nothing.
///
/// # Errors
/// As [`release`].
pub fn extend(
    tenant: &Name,
    hold: &Hold,
    ttl_seconds: u32,
    now: Instant,
) -> Result<Option<Settled>, PlanError> {
    let expires = end(hold.created, now, ttl_seconds);
    if expires <= hold.expires {
        return Ok(None);
    }
    let next = Hold {
        expires,
        version: hold.version.saturating_add(1),
        ..hold.clone()
    };
    let writes = alloc::vec![
        moved(tenant, hold, &next, None)?,
        unlisted(tenant, hold),
        entry(tenant, &next)
    ];
    Ok(Some(Settled { hold: next, writes }))
}

/// Plans to book `draft`, what was really used, for `hold`, into the windows
/// that it was taken in. No limit is tested: it has happened. Series made since
/// count it too. What it costs is drawn from the credit that was held, and
/// above that as an event in observe mode draws it. What it crosses of what is
/// watched is announced. So `at.standing` must tell of the counters of
/// [`capture_reads`].
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn capture(
    pack: &Pack,
    hold: &Hold,
    draft: &Draft,
    at: Circumstances<'_>,
) -> Result<Settled, PlanError> {
    let decision = hold.estimate.decision;
    let page = format!("{}/{}", at.received.day(), at.page_id);
    let booked = booked(pack, hold, draft, at.received, at.standing);
    let marker = Marker {
        draws: booked.draws.clone(),
        ..marker(&page, draft, decision, 0)
    };
    let closing = Closing::Captured {
        at: at.received,
        event: draft.event.id.clone(),
        marker: Box::new(marker.clone()),
    };
    let next = closed(hold, closing);
    let kept = expiry(pack, draft.event.timestamp.max(at.received));
    let mut writes = alloc::vec![
        moved(at.tenant, hold, &next, Some(kept))?,
        unlisted(at.tenant, hold),
        page_write(
            pack,
            at,
            draft.priced.currency,
            alloc::vec![Stored::of(draft, decision)]
        )?,
        marker.write(at.tenant, &draft.event, kept),
    ];
    let Booked { changes, caps, .. } = &booked;
    let (mut crossings, guards) = crossings::booked(pack.tracks(), at.standing, changes);
    crossings::fit(&mut crossings, writes.len().saturating_add(changes.len()));
    for (key, counts) in changes {
        let mut write = crossings::marked(
            booking(pack, at, (key, counts), caps.get(key).copied()),
            key,
            &crossings,
        );
        write.guards.extend(
            guards
                .iter()
                .filter(|(of, _)| of == key)
                .map(|(_, guard)| guard.clone()),
        );
        writes.push(write);
    }
    writes.extend(outbox(
        pack.config().alerts.as_ref(),
        at.tenant,
        at.received,
        &crossings,
    ));
    Ok(Settled { hold: next, writes })
}

/// The counters that must be read before `draft` is booked for `hold`: those
/// in which it may cross what is watched, going above what was held, and the
/// sources of credit.
#[must_use]
pub fn capture_reads(
    pack: &Pack,
    hold: &Hold,
    draft: &Draft,
    received: Instant,
) -> Vec<CounterKey> {
    let Booked { changes, .. } = booked(pack, hold, draft, received, None);
    let crossed = changes
        .into_iter()
        .filter(|(key, counts)| crossings::may_cross(pack.tracks(), key, counts))
        .map(|(key, _)| key);
    crossed.chain(pack.sources(draft, received)).collect()
}

fn closed(hold: &Hold, closing: Closing) -> Hold {
    Hold {
        closing: Some(closing),
        version: hold.version.saturating_add(1),
        ..hold.clone()
    }
}

fn freed(
    pack: &Pack,
    tenant: &Name,
    hold: &Hold,
    closing: Closing,
    now: Instant,
) -> Result<Settled, PlanError> {
    let next = closed(hold, closing);
    let kept = expiry(pack, hold.estimate.event.timestamp.max(now));
    let mut writes = alloc::vec![
        moved(tenant, hold, &next, Some(kept))?,
        unlisted(tenant, hold)
    ];
    let mut changes = Changes::new();
    for part in hold.parts.iter().filter(|part| part.amount() != 0) {
        let counts = changes.entry(part.counter().clone()).or_default();
        counts.insert(part.taken_attribute(), part.amount().saturating_neg());
        counts.insert(part.held_attribute(), part.amount().saturating_neg());
    }
    let free = |(key, counts): (CounterKey, BTreeMap<Arc<str>, i128>)| {
        let change = Change::Update {
            add: counts.into_iter().collect(),
            set: Vec::new(),
        };
        Write {
            key: table::counter(tenant, &key),
            change,
            guards: Vec::new(),
        }
    };
    writes.extend(changes.into_iter().map(free));
    Ok(Settled { hold: next, writes })
}

/// The write that makes `hold` become `next`, if nobody else moved it.
fn moved(
    tenant: &Name,
    hold: &Hold,
    next: &Hold,
    ttl: Option<Instant>,
) -> Result<Write, PlanError> {
    let guards = alloc::vec![
        Guard::Equals(
            Arc::from(table::STATE),
            Value::S(String::from(HoldState::Open.as_str()))
        ),
        Guard::Equals(
            Arc::from(table::VERSION),
            Value::N(i128::from(hold.version))
        ),
    ];
    Ok(Write {
        key: table::hold(tenant, hold.id()),
        change: Change::Put(next.attrs(ttl)?),
        guards,
    })
}

fn unlisted(tenant: &Name, hold: &Hold) -> Write {
    Write {
        key: table::open_hold(tenant, hold.expires, hold.id()),
        change: Change::Delete,
        guards: Vec::new(),
    }
}

/// What a capture adds to each attribute: the difference to what was taken, or
/// all of it where a series was made since.
fn booked(
    pack: &Pack,
    hold: &Hold,
    draft: &Draft,
    received: Instant,
    standing: Option<&Standing>,
) -> Booked {
    let (event, cost) = (&draft.event, draft.priced.cost.units());
    let mut booked = Booked::default();
    let left = booked.keep(hold, cost);
    booked.draw(pack, draft, left, (received, standing));
    let changes = &mut booked.changes;
    for part in hold
        .parts
        .iter()
        .filter(|part| part.counter().scope != Scope::Credit)
    {
        let counts = changes.entry(part.counter().clone()).or_default();
        counts.insert(
            part.taken_attribute(),
            part.measure().of(event, cost).saturating_sub(part.amount()),
        );
        counts.insert(part.held_attribute(), part.amount().saturating_neg());
    }
    counted(pack, event, draft.priced.cost, received, changes);
    booked
}

/// Adds what every series but those by second counts of `event`, where nothing
/// is added to its attribute yet.
pub(crate) fn counted(
    pack: &Pack,
    event: &Event,
    cost: Amount,
    received: Instant,
    changes: &mut Changes,
) {
    for track in pack
        .tracks()
        .iter()
        .filter(|track| track.series.window != WindowKind::Second)
    {
        let series = &track.series;
        let Some((scope_id, window)) = series.place(
            pack.config().tree.as_ref(),
            &event.dimensions,
            event.timestamp,
            received,
        ) else {
            continue;
        };
        let counts = changes
            .entry(CounterKey {
                scope: series.scope,
                scope_id,
                window,
            })
            .or_default();
        counts
            .entry(Arc::clone(&track.taken))
            .or_insert_with(|| series.measure.of(event, cost.units()));
    }
}

impl Booked {
    /// Keeps of the credit that was held what `cost` needs, first sources
    /// first, and gives the rest back; what of the cost is left.
    fn keep(&mut self, hold: &Hold, cost: i128) -> i128 {
        let mut left = cost.max(0);
        for part in hold
            .parts
            .iter()
            .filter(|part| part.counter().scope == Scope::Credit)
        {
            let kept = part.amount().min(left);
            left = left.saturating_sub(kept);
            let counts = self.changes.entry(part.counter().clone()).or_default();
            counts.insert(part.taken_attribute(), kept.saturating_sub(part.amount()));
            counts.insert(part.held_attribute(), part.amount().saturating_neg());
            if kept > 0 {
                self.draws.push(Draw {
                    counter: part.counter().clone(),
                    amount: kept,
                });
            }
        }
        left
    }

    /// Draws what was not held from what stands, and the rest of nothing.
    fn draw(
        &mut self,
        pack: &Pack,
        draft: &Draft,
        cost: i128,
        (received, standing): (Instant, Option<&Standing>),
    ) {
        if cost == 0 || !pack.config().is_prepaid() {
            return;
        }
        let sources = pack.config().sources(draft.event.timestamp, received);
        let nothing = Standing::new();
        let standing = standing.unwrap_or(&nothing);
        let charge = credit::charge(
            sources
                .iter()
                .map(|source| (source.capacity, source.taken(standing))),
            cost,
        );
        // Beyond what one transaction takes, nothing is drawn.
        let room = ACTIONS_MAX
            .saturating_sub(RESERVED)
            .saturating_sub(self.changes.len());
        let mut short = charge.short;
        for (place, (number, amount)) in charge.parts.into_iter().enumerate() {
            let Some(source) = sources.get(number).filter(|_| place < room) else {
                short = short.saturating_add(amount);
                continue;
            };
            self.caps.insert(
                source.counter.clone(),
                source.capacity.saturating_sub(amount),
            );
            self.add(source.counter.clone(), amount);
        }
        if short > 0 {
            self.add(uncovered_counter(), short);
        }
    }

    fn add(&mut self, counter: CounterKey, amount: i128) {
        let sum = self
            .changes
            .entry(counter.clone())
            .or_default()
            .entry(credit_attribute())
            .or_insert(0);
        *sum = sum.saturating_add(amount);
        self.draws.push(Draw { counter, amount });
    }
}

/// As [`crate::plan::counter_write`], but no limit is tested; of a source of
/// credit at most `cap` may have been taken before.
pub(crate) fn booking(
    pack: &Pack,
    at: Circumstances<'_>,
    (key, counts): (&CounterKey, &BTreeMap<Arc<str>, i128>),
    cap: Option<i128>,
) -> Write {
    let version = i128::from(pack.config().version);
    let mut set = alloc::vec![(Arc::from(table::LIMITS_VERSION), Value::N(version))];
    set.extend(counter_expiry(pack, at.received, key).map(|end| {
        (
            Arc::from(table::TTL),
            Value::N(i128::from(end.unix_seconds())),
        )
    }));
    let change = Change::Update {
        add: counts
            .iter()
            .map(|(name, amount)| (Arc::clone(name), *amount))
            .collect(),
        set,
    };
    let mut guards = alloc::vec![Guard::AtMost(Arc::from(table::LIMITS_VERSION), version)];
    guards.extend(cap.map(|cap| Guard::AtMost(credit_attribute(), cap)));
    Write {
        key: table::counter(at.tenant, key),
        change,
        guards,
    }
}
