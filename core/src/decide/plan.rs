//! From events to one transaction: the heart of the service.

use crate::decide::crossings::{find_crossings, fit, mark_announced};
use crate::decide::decide::Decider;
use crate::decide::postings::Postings;
use crate::decide::rules::Rules;
use crate::decide::ruling::{Decided, Ruling, Verdict};
use crate::decide::writes::{Circumstances, PlanError, marker_of, page_place, write_page};
use crate::event::label::Label;
use crate::ledger::alert::{Crossing, write_alerts};
use crate::ledger::batch::BatchMarker;
use crate::ledger::item::{ACTIONS_MAX, Role, Write};
use crate::ledger::marker::Answer;
use crate::ledger::page::page::Stored;
use crate::limit::decision::{Decision, Mode};
use crate::money::currency::Currency;
use crate::price::draft::Draft;
use alloc::vec::Vec;

/// The most bytes of events in a page; an item holds 400 KB.
const PAGE_BYTES_MAX: usize = 300_000;

/// At least the bytes that the figures of an event take in a page, and the numbers of
/// its names: eight quantities of 8 bytes, four amounts of 18, a time of 10, and 16
/// numbers of 2.
const FIGURES_BYTES: usize = 180;

/// What to write for the first events of a list, and how each was decided.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The events of the list that it covers, in order.
    pub events: Vec<PlannedEvent>,
    /// One transaction; empty when nothing is admitted.
    pub writes: Vec<Write>,
    /// Whether credit was drawn beyond its first source: such plans are better
    /// made on what was read.
    pub is_pressed: bool,
    /// The alerts that it announces; their writes come last.
    pub crossings: Vec<Crossing>,
    /// Of a sealed batch: how far it is once the plan has happened.
    pub batch: Option<BatchMarker>,
    /// Of a sealed batch that a rate by second refuses as a whole: the ruling.
    pub too_fast: Option<Ruling>,
}

/// One event of a plan.
#[derive(Clone, Debug)]
pub struct PlannedEvent {
    /// The ruling on it.
    pub ruling: Ruling,
    /// The answer to give if it is recorded; `None` = it is not admitted.
    pub answer: Option<Answer>,
}

impl Planned {
    /// The place in the list of the first event that is admitted.
    #[must_use]
    pub fn first_admitted(&self) -> Option<usize> {
        self.events.iter().position(|event| event.answer.is_some())
    }

    /// Whether it refuses or warns of anything.
    #[must_use]
    pub fn refuses(&self) -> bool {
        let mut rulings = self.rulings();
        self.too_fast.is_some() || rulings.any(|ruling| ruling.decision != Decision::Allow)
    }

    /// The rulings, in order.
    pub fn rulings(&self) -> impl Iterator<Item = &Ruling> {
        self.events.iter().map(|event| &event.ruling)
    }
}

/// What a pack holds so far.
#[derive(Clone, Copy)]
pub(crate) struct Pack {
    /// Writes beside those of events, counters and alerts.
    fixed: usize,
    /// Writes of each event that is admitted.
    each: usize,
    admitted: usize,
    counters: usize,
    alerts: usize,
    bytes: usize,
}

/// Plans as many of the first `drafts` as one transaction takes.
///
/// Pure: the same arguments give the same writes. The writes are one page, a
/// marker for each admitted event, and one guarded update for each counter,
/// so that the store either records all of it, each event for the first time
/// and within every limit, or nothing.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn plan(rules: &Rules, drafts: &[Draft], at: Circumstances<'_>) -> Result<Planned, PlanError> {
    let decider = Decider::new(rules, at.standing, at.mode, at.received).of_many(drafts.len());
    let decided = decide_pack(decider, drafts, at.mode, Pack::of(1, 1))?;
    write_plan(rules, drafts, at, decided)
}

/// Decides as many of the first `drafts` as one transaction takes beside what `pack`
/// has.
pub(crate) fn decide_pack(
    mut decider: Decider<'_>,
    drafts: &[Draft],
    mode: Mode,
    mut pack: Pack,
) -> Result<Decided, PlanError> {
    let (mut taken, mut last) = (0_usize, None);
    for draft in drafts {
        match decider.touch(draft) {
            Err(_) if taken > 0 => break,
            touched => touched?,
        }
        let next = Pack {
            admitted: pack.admitted.saturating_add(1),
            counters: pack.counters.saturating_add(decider.new_counters()),
            alerts: pack.alerts.saturating_add(decider.new_alerts()),
            bytes: pack.bytes.saturating_add(estimate_size(draft, last)),
            ..pack
        };
        if taken > 0 && !next.fits() {
            break;
        }
        taken = taken.saturating_add(1);
        if decider.rule() != Decision::Deny || mode == Mode::Observe {
            (pack, last) = (next, Some(draft));
        }
    }
    Ok(decider.finish())
}

impl Pack {
    /// Nothing yet, beside `fixed` writes; with `each` for every event.
    pub(crate) fn of(fixed: usize, each: usize) -> Self {
        Self {
            fixed,
            each,
            admitted: 0,
            counters: 0,
            alerts: 0,
            bytes: 0,
        }
    }

    /// Whether one transaction takes it: its page, markers, counters and alerts.
    fn fits(&self) -> bool {
        let actions = self
            .fixed
            .saturating_add(self.admitted.saturating_mul(self.each))
            .saturating_add(self.counters)
            .saturating_add(self.alerts.saturating_mul(2));
        actions <= ACTIONS_MAX && self.bytes <= PAGE_BYTES_MAX
    }
}

fn write_plan(
    rules: &Rules,
    drafts: &[Draft],
    at: Circumstances<'_>,
    decided: Decided,
) -> Result<Planned, PlanError> {
    let Decided {
        verdicts,
        mut postings,
        is_pressed,
    } = decided;
    let mut events = Vec::with_capacity(verdicts.len());
    let (mut stored, mut markers) = (Vec::new(), Vec::new());
    for (place, (draft, verdict)) in drafts.iter().zip(verdicts).enumerate() {
        let Verdict { ruling, draws } = verdict;
        if ruling.decision == Decision::Deny && at.mode == Mode::Enforce {
            events.push(PlannedEvent {
                ruling,
                answer: None,
            });
            continue;
        }
        let page = page_place(rules, at, stored.len());
        let marker = marker_of(draft, ruling.decision, page, draws);
        let expires = rules.expiry(draft.event.timestamp.max(at.received));
        let write = marker.write(at.tenant, &draft.event, expires)?;
        markers.push(write.in_role(Role::Marker(place)));
        stored.push(Stored::of(draft, ruling.decision));
        events.push(PlannedEvent {
            ruling,
            answer: Some(marker.answer),
        });
    }
    let mut planned = Planned {
        events,
        writes: Vec::new(),
        is_pressed,
        crossings: Vec::new(),
        batch: None,
        too_fast: None,
    };
    if !stored.is_empty() {
        let currency = planned.currency();
        planned
            .writes
            .push(write_page(rules, at, currency, stored)?);
        planned.writes.extend(markers);
        let Planned {
            writes, crossings, ..
        } = &mut planned;
        *crossings = write_postings(rules, at, &mut postings, writes)?;
    }
    Ok(planned)
}

impl Planned {
    pub(crate) fn currency(&self) -> Currency {
        let mut answers = self.events.iter().filter_map(|event| event.answer.as_ref());
        answers
            .next()
            .map_or(Currency::USD, |answer| answer.currency)
    }
}

/// Adds to `writes` what posts `postings`, with the alerts that they cross.
pub(crate) fn write_postings(
    rules: &Rules,
    at: Circumstances<'_>,
    postings: &mut Postings,
    writes: &mut Vec<Write>,
) -> Result<Vec<Crossing>, PlanError> {
    let mut crossings = find_crossings(rules, at.standing, postings);
    fit(&mut crossings, writes.len().saturating_add(postings.len()));
    let first = writes.len();
    writes.extend(postings.writes(rules, at.tenant, at.received));
    if !crossings.is_empty() {
        mark_announced(
            at.tenant,
            &crossings,
            writes.get_mut(first..).unwrap_or_default(),
        );
        let alerts = rules.config().alerts.as_ref();
        writes.extend(write_alerts(alerts, at.tenant, at.received, &crossings)?);
    }
    Ok(crossings)
}

/// At least the bytes that the event takes in a page behind `last`, whose names are
/// not stored again.
fn estimate_size(draft: &Draft, last: Option<&Draft>) -> usize {
    let event = &draft.event;
    let d = &event.dimensions;
    let is_new = |label: &Label| {
        let before = last.and_then(|last| last.event.label(*label));
        event.label(*label) != before
    };
    let labels = Label::ALL.into_iter().filter(is_new);
    let labels = labels.filter_map(|label| event.label(label));
    let operation = last.is_none_or(|last| last.event.dimensions.operation != d.operation);
    let id = Some(&event.id).filter(|id| id.of_sealed().is_none());
    let own = operation
        .then_some(&d.operation)
        .into_iter()
        .chain(id)
        .chain(&d.path);
    let texts = labels.chain(own).map(|name| name.as_str().len());
    let metadata = event
        .metadata
        .as_ref()
        .map_or(0, alloc::string::String::len);
    texts
        .fold(FIGURES_BYTES, usize::saturating_add)
        .saturating_add(metadata)
}
