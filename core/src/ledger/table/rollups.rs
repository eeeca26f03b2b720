//! The keys of rollups and rosters.

use crate::event::name::Name;
use crate::ledger::item::Key;
use crate::ledger::view::View;
use crate::time::instant::Instant;
use alloc::format;
use alloc::string::String;

/// The partition of a view's rollups of the hours of one receipt day.
#[must_use]
pub fn hour_rollups(tenant: &Name, view: View, receipt_day: &str) -> String {
    format!("T|{tenant}|R|{}|{receipt_day}", view.as_str())
}

/// One chunk of a view's rollup of `receipt_hour` for events of `event_hour`.
#[must_use]
pub fn hour_rollup(
    tenant: &Name,
    view: View,
    event_hour: Instant,
    receipt_hour: Instant,
    chunk: usize,
) -> Key {
    let pk = hour_rollups(tenant, view, &receipt_hour.day());
    Key::new(
        pk,
        format!("{}|{}|{chunk:06}", event_hour.hour(), receipt_hour.hour()),
    )
}

/// The partition of a view's rollups of receipt days.
#[must_use]
pub fn day_rollups(tenant: &Name, view: View) -> String {
    format!("T|{tenant}|R|{}", view.as_str())
}

/// One chunk of a view's rollup of `receipt_day` for events of `event_day`.
#[must_use]
pub fn day_rollup(
    tenant: &Name,
    view: View,
    event_day: Instant,
    receipt_day: Instant,
    chunk: usize,
) -> Key {
    Key::new(
        day_rollups(tenant, view),
        format!("{}|{}|{chunk:06}", event_day.day(), receipt_day.day()),
    )
}

/// The partition of the partial rollups of a tenant's open hours.
#[must_use]
pub fn partials(tenant: &Name) -> String {
    format!("T|{tenant}|Q")
}

/// The partial rollup of an open receipt hour: up to when, and which parts it has.
#[must_use]
pub fn partial(tenant: &Name, receipt_hour: Instant) -> Key {
    Key::new(partials(tenant), receipt_hour.hour())
}

/// The partition of those whom the events of a partial rollup name, by part.
#[must_use]
pub fn partial_names(tenant: &Name, receipt_hour: Instant) -> String {
    format!("T|{tenant}|Q|names|{}", receipt_hour.hour())
}

/// The partition of the spans of pages of a partial rollup, by part.
#[must_use]
pub fn partial_spans(tenant: &Name, receipt_hour: Instant) -> String {
    format!("T|{tenant}|Q|spans|{}", receipt_hour.hour())
}

/// The partition of a partial rollup's rows of a view, by part and event hour.
#[must_use]
pub fn partial_rows(tenant: &Name, view: View, receipt_hour: Instant) -> String {
    format!("T|{tenant}|Q|{}|{}", view.as_str(), receipt_hour.hour())
}

/// The partition of the roster of a receipt month, `YYYY-MM`.
#[must_use]
pub fn roster(tenant: &Name, month: &str) -> String {
    format!("T|{tenant}|N|{month}")
}

/// What the sort keys of a roster's parts begin with: agents and consumers by
/// name, or tasks by hash.
pub const ROSTER_NAMES: &str = "n";

/// See [`ROSTER_NAMES`].
pub const ROSTER_TASKS: &str = "t";

/// One part of those who joined a roster in `receipt_hour`.
#[must_use]
pub fn roster_part(tenant: &Name, kind: &str, receipt_hour: Instant, part: usize) -> Key {
    Key::new(
        roster(tenant, &receipt_hour.month()),
        format!("{kind}|{}|{part:06}", receipt_hour.hour()),
    )
}
