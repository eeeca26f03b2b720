//! Taking an event back: one transaction that records its figures with a minus.

use crate::decide::capture::count_missing;
use crate::decide::postings::Postings;
use crate::decide::rules::Rules;
use crate::decide::settle::give_back;
use crate::decide::writes::{Circumstances, PlanError, marker_of_stored, page_place, write_page};
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::ledger::item::{Role, Write};
use crate::ledger::marker::Marker;
use crate::ledger::page::page::Stored;
use crate::ledger::posting::Posting;
use crate::limit::decision::Decision;
use crate::money::currency::Currency;
use crate::time::instant::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use sha2::{Digest, Sha256};

/// What the id of every event that voids another begins with; no client's does.
pub const VOID_PREFIX: &str = "void-";

/// Bytes of the digest that such an id holds.
const DIGEST_BYTES: usize = 16;

/// A recorded event about to be taken back.
#[derive(Clone, Debug)]
pub struct Voidable {
    /// The event, as it was recorded.
    pub stored: Stored,
    /// The currency of its cost.
    pub currency: Currency,
    /// What it took of credit.
    pub draws: Vec<Posting>,
    /// When its marker is forgotten: what voids it is not forgotten before.
    pub marked_until: Option<Instant>,
}

/// What takes an event back, and the marker that it leaves.
#[derive(Clone, Debug)]
pub struct Voided {
    /// The proof and the answer.
    pub marker: Marker,
    /// One transaction.
    pub writes: Vec<Write>,
}

/// The id of what voids `event`: the same each time, so that it happens once.
#[must_use]
pub fn void_id(event: &Name) -> Name {
    let mut id = String::from(VOID_PREFIX);
    for byte in Sha256::digest(event.as_str()).iter().take(DIGEST_BYTES) {
        // Writing to a text does not fail.
        let _ = write!(id, "{byte:02x}");
    }
    Name::new(&id).unwrap_or_else(|_| event.clone())
}

/// Plans to take `voidable` back: an event of its time, dimensions, task and
/// card whose figures count with a minus. No limit is tested; each counter that
/// counts the event under the configuration in force is lowered, in the nodes
/// that it was counted in, but for rates by second, which pass with their
/// second. What it took of credit is given back to where that stands now.
///
/// Pure: the writes are a page, a marker, absent before, and one update for
/// each counter.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn void(
    rules: &Rules,
    voidable: &Voidable,
    at: Circumstances<'_>,
) -> Result<Voided, PlanError> {
    let Voidable {
        stored: original,
        currency,
        draws,
        marked_until,
    } = voidable;
    let mut stored = original.clone();
    stored.decision = Decision::Allow;
    stored.voids = Some(original.event.id.clone());
    stored.event.id = void_id(&original.event.id);
    // Its notes are the voided event's alone.
    stored.event.metadata = None;
    let mut counted = Postings::new();
    count_missing(
        rules,
        &stored.event,
        stored.cost.units(),
        at.received,
        &mut counted,
    );
    let mut postings = give_back(rules, draws);
    counted
        .into_iter()
        .for_each(|posting| postings.post(posting.negated()));
    let fingerprint = Fingerprint::of(&stored.event);
    let marker = marker_of_stored(&stored, page_place(rules, at, 0), fingerprint, *currency);
    let kept = rules.expiry(stored.event.timestamp.max(at.received));
    let kept = kept.max(marked_until.unwrap_or(Instant::EPOCH));
    let own = marker
        .write(at.tenant, &stored.event, kept)?
        .in_role(Role::Marker(0));
    let mut writes = alloc::vec![write_page(rules, at, *currency, alloc::vec![stored])?, own];
    writes.extend(postings.writes(rules, at.tenant, at.received));
    Ok(Voided { marker, writes })
}
