//! Completing changes: of limits, plans, trees. They are published at once, and
//! completed behind that, by whoever comes by.

use crate::changes::job::{Phase, Stored};
use crate::engine::service::{Service, Tenancy};
use crate::settings::actor::Actor;
use crate::settings::tenants::config_writes;
use crate::store::failure::Failure;
use crate::store::store::Query;
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{Config, Name, State, Write, table};

/// How long a request that changes limits waits for the change to be complete.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// How long a round of the schedule goes on.
const ROUND_MAX: Duration = Duration::from_secs(45);
/// How long one tenant's change is worked on before the next one's turn.
const TURN_MAX: Duration = Duration::from_secs(5);

/// Where a tenant's change has come to.
enum Progress {
    /// It is complete.
    Complete,
    /// It goes on.
    Open,
    /// It has to wait so long for requests that were planned before it.
    Waits(Duration),
}

impl Service {
    /// Completes the tenant's change as far as a request may wait for it; the
    /// configuration as it is then. What is left goes on behind it.
    pub(crate) async fn complete_in_request(
        &self,
        tenant: &Name,
        config: Config,
    ) -> Result<Config, Failure> {
        if !config.is_counting() {
            return Ok(config);
        }
        let until = Moment::now() + REQUEST_MAX;
        loop {
            match self.complete_change(tenant, until).await {
                Ok(Progress::Complete) => break,
                Ok(Progress::Waits(pause)) if Moment::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                }
                Ok(Progress::Open | Progress::Waits(_)) => break,
                Err(failure) => {
                    tracing::warn!(%tenant, %failure, "the change goes on later");
                    break;
                }
            }
        }
        self.cache.forget(tenant);
        self.tenant(tenant).await
    }

    /// Completes the changes of all tenants and plans, as far as one round goes;
    /// how many are complete. Safe to repeat and to run twice at once. What fails
    /// for one keeps no other from it.
    ///
    /// # Errors
    /// The first failure; what is done stays, the next round goes on.
    pub async fn complete_changes(&self) -> Result<u64, Failure> {
        let until = Moment::now() + ROUND_MAX;
        let (mut complete, mut failed) = (0_u64, None);
        loop {
            let (mut waits, mut open) = (None::<Duration>, false);
            for (entry, _) in self.all(Query::of(table::CHANGES)).await? {
                let done = self
                    .complete_entry(&entry, until.min(Moment::now() + TURN_MAX))
                    .await;
                match done {
                    Ok(Progress::Complete) => complete += 1,
                    Ok(Progress::Open) => open = true,
                    Ok(Progress::Waits(pause)) => waits = Some(waits.unwrap_or(pause).min(pause)),
                    Err(failure) => {
                        tracing::warn!(entry, %failure, "a change is not completed");
                        failed = failed.or(Some(failure));
                    }
                }
            }
            // All wait together.
            let pause = waits.filter(|_| !open).unwrap_or_default();
            if (!open && waits.is_none()) || Moment::now() + pause >= until {
                return failed.map_or(Ok(complete), Err);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn complete_entry(&self, entry: &str, until: Moment) -> Result<Progress, Failure> {
        if let Some(tenant) = table::changed_tenant(entry) {
            return self.complete_change(&tenant, until).await;
        }
        match table::changed_plan(entry) {
            Some(code) => {
                let done = self
                    .renew_subscribers(&code, &Actor::schedule(), until)
                    .await?;
                Ok(if done {
                    Progress::Complete
                } else {
                    Progress::Open
                })
            }
            None => Ok(Progress::Complete),
        }
    }

    /// Fills the tenant's new series until they are complete, or it is `until`.
    async fn complete_change(&self, tenant: &Name, until: Moment) -> Result<Progress, Failure> {
        loop {
            self.cache.forget(tenant);
            let snapshot = self.snapshot(tenant).await?;
            let config = snapshot.rules.config();
            if !config.is_counting() {
                self.write(&[Write::delete(table::changed(tenant))]).await?;
                return Ok(Progress::Complete);
            }
            if let Some(pause) = self.pause_for_requests(tenant, config) {
                return Ok(Progress::Waits(pause));
            }
            let stored = match self.item(table::filling(tenant)).await? {
                Some(attrs) => Stored::of(&attrs)?,
                None => Stored::new(config.version),
            };
            if stored.job.at.phase == Phase::End {
                self.activate(tenant, config, &stored).await?;
            } else {
                // Otherwise another did it.
                self.fill_stretch(&snapshot, &stored).await?;
            }
            if Moment::now() >= until {
                return Ok(Progress::Open);
            }
        }
    }

    /// How long requests that were planned before the newest series may still
    /// take.
    fn pause_for_requests(&self, tenant: &Name, config: &Config) -> Option<Duration> {
        let Tenancy::Shared { settle } = self.tenancy else {
            return None;
        };
        let counting = config
            .series
            .iter()
            .filter(|series| series.state == State::Counting);
        let published = counting.map(|series| series.from).max()?;
        let passed = match self.now() {
            // A clock that was put back says nothing.
            now if now < published => Duration::ZERO,
            now => Duration::from_micros(now.micros_since(published)),
        };
        let passed = passed.max(self.cache.seen_for(tenant, published));
        Some(settle.saturating_sub(passed)).filter(|pause| !pause.is_zero())
    }

    /// Says that the series that were filled are complete.
    async fn activate(
        &self,
        tenant: &Name,
        config: &Config,
        stored: &Stored,
    ) -> Result<(), Failure> {
        let next = Config::clone(config).activated(stored.job.version);
        let mut writes = config_writes(tenant, config, &next)?;
        writes.push(stored.end(tenant));
        let _alone = self.gate.write().await;
        let done = self.write(&writes).await;
        // While alone: the next request plans under what is stored now.
        self.cache.forget(tenant);
        done.map(drop)
    }
}
