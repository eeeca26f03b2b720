//! Planning a sealed batch: a page, one marker for all of its events, counters.

use crate::decide::decide::Decider;
use crate::decide::plan::{Pack, Planned, PlannedEvent, decide_pack, write_postings};
use crate::decide::postings::Postings;
use crate::decide::rules::Rules;
use crate::decide::ruling::{Decided, Ruling, Verdict};
use crate::decide::writes::{Circumstances, PlanError, page_stretch, write_page_of};
use crate::event::name::Name;
use crate::ledger::batch::{BatchMarker, Refused};
use crate::ledger::marker::Answer;
use crate::ledger::page::page::{Sealed, SealedEvent, Stored};
use crate::ledger::table;
use crate::limit::decision::{Decision, Mode, Objection};
use crate::price::draft::Draft;
use crate::time::window::WindowKind;
use alloc::format;
use alloc::vec::Vec;

/// A sealed batch as it stands before a pack of it.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// Its id.
    pub id: &'a Name,
    /// How far it is, with all that were rejected for what they are among the
    /// refused.
    pub marker: &'a BatchMarker,
    /// All of its events that are not settled, planned or not: where anything is limited
    /// by second, and else none.
    pub all: &'a [Draft],
    /// The place of the first of its events that is left behind those planned.
    pub rest: Option<u32>,
    /// Whether the marker is stored: else nothing of it is recorded.
    pub is_stored: bool,
}

/// Plans as many of the first `drafts`, the events of a sealed batch that are not yet
/// settled, as one transaction takes. Rates by second take the batch as one request:
/// it is refused as a whole where any of its events is, and its first pack counts all of
/// its events at once, under one guard; later packs count in none.
///
/// Pure, as [`crate::plan()`]. The writes are one page, the batch's marker, moved from
/// where it stood, and one guarded update for each counter; the marker alone, where
/// what is left is refused and some was recorded before; else none.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn plan_sealed(
    rules: &Rules,
    drafts: &[Draft],
    at: Circumstances<'_>,
    sealing: Sealing<'_>,
) -> Result<Planned, PlanError> {
    if drafts.is_empty() {
        return Ok(Planned::nothing());
    }
    let decider = || Decider::new(rules, at.standing, at.mode, at.received);
    let mut decider_of_pack = decider().of_many(drafts.len());
    let mut rates = Postings::new();
    if sealing.is_stored {
        decider_of_pack = decider_of_pack.without_rates();
    } else {
        let mut all = decider().of_many(sealing.all.len());
        // What cannot be counted is rejected by itself, when its turn comes.
        for draft in sealing.all {
            if all.touch(draft).is_err() {
                break;
            }
            all.rule();
        }
        let all = all.finish();
        rates = all.postings;
        let refused = all.verdicts.into_iter().find(is_too_fast);
        if let Some(Verdict { ruling, .. }) = refused.filter(|_| at.mode == Mode::Enforce) {
            return Ok(Planned {
                too_fast: Some(ruling),
                ..Planned::nothing()
            });
        }
    }
    let mut decided = decide_pack(decider_of_pack, drafts, at.mode, Pack::of(2, 0))?;
    decided.postings.take_rates_of(&rates);
    write_sealed(rules, drafts, at, sealing, decided)
}

fn is_too_fast(verdict: &Verdict) -> bool {
    let mut violations = verdict.ruling.violations.iter();
    violations.any(|at| at.window.kind == WindowKind::Second)
}

fn write_sealed(
    rules: &Rules,
    drafts: &[Draft],
    at: Circumstances<'_>,
    sealing: Sealing<'_>,
    decided: Decided,
) -> Result<Planned, PlanError> {
    let Decided {
        verdicts,
        mut postings,
        is_pressed,
    } = decided;
    let mut marker = sealing.marker.clone();
    let taken = verdicts.len();
    let mut planned = Planned {
        is_pressed,
        ..Planned::nothing()
    };
    let (mut stored, mut sealed) = (Vec::new(), Vec::new());
    for (draft, Verdict { ruling, draws }) in drafts.iter().zip(verdicts) {
        let index = index_of(draft);
        if ruling.decision == Decision::Deny && at.mode == Mode::Enforce {
            marker.refused.extend(index.zip(Refused::of(&ruling)));
            planned.events.push(PlannedEvent {
                ruling,
                answer: None,
            });
            continue;
        }
        marker.keep_until(rules.expiry(draft.event.timestamp.max(at.received)));
        sealed.extend(index.map(|index| SealedEvent { index, draws }));
        let event = Stored::of(draft, ruling.decision);
        planned.events.push(PlannedEvent {
            ruling,
            answer: Some(Answer::of(&event, draft.priced.currency)),
        });
        stored.push(event);
    }
    let next = drafts.get(taken).and_then(index_of).or(sealing.rest);
    marker.settled = next.unwrap_or(marker.count);
    if stored.is_empty() && !sealing.is_stored {
        planned.batch = Some(marker);
        return Ok(planned);
    }
    if !stored.is_empty() {
        let page = format!("{}/{}", page_stretch(rules, at), at.page_id);
        marker.packs.push((marker.settled, page));
        let batch = sealing.id.clone();
        let sealed = Some(Sealed {
            batch,
            events: sealed,
        });
        let page = write_page_of(rules, at, planned.currency(), stored, sealed)?;
        planned.writes.push(page);
    }
    let before = sealing.is_stored.then_some(sealing.marker.settled);
    let key = table::batch(at.tenant, sealing.id);
    planned.writes.push(marker.write(key, before)?);
    planned.batch = Some(marker);
    let Planned {
        writes, crossings, ..
    } = &mut planned;
    *crossings = write_postings(rules, at, &mut postings, writes)?;
    Ok(planned)
}

/// The place in its batch of an event that is to be recorded.
fn index_of(draft: &Draft) -> Option<u32> {
    draft.event.id.of_sealed().map(|(_, index)| index)
}

impl Planned {
    fn nothing() -> Self {
        Self {
            events: Vec::new(),
            writes: Vec::new(),
            is_pressed: false,
            crossings: Vec::new(),
            batch: None,
            too_fast: None,
        }
    }
}

impl Refused {
    /// What a repeat is told of an event that `ruling` refuses; `None` = it refuses
    /// nothing.
    #[must_use]
    pub fn of(ruling: &Ruling) -> Option<Self> {
        let has = |of: fn(&Objection) -> bool| ruling.objections.iter().any(of);
        if has(|objection| matches!(objection, Objection::NoPlan | Objection::Cancelled)) {
            return Some(Self::Plan);
        }
        let money = ruling.violations.iter().find(|at| at.is_money());
        let first = money.or_else(|| ruling.violations.first());
        match (money, first) {
            (None, _) if !ruling.objections.is_empty() => Some(Self::Budget),
            (_, Some(at)) => Some(Self::Limit {
                money: money.is_some(),
                limit: at.limit.id.clone(),
            }),
            (_, None) => None,
        }
    }
}
