//! Rate cards and exchange rates, and which of them price an event.

use crate::event::event::Event;
use crate::event::name::Name;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::price::built_in::built_in_card;
use crate::price::card::{Card, DEFAULT, Operation, Unpriced};
use crate::price::exchange::{ExchangeRate, ExchangeTable};
use crate::time::instant::Instant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Versions of rate cards and exchange rates: all that are listed, and of the past
/// what was asked for.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    cards: BTreeMap<Name, Vec<Arc<Card>>>,
    by_operation: BTreeMap<Name, BTreeSet<Name>>,
    exchanges: Vec<Arc<ExchangeTable>>,
    /// From when on it prices: all that was in force then or later is held;
    /// `None` = at all times.
    since: Option<Instant>,
    /// The earlier times that it prices all the same.
    times: BTreeSet<Instant>,
}

/// The card version that priced an event, and the rate that converted it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CardRef {
    /// The card.
    pub id: Name,
    /// Its version.
    pub version: u32,
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
    /// The version that priced it.
    pub card: CardRef,
}

/// Why an event cannot be priced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The tenant's card does not exist, or none is in force at that time.
    #[error("no rate card is in force at {0}")]
    NoCard(Instant),
    /// No card names the operation, and unpriced operations are rejected.
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
    /// What was in force then is not held: it is to be read first.
    #[error("the prices of {0} are not at hand")]
    NotHeld(Instant),
    /// The cost is beyond what an amount holds.
    #[error("the cost is out of range")]
    Range,
}

/// The most that one event may cost: 1e15 of its currency, so that counters
/// and totals have room for a hundred thousand of the dearest.
const COST_MAX: Amount = Amount::bounded(1_000_000_000_000_000_000_000_000_000_000_000);

impl Catalog {
    /// Only the built-in card `default`, version 1.
    #[must_use]
    pub fn built_in() -> Self {
        let mut catalog = Self::default();
        built_in_card()
            .into_iter()
            .for_each(|card| catalog.insert(card));
        catalog
    }

    /// Adds a version; one already held is left as it is.
    pub fn insert(&mut self, card: impl Into<Arc<Card>>) {
        let card = card.into();
        let versions = self.cards.entry(card.id.clone()).or_default();
        if versions.iter().any(|held| held.version == card.version) {
            return;
        }
        for operation in card.operations.keys() {
            let ids = self.by_operation.entry(operation.clone()).or_default();
            ids.insert(card.id.clone());
        }
        versions.push(card);
        versions.sort_by_key(|held| held.version);
    }

    /// The cards by id, each with its versions ascending.
    pub fn cards(&self) -> impl Iterator<Item = (&Name, &[Arc<Card>])> {
        self.cards
            .iter()
            .map(|(id, versions)| (id, versions.as_slice()))
    }

    /// One version, or the newest when `version` is absent.
    #[must_use]
    pub fn card(&self, id: &str, version: Option<u32>) -> Option<&Arc<Card>> {
        let versions = self.cards.get(id)?;
        match version {
            Some(version) => versions.iter().find(|held| held.version == version),
            None => versions.last(),
        }
    }

    /// From when on it prices, where what prices `at` is not held.
    #[must_use]
    pub fn lacks(&self, at: Instant) -> Option<Instant> {
        self.since
            .filter(|since| at < *since && !self.times.contains(&at))
    }

    /// Says that all is held that was in force at `since` or later; `None` = ever.
    pub fn set_since(&mut self, since: Option<Instant>) {
        self.since = since;
        self.times.clear();
    }

    /// Says that all is held that was in force at these times, too.
    pub fn add_times(&mut self, times: impl IntoIterator<Item = Instant>) {
        self.times.extend(times);
    }

    /// Whether the version of this sequence number is held.
    #[must_use]
    pub fn holds(&self, sequence: u64) -> bool {
        let mut cards = self.cards.values().flatten();
        cards.any(|card| card.sequence == sequence)
            || self
                .exchanges
                .iter()
                .any(|table| table.sequence == sequence)
    }

    /// Keeps the versions of these sequence numbers and what is built in.
    pub fn retain(&mut self, listed: &BTreeSet<u64>) {
        for versions in self.cards.values_mut() {
            versions.retain(|card| card.sequence == 0 || listed.contains(&card.sequence));
        }
        self.cards.retain(|_, versions| !versions.is_empty());
        self.exchanges
            .retain(|table| listed.contains(&table.sequence));
        let cards = &self.cards;
        self.by_operation.retain(|operation, ids| {
            ids.retain(|id| {
                let versions = cards.get(id).into_iter().flatten();
                let mut naming = versions.filter(|card| card.operations.contains_key(operation));
                naming.next().is_some()
            });
            !ids.is_empty()
        });
    }

    /// The stored versions that price nothing from `before` on: when the time of
    /// each was over, at the latest, and its sequence number; those that were over
    /// first come first. The newest version of a card, and of the exchange rates, is
    /// none of them.
    #[must_use]
    pub fn over(&self, before: Instant) -> Vec<(Instant, u64)> {
        let mut over = Vec::new();
        for versions in self.cards.values() {
            let newest = versions.last().map(|card| card.sequence);
            let begun = versions
                .iter()
                .map(|card| (card.effective_from, card.sequence));
            over.extend(ends(begun).filter(|(_, sequence)| Some(*sequence) != newest));
        }
        let newest = self.exchanges.last().map(|table| table.sequence);
        let bases: BTreeSet<Currency> = self.exchanges.iter().map(|table| table.base).collect();
        for base in bases {
            let into = self.exchanges.iter().filter(|table| table.base == base);
            let begun = into.map(|table| (table.effective_from, table.sequence));
            over.extend(ends(begun).filter(|(_, sequence)| Some(*sequence) != newest));
        }
        // What is built in is not stored.
        over.retain(|(end, sequence)| *end <= before && *sequence > 0);
        over.sort_unstable();
        over
    }

    /// Prices `event`: by the tenant's card if it has one; else by the card
    /// whose version in force at the event's timestamp was put last, of those that
    /// name the operation, `default` after all others; a card that prices all of
    /// time prices what came before it was put only where no other did.
    ///
    /// # Errors
    /// A [`PriceError`] where no card, price or tier fits.
    pub fn price(&self, tenant_card: Option<&Name>, event: &Event) -> Result<Priced, PriceError> {
        self.price_in(None, tenant_card, event)
    }

    /// Prices `event` as [`Catalog::price`], and in the currency `into` where
    /// exchange rates in force at the event's timestamp convert the card's into
    /// it; else in the card's. The exact cost is converted, and rounded up once.
    ///
    /// # Errors
    /// As [`Catalog::price`].
    pub fn price_in(
        &self,
        into: Option<Currency>,
        tenant_card: Option<&Name>,
        event: &Event,
    ) -> Result<Priced, PriceError> {
        let card = self.card_for(tenant_card, &event.dimensions.operation, event.timestamp)?;
        let foreign = into.filter(|into| *into != card.currency);
        let exchange = foreign.and_then(|into| self.exchange(card.currency, into, event.timestamp));
        let tier = &event.dimensions.tier;
        Ok(Priced {
            cost: price_by(card, exchange, tier, event)?,
            currency: foreign
                .filter(|_| exchange.is_some())
                .unwrap_or(card.currency),
            card: CardRef {
                id: card.id.clone(),
                version: card.version,
                exchange,
            },
        })
    }

    /// Prices `event` by what priced another one, whatever was put since: a tier
    /// that this card lacks is priced as the other's `tier`, and then told.
    ///
    /// # Errors
    /// [`PriceError::NoCard`] for a version that is not held;
    /// [`PriceError::Range`].
    pub fn price_like(
        &self,
        priced: &Priced,
        tier: &Name,
        event: &Event,
    ) -> Result<(Priced, bool), PriceError> {
        let CardRef {
            id,
            version,
            exchange,
        } = &priced.card;
        let card = self.card(id.as_str(), Some(*version));
        let card = card.ok_or(PriceError::NoCard(event.timestamp))?;
        let own = &event.dimensions.tier;
        let has_tier = card.tiers.contains_key(own) || event.cost_override.is_some();
        let tier = if has_tier { own } else { tier };
        let cost = price_by(card, *exchange, tier, event)?;
        Ok((
            Priced {
                cost,
                ..priced.clone()
            },
            !has_tier,
        ))
    }

    /// Adds exchange rates; a version already held is left as it is.
    pub fn insert_exchange(&mut self, table: impl Into<Arc<ExchangeTable>>) {
        let table = table.into();
        if let Err(place) = self
            .exchanges
            .binary_search_by_key(&table.version, |held| held.version)
        {
            self.exchanges.insert(place, table);
        }
    }

    /// The versions of the exchange rates that are held, ascending.
    #[must_use]
    pub fn exchanges(&self) -> &[Arc<ExchangeTable>] {
        &self.exchanges
    }

    /// The rate from one currency into another at `at`: of the tables into that
    /// currency the latest in force, the later put on ties, and it alone.
    #[must_use]
    pub fn exchange(&self, from: Currency, into: Currency, at: Instant) -> Option<ExchangeRate> {
        let started = self
            .exchanges
            .iter()
            .filter(|table| table.base == into && table.effective_from <= at);
        started
            .max_by_key(|table| (table.effective_from, table.sequence))?
            .rate(from)
    }

    fn card_for(
        &self,
        tenant_card: Option<&Name>,
        operation: &Name,
        at: Instant,
    ) -> Result<&Card, PriceError> {
        if self.lacks(at).is_some() {
            return Err(PriceError::NotHeld(at));
        }
        if let Some(id) = tenant_card {
            return self.in_force(id.as_str(), at).ok_or(PriceError::NoCard(at));
        }
        let naming = self.by_operation.get(operation).into_iter().flatten();
        let candidates = naming.filter_map(|id| {
            self.in_force(id.as_str(), at)
                .filter(|card| card.operations.contains_key(operation))
        });
        let best = candidates.max_by_key(|card| card.precedence(at));
        best.or_else(|| self.in_force(DEFAULT, at))
            .ok_or(PriceError::NoCard(at))
    }

    /// The version of card `id` that prices what happens at `at`.
    #[must_use]
    pub fn in_force(&self, id: &str, at: Instant) -> Option<&Card> {
        let versions = self.cards.get(id)?;
        let started = versions.iter().filter(|card| card.effective_from <= at);
        started
            .max_by_key(|card| (card.effective_from, card.sequence))
            .map(|card| &**card)
    }
}

/// When the time of each version was over that `begun` at one and has a sequence
/// number: where the next came into force.
fn ends(begun: impl Iterator<Item = (Instant, u64)>) -> impl Iterator<Item = (Instant, u64)> {
    let mut begun: Vec<(Instant, u64)> = begun.collect();
    begun.sort_unstable();
    let next: Vec<Instant> = begun.iter().skip(1).map(|(from, _)| *from).collect();
    next.into_iter()
        .zip(begun)
        .map(|(end, (_, sequence))| (end, sequence))
}

/// What `event` costs at `tier` by `card`, converted by `exchange`.
fn price_by(
    card: &Card,
    exchange: Option<ExchangeRate>,
    tier: &Name,
    event: &Event,
) -> Result<Amount, PriceError> {
    if let Some(cost) = event.cost_override {
        let cost = exchange.map_or(Some(cost), |exchange| exchange.convert(cost));
        return cost
            .filter(|cost| *cost <= COST_MAX)
            .ok_or(PriceError::Range);
    }
    let name = &event.dimensions.operation;
    let operation = match (card.operations.get(name), card.unpriced) {
        (Some(operation), _) => operation,
        (None, Unpriced::Reject) => return Err(PriceError::UnknownOperation(name.clone())),
        (None, Unpriced::Free) => &Operation::default(),
    };
    let unknown = || PriceError::UnknownTier {
        tier: tier.clone(),
        card: card.id.clone(),
    };
    let factor = *card.tiers.get(tier).ok_or_else(unknown)?;
    let cost = operation.cost_converted(factor, exchange, &event.quantities);
    cost.filter(|cost| *cost <= COST_MAX)
        .ok_or(PriceError::Range)
}
