//! The keys of lists that the schedules read: who has something to be done.
//!
//! A list that many tenants are put on is several, so that no partition has all.

use crate::event::name::Name;
use crate::ledger::item::Key;
use crate::time::instant::Instant;
use alloc::format;
use alloc::string::String;

/// In how many lists the tenants are, all of them or those of whom one thing is to be
/// done.
const TENANT_LISTS: u32 = 16;

/// The number of the list, of `count`, that a tenant is in.
fn list_of(tenant: &Name, count: u32) -> u32 {
    let hash = crc32fast::hash(tenant.as_str().as_bytes());
    hash.checked_rem(count).unwrap_or(0)
}

fn tenant_lists(of: &'static str) -> impl Iterator<Item = String> {
    (0..TENANT_LISTS).map(move |number| format!("L|{of}|{number:02}"))
}

fn in_tenant_list(of: &str, tenant: &Name) -> Key {
    let number = list_of(tenant, TENANT_LISTS);
    Key::new(format!("L|{of}|{number:02}"), tenant.as_str())
}

/// The lists of all tenants.
pub fn known_lists() -> impl Iterator<Item = String> {
    tenant_lists("TENANTS")
}

/// The entry of a tenant there.
#[must_use]
pub fn known(tenant: &Name) -> Key {
    in_tenant_list("TENANTS", tenant)
}

/// The lists of tenants with receipt hours that are not rolled up.
pub fn unfolded_lists() -> impl Iterator<Item = String> {
    tenant_lists("DIRTY")
}

/// The entry of a tenant there.
#[must_use]
pub fn unfolded(tenant: &Name) -> Key {
    in_tenant_list("DIRTY", tenant)
}

/// The lists of tenants whose open hours hold many pages.
pub fn busy_lists() -> impl Iterator<Item = String> {
    tenant_lists("BUSY")
}

/// The entry of a tenant there.
#[must_use]
pub fn busy(tenant: &Name) -> Key {
    in_tenant_list("BUSY", tenant)
}

/// The lists of tenants with open holds.
pub fn holding_lists() -> impl Iterator<Item = String> {
    tenant_lists("HELD")
}

/// The entry of a tenant there.
#[must_use]
pub fn holding(tenant: &Name) -> Key {
    in_tenant_list("HELD", tenant)
}

/// In how many lists alerts wait, so that no partition has all; a tenant's are in one.
const DUE_LISTS: u32 = 4;

/// The lists of alerts that are to be delivered, by when.
pub fn due_alerts() -> impl Iterator<Item = String> {
    (0..DUE_LISTS).map(due_list)
}

fn due_list(number: u32) -> String {
    format!("O|ALERTS|{number}")
}

/// The entry of an alert that is due at `due`.
#[must_use]
pub fn due_alert(due: Instant, tenant: &Name, place: &str) -> Key {
    Key::new(
        due_list(list_of(tenant, DUE_LISTS)),
        format!("{}|{tenant}|{place}", due.sortable()),
    )
}

/// The tenant and the place of the alert that an entry with this sort key is
/// of.
#[must_use]
pub fn due_alert_of(sk: &str) -> Option<(Name, &str)> {
    let (tenant, place) = sk.split_once('|')?.1.split_once('|')?;
    Some((Name::new(tenant).ok()?, place))
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
