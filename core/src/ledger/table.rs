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
pub use rollups::{
    ROSTER_NAMES, ROSTER_TASKS, day_rollup, day_rollups, hour_rollup, hour_rollups, roster,
    roster_part,
};

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

/// A marker's or hour's page.
pub const PAGE: &str = "pg";

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

/// Up to when receipt hours are closed, in seconds since the epoch.
pub const CLOSED: &str = "hc";
/// Up to when they may be rolled up: nobody writes there any more.
pub const SETTLED: &str = "hs";
/// From when on the list of card versions is whole.
pub const SINCE: &str = "s0";
/// Where a hold is in its life.
pub const STATE: &str = "st";

/// A tenant's configuration.
#[must_use]
pub fn config(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|CONFIG"), "CONFIG")
}

/// Up to when a tenant's receipt hours are closed.
#[must_use]
pub fn times(tenant: &Name) -> Key {
    Key::new(format!("T|{tenant}|V"), "V")
}

/// The newest hour of receipt of all tenants.
#[must_use]
pub fn clock() -> Key {
    Key::new("L|CLOCK", "CLOCK")
}

/// The entry of a tenant in the list that the schedules walk.
#[must_use]
pub fn tenant_entry(tenant: &Name) -> Key {
    Key::new(TENANTS, tenant.as_str())
}

/// The list of tenants.
pub const TENANTS: &str = "L|TENANTS";

/// The list of API keys.
pub const KEYS: &str = "L|KEYS";

/// The list of the versions of rate cards and exchange rates that can price
/// something, in the order that they were put.
pub const LISTED: &str = "R|LISTED";

/// The versions that price nothing recent, by when their time was over.
pub const PAST: &str = "R|PAST";

/// All versions of the exchange rates.
pub const EXCHANGES: &str = "R|X";

/// The marker of an event: present once it is recorded.
#[must_use]
pub fn marker(tenant: &Name, event: &Name) -> Key {
    Key::new(format!("T|{tenant}|I|{event}"), "I")
}

/// The task index's hash key of a task.
#[must_use]
pub fn task(tenant: &Name, task: &Name) -> String {
    format!("T|{tenant}|{task}")
}

/// The partition of the pages received on `day`.
#[must_use]
pub fn pages(tenant: &Name, day: &str) -> String {
    format!("T|{tenant}|E|{day}")
}

/// The page `ulid` received at `received`.
#[must_use]
pub fn page(tenant: &Name, received: Instant, ulid: &str) -> Key {
    Key::new(pages(tenant, &received.day()), ulid)
}

/// The partition of a tenant's receipt hours with pages: an empty record until
/// they are rolled up.
#[must_use]
pub fn hours(tenant: &Name) -> String {
    format!("T|{tenant}|H")
}

/// The record of a receipt hour.
#[must_use]
pub fn hour(tenant: &Name, receipt_hour: Instant) -> Key {
    Key::new(hours(tenant), receipt_hour.hour())
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

/// The list of all alerts that are to be delivered, by when.
pub const DUE_ALERTS: &str = "O|ALERTS";

/// The entry of an alert that is due at `due`.
#[must_use]
pub fn due_alert(due: Instant, tenant: &Name, place: &str) -> Key {
    Key::new(DUE_ALERTS, format!("{}|{tenant}|{place}", due.sortable()))
}

/// The tenant and the place of the alert that an entry with this sort key is
/// of.
#[must_use]
pub fn due_alert_of(sk: &str) -> Option<(Name, &str)> {
    let (tenant, place) = sk.split_once('|')?.1.split_once('|')?;
    Some((Name::new(tenant).ok()?, place))
}

/// A stored response, by route and idempotency key digest.
#[must_use]
pub fn replay(tenant: &str, route: &str, digest: &str) -> Key {
    Key::new(format!("T|{tenant}|K|{digest}"), route)
}

/// The latest sequence number of versions of rate cards and exchange rates.
#[must_use]
pub fn catalog_head() -> Key {
    Key::new("R|HEAD", "HEAD")
}

/// The item by which it is known whether anything can be written.
#[must_use]
pub fn probe() -> Key {
    Key::new("L|PROBE", "PROBE")
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

/// One part of the body of a version.
#[must_use]
pub fn version_body(sequence: u64, part: usize) -> Key {
    Key::new(format!("R|B|{sequence:012}"), format!("{part:04}"))
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

/// The partition of all that was changed.
pub const AUDIT: &str = "A|AUDIT";

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

/// The partition of the purged receipt hours of a tenant.
#[must_use]
pub fn purges(tenant: &Name) -> String {
    format!("T|{tenant}|P")
}

/// The record of a purged receipt hour.
#[must_use]
pub fn purge(tenant: &Name, receipt_hour: &str) -> Key {
    Key::new(purges(tenant), receipt_hour)
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

/// The list of changes that are to be completed.
pub const CHANGES: &str = "L|CHANGES";

/// The entry of a tenant whose change is to be completed.
#[must_use]
pub fn changed(tenant: &Name) -> Key {
    Key::new(CHANGES, format!("T|{tenant}"))
}

/// The entry of a plan whose subscribers are to be renewed.
#[must_use]
pub fn changed_plan_entry(code: &Name) -> Key {
    Key::new(CHANGES, format!("P|{code}"))
}

/// The tenant that an entry of the list is of, if it is one's.
#[must_use]
pub fn changed_tenant(sk: &str) -> Option<Name> {
    Name::new(sk.strip_prefix("T|")?).ok()
}

/// The plan that an entry of the list is of, if it is one's.
#[must_use]
pub fn changed_plan(sk: &str) -> Option<Name> {
    Name::new(sk.strip_prefix("P|")?).ok()
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
