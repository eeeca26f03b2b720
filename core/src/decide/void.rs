//! Taking an event back: one transaction that records its figures with a minus.

use crate::decide::rules::Pack;
use crate::decide::settle::{Changes, booking, counted};
use crate::decide::writes::{Circumstances, PlanError, expiry, marker_of, page_write};
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::ledger::item::Write;
use crate::ledger::marker::Marker;
use crate::ledger::page::Stored;
use crate::limit::credit::{Draw, credit_attribute};
use crate::limit::decision::Decision;
use crate::money::currency::Currency;
use crate::time::instant::Instant;
use alloc::format;
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
    pub draws: Vec<Draw>,
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
/// counts the event under the configuration in force is lowered, but for those
/// by second, which pass with their second. What it took of credit is given
/// back to where it was taken from.
///
/// Pure: the writes are a page, a marker, absent before, and one addition for
/// each counter.
///
/// # Errors
/// [`PlanError`] where a figure leaves its range.
pub fn void(pack: &Pack, voidable: &Voidable, at: Circumstances<'_>) -> Result<Voided, PlanError> {
    let Voidable {
        stored: original,
        currency,
        draws,
        marked_until,
    } = voidable;
    let mut stored = Stored {
        decision: Decision::Allow,
        voids: Some(original.event.id.clone()),
        ..original.clone()
    };
    stored.event.id = void_id(&original.event.id);
    // Its notes are the voided event's alone.
    stored.event.metadata = None;
    let mut changes = Changes::new();
    counted(pack, &stored.event, stored.cost, at.received, &mut changes);
    for amount in changes.values_mut().flat_map(|counts| counts.values_mut()) {
        *amount = amount.saturating_neg();
    }
    for draw in draws {
        let taken = changes
            .entry(draw.counter.clone())
            .or_default()
            .entry(credit_attribute())
            .or_insert(0);
        *taken = taken.saturating_sub(draw.amount);
    }
    let page = format!("{}/{}/0", at.received.day(), at.page_id);
    let marker = marker_of(page, &stored, Fingerprint::of(&stored.event), *currency);
    let kept = expiry(pack, stored.event.timestamp.max(at.received))
        .max(marked_until.unwrap_or(Instant::EPOCH));
    let mut writes = alloc::vec![marker.write(at.tenant, &stored.event, kept)];
    writes.insert(0, page_write(pack, at, *currency, alloc::vec![stored])?);
    writes.extend(
        changes
            .iter()
            .map(|(key, counts)| booking(pack, at, (key, counts), None)),
    );
    Ok(Voided { marker, writes })
}
