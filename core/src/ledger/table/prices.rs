//! The keys of rate cards and exchange rates.

use crate::event::name::Name;
use crate::ledger::item::Key;
use crate::time::instant::Instant;
use alloc::format;

/// The list of the versions of rate cards and exchange rates that can price
/// something, in the order that they were put.
pub const LISTED: &str = "R|LISTED";

/// The versions that price nothing recent, by when their time was over.
pub const PAST: &str = "R|PAST";

/// All versions of the exchange rates.
pub const EXCHANGES: &str = "R|X";

/// The latest sequence number of versions of rate cards and exchange rates.
#[must_use]
pub fn catalog_head() -> Key {
    Key::new("R|HEAD", "HEAD")
}

/// The entry of a version of a rate card or the exchange rates in the list of those
/// that can price something.
#[must_use]
pub fn listed(sequence: u64) -> Key {
    Key::new(LISTED, format!("{sequence:012}"))
}

/// The entry of a version whose time was over at `end`, at the latest.
#[must_use]
pub fn past(end: Instant, sequence: u64) -> Key {
    Key::new(PAST, format!("{}|{sequence:012}", end.sortable()))
}

/// The entry of a version of a rate card, whatever its time.
#[must_use]
pub fn card_version(id: &Name, version: u32) -> Key {
    Key::new(format!("R|C|{id}"), format!("{version:010}"))
}

/// The entry of a version of the exchange rates, whatever its time.
#[must_use]
pub fn exchange_version(version: u32) -> Key {
    Key::new(EXCHANGES, format!("{version:010}"))
}

/// The entry of a version of the defaults.
#[must_use]
pub fn defaults_version(version: u32) -> Key {
    Key::new("R|D", format!("{version:010}"))
}

/// One part of the body of a version.
#[must_use]
pub fn version_body(sequence: u64, part: usize) -> Key {
    Key::new(format!("R|B|{sequence:012}"), format!("{part:04}"))
}
