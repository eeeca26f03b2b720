//! How many output tokens the money left pays for.

use crate::decide::decide::decide;
use crate::decide::draw;
use crate::decide::rules::Rules;
use crate::event::event::Event;
use crate::event::quantities::QUANTITY_MAX;
use crate::event::totals::Overflow;
use crate::ledger::standing::Standing;
use crate::limit::decision::Mode;
use crate::limit::limit::SoftMode;
use crate::limit::status::Standpoint;
use crate::price::draft::Draft;
use crate::price::priced::{PriceError, Priced};
use crate::time::instant::Instant;

/// The most output tokens that the money left, under every spend limit and of
/// credit, pays for, `draft` being the rest of what is used; `None` = money does
/// not bound them. Never above what is left: each candidate is priced exactly by
/// `price`, which must not fall with more tokens.
///
/// # Errors
/// [`Overflow`] where a counter would leave its 38 digits.
pub fn affordable(
    rules: &Rules,
    standing: &Standing,
    received: Instant,
    draft: &Draft,
    price: impl Fn(&Event) -> Result<Priced, PriceError>,
) -> Result<Option<u64>, Overflow> {
    let drafts = core::slice::from_ref(draft);
    let decided = decide(rules, standing, Mode::Enforce, received, drafts)?;
    let limits = decided
        .verdicts
        .iter()
        .flat_map(|verdict| &verdict.ruling.limits);
    let left = limits.filter(|at| at.is_money()).filter_map(left_of);
    let config = rules.config();
    let sources = config
        .is_prepaid()
        .then(|| config.sources(draft.event.timestamp, received));
    let credit = sources.map(|sources| draw::left_of(&sources, rules.credit(), standing));
    let Some(left) = left.chain(credit).min() else {
        return Ok(None);
    };
    let fits = |tokens_out: u64| {
        let event = with_tokens_out(&draft.event, tokens_out);
        price(&event).is_ok_and(|priced| priced.cost.units() <= left)
    };
    Ok(if fits(QUANTITY_MAX) {
        None
    } else {
        Some(largest(fits))
    })
}

/// The event with so many output tokens, its parts of them cut to that.
#[must_use]
pub fn with_tokens_out(event: &Event, tokens_out: u64) -> Event {
    let mut event = event.clone();
    event.quantities.tokens_out = tokens_out;
    event.quantities = event.quantities.with_parts_that_fit();
    event
}

/// What is left under the limit before anything refuses; `None` = no bound.
fn left_of(at: &Standpoint) -> Option<i128> {
    let blocking = at
        .limit
        .soft
        .filter(|_| at.limit.soft_mode == SoftMode::Block);
    let cap = at.limit.hard.into_iter().chain(blocking).min()?;
    Some(cap.saturating_sub(at.count.taken()))
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
