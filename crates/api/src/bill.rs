//! Bills in answers.

use crate::figures::{amount, count};
use crate::usage::with_hash;
use serde_json::{Value, json};
use tollgate_core::{Bill, Component, Currency, Instant, Line, Name};

/// Whose bill it is, and for when.
#[derive(Clone, Copy, Debug)]
pub struct BillRange<'a> {
    /// Who owes it.
    pub tenant: &'a Name,
    /// The first instant billed.
    pub start: Instant,
    /// The first instant no longer billed.
    pub end: Instant,
    /// The currency of all amounts.
    pub currency: Currency,
}

/// `GET /billing/{tenant_id}`. Each line's `amount`, and the sums of those, are
/// rounded to the minor unit and written with its digits; `gross`, `discount`
/// and `subtotal_unrounded` are exact.
#[must_use]
pub fn bill_json(range: BillRange<'_>, bill: &Bill, hash: Option<&str>) -> Value {
    let digits = range.currency.minor_digits();
    let lines: Vec<Value> = bill.lines.iter().map(|line| line_json(line, digits)).collect();
    let mut body = json!({
        "tenant_id": range.tenant.as_str(),
        "period_start": range.start.to_string(),
        "period_end": range.end.to_string(),
        "currency": range.currency.code(),
        "line_items": lines,
        "subtotal": bill.subtotal.fixed(digits),
        "subtotal_unrounded": amount(bill.unrounded),
        "credits_applied": tollgate_core::Amount::ZERO.fixed(digits),
        "total": bill.subtotal.fixed(digits),
        "total_events": bill.events,
    });
    with_hash(&mut body, hash);
    body
}

fn line_json(line: &Line, digits: u32) -> Value {
    let group = &line.group;
    json!({
        "operation": group.operation.as_str(),
        "tier": group.tier.as_str(),
        "component": line.component.map_or("override", Component::as_str),
        "rate_card": {"id": group.card.id.as_str(), "version": group.card.version},
        "count": line.count,
        "quantity": count(line.quantity),
        "rate": line.rate.map(|rate| rate.to_string()),
        "gross": amount(line.gross),
        "discount": amount(line.discount),
        "amount": line.amount.fixed(digits),
    })
}
