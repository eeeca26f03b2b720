//! Holds.

use crate::answers::event::{CardRef, Recorded};
use crate::answers::figure::Figure;
use crate::answers::limit::{LimitStatus, statuses};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Closing, Currency, Decision, Event, ExchangeRate, HoldState, Instant, Measure, Name,
    Standpoint,
};

/// A hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hold {
    /// Its id.
    pub hold_id: Name,
    /// Where it is in its life.
    pub state: HoldState,
    /// When what it is for happens: the window that it counts in.
    pub timestamp: Instant,
    /// What is to be used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// The output tokens of the estimate.
    pub tokens_out: u64,
    /// The most that could be afforded; null where that was not asked.
    pub max_tokens_out: Option<u64>,
    /// What is set aside, exact.
    pub cost: Amount,
    /// The currency of the cost.
    pub currency: Currency,
    /// The version that priced it, and will price what is captured.
    pub rate_card: Option<CardRef>,
    /// The rate that converted the card's currency; null where it is the tenant's.
    pub exchange_rate: Option<ExchangeRate>,
    /// What was decided of it.
    pub decision: Decision,
    /// When it was taken.
    pub created_at: Instant,
    /// From when on it counts for nothing.
    pub expires_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// The event that its capture booked.
    pub event_id: Option<Name>,
    /// The deployment's; null where it has none.
    pub constitutional_hash: Option<String>,
}

impl Hold {
    /// A hold as it is at `now`.
    #[must_use]
    pub fn new(hold: &tollgate_core::Hold, now: Instant, hash: Option<&str>) -> Self {
        let (event, estimate) = (&hold.estimate.event, &hold.estimate);
        let (ended_at, event_id) = match &hold.closing {
            None => (None, None),
            Some(Closing::Released(at) | Closing::Expired(at)) => (Some(*at), None),
            Some(Closing::Captured { at, event, .. }) => (Some(*at), Some(event.clone())),
        };
        Self {
            hold_id: hold.id().clone(),
            state: hold.state(now),
            timestamp: event.timestamp,
            operation: event.dimensions.operation.clone(),
            tier: event.dimensions.tier.clone(),
            tokens_out: event.quantities.tokens_out,
            max_tokens_out: hold.max_tokens_out,
            cost: estimate.cost,
            currency: hold.currency,
            rate_card: estimate.card.as_ref().map(Into::into),
            exchange_rate: estimate.card.as_ref().and_then(|card| card.exchange),
            decision: estimate.decision,
            created_at: hold.created,
            expires_at: hold.expires,
            ended_at,
            event_id,
            constitutional_hash: hash.map(str::to_owned),
        }
    }
}

/// The answer to taking a hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TakenHold {
    /// The hold.
    #[serde(flatten)]
    pub hold: Hold,
    /// Whether it had been taken before.
    pub replayed: bool,
    /// Whether the store was out of reach, so that nothing is set aside.
    pub degraded: bool,
    /// The limits that it comes under, as it found them; none on a replay.
    pub limits: Vec<LimitStatus>,
}

impl TakenHold {
    /// The answer; `limits` as the hold found them.
    #[must_use]
    pub fn new(hold: Hold, replayed: bool, degraded: bool, limits: &[Standpoint]) -> Self {
        Self {
            hold,
            replayed,
            degraded,
            limits: statuses(limits),
        }
    }
}

/// The answer to a capture: that about the event which it booked, and what became of
/// the hold.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Captured {
    /// The event.
    #[serde(flatten)]
    pub recorded: Recorded,
    /// The hold.
    pub hold_id: Name,
    /// What it did not need, by measure.
    pub released: BTreeMap<Measure, Figure>,
    /// What was used beyond it, by measure.
    pub overage: BTreeMap<Measure, Figure>,
    /// Whether its time was over.
    pub late: bool,
}

impl Captured {
    /// The answer.
    #[must_use]
    pub fn new(recorded: Recorded, hold: &tollgate_core::Hold, used: &Event, late: bool) -> Self {
        let mut answer = Self {
            hold_id: hold.id().clone(),
            released: BTreeMap::new(),
            overage: BTreeMap::new(),
            late,
            recorded,
        };
        let cost = answer.recorded.cost.units();
        for (measure, left, above) in hold.settlement(used, cost) {
            let of = |value| Figure::of(&measure, value);
            answer.released.insert(measure.clone(), of(left));
            answer.overage.insert(measure.clone(), of(above));
        }
        answer
    }
}
