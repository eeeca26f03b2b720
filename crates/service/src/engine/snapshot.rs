//! What a plan needs of a tenant.

use crate::engine::submission::Rejection;
use crate::engine::times::Times;
use std::sync::Arc;
use tollgate_core::{Catalog, Draft, Event, Instant, Mode, Name, Priced, Rules};

/// What a plan needs of a tenant, as it was read.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) tenant: Name,
    pub(crate) rules: Arc<Rules>,
    pub(crate) catalog: Arc<Catalog>,
    /// What its version item says.
    pub(crate) times: Times,
    /// When its reading began, by the clock, and by one that nobody sets.
    pub(crate) read: (Instant, tokio::time::Instant),
}

impl Snapshot {
    /// The event with its price and the nodes that it counts in, if it may be
    /// used at all.
    pub(crate) fn draft(
        &self,
        event: &Event,
        timestamp_given: bool,
        mode: Mode,
    ) -> Result<Draft, Rejection> {
        let priced = self.accept(event, mode)?;
        let mut draft = Draft::new(event.clone(), priced, timestamp_given);
        if let Some(tree) = &self.rules.config().tree {
            draft.event.dimensions.path = tree.path_of(&event.dimensions);
        }
        Ok(draft)
    }

    /// The event's price, if the event may be used at all.
    pub(crate) fn accept(&self, event: &Event, mode: Mode) -> Result<Priced, Rejection> {
        // Without a tree, what an event names is only kept.
        match (&self.rules.config().tree, &event.dimensions.node) {
            (Some(tree), Some(node)) if !tree.nodes.contains_key(node) => {
                Err(Rejection::UnknownNode(node.clone()))
            }
            _ => self.price(event, mode),
        }
    }

    /// The event's price, in the tenant's currency once that is fixed. What is only
    /// observed costs nothing where nothing has a price for it, unless it brings its own:
    /// that is never dropped.
    pub(crate) fn price(&self, event: &Event, mode: Mode) -> Result<Priced, Rejection> {
        let config = self.rules.config();
        let (cards, own) = (&config.rate_cards, config.currency);
        let priced = match self.catalog.price(cards, own, event) {
            Err(error)
                if error.lacks_a_price()
                    && mode == Mode::Observe
                    && event.cost_override.is_none() =>
            {
                self.catalog.unpriced(cards, own, event.timestamp)
            }
            priced => priced?,
        };
        match config.currency {
            Some(tenant) if tenant != priced.currency => Err(Rejection::Currency {
                tenant,
                card: priced.currency,
            }),
            _ => Ok(priced),
        }
    }
}
