//! Rate cards and exchange rates, and which of them price an event.

use crate::event::event::Event;
use crate::event::name::Name;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::price::built_in::built_in_card;
use crate::price::card::Card;
use crate::price::defaults::Defaults;
use crate::price::exchange::{ExchangeRate, ExchangeTable};
use crate::price::priced::{CardRef, PriceError, Priced, price_by};
use crate::time::instant::Instant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Versions of rate cards and exchange rates: all that are listed, and of the past
/// what was asked for.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    cards: BTreeMap<Name, Vec<Arc<Card>>>,
    defaults: Arc<Defaults>,
    exchanges: Vec<Arc<ExchangeTable>>,
    /// From when on it prices: all that was in force then or later is held;
    /// `None` = at all times.
    since: Option<Instant>,
    /// The earlier times that it prices all the same.
    times: BTreeSet<Instant>,
}

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
        self.defaults.sequence == sequence
            || cards.any(|card| card.sequence == sequence)
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
    }

    /// The stored versions that price nothing from `before` on: when the time of
    /// each was over, at the latest, and its sequence number; those that were over
    /// first come first. The newest version of a card, and of the exchange rates, is
    /// none of them.
    #[must_use]
    pub fn over(&self, before: Instant) -> Vec<(Instant, u64)> {
        let mut over = Vec::new();
        for versions in self.cards.values() {
            let Some(newest) = versions.last() else {
                continue;
            };
            let begun = |card: &Arc<Card>| (card.effective_from, card.sequence);
            let is_replaced = |card: &&Arc<Card>| newest.replaced.contains(&card.version);
            over.extend(versions.iter().filter(is_replaced).map(begun));
            let pricing = versions.iter().filter(|card| !is_replaced(card)).map(begun);
            over.extend(ends(pricing).filter(|(_, sequence)| *sequence != newest.sequence));
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

    /// Prices `event` by the first of `cards` that names its operation; of its versions
    /// by the one in force at the event's timestamp. Where the tenant names no card,
    /// those of the defaults do. Where none of them names the operation, the first says
    /// what becomes of it.
    ///
    /// The cost is in the currency `into` where exchange rates in force at that time
    /// convert the card's into it; else in the card's. The exact cost is converted, and
    /// rounded up once.
    ///
    /// # Errors
    /// A [`PriceError`] where no card, price or tier fits.
    pub fn price(
        &self,
        cards: &[Name],
        into: Option<Currency>,
        event: &Event,
    ) -> Result<Priced, PriceError> {
        let card = self.card_for(cards, &event.dimensions.operation, event.timestamp)?;
        let foreign = into.filter(|into| *into != card.currency);
        let exchange = foreign.and_then(|into| self.exchange(card.currency, into, event.timestamp));
        let (cost, over) = price_by(card, exchange, &event.dimensions.tier, event, false)?;
        Ok(Priced {
            cost,
            currency: foreign
                .filter(|_| exchange.is_some())
                .unwrap_or(card.currency),
            card: Some(CardRef {
                id: card.id.clone(),
                version: card.version,
                over,
                exchange,
            }),
        })
    }

    /// Nothing, as the price of an event of `at` that has none, in the currency of
    /// the first of the tenant's cards unless it has one itself; of one that is not in
    /// force yet, too.
    #[must_use]
    pub fn unpriced(&self, cards: &[Name], own: Option<Currency>, at: Instant) -> Priced {
        let mut named = self.named_or_default(cards).iter();
        let newest = || named.find_map(|id| self.card(id.as_str(), None).map(Arc::as_ref));
        let first = self.cards_in_force(cards, at).next().or_else(newest);
        let currency = own.or(first.map(|card| card.currency));
        Priced {
            cost: Amount::ZERO,
            currency: currency.unwrap_or(Currency::USD),
            card: None,
        }
    }

    /// Prices `event` by what priced another one, whatever was put since: a tier
    /// that this card lacks is priced as the other's `tier`, and then told. It was used:
    /// what has no price costs nothing.
    ///
    /// # Errors
    /// [`PriceError::NoCard`] for a version that is not held, [`PriceError::Range`].
    pub fn price_like(
        &self,
        priced: &Priced,
        tier: &Name,
        event: &Event,
    ) -> Result<(Priced, bool), PriceError> {
        let Some(by) = &priced.card else {
            return Ok((priced.clone(), false));
        };
        let card = self.card(by.id.as_str(), Some(by.version));
        let card = card.ok_or(PriceError::NoCard(event.timestamp))?;
        let own = &event.dimensions.tier;
        let has_tier = card.has_tier_of(event);
        let tier = if has_tier { own } else { tier };
        let (cost, over) = match price_by(card, by.exchange, tier, event, true) {
            Err(error) if error.lacks_a_price() => {
                let nothing = Priced {
                    cost: Amount::ZERO,
                    currency: priced.currency,
                    card: None,
                };
                return Ok((nothing, !has_tier));
            }
            priced => priced?,
        };
        let priced = Priced {
            cost,
            currency: priced.currency,
            card: Some(CardRef { over, ..by.clone() }),
        };
        Ok((priced, !has_tier))
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

    fn card_for<'a>(
        &'a self,
        cards: &'a [Name],
        operation: &Name,
        at: Instant,
    ) -> Result<&'a Card, PriceError> {
        if self.lacks(at).is_some() {
            return Err(PriceError::NotHeld(at));
        }
        let mut in_force = self.cards_in_force(cards, at);
        let first = in_force.next().ok_or(PriceError::NoCard(at))?;
        let mut all = [first].into_iter().chain(in_force);
        let naming = all.find(|card| card.operations.contains_key(operation));
        Ok(naming.unwrap_or(first))
    }

    /// Those of the tenant's cards that price something at `at`, in their order; of
    /// the defaults' where it names none.
    pub fn cards_in_force<'a>(
        &'a self,
        cards: &'a [Name],
        at: Instant,
    ) -> impl Iterator<Item = &'a Card> {
        self.named_or_default(cards)
            .iter()
            .filter_map(move |id| self.in_force(id.as_str(), at))
    }

    fn named_or_default<'a>(&'a self, cards: &'a [Name]) -> &'a [Name] {
        if cards.is_empty() {
            &self.defaults.rate_cards
        } else {
            cards
        }
    }

    /// The version of card `id` that prices what happens at `at`: of those that no
    /// later one replaced the latest in force, the later put on ties.
    #[must_use]
    pub fn in_force(&self, id: &str, at: Instant) -> Option<&Card> {
        let versions = self.cards.get(id)?;
        let replaced = &versions.last()?.replaced;
        let started = versions
            .iter()
            .filter(|card| card.effective_from <= at && !replaced.contains(&card.version));
        started
            .max_by_key(|card| (card.effective_from, card.sequence))
            .map(|card| &**card)
    }

    /// What holds for tenants that name nothing of their own.
    #[must_use]
    pub fn defaults(&self) -> &Arc<Defaults> {
        &self.defaults
    }

    /// Sets the defaults, unless later ones are held.
    pub fn set_defaults(&mut self, defaults: impl Into<Arc<Defaults>>) {
        let defaults = defaults.into();
        if defaults.version >= self.defaults.version {
            self.defaults = defaults;
        }
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
