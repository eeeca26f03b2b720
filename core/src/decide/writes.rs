//! The writes that plans are made of.

use crate::decide::rules::Pack;
use crate::decide::ruling::Addition;
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::ledger::item::{Attrs, Change, Guard, Value, Write};
use crate::ledger::marker::{Answer, Marker};
use crate::ledger::page::{Page, PageError, Stored};
use crate::ledger::table;
use crate::limit::counter::{CounterKey, Standing};
use crate::limit::decision::{Decision, Mode};
use crate::money::currency::Currency;
use crate::price::draft::Draft;
use crate::time::instant::{DAY_SECONDS, Instant};
use crate::time::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Seconds that markers and counters outlive the retention.
const GRACE_SECONDS: i64 = 86_400;

/// Why a plan cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A counter would leave its 38 digits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The page cannot be encoded.
    #[error(transparent)]
    Page(#[from] PageError),
}

/// What a plan is made of, beside the events.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// Whose events they are.
    pub tenant: &'a Name,
    /// Whether limits hold.
    pub mode: Mode,
    /// The time of receipt.
    pub received: Instant,
    /// The page's id, which sorts by time of receipt.
    pub page_id: &'a str,
    /// What the counters stood at; `None` = not read, taken as nothing.
    pub standing: Option<&'a Standing>,
}

pub(crate) fn marker(page: &str, draft: &Draft, decision: Decision, place: usize) -> Marker {
    let marker = marker_of(
        format!("{page}/{place}"),
        &Stored::of(draft, decision),
        draft.fingerprint,
        draft.priced.currency,
    );
    Marker {
        answer: Answer {
            timestamp_given: draft.timestamp_given,
            ..marker.answer
        },
        ..marker
    }
}

/// The marker of `stored`, which stands in `page`; its timestamp was named.
pub(crate) fn marker_of(
    page: String,
    stored: &Stored,
    fingerprint: Fingerprint,
    currency: Currency,
) -> Marker {
    let answer = Answer {
        timestamp: stored.event.timestamp,
        timestamp_given: true,
        cost: stored.signed_cost(),
        currency,
        card: stored.card.clone(),
        decision: stored.decision,
    };
    Marker {
        fingerprint,
        answer,
        page,
        draws: Vec::new(),
    }
}

/// The page of `events`, all of whose costs are in `currency`.
pub(crate) fn page_write(
    pack: &Pack,
    at: Circumstances<'_>,
    currency: Currency,
    events: Vec<Stored>,
) -> Result<Write, PlanError> {
    let page = Page {
        received: at.received,
        config_version: pack.config().version,
        currency,
        events,
    };
    let times = || page.events.iter().map(|stored| stored.event.timestamp);
    let seconds =
        |time: Option<Instant>| Value::N(i128::from(time.unwrap_or(at.received).unix_seconds()));
    let attrs = Attrs::from([
        (Arc::from(table::BODY), Value::B(page.encode()?)),
        (
            Arc::from(table::CONFIG_VERSION),
            Value::N(i128::from(pack.config().version)),
        ),
        (
            Arc::from(table::COUNT),
            Value::N(i128::try_from(page.events.len()).unwrap_or(0)),
        ),
        (Arc::from(table::FIRST), seconds(times().min())),
        (Arc::from(table::LAST), seconds(times().max())),
    ]);
    let key = table::page(at.tenant, at.received, at.page_id);
    Ok(Write {
        key,
        change: Change::Put(attrs),
        guards: alloc::vec![Guard::Absent],
    })
}

pub(crate) fn counter_write(
    pack: &Pack,
    at: Circumstances<'_>,
    key: &CounterKey,
    counts: &BTreeMap<Arc<str>, Addition>,
) -> Write {
    let version = i128::from(pack.config().version);
    let mut guards = alloc::vec![Guard::AtMost(Arc::from(table::LIMITS_VERSION), version)];
    guards.extend(
        counts
            .iter()
            .map(|(name, addition)| Guard::AtMost(Arc::clone(name), addition.at_most)),
    );
    let mut set = alloc::vec![(Arc::from(table::LIMITS_VERSION), Value::N(version))];
    let expires = counter_expiry(pack, at.received, key);
    if let Some(expires) = expires {
        set.push((
            Arc::from(table::TTL),
            Value::N(i128::from(expires.unix_seconds())),
        ));
    }
    let add = counts
        .iter()
        .map(|(name, addition)| (Arc::clone(name), addition.amount))
        .collect();
    Write {
        key: table::counter(at.tenant, key),
        change: Change::Update { add, set },
        guards,
    }
}

/// When a counter written at `received` may be forgotten; `None` = never.
pub(crate) fn counter_expiry(pack: &Pack, received: Instant, key: &CounterKey) -> Option<Instant> {
    match key.window.kind {
        WindowKind::Total => None,
        WindowKind::Second => Some(key.window.start.plus_seconds(DAY_SECONDS.saturating_mul(2))),
        WindowKind::Hour | WindowKind::Day | WindowKind::Month | WindowKind::Period => {
            key.window.end().map(|end| expiry(pack, end.max(received)))
        }
    }
}

/// When what belongs to `from` may be forgotten.
pub(crate) fn expiry(pack: &Pack, from: Instant) -> Instant {
    let kept = i64::from(pack.config().retention()).saturating_mul(DAY_SECONDS);
    from.plus_seconds(kept.saturating_add(GRACE_SECONDS))
}
