//! Credit as operators grant it, and in answers.

use crate::figures::{amount, limit_value};
use crate::json::{Errors, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::{Value, json};
use tollgate_core::{Amount, Count, Currency, Grant, GrantOrder, Instant, Name};

/// The priority of grants that name none.
const PRIORITY: u64 = 100;
const PRIORITY_MAX: u64 = 1_000_000;

/// Reads `POST /credits/{tenant_id}`.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_grant(body: &[u8]) -> Result<GrantOrder, Problem> {
    let grant = Node::root(body).and_then(|node| node.object(grant));
    grant.map_err(Errors::into_problem)
}

fn grant(object: &mut Object<'_>) -> Option<GrantOrder> {
    let id = object.need("id", scalar::path_name);
    let granted = object.need("amount", scalar::decimal);
    object.forbid(
        granted == Some(Amount::ZERO),
        "amount",
        "must be more than 0",
    );
    let currency = object.need("currency", scalar::currency);
    let priority = object
        .read("priority", scalar::integer(0, PRIORITY_MAX))
        .unwrap_or(PRIORITY);
    let expires_at = object.read("expires_at", scalar::instant);
    Some(GrantOrder {
        id: id?,
        amount: granted?,
        currency: currency?,
        priority: u32::try_from(priority).ok()?,
        expires_at,
    })
}

/// A grant as it was made.
#[must_use]
pub fn grant_json(tenant: &Name, grant: &Grant, currency: Currency, replayed: bool) -> Value {
    json!({
        "tenant_id": tenant,
        "id": grant.id,
        "amount": amount(grant.amount),
        "currency": currency.code(),
        "priority": grant.priority,
        "granted_at": grant.granted_at,
        "expires_at": grant.expires_at,
        "replayed": replayed,
    })
}

/// A tenant's credit at `now`. Of the grants shown, `granted` = `consumed` + `held` +
/// `remaining` + `expired`; `available` is what may still be used, the
/// allowance included.
#[must_use]
pub fn credits_json(
    tenant: &Name,
    currency: Option<Currency>,
    (allowance, uncovered): (Option<(Amount, Count)>, i128),
    grants: &[(Grant, Count)],
    now: Instant,
) -> Value {
    let money = |units: i128| limit_value(true, Some(units));
    let rows: Vec<Row> = grants
        .iter()
        .map(|(grant, count)| Row::of(grant, *count, now))
        .collect();
    let sum = |figure: fn(&Row) -> i128| rows.iter().map(figure).fold(0_i128, i128::saturating_add);
    let of_allowance =
        allowance.map(|(amount, count)| amount.units().saturating_sub(count.taken()).max(0));
    let remaining = sum(|row| row.remaining);
    let listed = grants
        .iter()
        .map(|(grant, count)| granted_json(grant, *count, now));
    json!({
        "tenant_id": tenant,
        "currency": currency,
        "allowance": allowance.map(|(whole, _)| amount(whole)),
        "allowance_used": allowance.map(|(_, count)| money(count.used)),
        "allowance_held": allowance.map(|(_, count)| money(count.held)),
        "allowance_remaining": of_allowance.map(money),
        "granted": money(sum(|row| row.granted)),
        "consumed": money(sum(|row| row.consumed)),
        "held": money(sum(|row| row.held)),
        "remaining": money(remaining),
        "expired": money(sum(|row| row.expired)),
        "available": money(remaining.saturating_add(of_allowance.unwrap_or(0))),
        "uncovered": money(uncovered),
        "grants": listed.collect::<Vec<_>>(),
    })
}

/// A grant, and where it stands at `now`.
#[must_use]
pub fn granted_json(grant: &Grant, count: Count, now: Instant) -> Value {
    let money = |units: i128| limit_value(true, Some(units));
    let row = Row::of(grant, count, now);
    json!({
        "id": grant.id,
        "amount": amount(grant.amount),
        "priority": grant.priority,
        "granted_at": grant.granted_at,
        "expires_at": grant.expires_at,
        "consumed": money(row.consumed),
        "held": money(row.held),
        "remaining": money(row.remaining),
        "expired": money(row.expired),
    })
}

/// Where one grant stands, in units of 1e-18.
struct Row {
    granted: i128,
    consumed: i128,
    held: i128,
    remaining: i128,
    expired: i128,
}

impl Row {
    fn of(grant: &Grant, count: Count, now: Instant) -> Self {
        let left = grant.amount.units().saturating_sub(count.taken());
        let (remaining, expired) = if grant.is_open(now) {
            (left, 0)
        } else {
            (0, left)
        };
        Self {
            granted: grant.amount.units(),
            consumed: count.used,
            held: count.held,
            remaining,
            expired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;

    #[test]
    fn a_bad_grant_is_refused_by_field() {
        for (body, status, pointers) in [
            ("{}", 400, "/id /amount /currency"),
            (r#"{"id":"a/b","amount":1,"currency":"USD"}"#, 422, "/id"),
            (r#"{"id":"g","amount":0,"currency":"USD"}"#, 422, "/amount"),
            (r#"{"id":"g","amount":-1,"currency":"USD"}"#, 422, "/amount"),
            (
                r#"{"id":"g","amount":"NaN","currency":"USD"}"#,
                422,
                "/amount",
            ),
            (
                r#"{"id":"g","amount":1,"currency":"usd"}"#,
                422,
                "/currency",
            ),
            (
                r#"{"id":"g","amount":1,"currency":"USD","priority":-1}"#,
                422,
                "/priority",
            ),
            (
                r#"{"id":"g","amount":1,"currency":"USD","note":"x"}"#,
                400,
                "/note",
            ),
        ] {
            assert_eq!(
                refusal(parse_grant(body.as_bytes())),
                (status, pointers.to_owned()),
                "{body}"
            );
        }
    }
}
