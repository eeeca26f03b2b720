//! Credit: what a plan includes, and what was paid in advance.

use serde::{Deserialize, Serialize};
use tollgate_core::{Amount, Count, Currency, Grant, Instant, Name, Window};

/// A tenant's credit. Of the grants shown, `granted` = `used` + `held` + `remaining` +
/// `expired`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Credits {
    /// Whose it is.
    pub tenant_id: Name,
    /// The currency of all of it; null until it is fixed.
    pub currency: Option<Currency>,
    /// What the plan includes in each period.
    pub allowance: Option<Allowance>,
    /// Granted in all.
    pub granted: Amount,
    /// Used of it.
    pub used: Amount,
    /// Set aside by holds.
    pub held: Amount,
    /// Left.
    pub remaining: Amount,
    /// Not used in time.
    pub expired: Amount,
    /// What may still be used, the allowance included.
    pub available: Amount,
    /// Used beyond all credit; null for a tenant that never had any.
    pub uncovered: Option<Amount>,
    /// The grants that can be drawn on.
    pub grants: Vec<GrantStanding>,
}

/// What a plan includes in the current period.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Allowance {
    /// In all.
    pub amount: Amount,
    /// Used of it.
    pub used: Amount,
    /// Set aside by holds.
    pub held: Amount,
    /// Left.
    pub remaining: Amount,
    /// When the period began.
    pub window_start: Instant,
    /// When the next begins.
    pub window_end: Option<Instant>,
}

/// A grant, and where it stands: `amount` = `used` + `held` + `remaining` + `expired`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GrantStanding {
    /// Unique for its tenant.
    pub id: Name,
    /// How much was granted.
    pub amount: Amount,
    /// What is drawn first: the lowest number.
    pub priority: u32,
    /// When it was granted.
    pub created_at: Instant,
    /// Events from then on draw nothing of it.
    pub expires_at: Option<Instant>,
    /// Used of it.
    pub used: Amount,
    /// Set aside by holds.
    pub held: Amount,
    /// Left.
    pub remaining: Amount,
    /// Not used in time.
    pub expired: Amount,
}

/// A grant as it was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Grant"))]
pub struct MadeGrant {
    /// Unique for its tenant.
    pub id: Name,
    /// Whose it is.
    pub tenant_id: Name,
    /// How much was granted.
    pub amount: Amount,
    /// The tenant's.
    pub currency: Currency,
    /// What is drawn first: the lowest number.
    pub priority: u32,
    /// When it was granted.
    pub created_at: Instant,
    /// Events from then on draw nothing of it.
    pub expires_at: Option<Instant>,
    /// Whether it had been made before.
    pub replayed: bool,
}

impl MadeGrant {
    /// The answer to making `grant`.
    #[must_use]
    pub fn new(tenant: &Name, grant: &Grant, currency: Currency, replayed: bool) -> Self {
        Self {
            id: grant.id.clone(),
            tenant_id: tenant.clone(),
            amount: grant.amount,
            currency,
            priority: grant.priority,
            created_at: grant.granted_at,
            expires_at: grant.expires_at,
            replayed,
        }
    }
}

impl GrantStanding {
    /// Where `grant` stands at `now`.
    #[must_use]
    pub fn new(grant: &Grant, count: Count, now: Instant) -> Self {
        let left = Amount::nearest(grant.amount.units().saturating_sub(count.taken()));
        let (remaining, expired) = if grant.is_open(now) {
            (left, Amount::ZERO)
        } else {
            (Amount::ZERO, left)
        };
        Self {
            id: grant.id.clone(),
            amount: grant.amount,
            priority: grant.priority,
            created_at: grant.granted_at,
            expires_at: grant.expires_at,
            used: Amount::nearest(count.used),
            held: Amount::nearest(count.held),
            remaining,
            expired,
        }
    }
}

impl Allowance {
    /// `amount` of the period `window`, of which so much was taken.
    #[must_use]
    pub fn new((amount, count, window): (Amount, Count, Window)) -> Self {
        let left = amount.units().saturating_sub(count.taken()).max(0);
        Self {
            amount,
            used: Amount::nearest(count.used),
            held: Amount::nearest(count.held),
            remaining: Amount::nearest(left),
            window_start: window.start,
            window_end: window.end(),
        }
    }
}

impl Credits {
    /// A tenant's credit at `now`; `uncovered` in units of 1e-18.
    #[must_use]
    pub fn new(
        tenant: &Name,
        currency: Option<Currency>,
        (allowance, uncovered): (Option<(Amount, Count, Window)>, Option<i128>),
        grants: &[(Grant, Count)],
        now: Instant,
    ) -> Self {
        let standing = |(grant, count): &(Grant, Count)| GrantStanding::new(grant, *count, now);
        let grants: Vec<GrantStanding> = grants.iter().map(standing).collect();
        let sum = |figure: fn(&GrantStanding) -> Amount| {
            let add = |sum: i128, grant| sum.saturating_add(figure(grant).units());
            Amount::nearest(grants.iter().fold(0, add))
        };
        let allowance = allowance.map(Allowance::new);
        let of_allowance = allowance.as_ref().map_or(0, |all| all.remaining.units());
        let remaining = sum(|grant| grant.remaining);
        Self {
            tenant_id: tenant.clone(),
            currency,
            allowance,
            granted: sum(|grant| grant.amount),
            used: sum(|grant| grant.used),
            held: sum(|grant| grant.held),
            remaining,
            expired: sum(|grant| grant.expired),
            available: Amount::nearest(remaining.units().saturating_add(of_allowance)),
            uncovered: uncovered.map(Amount::nearest),
            grants,
        }
    }
}
