//! What holds for tenants that name nothing of their own.

use crate::engine::service::Service;
use crate::engine::version::Version;
use crate::settings::actor::Actor;
use crate::settings::cards::NewVersion;
use crate::store::failure::Failure;
use std::sync::Arc;
use tollgate_core::{Defaults, Name, table};

impl Service {
    /// Sets what holds for tenants that name nothing of their own. What `make` makes of
    /// what stands gets the next version.
    ///
    /// # Errors
    /// [`Failure::Stale`] for another version than `actor` asks for,
    /// [`Failure::UnknownCard`], [`Failure::Unavailable`] when the store is out of reach.
    pub async fn put_defaults(
        &self,
        rate_cards: &[Name],
        actor: &Actor,
    ) -> Result<Defaults, Failure> {
        let mut put = Defaults::default();
        self.put_version(actor, |catalog, sequence, _| {
            let before = catalog.defaults();
            actor.check(u64::from(before.version))?;
            for id in rate_cards {
                if catalog.card(id.as_str(), None).is_none() {
                    return Err(Failure::UnknownCard(id.clone()));
                }
            }
            put = Defaults {
                version: before.version.saturating_add(1),
                sequence,
                rate_cards: rate_cards.to_vec(),
            };
            Ok(NewVersion {
                body: Version::Defaults(Arc::new(put.clone())),
                entry: table::defaults_version(put.version),
                action: "defaults.put",
                detail: serde_json::json!({
                    "rate_cards": put.rate_cards,
                    "before": before.rate_cards,
                    "version": put.version,
                }),
            })
        })
        .await?;
        Ok(put)
    }
}
