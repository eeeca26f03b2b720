//! Who is told of crossed thresholds.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::store::failure::Failure;
use crate::store::store::Query;
use tollgate_core::{Alert, Alerts, AlertsOrder, Config, Name, Resource, Secret, table};

/// How many alerts are shown: the latest.
const SHOWN_MAX: usize = 100;

impl Service {
    /// Replaces what a tenant is told of; and the secret, if a new one was
    /// made: it is told only here.
    ///
    /// # Errors
    /// [`Failure::Stale`], [`Failure::Unavailable`].
    pub async fn put_alerts(
        &self,
        tenant: &Name,
        order: &AlertsOrder,
        actor: &Actor,
    ) -> Result<(Config, Option<Secret>), Failure> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| Failure::Broken(error.to_string()))?;
        let fresh = Secret(format!("tgs_{}", hex(&bytes)));
        let audit = serde_json::json!({
            "thresholds": order.thresholds,
            "has_url": order.url.is_some(),
            "rotate_secret": order.rotate_secret,
        });
        let config = self.change_config(
            tenant,
            (Resource::Alerts, "alerts.put"),
            audit,
            actor,
            |config, _| {
                let held = config.alerts.take();
                let is_kept =
                    !order.rotate_secret && held.as_ref().is_some_and(|held| held.url == order.url);
                let kept = held.and_then(|held| held.secret).filter(|_| is_kept);
                let secret = order
                    .url
                    .as_ref()
                    .map(|_| kept.unwrap_or_else(|| fresh.clone()));
                let alerts = Alerts {
                    thresholds: order.thresholds.clone(),
                    url: order.url.clone(),
                    secret,
                };
                config.alerts = Some(alerts).filter(|alerts| !alerts.thresholds.is_empty());
                Ok(())
            },
        );
        let config = config.await?;
        let is_new = config
            .alerts
            .as_ref()
            .is_some_and(|alerts| alerts.secret.as_ref() == Some(&fresh));
        Ok((config, is_new.then_some(fresh)))
    }

    /// The tenant's configuration and its latest 100 alerts, newest first.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_alerts(&self, tenant: &Name) -> Result<(Config, Vec<Alert>), Failure> {
        let config = self.read_config(tenant).await?;
        let mut query = Query::of(table::alerts(tenant));
        query.descending = true;
        query.limit = SHOWN_MAX;
        let items = self.store.query(&query).await?.items;
        let alerts: Option<Vec<Alert>> = items
            .iter()
            .map(|(_, attrs)| Alert::from_attrs(tenant, attrs))
            .collect();
        Ok((config, alerts.ok_or(Failure::damaged("an alert"))?))
    }
}
