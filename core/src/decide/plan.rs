//! From events to one transaction: the heart of the service.

use crate::decide::crossings;
use crate::decide::decide::Decider;
use crate::decide::rules::Pack;
use crate::decide::ruling::{Decided, Ruling};
use crate::decide::writes::{Circumstances, PlanError, counter_write, expiry, marker, page_write};
use crate::ledger::alert::{Crossing, outbox};
use crate::ledger::item::{ACTIONS_MAX, Write};
use crate::ledger::marker::{Answer, Marker};
use crate::ledger::page::Stored;
use crate::limit::counter::CounterKey;
use crate::limit::decision::{Decision, Mode};
use crate::money::currency::Currency;
use crate::price::draft::Draft;
use alloc::format;
use alloc::vec::Vec;

/// The most bytes of events in a page; an item holds 400 KB.
const PAGE_BYTES_MAX: usize = 300_000;

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
        let actions = counters
            .saturating_add(more)
            .saturating_add(admitted.len())
            .saturating_add(2);
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
    let Decided {
        rulings,
        additions,
        draws,
        is_pressed,
        mut crossings,
    } = decided;
    let mut answers: Vec<Option<Answer>> = alloc::vec![None; taken];
    let mut writes = Vec::new();
    if !admitted.is_empty() {
        let chosen: Vec<(&Draft, Decision)> = admitted
            .iter()
            .filter_map(|i| Some((drafts.get(*i)?, rulings.get(*i)?.decision)))
            .collect();
        let currency = chosen
            .first()
            .map_or(Currency::USD, |(draft, _)| draft.priced.currency);
        let events = chosen
            .iter()
            .map(|(draft, decision)| Stored::of(draft, *decision))
            .collect();
        writes.push(page_write(pack, at, currency, events)?);
        let page = format!("{}/{}", at.received.day(), at.page_id);
        let draws = admitted.iter().filter_map(|i| draws.get(*i));
        for (place, ((draft, decision), draws)) in chosen.iter().zip(draws).enumerate() {
            let marker = Marker {
                draws: draws.clone(),
                ..marker(&page, draft, *decision, place)
            };
            writes.push(marker.write(
                at.tenant,
                &draft.event,
                expiry(pack, draft.event.timestamp.max(at.received)),
            ));
            if let Some(slot) = admitted
                .get(place)
                .and_then(|index| answers.get_mut(*index))
            {
                *slot = Some(marker.answer);
            }
        }
        crossings::fit(&mut crossings, writes.len().saturating_add(additions.len()));
        let counter = |(key, counts)| {
            crossings::marked(counter_write(pack, at, key, counts), key, &crossings)
        };
        writes.extend(additions.iter().map(counter));
        writes.extend(outbox(
            pack.config().alerts.as_ref(),
            at.tenant,
            at.received,
            &crossings,
        ));
    }
    let counters = additions.into_keys().collect();
    Ok(Planned {
        taken,
        rulings,
        answers,
        writes,
        markers: admitted,
        counters,
        is_pressed,
        crossings,
    })
}

/// At least the bytes that the event takes in a page.
fn size_estimate(draft: &Draft) -> usize {
    let event = &draft.event;
    let d = &event.dimensions;
    let names = [
        &d.agent,
        &d.consumer,
        &d.session,
        &event.task,
        &d.tool_server,
        &d.tool_name,
        &d.model,
        &d.node,
        &event.provider,
    ];
    let texts: usize = names
        .into_iter()
        .flatten()
        .map(|name| name.as_str().len())
        .sum();
    let metadata = event
        .metadata
        .as_ref()
        .map_or(0, alloc::string::String::len);
    texts
        .saturating_add(metadata)
        .saturating_add(d.operation.as_str().len())
        .saturating_add(event.id.as_str().len())
        .saturating_add(256)
}
