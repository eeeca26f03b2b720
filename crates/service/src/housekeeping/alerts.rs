//! Alerts: who is told of crossed thresholds, and telling them.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::store::store::{Query, Slice, StoreError};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Alert, AlertState, Instant, Name, Secret, table};

/// What carries an alert to its receiver.
#[async_trait]
pub trait Courier: Send + Sync {
    /// Posts `body`, JSON, to `url` once.
    ///
    /// # Errors
    /// A sentence where it was not answered with 2xx in time.
    async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
    ) -> Result<(), String>;
}

/// How alerts are sent.
pub struct Deliveries<'a> {
    /// What carries them.
    pub courier: &'a dyn Courier,
    /// An alert's JSON.
    pub body: fn(&Alert) -> String,
}

/// What came of a round of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// How many alerts their receivers took.
    pub delivered: u64,
    /// How many tries failed.
    pub failed: u64,
}

/// How many tenants' receivers are called at once.
const TENANTS_AT_ONCE: usize = 16;

/// The most alerts that a tenant is sent in one go.
const ENTRIES_MAX: usize = 100;

/// Seconds after which a round begins no further delivery; the next one goes on.
const ROUND_SECONDS: i64 = 45;

impl Service {
    /// Sends every alert that is due, `body` being its JSON. Safe to repeat and
    /// to run twice at once: each try is claimed first, so a receiver gets an
    /// alert usually once, and at least once unless three days pass. What fails
    /// for one tenant delays no other.
    ///
    /// # Errors
    /// The first failure of the store; what is done stays, the next round goes
    /// on.
    pub async fn deliver_alerts(
        &self,
        courier: &dyn Courier,
        body: fn(&Alert) -> String,
    ) -> Result<Delivered, Failure> {
        let deliveries = Deliveries { courier, body };
        let round = Round::begun(self.now(), &deliveries);
        let (mut total, mut failure) = (Delivered::default(), None);
        // Receivers that failed are not called again in this round.
        let mut failed = BTreeSet::new();
        loop {
            let pass = self.deliver_pass(&round, &mut failed).await;
            total.add(pass.done);
            failure = failure.or(pass.failure);
            let goes_on = pass.passed_over && pass.done.delivered > 0;
            if !goes_on || self.now() >= round.until {
                return failure.map_or(Ok(total), Err);
            }
        }
    }

    /// Goes through what is due once. Meanwhile a receiver that is slow takes one
    /// place among those that are called: what else is due to it is passed over.
    async fn deliver_pass(&self, round: &Round<'_>, failed: &mut BTreeSet<Name>) -> Pass {
        let mut pass = Pass::default();
        let due_by = table::due_by(round.began);
        let mut lists = table::due_alerts().map(|list| Query::of(list).to(due_by.as_str()));
        let mut next = lists.next();
        let (mut reading, mut calls) = (None, FuturesUnordered::new());
        let mut waiting: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        // Whoever was called in this pass: what is due later stays for the next.
        let mut called = BTreeSet::new();
        loop {
            while calls.len() < TENANTS_AT_ONCE
                && let Some((tenant, places)) = waiting.pop_first()
            {
                called.insert(tenant.clone());
                calls.push(self.deliver_to(tenant, places, round));
            }
            let reads = calls.len() < TENANTS_AT_ONCE && self.now() < round.until;
            if reads && reading.is_none() {
                reading = next.take().map(|query| self.read_due(query).boxed());
            }
            tokio::select! {
                Some((tenant, done, broken)) = calls.next() => {
                    if done.failed > 0 || broken.is_some() {
                        failed.insert(tenant);
                    }
                    pass.done.add(done);
                    pass.failure = pass.failure.or(broken);
                }
                Some((query, read)) = settle(&mut reading) => match read {
                    Ok(slice) => {
                        next = query.after(&slice).or_else(|| lists.next());
                        for (entry, _) in slice.items {
                            let Some((tenant, place)) = table::due_alert_of(&entry) else {
                                continue;
                            };
                            if called.contains(&tenant) {
                                pass.passed_over |= !failed.contains(&tenant);
                            } else if !failed.contains(&tenant) {
                                waiting.entry(tenant).or_default().push(place.to_owned());
                            }
                        }
                    }
                    Err(error) => {
                        next = lists.next();
                        pass.failure = pass.failure.or(Some(error.into()));
                    }
                },
                else => return pass,
            }
        }
    }

    /// The entries of alerts that are due, by tenant.
    pub(crate) async fn list_due_alerts(&self) -> Result<BTreeMap<Name, Vec<String>>, Failure> {
        let mut due: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        for list in table::due_alerts() {
            let query = Query::of(list).to(table::due_by(self.now()));
            for (entry, _) in self.read_all(query).await? {
                let Some((tenant, _)) = table::due_alert_of(&entry) else {
                    continue;
                };
                let entries = due.entry(tenant).or_default();
                if entries.len() < ENTRIES_MAX {
                    entries.push(entry);
                }
            }
        }
        Ok(due)
    }

    /// Sends those of a tenant's alerts that are due; how many were taken.
    pub(crate) async fn deliver_entries(
        &self,
        tenant: &Name,
        entries: &[String],
        deliveries: &Deliveries<'_>,
    ) -> Result<u64, Failure> {
        let of = |entry: &String| Some(table::due_alert_of(entry)?.1.to_owned());
        let places = entries.iter().filter_map(of).collect();
        let round = Round::begun(self.now(), deliveries);
        let (_, done, broken) = self.deliver_to(tenant.clone(), places, &round).await;
        broken.map_or(Ok(done.delivered), Err)
    }

    /// A slice of what is due.
    async fn read_due(&self, query: Query) -> (Query, Result<Slice, StoreError>) {
        let read = self.store.query(&query).await;
        (query, read)
    }

    /// Sends one tenant's alerts, in order, up to the first that fails: its
    /// receiver is not called in vain for all others.
    async fn deliver_to(
        &self,
        tenant: Name,
        places: Vec<String>,
        round: &Round<'_>,
    ) -> (Name, Delivered, Option<Failure>) {
        let (mut done, mut broken) = (Delivered::default(), None);
        for place in places {
            if self.now() >= round.until {
                break;
            }
            match self.deliver(&tenant, &place, round).await {
                Ok(None) => {}
                Ok(Some(true)) => done.delivered = done.delivered.saturating_add(1),
                Ok(Some(false)) => {
                    done.failed = done.failed.saturating_add(1);
                    break;
                }
                Err(failure) => {
                    tracing::warn!(%tenant, %failure, "an alert is not delivered");
                    let is_away = matches!(failure, Failure::Unavailable(_));
                    broken = broken.or(Some(failure));
                    if is_away {
                        break;
                    }
                }
            }
        }
        (tenant, done, broken)
    }

    /// One try of one alert: whether it was taken; `None` = nothing was to be
    /// sent, or another has claimed it.
    async fn deliver(
        &self,
        tenant: &Name,
        place: &str,
        round: &Round<'_>,
    ) -> Result<Option<bool>, Failure> {
        let Some(attrs) = self.read_item(table::alert(tenant, place)).await? else {
            return Ok(None);
        };
        let alert = Alert::from_attrs(tenant, &attrs).ok_or_else(damaged)?;
        let now = self.now();
        if alert.next_try.is_none_or(|next| next > now) {
            return Ok(None);
        }
        let alerts = self.read_config(tenant).await?.alerts;
        let receiver = alerts.and_then(|alerts| Some((alerts.url?, alerts.secret?)));
        let Some((url, secret)) = receiver.filter(|_| !alert.is_exhausted()) else {
            let state = if alert.is_exhausted() {
                AlertState::Failed
            } else {
                AlertState::Kept
            };
            self.write(&alert.ended(state, now).1).await?;
            return Ok(None);
        };
        let (claimed, writes) = alert.claimed(now);
        if !self.write(&writes).await? {
            return Ok(None);
        }
        let body = (round.deliveries.body)(&claimed);
        let headers = signed(&claimed.id, self.now().unix_seconds(), &secret, &body)?;
        let end = match round.deliveries.courier.post(&url, &headers, body).await {
            Ok(()) => Some(AlertState::Delivered),
            Err(why) => {
                tracing::warn!(
                    %tenant,
                    alert = claimed.id,
                    attempts = claimed.attempts,
                    why,
                    "an alert was not taken"
                );
                claimed.is_exhausted().then_some(AlertState::Failed)
            }
        };
        if let Some(state) = end {
            self.write(&claimed.ended(state, self.now()).1).await?;
        }
        Ok(Some(end == Some(AlertState::Delivered)))
    }
}

/// The end of what is under way, if anything is.
async fn settle<T>(under_way: &mut Option<BoxFuture<'_, T>>) -> Option<T> {
    let done = under_way.as_mut()?.await;
    *under_way = None;
    Some(done)
}

/// A round of deliveries: how, and until when.
struct Round<'a> {
    deliveries: &'a Deliveries<'a>,
    began: Instant,
    until: Instant,
}

impl<'a> Round<'a> {
    fn begun(began: Instant, deliveries: &'a Deliveries<'a>) -> Self {
        let until = began.plus_seconds(ROUND_SECONDS);
        Self {
            deliveries,
            began,
            until,
        }
    }
}

/// What came of going through all that is due.
#[derive(Default)]
struct Pass {
    done: Delivered,
    /// Whether anything was passed over whose receiver was being called.
    passed_over: bool,
    /// The first failure of the store.
    failure: Option<Failure>,
}

impl Delivered {
    fn add(&mut self, other: Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

/// The headers of a delivery at `timestamp`, in seconds since the epoch. The
/// signature covers id, timestamp and body, so none can be replaced, and an old
/// delivery is told by its timestamp.
fn signed(
    id: &str,
    timestamp: i64,
    secret: &Secret,
    body: &str,
) -> Result<[(&'static str, String); 3], Failure> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.0.as_bytes());
    let mut mac = mac.map_err(|error| Failure::Broken(error.to_string()))?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = format!("v1={}", hex(&mac.finalize().into_bytes()));
    Ok([
        ("Tollgate-Alert-Id", id.to_owned()),
        ("Tollgate-Timestamp", timestamp.to_string()),
        ("Tollgate-Signature", signature),
    ])
}

fn damaged() -> Failure {
    Failure::damaged("an alert")
}
