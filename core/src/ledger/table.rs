//! Every key and attribute of the table, in one place.
//!
//! Ids cannot hold `|`, so keys joined with it are injective. All keys of a
//! tenant begin with `T|`; what belongs to none begins with another letter.

use crate::event::name::Name;
use crate::ledger::item::Key;
use crate::limit::counter::CounterKey;
use crate::time::instant::Instant;
use alloc::format;
use alloc::string::String;
pub use lists::{
    CHANGES, busy, busy_lists, changed, changed_plan, changed_plan_entry, changed_tenant,
    due_alert, due_alert_of, due_alerts, holding, holding_lists, known, known_lists, unfolded,
    unfolded_lists,
};
pub use prices::{
    EXCHANGES, LISTED, PAST, card_version, catalog_head, defaults_version, exchange_version,
    listed, past, version_body,
};
pub use rollups::{
    ROSTER_NAMES, ROSTER_TASKS, day_rollup, day_rollups, hour_rollup, hour_rollups, partial,
    partial_names, partial_rows, partial_spans, partials, roster, roster_part,
};

mod lists;
mod prices;
mod rollups;

/// The attribute for DynamoDB's own expiry, in seconds since the epoch.
pub const TTL: &str = "ttl";

/// The configuration version under which a counter was last written.
pub const LIMITS_VERSION: &str = "lv";

/// A configuration's version.
pub const VERSION: &str = "v";

/// JSON or compact bytes: what the item holds.
pub const BODY: &str = "b";

/// A marker's fingerprint of the event's content.
pub const FINGERPRINT: &str = "fp";

/// A marker's figures of the answer.
pub const ANSWER: &str = "an";

/// How a hold ended.
pub const CLOSING: &str = "cl";

/// A marker's or hour's page.
pub const PAGE: &str = "pg";

/// How many of a sealed batch's events are settled.
pub const SETTLED_EVENTS: &str = "dn";

/// Which of a sealed batch's events were voided.
pub const VOIDED: &str = "vo";

/// How many they are.
pub const VOIDED_EVENTS: &str = "vn";

/// Hash key of the sparse task index.
pub const TASK_KEY: &str = "tk";

/// Sort key of the sparse task index.
pub const TASK_SORT: &str = "ts";

/// The version under which a page was planned.
pub const CONFIG_VERSION: &str = "cv";

/// A page's first event time.
pub const FIRST: &str = "t0";

/// A page's last event time.
pub const LAST: &str = "t1";

/// How many events a page holds.
pub const COUNT: &str = "n";

/// How many lanes the pages of a receipt hour may be in.
pub const LANES: &str = "ln";
/// Up to when receipt hours are closed, in seconds since the epoch.
pub const CLOSED: &str = "hc";
/// Up to when they may be rolled up: nobody writes there any more.
pub const SETTLED: &str = "hs";
/// When something of a tenant is to be done, in seconds since the epoch.
pub const DUE: &str = "du";
/// From when on the list of card versions is whole.
pub const SINCE: &str = "s0";
/// Where a hold is in its life.
pub const STATE: &str = "st";

/// A tenant's configuration.
#[must_use]
pub fn config(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|CONFIG"), "CONFIG")
}

/// What each request of a tenant reads first, and mostly alone: the version of its
/// configuration, and up to when its receipt hours are closed.
#[must_use]
pub fn version(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|V"), "V")
}

/// The newest hour of receipt of all tenants.
#[must_use]
pub fn clock() -> Key {
    Key::new("L|CLOCK", "CLOCK")
}

/// The list of API keys.
pub const KEYS: &str = "L|KEYS";

/// The marker of an event: present once it is recorded.
#[must_use]
pub fn marker(tenant: &Name, event: &Name) -> Key {
    Key::new(format!("T|{tenant}|I|{event}"), "I")
}

/// The marker of a sealed batch: present once any of it is recorded.
#[must_use]
pub fn batch(tenant: &Name, batch: &Name) -> Key {
    Key::new(format!("T|{tenant}|B|{batch}"), "B")
}

/// The task index's hash key of a task.
#[must_use]
pub fn task(tenant: &Name, task: &Name) -> String {
    format!("T|{tenant}|{task}")
}

/// The partition of what tells in which closed receipt hours sealed batches have
/// events of a task, by receipt day: one for all tasks whose hash begins so.
#[must_use]
pub fn task_hours(tenant: &Name, first: u8) -> String {
    format!("T|{tenant}|J|{first:02x}")
}

/// The partition of the pages of a stretch: a receipt hour and a lane of it.
#[must_use]
pub fn pages(tenant: &Name, stretch: &str) -> String {
    format!("T|{tenant}|E|{stretch}")
}

/// One lane of a receipt hour, as in the keys of pages.
#[must_use]
pub fn stretch(received: Instant, lane: u8) -> String {
    format!("{}|{lane:02}", received.hour())
}

/// The lane of the page `ulid`, by its part that was made by chance; below `lanes`,
/// which is 1, 2, 4, 8 or 16.
#[must_use]
pub fn lane(ulid: &str, lanes: u8) -> u8 {
    // The last digit of an id in base 32 holds five such bits.
    let digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let chance = ulid.chars().last().and_then(|last| digits.find(last));
    let chance = chance.and_then(|chance| u8::try_from(chance).ok());
    chance
        .and_then(|chance| chance.checked_rem(lanes))
        .unwrap_or(0)
}

/// The partition of a tenant's receipt months with pages.
#[must_use]
pub fn months(tenant: &Name) -> String {
    format!("T|{tenant}|Y")
}

/// The entry of a receipt month (`YYYY-MM`).
#[must_use]
pub fn month(tenant: &Name, month: &str) -> Key {
    Key::new(months(tenant), month)
}

/// The partition of a tenant's receipt hours of a month (`YYYY-MM`) with pages.
#[must_use]
pub fn hours(tenant: &Name, month: &str) -> String {
    format!("T|{tenant}|Y|{month}")
}

/// The record of a receipt hour: its lanes, and what is known once it is rolled up.
#[must_use]
pub fn hour(tenant: &Name, receipt_hour: Instant) -> Key {
    Key::new(hours(tenant, &receipt_hour.month()), receipt_hour.hour())
}

/// A counter.
#[must_use]
pub fn counter(tenant: &Name, counter: &CounterKey) -> Key {
    let pk = format!(
        "T|{tenant}|C|{}|{}",
        counter.scope.as_str(),
        counter.scope_id
    );
    Key::new(
        pk,
        format!("{}/{}", counter.window.kind.as_str(), counter.window.start),
    )
}

/// A hold.
#[must_use]
pub fn hold(tenant: &Name, id: &Name) -> Key {
    Key::new(format!("T|{tenant}|H|{id}"), "H")
}

/// The partition of a tenant's open holds, by expiry.
#[must_use]
pub fn open_holds(tenant: &Name) -> String {
    format!("T|{tenant}|X")
}

/// The entry of an open hold.
#[must_use]
pub fn open_hold(tenant: &Name, expires: Instant, id: &Name) -> Key {
    Key::new(open_holds(tenant), format!("{}|{id}", expires.sortable()))
}

/// The entry at this place of the list.
#[must_use]
pub fn open_hold_at(tenant: &Name, place: &str) -> Key {
    Key::new(open_holds(tenant), place)
}

/// The hold that an entry with this sort key is of.
#[must_use]
pub fn open_hold_id(sk: &str) -> Option<Name> {
    Name::new(sk.split_once('|')?.1).ok()
}

/// The sort key that comes after all holds that are over and alerts that are due
/// at `now`, and before those that are not.
#[must_use]
pub fn due_by(now: Instant) -> String {
    format!("{}}}", now.sortable())
}

/// The partition of all grants of credit to a tenant.
#[must_use]
pub fn grants(tenant: &Name) -> String {
    format!("T|{tenant}|G")
}

/// A grant of credit.
#[must_use]
pub fn grant(tenant: &Name, id: &Name) -> Key {
    Key::new(grants(tenant), id.as_str())
}

/// The partition of a tenant's alerts, by time.
#[must_use]
pub fn alerts(tenant: &Name) -> String {
    format!("T|{tenant}|A")
}

/// An alert, by its place there.
#[must_use]
pub fn alert(tenant: &Name, place: &str) -> Key {
    Key::new(alerts(tenant), place)
}

/// A stored response, by route and idempotency key digest.
#[must_use]
pub fn replay(tenant: &str, route: &str, digest: &str) -> Key {
    Key::new(format!("T|{tenant}|K|{digest}"), route)
}

/// The item by which it is known whether anything can be written.
#[must_use]
pub fn probe() -> Key {
    Key::new("L|PROBE", "PROBE")
}

/// An API key, by its id.
#[must_use]
pub fn api_key(id: &str) -> Key {
    Key::new(format!("K|{id}"), "K")
}

/// The entry of an API key in the list of all.
#[must_use]
pub fn api_key_entry(id: &str) -> Key {
    Key::new(KEYS, id)
}

/// The partition of all that was changed in a month (`YYYY-MM`).
#[must_use]
pub fn audit(month: &str) -> String {
    format!("A|AUDIT|{month}")
}

/// The partition of all plans.
pub const PLANS: &str = "P|PLANS";

/// A plan, as it was last put.
#[must_use]
pub fn plan(code: &Name) -> Key {
    Key::new(PLANS, code.as_str())
}

/// The partition of the tenants that subscribe to a plan.
#[must_use]
pub fn subscribers(plan: &Name) -> String {
    format!("P|S|{plan}")
}

/// The entry of a tenant among a plan's subscribers.
#[must_use]
pub fn subscriber(plan: &Name, tenant: &Name) -> Key {
    Key::new(subscribers(plan), tenant.as_str())
}

/// The partition of the purged receipt hours of a tenant's month (`YYYY-MM`).
#[must_use]
pub fn purges(tenant: &Name, month: &str) -> String {
    format!("T|{tenant}|P|{month}")
}

/// The record of a purged receipt hour.
#[must_use]
pub fn purge(tenant: &Name, receipt_hour: Instant) -> Key {
    Key::new(purges(tenant, &receipt_hour.month()), receipt_hour.hour())
}

/// The mark of a name that was erased, by the pseudonym that stands for it.
#[must_use]
pub fn erased(tenant: &Name, pseudonym: &Name) -> Key {
    Key::new(format!("T|{tenant}|Z|{pseudonym}"), "Z")
}

/// How far the filling of a tenant's new series has come.
#[must_use]
pub fn filling(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|F"), "F")
}

/// How far a tenant's receipt hours are rolled up.
#[must_use]
pub fn watermark(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|W"), "W2")
}

/// When something was last purged, and by whom.
#[must_use]
pub fn last_purge(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|W"), "P")
}
