//! What an event costs, by which version of a card.

use crate::event::event::Event;
use crate::event::name::Name;
use crate::event::quantities::Component;
use crate::money::amount::{Amount, ONE};
use crate::money::currency::Currency;
use crate::money::rate::Rate;
use crate::price::card::{Card, Unpriced};
use crate::price::class::Uncosted;
use crate::price::exchange::ExchangeRate;
use crate::price::operation::Operation;
use crate::time::instant::Instant;
use serde::{Deserialize, Serialize};

/// The card version that priced an event, and the rate that converted it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CardRef {
    /// The card.
    pub id: Name,
    /// Its version.
    pub version: u32,
    /// From how many `tokens_in` on the prices of its `over` hold that priced it; 0 =
    /// those of all sizes did.
    pub over: u64,
    /// The exchange rate, where its currency is not the tenant's.
    pub exchange: Option<ExchangeRate>,
}

/// What an event costs, by which card and exchange rate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Priced {
    /// Unrounded.
    pub cost: Amount,
    /// The currency of the card, or the one converted into.
    pub currency: Currency,
    /// The version that priced it; `None` = nothing has a price for it.
    pub card: Option<CardRef>,
}

/// Why an event cannot be priced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// None of the tenant's cards is in force at that time.
    #[error("no rate card is in force at {0}")]
    NoCard(Instant),
    /// None of the tenant's cards names the operation, and the first rejects such.
    #[error("operation `{0}` has no price")]
    UnknownOperation(Name),
    /// The card has no such tier.
    #[error("rate card `{card}` has no tier `{tier}`")]
    UnknownTier {
        /// The tier asked for.
        tier: Name,
        /// The card.
        card: Name,
    },
    /// The card prices other tokens of the operation, but not these.
    #[error("operation `{operation}` has no price for `{component}`")]
    UnpricedComponent {
        /// The operation.
        operation: Name,
        /// What has no price.
        component: Component,
    },
    /// What was in force then is not held: it is to be read first.
    #[error("the prices of {0} are not at hand")]
    NotHeld(Instant),
    /// The cost is beyond what an amount holds.
    #[error("the cost is out of range")]
    Range,
}

impl PriceError {
    /// Whether nothing has a price for the event; else something else is wrong.
    #[must_use]
    pub fn lacks_a_price(&self) -> bool {
        match self {
            Self::NoCard(_)
            | Self::UnknownOperation(_)
            | Self::UnknownTier { .. }
            | Self::UnpricedComponent { .. } => true,
            Self::NotHeld(_) | Self::Range => false,
        }
    }
}

impl Card {
    /// Whether it has no price for tokens of the event, and prices others of them.
    #[must_use]
    pub fn lacks_a_price_of(&self, event: &Event) -> bool {
        let operation = self.operations.get(&event.dimensions.operation);
        let (tier, used) = (&event.dimensions.tier, &event.quantities);
        let class = operation.and_then(|of| self.class(of, tier, used.tokens_in));
        let cost = class.map(|class| class.cost(None, used, false));
        let is_given = event.cost_override.is_some() || self.unpriced == Unpriced::Free;
        !is_given && matches!(cost, Some(Err(Uncosted::Unpriced(_))))
    }

    /// Whether it has the event's tier for its operation, or needs none.
    #[must_use]
    pub fn has_tier_of(&self, event: &Event) -> bool {
        let (operation, tier) = (&event.dimensions.operation, &event.dimensions.tier);
        let own = self.operations.get(operation);
        event.cost_override.is_some()
            || own.is_some_and(|own| own.tiers.contains_key(tier))
            || self.tiers.contains_key(tier)
    }
}

/// The most that one event may cost: 1e15 of its currency, so that counters
/// and totals have room for a hundred thousand of the dearest.
const COST_MAX: Amount = Amount::bounded(1_000_000_000_000_000_000_000_000_000_000_000);

/// What `event` costs at `tier` by `card`, converted by `exchange`, and the `over`
/// that priced it. Where it `is_free`, or the card says so, what has no price costs
/// nothing.
pub(super) fn price_by(
    card: &Card,
    exchange: Option<ExchangeRate>,
    tier: &Name,
    event: &Event,
    is_free: bool,
) -> Result<(Amount, u64), PriceError> {
    let is_free = is_free || card.unpriced == Unpriced::Free;
    let name = &event.dimensions.operation;
    let named = card.operations.get(name);
    let within = |cost: &Amount| *cost <= COST_MAX;
    if let Some(given) = event.cost_override {
        let share = named.and_then(|operation| operation.percentage);
        let cost = given_cost(given, share.unwrap_or_default(), exchange).filter(within);
        return Ok((cost.ok_or(PriceError::Range)?, 0));
    }
    let unnamed = Operation::default();
    let operation = match named {
        Some(operation) => operation,
        None if is_free => &unnamed,
        None => return Err(PriceError::UnknownOperation(name.clone())),
    };
    let class = card.class(operation, tier, event.quantities.tokens_in);
    let class = class.ok_or_else(|| PriceError::UnknownTier {
        tier: tier.clone(),
        card: card.id.clone(),
    })?;
    let cost = class.cost(exchange, &event.quantities, is_free);
    let cost = cost.map_err(|uncosted| match uncosted {
        Uncosted::Range => PriceError::Range,
        Uncosted::Unpriced(component) => PriceError::UnpricedComponent {
            operation: name.clone(),
            component,
        },
    })?;
    let cost = Some(cost).filter(within).ok_or(PriceError::Range)?;
    Ok((cost, class.over))
}

/// A price that came with an event, and the share of it that is charged on top,
/// converted and rounded up once at 1e-18.
fn given_cost(given: Amount, share: Amount, exchange: Option<ExchangeRate>) -> Option<Amount> {
    let times = share.units().checked_add(ONE)?;
    let cost = Rate::new(given.units(), 1)?.converted(Amount::from_units(times)?)?;
    let cost = exchange.map_or(Some(cost), |exchange| cost.converted(exchange.rate))?;
    Amount::from_units(cost.ceil()?)
}
