//! How a hold moves on: captured, released, expired, extended. Each is one
//! transaction, guarded by the state and version that it was read in, so that
//! exactly one ends it.

use crate::alert;
use crate::hold::{Closing, Hold, HoldState};
use crate::outbox::outbox;
use crate::plan::{Circumstances, Pack, PlanError, counter_expiry, expiry, marker, page_write};
use crate::take::{end, entry};
use crate::{Change, CounterKey, Draft, Guard, Instant, Name, Value, WindowKind, Write, table};
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

type Changes = BTreeMap<CounterKey, BTreeMap<Arc<str>, i128>>;

/// Plans to give back what `hold` holds, at the client's wish.
///
/// # Errors
/// [`PlanError`] for an estimate that cannot be stored.
pub fn release(pack: &Pack, tenant: &Name, hold: &Hold, now: Instant) -> Result<Settled, PlanError> {
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
pub fn extend(tenant: &Name, hold: &Hold, ttl_seconds: u32, now: Instant) -> Result<Option<Settled>, PlanError> {
    let expires = end(hold.created, now, ttl_seconds);
    if expires <= hold.expires {
        return Ok(None);
    }
    let next = Hold { expires, version: hold.version.saturating_add(1), ..hold.clone() };
    let writes = alloc::vec![moved(tenant, hold, &next, None)?, unlisted(tenant, hold), entry(tenant, &next)];
    Ok(Some(Settled { hold: next, writes }))
}

/// Plans to book `draft`, what was really used, for `hold`, into the windows
/// that it was taken in. No limit is tested: it has happened. Series made since
/// count it too. What that crosses of what is watched is announced, so
/// `at.standing` must tell of the counters of [`capture_reads`].
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn capture(pack: &Pack, hold: &Hold, draft: &Draft, at: Circumstances<'_>) -> Result<Settled, PlanError> {
    let decision = hold.estimate.decision;
    let page = format!("{}/{}", at.received.day(), at.page_id);
    let marker = marker(&page, draft, decision, 0);
    let closing = Closing::Captured { at: at.received, event: draft.event.id.clone(), marker: marker.clone() };
    let next = closed(hold, closing);
    let kept = expiry(pack, draft.event.timestamp.max(at.received));
    let mut writes = alloc::vec![
        moved(at.tenant, hold, &next, Some(kept))?,
        unlisted(at.tenant, hold),
        page_write(pack, at, &[(draft, decision)])?,
        marker.write(at.tenant, draft, kept),
    ];
    let changes = booked(pack, hold, draft, at.received);
    let (mut crossings, guards) = alert::booked(pack.tracks(), at.standing, &changes);
    alert::fit(&mut crossings, writes.len().saturating_add(changes.len()));
    for (key, counts) in &changes {
        let mut write = alert::marked(booking(pack, at, key, counts), key, &crossings);
        write.guards.extend(guards.iter().filter(|(of, _)| of == key).map(|(_, guard)| guard.clone()));
        writes.push(write);
    }
    writes.extend(outbox(pack.config().alerts.as_ref(), at.tenant, at.received, &crossings));
    Ok(Settled { hold: next, writes })
}

/// The counters that must be read before `draft` is booked for `hold`: those
/// in which it may cross what is watched, going above what was held.
#[must_use]
pub fn capture_reads(pack: &Pack, hold: &Hold, draft: &Draft, received: Instant) -> Vec<CounterKey> {
    let changes = booked(pack, hold, draft, received);
    changes.into_iter().filter(|(key, counts)| alert::may_cross(pack.tracks(), key, counts)).map(|(key, _)| key).collect()
}

fn closed(hold: &Hold, closing: Closing) -> Hold {
    Hold { closing: Some(closing), version: hold.version.saturating_add(1), ..hold.clone() }
}

fn freed(pack: &Pack, tenant: &Name, hold: &Hold, closing: Closing, now: Instant) -> Result<Settled, PlanError> {
    let next = closed(hold, closing);
    let kept = expiry(pack, hold.estimate.event.timestamp.max(now));
    let mut writes = alloc::vec![moved(tenant, hold, &next, Some(kept))?, unlisted(tenant, hold)];
    let mut changes = Changes::new();
    for part in hold.parts.iter().filter(|part| part.amount() != 0) {
        let counts = changes.entry(part.counter().clone()).or_default();
        counts.insert(part.taken_attribute(), part.amount().saturating_neg());
        counts.insert(part.held_attribute(), part.amount().saturating_neg());
    }
    let free = |(key, counts): (CounterKey, BTreeMap<Arc<str>, i128>)| {
        let change = Change::Update { add: counts.into_iter().collect(), set: Vec::new() };
        Write { key: table::counter(tenant, &key), change, guards: Vec::new() }
    };
    writes.extend(changes.into_iter().map(free));
    Ok(Settled { hold: next, writes })
}

/// The write that makes `hold` become `next`, if nobody else moved it.
fn moved(tenant: &Name, hold: &Hold, next: &Hold, ttl: Option<Instant>) -> Result<Write, PlanError> {
    let guards = alloc::vec![
        Guard::Equals(Arc::from(table::STATE), Value::S(String::from(HoldState::Open.as_str()))),
        Guard::Equals(Arc::from(table::VERSION), Value::N(i128::from(hold.version))),
    ];
    Ok(Write { key: table::hold(tenant, hold.id()), change: Change::Put(next.attrs(ttl)?), guards })
}

fn unlisted(tenant: &Name, hold: &Hold) -> Write {
    Write { key: table::open_hold(tenant, hold.expires, hold.id()), change: Change::Delete, guards: Vec::new() }
}

/// What a capture adds to each attribute: the difference to what was taken, or
/// all of it where a series was made since.
fn booked(pack: &Pack, hold: &Hold, draft: &Draft, received: Instant) -> Changes {
    let (event, cost) = (&draft.event, draft.priced.cost.units());
    let mut changes = Changes::new();
    for part in &hold.parts {
        let counts = changes.entry(part.counter().clone()).or_default();
        counts.insert(part.taken_attribute(), part.measure().of(event, cost).saturating_sub(part.amount()));
        counts.insert(part.held_attribute(), part.amount().saturating_neg());
    }
    for track in pack.tracks().iter().filter(|track| track.series.window != WindowKind::Second) {
        let series = &track.series;
        let Some((scope_id, window)) = series.place(&event.dimensions, event.timestamp, received) else { continue };
        let counts = changes.entry(CounterKey { scope: series.scope, scope_id, window }).or_default();
        counts.entry(Arc::clone(&track.taken)).or_insert_with(|| series.measure.of(event, cost));
    }
    changes
}

/// As [`crate::plan::counter_write`], but no limit is tested.
fn booking(pack: &Pack, at: Circumstances<'_>, key: &CounterKey, counts: &BTreeMap<Arc<str>, i128>) -> Write {
    let version = i128::from(pack.config().version);
    let mut set = alloc::vec![(Arc::from(table::LIMITS_VERSION), Value::N(version))];
    set.extend(counter_expiry(pack, at.received, key).map(|end| (Arc::from(table::TTL), Value::N(i128::from(end.unix_seconds())))));
    let change = Change::Update { add: counts.iter().map(|(name, amount)| (Arc::clone(name), *amount)).collect(), set };
    Write { key: table::counter(at.tenant, key), change, guards: alloc::vec![Guard::AtMost(Arc::from(table::LIMITS_VERSION), version)] }
}
