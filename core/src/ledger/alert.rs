//! The outbox: what becomes of each crossing until its webhook has it.

use crate::event::name::Name;
use crate::ledger::form::{Form, FormError};
use crate::ledger::item::{Attrs, Guard, Value, Write};
use crate::ledger::table;
use crate::limit::alerts::Alerts;
use crate::limit::counter::{Count, CounterKey};
use crate::limit::limit::Limit;
use crate::limit::status::Standpoint;
use crate::time::instant::Instant;
use crate::words::words;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The outbox items of `crossings`, and where they are sent the entries that
/// say so.
///
/// # Errors
/// [`FormError::Damaged`] for what cannot be encoded.
pub(crate) fn write_alerts(
    alerts: Option<&Alerts>,
    tenant: &Name,
    at: Instant,
    crossings: &[Crossing],
) -> Result<Vec<Write>, FormError> {
    let is_sent = alerts.is_some_and(|alerts| alerts.url.is_some());
    let mut writes = Vec::new();
    for crossing in crossings {
        writes.extend(Alert::new(tenant, at, crossing, is_sent).writes()?);
    }
    Ok(writes)
}

/// One crossing in the outbox, and how far its delivery is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// Hex of a SHA-256 over tenant, limit, window and threshold: the same
    /// crossing always has the same.
    pub id: String,
    /// Whose limit it is.
    pub tenant: Name,
    /// The threshold, in percent.
    pub threshold: u8,
    /// When it was crossed.
    pub crossed_at: Instant,
    /// The limit, and where it stood after the write that crossed.
    pub standpoint: Standpoint,
    /// How far its delivery is.
    pub state: AlertState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; absent unless it is pending.
    pub next_try: Option<Instant>,
}

words! {
    /// How far the delivery of an alert is.
    pub enum AlertState {
        /// Nothing was to be sent: it is only shown.
        Kept = "kept",
        /// It is to be tried, for the first time or again.
        Pending = "pending",
        /// Its receiver took it.
        Delivered = "delivered",
        /// It was tried for three days, and given up.
        Failed = "failed",
    }
}

/// The most tries: the last comes about three days after the first.
pub const ATTEMPTS_MAX: u32 = 16;

/// The longest pause between two tries.
const PAUSE_SECONDS_MAX: i64 = 12 * 3600;

/// Seconds that an alert is shown once nothing more becomes of it.
const SHOWN_SECONDS: i64 = 90 * 86_400;

/// When a pending alert is tried next, as in its entry's sort key.
const NEXT: &str = "nx";

#[derive(Serialize, Deserialize)]
struct Body {
    id: String,
    threshold: u8,
    crossed_at: Instant,
    limit: Limit,
    counter: CounterKey,
    used: i128,
    held: i128,
}

impl Alert {
    fn new(tenant: &Name, at: Instant, crossing: &Crossing, is_sent: bool) -> Self {
        let Crossing {
            counter,
            threshold,
            limit,
            count,
            ..
        } = crossing;
        let state = if is_sent {
            AlertState::Pending
        } else {
            AlertState::Kept
        };
        Self {
            id: id(tenant, counter, limit, *threshold),
            tenant: tenant.clone(),
            threshold: *threshold,
            crossed_at: at,
            standpoint: standpoint(limit.clone(), counter.clone(), *count),
            state,
            attempts: 0,
            next_try: is_sent.then_some(at),
        }
    }

    /// Reads an item of `tenant`'s outbox.
    #[must_use]
    pub fn from_attrs(tenant: &Name, attrs: &Attrs) -> Option<Self> {
        let Body {
            id,
            threshold,
            crossed_at,
            limit,
            counter,
            used,
            held,
        } = Form::Alert
            .decode(attrs.get(table::BODY)?.as_bytes()?, &[])
            .ok()?;
        let state = attrs.get(table::STATE)?.as_text()?;
        let state = AlertState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)?;
        let next_try = attrs
            .get(NEXT)
            .and_then(Value::as_text)
            .and_then(|text| text.parse().ok());
        Some(Self {
            id,
            tenant: tenant.clone(),
            threshold,
            crossed_at,
            standpoint: standpoint(Arc::new(limit), counter, Count { used, held }),
            state,
            attempts: u32::try_from(attrs.get(table::COUNT)?.as_number()?).ok()?,
            next_try: next_try.filter(|_| state == AlertState::Pending),
        })
    }

    /// Its place in the tenant's outbox: by time, then threshold.
    #[must_use]
    pub fn place(&self) -> String {
        format!(
            "{}|{:03}|{}",
            self.crossed_at.sortable(),
            self.threshold,
            self.id
        )
    }

    fn writes(&self) -> Result<Vec<Write>, FormError> {
        let at = &self.standpoint;
        let body = Body {
            id: self.id.clone(),
            threshold: self.threshold,
            crossed_at: self.crossed_at,
            limit: Limit::clone(&at.limit),
            counter: CounterKey {
                scope: at.limit.scope,
                scope_id: Arc::clone(&at.scope_id),
                window: at.window,
            },
            used: at.count.used,
            held: at.count.held,
        };
        let body = Form::Alert.encode(&body, &[])?;
        let mut attrs = Attrs::from([(Arc::from(table::BODY), Value::B(body))]);
        attrs.extend(
            self.shown()
                .into_iter()
                .map(|(name, text)| (Arc::from(name), Value::S(text))),
        );
        attrs.extend(self.progress(self.crossed_at));
        let item = Write::put(table::alert(&self.tenant, &self.place()), attrs);
        Ok(core::iter::once(item).chain(self.entry()).collect())
    }

    /// What the table's stream tells of it, as text: what an answer has as
    /// null is empty.
    fn shown(&self) -> [(&'static str, String); 20] {
        let at = &self.standpoint;
        let (status, end) = (at.status(), at.window.end());
        let value = |value: Option<i128>| value.map_or_else(String::new, |value| at.text(value));
        [
            ("id", self.id.clone()),
            ("tn", self.tenant.to_string()),
            ("th", self.threshold.to_string()),
            ("ca", self.crossed_at.to_string()),
            ("li", at.limit.id.to_string()),
            ("sr", String::from(at.limit.layer.as_str())),
            (
                "cu",
                at.limit
                    .currency
                    .map_or_else(String::new, |of| of.to_string()),
            ),
            ("sc", String::from(at.limit.scope.as_str())),
            ("si", at.scope_id.to_string()),
            ("me", at.limit.measure.to_string()),
            ("wk", String::from(at.window.kind.as_str())),
            (
                "ws",
                end.map_or_else(String::new, |_| at.window.start.to_string()),
            ),
            ("we", end.map_or_else(String::new, |end| end.to_string())),
            ("so", value(at.limit.soft)),
            ("ha", value(at.limit.hard)),
            ("us", status.used),
            ("he", status.held),
            ("re", status.remaining.unwrap_or_default()),
            ("lw", String::from(status.status.as_str())),
            ("pc", status.percent.unwrap_or_default()),
        ]
    }

    /// The attributes that its delivery changes.
    fn progress(&self, now: Instant) -> Vec<(Arc<str>, Value)> {
        let mut attrs = alloc::vec![
            (
                Arc::from(table::STATE),
                Value::S(String::from(self.state.as_str()))
            ),
            (Arc::from(table::COUNT), Value::N(i128::from(self.attempts))),
        ];
        match self.next_try {
            Some(next) => attrs.push((Arc::from(NEXT), Value::S(next.sortable()))),
            None => {
                attrs.push((
                    Arc::from(table::TTL),
                    Value::N(i128::from(now.plus_seconds(SHOWN_SECONDS).unix_seconds())),
                ));
            }
        }
        attrs
    }

    /// The entry of a pending one in the list of all that are due.
    fn entry(&self) -> Option<Write> {
        let key = table::due_alert(self.next_try?, &self.tenant, &self.place());
        Some(Write::put(key, Attrs::new()))
    }

    /// Whether the last try was made.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.attempts >= ATTEMPTS_MAX
    }

    /// It, claimed for a try at `now`, and the writes that do so: whoever else
    /// would try finds it due only after the pause that follows.
    #[must_use]
    pub fn claimed(&self, now: Instant) -> (Self, Vec<Write>) {
        let doublings = self.attempts.min(10);
        let pause = 60_i64
            .checked_shl(doublings)
            .unwrap_or(PAUSE_SECONDS_MAX)
            .min(PAUSE_SECONDS_MAX);
        let attempts = self.attempts.saturating_add(1);
        self.moved(
            Self {
                attempts,
                next_try: Some(now.plus_seconds(pause)),
                ..self.clone()
            },
            now,
        )
    }

    /// It, at its end, and the writes that make it so.
    #[must_use]
    pub fn ended(&self, state: AlertState, now: Instant) -> (Self, Vec<Write>) {
        self.moved(
            Self {
                state,
                next_try: None,
                ..self.clone()
            },
            now,
        )
    }

    /// The writes that make it become `next`, if nobody else moved it.
    fn moved(&self, next: Self, now: Instant) -> (Self, Vec<Write>) {
        let guards = alloc::vec![
            Guard::Equals(
                Arc::from(table::STATE),
                Value::S(String::from(self.state.as_str()))
            ),
            Guard::Equals(Arc::from(table::COUNT), Value::N(i128::from(self.attempts))),
        ];
        let key = table::alert(&self.tenant, &self.place());
        let write = Write {
            guards,
            ..Write::set(key, next.progress(now))
        };
        let mut writes = alloc::vec![write];
        writes.extend(self.entry().map(|entry| Write::delete(entry.key)));
        writes.extend(next.entry());
        (next, writes)
    }
}

fn standpoint(limit: Arc<Limit>, counter: CounterKey, count: Count) -> Standpoint {
    Standpoint {
        limit,
        scope_id: counter.scope_id,
        window: counter.window,
        count,
        requested: 0,
        hard_passed: false,
    }
}

fn id(tenant: &Name, counter: &CounterKey, limit: &Limit, threshold: u8) -> String {
    let parts = [
        tenant.as_str(),
        limit.layer.as_str(),
        limit.id.as_str(),
        counter.scope.as_str(),
        &counter.scope_id,
        counter.window.kind.as_str(),
        &counter.window.start.to_string(),
        &threshold.to_string(),
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// One threshold of one limit, crossed by a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The counter.
    pub counter: CounterKey,
    /// Its attribute that remembers the highest percent announced.
    pub attribute: Arc<str>,
    /// The threshold, in percent.
    pub threshold: u8,
    /// The highest percent announced before; 0 = none.
    pub(crate) announced: u8,
    pub(crate) limit: Arc<Limit>,
    /// What the counter holds after the write, as far as was read.
    pub(crate) count: Count,
}
