//! What a plan needs of a tenant.

use crate::engine::submission::Rejection;
use crate::engine::times::Times;
use std::sync::Arc;
use tollgate_core::{Catalog, Draft, Event, Instant, Name, Priced, Rules};

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
    pub(crate) fn draft(&self, event: &Event, timestamp_given: bool) -> Result<Draft, Rejection> {
        let priced = self.accept(event)?;
        let mut draft = Draft::new(event.clone(), priced, timestamp_given);
        if let Some(tree) = &self.rules.config().tree {
            draft.event.dimensions.path = tree.path_of(&event.dimensions);
        }
        Ok(draft)
    }

    /// The event's price, if the event may be used at all.
    pub(crate) fn accept(&self, event: &Event) -> Result<Priced, Rejection> {
        // Without a tree, what an event names is only kept.
        match (&self.rules.config().tree, &event.dimensions.node) {
            (Some(tree), Some(node)) if !tree.nodes.contains_key(node) => {
                Err(Rejection::UnknownNode(node.clone()))
            }
            _ => self.price(event),
        }
    }

    /// The event's price, in the tenant's currency once that is fixed.
    pub(crate) fn price(&self, event: &Event) -> Result<Priced, Rejection> {
        let config = self.rules.config();
        let card = config.rate_card.as_ref();
        let priced = self.catalog.price_in(config.currency, card, event)?;
        match config.currency {
            Some(tenant) if tenant != priced.currency => Err(Rejection::Currency {
                tenant,
                card: priced.currency,
            }),
            _ => Ok(priced),
        }
    }
}
