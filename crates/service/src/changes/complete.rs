//! Completing changes: of limits, plans, trees. They are published at once, and
//! completed behind that, by whoever comes by.

use crate::changes::job::{Phase, Stored};
use crate::engine::service::{Service, Tenancy};
use crate::settings::actor::Actor;
use crate::settings::change::config_writes;
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::future::BoxFuture;
use futures::stream;
use futures::stream::StreamExt;
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{Config, Guard, Name, State, Write, table};

/// How long a request that changes limits waits for the change to be complete.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// How long a round of the schedule goes on.
const ROUND_MAX: Duration = Duration::from_secs(45);
/// How long one tenant's change is worked on before the next one's turn.
const TURN_MAX: Duration = Duration::from_secs(5);

/// How many changes are worked on at the same time.
const AT_ONCE: usize = 64;

/// What work on several changes came to.
#[derive(Default)]
struct Turn {
    complete: u64,
    /// Those that go on.
    open: Vec<String>,
    /// How long all of those have to wait.
    waits: Duration,
    /// The first failure.
    failed: Option<Failure>,
}

/// Where a tenant's change has come to.
enum Progress {
    /// It is complete.
    Complete,
    /// It goes on.
    Open,
    /// It has to wait so long for requests that were planned before it.
    Waits(Duration),
}

/// Waits for all together; `false` = there is no time for that.
async fn wait(pause: Duration, until: Moment) -> bool {
    let in_time = Moment::now() + pause < until;
    if in_time {
        tokio::time::sleep(pause).await;
    }
    in_time
}

impl Service {
    /// Completes the tenant's change as far as a request may wait for it; the
    /// configuration as it is then. What is left goes on behind it.
    pub(crate) fn complete_in_request<'a>(
        &'a self,
        tenant: &'a Name,
        config: Config,
    ) -> BoxFuture<'a, Result<Config, Failure>> {
        Box::pin(async move {
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
            self.read_config(tenant).await
        })
    }

    /// Completes the changes of all tenants and plans, as far as one round goes;
    /// how many are complete. Safe to repeat and to run twice at once. What fails
    /// for one keeps no other from it.
    ///
    /// # Errors
    /// The first failure; what is done stays, the next round goes on.
    pub async fn complete_changes(&self) -> Result<u64, Failure> {
        let until = Moment::now() + ROUND_MAX;
        let (mut complete, mut failed) = (0, None);
        loop {
            let entries = self.list_changes().await?;
            let turn = self.take_turn(entries, until).await;
            complete += turn.complete;
            failed = failed.or(turn.failed);
            if turn.open.is_empty() || !wait(turn.waits, until).await {
                return failed.map_or(Ok(complete), Err);
            }
        }
    }

    /// The entries of the list of changes that are to be completed.
    pub(crate) async fn list_changes(&self) -> Result<Vec<String>, Failure> {
        let listed = self.read_all(Query::of(table::CHANGES)).await?;
        Ok(listed.into_iter().map(|(entry, _)| entry).collect())
    }

    /// Completes the change of an entry of the list, as far as that goes until it is
    /// `stop`; 1 if it is complete.
    pub(crate) async fn complete_listed(&self, entry: &str, stop: Moment) -> Result<u64, Failure> {
        let until = stop.min(Moment::now() + ROUND_MAX);
        loop {
            let pause = match self.complete_entry(entry, until).await? {
                Progress::Complete => return Ok(1),
                Progress::Waits(pause) => pause,
                Progress::Open => Duration::ZERO,
            };
            // Of a plan, the subscribers' own entries are chores of their own.
            if table::changed_plan(entry).is_some() || !wait(pause, until).await {
                return Ok(0);
            }
        }
    }

    /// Completes the changes of these tenants, as far as a request may wait.
    pub(crate) async fn complete_together(&self, tenants: Vec<Name>) {
        let until = Moment::now() + REQUEST_MAX;
        let entry = |tenant: &Name| table::changed(tenant).sk;
        let mut entries: Vec<String> = tenants.iter().map(entry).collect();
        while !entries.is_empty() {
            let turn = self.take_turn(entries, until).await;
            entries = turn.open;
            if !wait(turn.waits, until).await {
                return;
            }
        }
    }

    /// Works on several changes for a while, many at once.
    async fn take_turn(&self, entries: Vec<String>, until: Moment) -> Turn {
        let mut turns = Vec::new();
        for entry in entries {
            turns.push(self.turn_of(entry, until));
        }
        let done: Vec<(String, Result<Progress, Failure>)> = stream::iter(turns)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let (mut turn, mut pauses) = (Turn::default(), Vec::new());
        for (entry, done) in done {
            match done {
                Ok(Progress::Complete) => turn.complete += 1,
                Ok(Progress::Open) => {
                    pauses.push(Duration::ZERO);
                    turn.open.push(entry);
                }
                Ok(Progress::Waits(pause)) => {
                    pauses.push(pause);
                    turn.open.push(entry);
                }
                Err(failure) => {
                    tracing::warn!(entry, %failure, "a change is not completed");
                    turn.failed = turn.failed.or(Some(failure));
                }
            }
        }
        turn.waits = pauses.into_iter().min().unwrap_or_default();
        turn
    }

    async fn turn_of(&self, entry: String, until: Moment) -> (String, Result<Progress, Failure>) {
        let now = Moment::now();
        if now >= until {
            return (entry, Ok(Progress::Open));
        }
        let done = self.complete_entry(&entry, until.min(now + TURN_MAX));
        let done = done.await;
        (entry, done)
    }

    async fn complete_entry(&self, entry: &str, until: Moment) -> Result<Progress, Failure> {
        if let Some(tenant) = table::changed_tenant(entry) {
            return self.complete_change(&tenant, until).await;
        }
        let Some(code) = table::changed_plan(entry) else {
            return Ok(Progress::Complete);
        };
        let actor = Actor::schedule();
        let renewed = self.renew_subscribers(&code, &actor, until).await?;
        // Those have entries of their own, which the next turn reads.
        match (renewed.counting.is_empty(), renewed.failed) {
            (false, _) => Ok(Progress::Open),
            (true, Some(failure)) => Err(failure),
            (true, None) if renewed.all => Ok(Progress::Complete),
            (true, None) => Ok(Progress::Open),
        }
    }

    /// Fills the tenant's new series until they are complete, or it is `until`.
    async fn complete_change(&self, tenant: &Name, until: Moment) -> Result<Progress, Failure> {
        loop {
            self.cache.forget(tenant);
            let snapshot = self.snapshot(tenant).await?;
            let config = snapshot.rules.config();
            if !config.is_counting() {
                let version = i128::from(config.version);
                let own = Guard::AtMost(table::VERSION.into(), version);
                // Refused = the entry is of a later change.
                self.write(&[Write::delete(table::changed(tenant)).when(own)])
                    .await?;
                return Ok(Progress::Complete);
            }
            if let Some(pause) = self.pause_for_requests(tenant, config) {
                return Ok(Progress::Waits(pause));
            }
            let stored = match self.read_item(table::filling(tenant)).await? {
                Some(attrs) => Stored::of(&attrs)?,
                None => Stored::new(config.version),
            };
            if stored.job.at.phase == Phase::End {
                self.activate(tenant, config, &stored).await?;
            } else {
                // Otherwise another did it.
                self.fill_stretch(&snapshot, &stored, until).await?;
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
