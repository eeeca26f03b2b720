//! Checking an event without recording it.

use crate::failure::Failure;
use crate::record::{Options, Rejection, Submission, timely};
use crate::service::Service;
use tollgate_core::{Answer, Draft, Event, Marker, Mode, Name, Priced, Ruling, Standing, decide, table};

/// What an event would cost and how it would be decided now.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Its price.
    pub priced: Priced,
    /// The decision, against what the counters stand at.
    pub ruling: Ruling,
}

impl Service {
    /// Whether `submission` would be accepted for its content, time and price,
    /// limits apart: its price, or why not. An event recorded before is
    /// accepted for what it was then.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn acceptable(&self, tenant: &Name, submission: &Submission, options: Options) -> Result<Result<Priced, Rejection>, Failure> {
        let snapshot = self.snapshot(tenant).await?;
        let event = &submission.event;
        let config = snapshot.pack.config();
        let priced = timely(event.timestamp, self.now(), options.age_seconds_max)
            .and_then(|()| Ok(snapshot.catalog.price(config.rate_card.as_ref(), event)?))
            .and_then(|priced| match config.currency {
                Some(tenant) if tenant != priced.currency => Err(Rejection::Currency {
                    tenant,
                    card: priced.currency,
                }),
                _ => Ok(priced),
            });
        let marker = self.item(table::marker(tenant, &event.id)).await?;
        let Some(marker) = marker.as_ref().and_then(Marker::from_attrs) else {
            return Ok(priced);
        };
        if !marker.matches(event, submission.timestamp_given) {
            return Ok(Err(Rejection::Reused));
        }
        let Answer { cost, currency, card, .. } = marker.answer;
        Ok(Ok(Priced { cost, currency, card }))
    }

    /// Prices and decides `event` as [`Service::record`] would, reading only.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn check(&self, tenant: &Name, event: Event) -> Result<Result<Estimate, Rejection>, Failure> {
        let snapshot = self.snapshot(tenant).await?;
        let config = snapshot.pack.config();
        let priced = match snapshot.catalog.price(config.rate_card.as_ref(), &event) {
            Ok(priced) => priced,
            Err(error) => return Ok(Err(error.into())),
        };
        if let Some(tenant) = config.currency.filter(|currency| *currency != priced.currency) {
            return Ok(Err(Rejection::Currency {
                tenant,
                card: priced.currency,
            }));
        }
        let received = self.now();
        let drafts = [Draft::new(event, priced.clone(), true)];
        let counters = snapshot.pack.counters(&drafts, Mode::Enforce, received);
        let keys: Vec<_> = counters.iter().map(|key| table::counter(tenant, key)).collect();
        let items = self.store.read(&keys).await?;
        let counts = items.into_iter().map(|attrs| snapshot.pack.counts(&attrs.unwrap_or_default()));
        let standing: Standing = counters.into_iter().zip(counts).collect();
        let decided = decide(config, &standing, Mode::Enforce, received, &drafts)?;
        let ruling = decided.rulings.into_iter().next().unwrap_or_default();
        Ok(Ok(Estimate { priced, ruling }))
    }
}
