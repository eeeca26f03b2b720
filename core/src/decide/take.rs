//! Taking a hold: one transaction, as recording is.

use crate::decide::decide::Decider;
use crate::decide::plan::write_postings;
use crate::decide::postings::{Amounts, Postings};
use crate::decide::rules::Rules;
use crate::decide::ruling::{Decided, Ruling};
use crate::decide::writes::{Circumstances, PlanError};
use crate::ledger::hold::{Asked, HOLD_SECONDS_MAX, Hold};
use crate::ledger::item::{Guard, Write};
use crate::ledger::page::page::Stored;
use crate::ledger::posting::Posting;
use crate::limit::decision::{Decision, Mode};
use crate::limit::scope::Scope;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::vec::Vec;

/// How a hold was decided, and what takes it.
#[derive(Clone, Debug)]
pub struct Taking {
    /// The ruling on the estimate.
    pub ruling: Ruling,
    /// The hold and its writes; `None` = denied.
    pub taken: Option<Settled>,
}

/// A hold as it will be, and the writes that make it so.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The hold afterwards.
    pub hold: Hold,
    /// One transaction.
    pub writes: Vec<Write>,
}

/// The first instant at which a hold of `ttl_seconds` from `now` is over, of
/// one taken at `created`.
pub(crate) fn end(created: Instant, now: Instant, ttl_seconds: u32) -> Instant {
    let longest = created.plus_seconds(HOLD_SECONDS_MAX);
    now.plus_seconds(i64::from(ttl_seconds)).min(longest)
}

/// Plans to hold `draft`, whose event has the hold's id. Its limits decide and
/// count it as they would the event itself; what they count is held, but for the
/// rate by second, which a hold uses up when it is taken.
///
/// Pure: the writes are the hold, absent before, its entry in the list of open
/// holds, and one guarded update for each counter.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn take(
    rules: &Rules,
    draft: &Draft,
    asked: Asked,
    max_tokens_out: Option<u64>,
    at: Circumstances<'_>,
) -> Result<Taking, PlanError> {
    let mut decider = Decider::new(rules, at.standing, Mode::Enforce, at.received);
    decider.touch(draft)?;
    let decision = decider.rule();
    let Decided {
        verdicts, postings, ..
    } = decider.finish();
    let verdict = verdicts.into_iter().next().unwrap_or_default();
    let ruling = verdict.ruling;
    if decision == Decision::Deny {
        return Ok(Taking {
            ruling,
            taken: None,
        });
    }
    let mut postings = postings.into_held();
    let hold = Hold {
        estimate: Stored::of(draft, decision),
        currency: draft.priced.currency,
        created: at.received,
        expires: end(at.received, at.received, asked.ttl_seconds),
        asked,
        max_tokens_out,
        postings: what_is_held(&postings, verdict.draws),
        closing: None,
        config_version: rules.config().version,
        version: 1,
    };
    let mut writes = alloc::vec![
        hold.write(at.tenant)?.when(Guard::Absent),
        hold.write_entry(at.tenant)?
    ];
    write_postings(rules, at, &mut postings, &mut writes)?;
    Ok(Taking {
        ruling,
        taken: Some(Settled { hold, writes }),
    })
}

/// What a hold holds of each figure, then of credit in the order of `draws`.
fn what_is_held(postings: &Postings, draws: Vec<Posting>) -> Vec<Posting> {
    let held = postings.iter().filter(|(counter, _, amounts)| {
        let is_rate = counter.window.kind == WindowKind::Second;
        !is_rate && counter.scope != Scope::Credit && amounts.held != 0
    });
    let posting = |(counter, figure, amounts): (_, _, &Amounts)| {
        let (counter, figure) = (Clone::clone(counter), Clone::clone(figure));
        Posting {
            counter,
            figure,
            used: 0,
            held: amounts.held,
        }
    };
    held.map(posting)
        .chain(draws.into_iter().map(Posting::into_held))
        .collect()
}
