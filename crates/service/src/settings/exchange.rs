//! Exchange rates: putting versions.

use crate::engine::service::Service;
use crate::engine::version::Version;
use crate::settings::actor::Actor;
use crate::settings::cards::NewVersion;
use crate::store::failure::Failure;
use std::sync::Arc;
use tollgate_core::{ExchangeTable, Instant, table};

impl Service {
    /// Adds a version of the exchange rates. `version` and `sequence` of `rates`
    /// are set here. Without `effective_from` the first into its base converts
    /// at all times, a later one from now on.
    ///
    /// # Errors
    /// [`Failure::Stale`] for another version than `actor` asks for,
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn put_exchange(
        &self,
        mut rates: ExchangeTable,
        effective_from: Option<Instant>,
        actor: &Actor,
    ) -> Result<ExchangeTable, Failure> {
        self.put_version(actor, |catalog, sequence, now| {
            let held = catalog.exchanges();
            let first = held.iter().all(|held| held.base != rates.base);
            let last = held.last().map_or(0, |held| held.version);
            actor.check(u64::from(last))?;
            rates.version = last.saturating_add(1);
            rates.sequence = sequence;
            rates.effective_from =
                effective_from.unwrap_or(if first { Instant::EPOCH } else { now });
            Ok(NewVersion {
                body: Version::Exchange(Arc::new(rates.clone())),
                entry: table::exchange_version(rates.version),
                action: "exchange_rates.put",
                detail: serde_json::json!({ "base": rates.base, "version": rates.version }),
            })
        })
        .await?;
        Ok(rates)
    }
}
