//! How a hold moves on: released, expired, extended, counted anew. Each is one
//! transaction, guarded by the state and version that it was read in, so that
//! exactly one ends it.

use crate::decide::postings::Postings;
use crate::decide::rules::{Rules, Track};
use crate::decide::take::{Settled, end};
use crate::decide::writes::PlanError;
use crate::event::name::Name;
use crate::ledger::hold::{Closing, Hold, HoldState, guard_state};
use crate::ledger::item::{ACTIONS_MAX, Write};
use crate::ledger::open_hold::OpenHold;
use crate::ledger::posting::Posting;
use crate::limit::scope::Scope;
use crate::time::instant::Instant;
use alloc::vec::Vec;

/// The most holds that expire in one transaction.
const EXPIRED_AT_ONCE: usize = 40;

/// The first holds of a list, about to expire together.
#[derive(Clone, Debug)]
pub struct Expiring {
    /// How many of the list.
    pub holds: usize,
    /// One transaction.
    pub writes: Vec<Write>,
}

/// Plans to give back what `hold` holds, at the client's wish.
///
/// # Errors
/// [`PlanError`] for what cannot be stored.
pub fn release(
    rules: &Rules,
    tenant: &Name,
    hold: &Hold,
    now: Instant,
) -> Result<Settled, PlanError> {
    let closing = Closing::Released(now);
    let kept = rules.expiry(hold.estimate.event.timestamp.max(now));
    let mut writes = alloc::vec![
        hold.write_closing(tenant, &closing, kept)?,
        hold.delete_entry(tenant)
    ];
    let postings = give_back(rules, &hold.postings);
    writes.extend(postings.writes(rules, tenant, now));
    Ok(Settled {
        hold: close(hold, closing),
        writes,
    })
}

/// Plans to give back what the first of `due`, whose time is over, hold: as many
/// as one transaction takes, none where there are none.
///
/// # Errors
/// As [`release`].
pub fn expire(
    rules: &Rules,
    tenant: &Name,
    due: &[OpenHold],
    now: Instant,
) -> Result<Expiring, PlanError> {
    let (mut holds, mut postings, mut writes) = (0_usize, Postings::new(), Vec::new());
    for hold in due.iter().take(EXPIRED_AT_ONCE) {
        let mut more = postings.clone();
        give_back(rules, &hold.postings)
            .into_iter()
            .for_each(|posting| more.post(posting));
        let actions = writes.len().saturating_add(2).saturating_add(more.len());
        if holds > 0 && actions > ACTIONS_MAX {
            break;
        }
        (holds, postings) = (holds.saturating_add(1), more);
        let kept = rules.expiry(hold.timestamp.max(now));
        writes.extend(hold.write_expiry(tenant, now, kept)?);
    }
    writes.extend(postings.writes(rules, tenant, now));
    Ok(Expiring { holds, writes })
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
        rewrite(tenant, hold, &next)?,
        hold.delete_entry(tenant),
        next.write_entry(tenant)?
    ];
    Ok(Some(Settled { hold: next, writes }))
}

/// Plans to count `hold` in the series made since it was taken, and to give back
/// what it holds in series that are no more: however often limits change, it
/// holds no more than one event touches. `None` = there is nothing to count.
///
/// # Errors
/// As [`release`].
pub fn count_anew(
    rules: &Rules,
    tenant: &Name,
    hold: &Hold,
    now: Instant,
) -> Result<Option<Settled>, PlanError> {
    let missing = find_missing(rules, hold);
    if missing.is_empty() {
        return Ok(None);
    }
    let (mut kept, gone): (Vec<Posting>, Vec<Posting>) = hold
        .postings
        .iter()
        .cloned()
        .partition(|posting| is_counted(rules, hold, posting));
    let mut moved: Postings = gone.iter().map(Posting::negated).collect();
    for posting in missing {
        moved.post(posting.clone());
        kept.push(posting);
    }
    let next = Hold {
        config_version: rules.config().version,
        version: hold.version.saturating_add(1),
        postings: kept,
        ..hold.clone()
    };
    let mut writes = alloc::vec![rewrite(tenant, hold, &next)?, next.write_entry(tenant)?];
    writes.extend(moved.writes(rules, tenant, now));
    Ok(Some(Settled { hold: next, writes }))
}

/// What `hold` does not hold yet of the series made since it was counted: once of
/// each figure, though an agent's own series and the one of each agent share it.
fn find_missing(rules: &Rules, hold: &Hold) -> Postings {
    let (event, cost) = (&hold.estimate.event, hold.estimate.cost.units());
    let held: Postings = hold.postings.iter().cloned().collect();
    let is_new = |track: &&Track| !track.is_rate() && track.series.since > hold.config_version;
    let mut missing = Postings::new();
    for track in rules.tracks().iter().filter(is_new) {
        let Some(counter) = track.counter(event, hold.created) else {
            continue;
        };
        let (amount, figure) = (track.series.measure.of(event, cost), &track.figure);
        let is_counted = held.has(&counter, figure) || missing.has(&counter, figure);
        if amount != 0 && !is_counted {
            missing.post(Posting::used(counter, figure.clone(), amount).into_held());
        }
    }
    missing
}

/// Whether a series still counts what `posting` holds; credit it is always.
fn is_counted(rules: &Rules, hold: &Hold, posting: &Posting) -> bool {
    let counts = |track: &Track| {
        track.figure == posting.figure
            && track.counter(&hold.estimate.event, hold.created).as_ref() == Some(&posting.counter)
    };
    posting.counter.scope == Scope::Credit || rules.tracks().iter().any(counts)
}

/// The write that makes `hold` become `next`, if it is open and nobody moved it.
fn rewrite(tenant: &Name, hold: &Hold, next: &Hold) -> Result<Write, PlanError> {
    let write = next.write(tenant)?;
    let is_open = guard_state(HoldState::Open);
    Ok(write.when(is_open).when(hold.guard_version()))
}

pub(crate) fn close(hold: &Hold, closing: Closing) -> Hold {
    Hold {
        closing: Some(closing),
        version: hold.version.saturating_add(1),
        ..hold.clone()
    }
}

/// What gives back `postings`, to where what they took stands now.
pub(crate) fn give_back(rules: &Rules, postings: &[Posting]) -> Postings {
    let back = |posting: &Posting| {
        let counter = rules.config().stands_in(&posting.counter).clone();
        Posting {
            counter,
            ..posting.negated()
        }
    };
    postings.iter().map(back).collect()
}
