//! Taking a hold: one transaction, as recording is.

use crate::decide::crossings;
use crate::decide::decide::Decider;
use crate::decide::rules::Pack;
use crate::decide::ruling::{Addition, Ruling};
use crate::decide::settle::Settled;
use crate::decide::writes::{Circumstances, PlanError, counter_write};
use crate::event::event::Event;
use crate::event::quantities::QUANTITY_MAX;
use crate::event::totals::Overflow;
use crate::ledger::alert::{Crossing, outbox};
use crate::ledger::hold::{Asked, HOLD_SECONDS_MAX, Hold, Part};
use crate::ledger::item::{Change, Guard, Write};
use crate::ledger::page::Stored;
use crate::ledger::table;
use crate::limit::counter::{CounterKey, Standing};
use crate::limit::credit;
use crate::limit::decision::{Decision, Mode};
use crate::limit::limit::SoftMode;
use crate::limit::measure::Measure;
use crate::price::catalog::{PriceError, Priced};
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

type Additions = BTreeMap<CounterKey, BTreeMap<Arc<str>, Addition>>;

/// How a hold was decided, and what takes it.
#[derive(Clone, Debug)]
pub struct Taking {
    /// The ruling on the estimate.
    pub ruling: Ruling,
    /// The hold and its writes; `None` = denied.
    pub taken: Option<Settled>,
}

/// The first instant at which a hold of `ttl_seconds` from `now` is over, of
/// one taken at `created`.
pub(crate) fn end(created: Instant, now: Instant, ttl_seconds: u32) -> Instant {
    now.plus_seconds(i64::from(ttl_seconds))
        .min(created.plus_seconds(HOLD_SECONDS_MAX))
}

/// Plans to hold `draft`, whose event has the hold's id. Its limits decide and
/// count it as they would the event itself; what they count is held too, but
/// for the rate by second, which a hold uses up when it is taken.
///
/// Pure: the writes are the hold, absent before, its entry in the list of open
/// holds, and one guarded addition for each counter.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn take(
    pack: &Pack,
    draft: &Draft,
    asked: Asked,
    max_tokens_out: Option<u64>,
    at: Circumstances<'_>,
) -> Result<Taking, PlanError> {
    let mut decider = Decider::new(pack, at.standing, Mode::Enforce, at.received);
    let touches = decider.touches(draft)?;
    let decision = decider.rule(&touches);
    let mut decided = decider.finish();
    let ruling = core::mem::take(&mut decided.rulings)
        .into_iter()
        .next()
        .unwrap_or_default();
    if decision == Decision::Deny {
        return Ok(Taking {
            ruling,
            taken: None,
        });
    }
    let draws = decided.draws.into_iter().flatten();
    let credit =
        draws.map(|draw| Part::new(draw.counter, Measure::Spend, credit::SINCE, draw.amount));
    let hold = Hold {
        estimate: Stored::of(draft, decision),
        currency: draft.priced.currency,
        created: at.received,
        expires: end(at.received, at.received, asked.ttl_seconds),
        asked,
        max_tokens_out,
        parts: parts(pack, draft, at.received, &decided.additions)
            .into_iter()
            .chain(credit)
            .collect(),
        closing: None,
        config_version: pack.config().version,
        version: 1,
    };
    for crossing in &mut decided.crossings {
        let own = hold.parts.iter().find(|part| {
            *part.counter() == crossing.counter && part.taken_attribute() == crossing.taken
        });
        crossing.count.held = crossing
            .count
            .held
            .saturating_add(own.map_or(0, Part::amount));
    }
    let writes = writes(pack, &hold, at, &decided.additions, decided.crossings)?;
    Ok(Taking {
        ruling,
        taken: Some(Settled { hold, writes }),
    })
}

/// What was taken of each series, by attribute: a named and an "each" series
/// may share one.
fn parts(pack: &Pack, draft: &Draft, received: Instant, additions: &Additions) -> Vec<Part> {
    let mut seen: Vec<(CounterKey, Arc<str>)> = Vec::new();
    let mut parts = Vec::new();
    for track in pack
        .tracks()
        .iter()
        .filter(|track| track.series.window != WindowKind::Second)
    {
        let series = &track.series;
        let event = &draft.event;
        let Some((scope_id, window)) = series.place(
            pack.config().tree.as_ref(),
            &event.dimensions,
            event.timestamp,
            received,
        ) else {
            continue;
        };
        let place = (
            CounterKey {
                scope: series.scope,
                scope_id,
                window,
            },
            Arc::clone(&track.taken),
        );
        let Some(addition) = additions
            .get(&place.0)
            .and_then(|counts| counts.get(&place.1))
        else {
            continue;
        };
        if !seen.contains(&place) {
            parts.push(Part::new(
                place.0.clone(),
                series.measure.clone(),
                series.since,
                addition.amount,
            ));
            seen.push(place);
        }
    }
    parts
}

fn writes(
    pack: &Pack,
    hold: &Hold,
    at: Circumstances<'_>,
    additions: &Additions,
    mut crossings: Vec<Crossing>,
) -> Result<Vec<Write>, PlanError> {
    let id = hold.id();
    let mut writes = alloc::vec![
        Write {
            key: table::hold(at.tenant, id),
            change: Change::Put(hold.attrs(None)?),
            guards: alloc::vec![Guard::Absent]
        },
        entry(at.tenant, hold),
    ];
    crossings::fit(&mut crossings, writes.len().saturating_add(additions.len()));
    for (key, counts) in additions {
        let mut write = crossings::marked(counter_write(pack, at, key, counts), key, &crossings);
        if let Change::Update { add, .. } = &mut write.change {
            let own = hold.parts.iter().filter(|part| part.counter() == key);
            add.extend(own.map(|part| (part.held_attribute(), part.amount())));
        }
        writes.push(write);
    }
    writes.extend(outbox(
        pack.config().alerts.as_ref(),
        at.tenant,
        at.received,
        &crossings,
    ));
    Ok(writes)
}

/// The entry of an open hold in the list by expiry.
pub(crate) fn entry(tenant: &crate::event::name::Name, hold: &Hold) -> Write {
    let key = table::open_hold(tenant, hold.expires, hold.id());
    Write {
        key,
        change: Change::Put(crate::Attrs::new()),
        guards: Vec::new(),
    }
}

/// The most output tokens that the money left, under every spend limit and of
/// credit, pays for, `event` being the rest of what is used; `None` = money does not bound
/// them. Never above what is left: each candidate is priced exactly by
/// `price`, which must not fall with more tokens.
///
/// # Errors
/// [`Overflow`] where a counter would leave its 38 digits.
pub fn affordable(
    pack: &Pack,
    standing: &Standing,
    received: Instant,
    draft: &Draft,
    price: impl Fn(&Event) -> Result<Priced, PriceError>,
) -> Result<Option<u64>, Overflow> {
    let decided = pack.decide(
        standing,
        Mode::Enforce,
        received,
        core::slice::from_ref(draft),
    )?;
    let money = decided
        .rulings
        .iter()
        .flat_map(|ruling| &ruling.limits)
        .filter(|at| at.is_money());
    let left = money.filter_map(|at| {
        let blocking = at
            .limit
            .soft
            .filter(|_| at.limit.soft_mode == SoftMode::Block);
        let cap = at.limit.hard.into_iter().chain(blocking).min()?;
        Some(cap.saturating_sub(at.count.taken))
    });
    let credit = pack.config().is_prepaid().then(|| {
        credit::left(
            &pack.config().sources(draft.event.timestamp, received),
            standing,
        )
    });
    let Some(left) = left.chain(credit).min() else {
        return Ok(None);
    };
    let fits = |tokens_out: u64| {
        let mut event = draft.event.clone();
        event.quantities.tokens_out = tokens_out;
        price(&event).is_ok_and(|priced| priced.cost.units() <= left)
    };
    Ok(if fits(QUANTITY_MAX) {
        None
    } else {
        Some(largest(fits))
    })
}

/// The largest number up to [`QUANTITY_MAX`] that fits, where none fits that
/// is larger than one that does not; 0 where not even 1 does.
fn largest(fits: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0_u64, QUANTITY_MAX);
    while low < high {
        let middle = high.saturating_sub(high.saturating_sub(low).checked_div(2).unwrap_or(0));
        if fits(middle) {
            low = middle;
        } else {
            high = middle.saturating_sub(1);
        }
    }
    low
}
