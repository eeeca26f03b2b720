//! Capturing a hold: what was really used is booked, and the rest given back.

use crate::decide::crossings::may_cross;
use crate::decide::draw;
use crate::decide::plan::write_postings;
use crate::decide::postings::Postings;
use crate::decide::rules::Rules;
use crate::decide::settle::{close, give_back};
use crate::decide::take::Settled;
use crate::decide::writes::{Circumstances, PlanError, marker_of, page_place, write_page};
use crate::event::event::Event;
use crate::event::name::Name;
use crate::ledger::hold::{Closing, Hold};
use crate::ledger::item::{ACTIONS_MAX, Role};
use crate::ledger::marker::Marker;
use crate::ledger::page::page::Stored;
use crate::ledger::posting::Posting;
use crate::ledger::standing::Standing;
use crate::limit::config::COUNTERS_MAX;
use crate::limit::counter::CounterKey;
use crate::limit::credit::uncovered_counter;
use crate::limit::scope::Scope;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The actions of a capture beside credit: hold, entry, page, marker, the
/// counters of series made since, and what is used beyond all credit.
const RESERVED: usize = 5 + COUNTERS_MAX;

/// What a capture posts, and what of it is credit.
struct Booking {
    postings: Postings,
    draws: Vec<Posting>,
}

/// Plans to book `draft`, what was really used, for `hold`, into the windows
/// that it was taken in. No limit is tested: it has happened. Series made since
/// count it too. What it costs is drawn from the credit that was held, and
/// above that as an event in observe mode draws it; all of it where the hold's
/// time was over and nothing is held any more. What it crosses of what is
/// watched is announced. So `at.standing` must tell of the counters of
/// [`capture_reads`].
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn capture(
    rules: &Rules,
    hold: &Hold,
    draft: &Draft,
    at: Circumstances<'_>,
) -> Result<Settled, PlanError> {
    let Booking {
        mut postings,
        draws,
    } = book(rules, hold, draft, at.received, at.standing);
    let decision = hold.estimate.decision;
    let marker = marker_of(draft, decision, page_place(rules, at, 0), draws);
    let closing = Closing::Captured {
        at: at.received,
        event: draft.event.id.clone(),
        marker: Box::new(marker.clone()),
        // Also by another clock than the one that says so now.
        late: hold.closing.is_some() || hold.expires <= at.received,
    };
    let kept = rules.expiry(draft.event.timestamp.max(at.received));
    let events = alloc::vec![Stored::of(draft, decision)];
    let mut writes = alloc::vec![
        hold.write_closing(at.tenant, &closing, kept)?,
        write_page(rules, at, draft.priced.currency, events)?,
        marker
            .write(at.tenant, &draft.event, kept)?
            .in_role(Role::Marker(0)),
    ];
    if hold.closing.is_none() {
        writes.push(hold.delete_entry(at.tenant));
    }
    write_postings(rules, at, &mut postings, &mut writes)?;
    Ok(Settled {
        hold: close(hold, closing),
        writes,
    })
}

/// Plans to end `hold` by an event of this id, which its marker shows recorded on
/// its own: it is counted and has drawn its credit, so all that is held is given
/// back.
///
/// # Errors
/// As [`capture`].
pub fn capture_recorded(
    rules: &Rules,
    tenant: &Name,
    hold: &Hold,
    (event, marker): (Name, Marker),
    now: Instant,
) -> Result<Settled, PlanError> {
    let kept = rules.expiry(marker.answer.timestamp.max(now));
    let closing = Closing::Captured {
        at: now,
        event,
        marker: Box::new(marker),
        late: hold.closing.is_some() || hold.expires <= now,
    };
    let mut writes = alloc::vec![hold.write_closing(tenant, &closing, kept)?];
    if hold.closing.is_none() {
        writes.push(hold.delete_entry(tenant));
        writes.extend(give_back(rules, &hold.postings).writes(rules, tenant, now));
    }
    Ok(Settled {
        hold: close(hold, closing),
        writes,
    })
}

/// The counters that must be read before `draft` is booked for `hold`: those
/// in which it may cross what is watched, and the sources of credit.
#[must_use]
pub fn capture_reads(
    rules: &Rules,
    hold: &Hold,
    draft: &Draft,
    received: Instant,
) -> Vec<CounterKey> {
    let Booking { postings, .. } = book(rules, hold, draft, received, &Standing::new());
    let crossed = postings
        .counters()
        .filter(|counter| may_cross(rules, &postings, counter));
    let mut reads: Vec<CounterKey> = crossed.cloned().collect();
    reads.extend(rules.sources(draft, received));
    reads
}

/// What a capture posts: what is used in place of what was held, and all of it
/// where a series was made since.
fn book(
    rules: &Rules,
    hold: &Hold,
    draft: &Draft,
    received: Instant,
    standing: &Standing,
) -> Booking {
    let (event, cost) = (&draft.event, draft.priced.cost.units());
    let is_held = hold.closing.is_none();
    let mut booking = Booking {
        postings: Postings::new(),
        draws: Vec::new(),
    };
    let left = if is_held {
        booking.keep(rules, hold, cost)
    } else {
        cost
    };
    booking.draw(rules, draft, left, (received, standing));
    for posting in hold
        .postings
        .iter()
        .filter(|of| of.counter.scope != Scope::Credit)
    {
        let used = posting.figure.measure().of(event, cost);
        let held = if is_held {
            posting.held.saturating_neg()
        } else {
            0
        };
        booking.postings.post(Posting {
            used,
            held,
            ..posting.clone()
        });
    }
    count_missing(rules, event, cost, received, &mut booking.postings);
    booking
}

/// Posts what every series but rates by second counts of `event`, where nothing
/// is posted on its figure yet.
pub(crate) fn count_missing(
    rules: &Rules,
    event: &Event,
    cost: i128,
    received: Instant,
    postings: &mut Postings,
) {
    for track in rules.tracks().iter().filter(|track| !track.is_rate()) {
        let Some(counter) = track.counter(event, received) else {
            continue;
        };
        if !postings.has(&counter, &track.figure) {
            let amount = track.series.measure.of(event, cost);
            postings.post(Posting::used(counter, track.figure.clone(), amount));
        }
    }
}

impl Booking {
    /// Keeps of the credit that was held what `cost` needs, first sources
    /// first, and gives the rest back; what of the cost is left.
    fn keep(&mut self, rules: &Rules, hold: &Hold, cost: i128) -> i128 {
        let mut left = cost.max(0);
        for held in hold
            .postings
            .iter()
            .filter(|of| of.counter.scope == Scope::Credit)
        {
            let kept = held.held.min(left);
            left = left.saturating_sub(kept);
            let counter = rules.config().stands_in(&held.counter).clone();
            let figure = held.figure.clone();
            let back = held.held.saturating_neg();
            self.postings.post(Posting {
                counter: counter.clone(),
                figure,
                used: kept,
                held: back,
            });
            if kept > 0 {
                self.draws
                    .push(Posting::used(counter, held.figure.clone(), kept));
            }
        }
        left
    }

    /// Draws what was not held from what stands, and the rest of nothing.
    fn draw(
        &mut self,
        rules: &Rules,
        draft: &Draft,
        cost: i128,
        (received, standing): (Instant, &Standing),
    ) {
        if cost <= 0 || !rules.config().is_prepaid() {
            return;
        }
        let sources = rules.config().sources(draft.event.timestamp, received);
        let figure = rules.credit();
        let stood = sources
            .iter()
            .map(|source| (source.capacity, draw::taken_of(source, figure, standing)));
        let charge = draw::charge(stood, cost);
        // Beyond what one transaction takes, nothing is drawn.
        let room = ACTIONS_MAX
            .saturating_sub(RESERVED)
            .saturating_sub(self.postings.len());
        let mut short = charge.short;
        for (place, (number, amount)) in charge.parts.into_iter().enumerate() {
            let Some(source) = sources.get(number).filter(|_| place < room) else {
                short = short.saturating_add(amount);
                continue;
            };
            self.take(rules, source.counter.clone(), amount);
            let taken_max = Some(source.capacity.saturating_sub(amount));
            self.postings
                .change(source.counter.clone(), figure.clone(), |amounts| {
                    amounts.taken_max = taken_max;
                });
        }
        if short > 0 {
            self.take(rules, uncovered_counter(), short);
        }
    }

    fn take(&mut self, rules: &Rules, counter: CounterKey, amount: i128) {
        let posting = Posting::used(counter, rules.credit().clone(), amount);
        self.postings.post(posting.clone());
        self.draws.push(posting);
    }
}
