//! Pages and markers as plans write them.

use crate::decide::rules::Rules;
use crate::event::fingerprint::Fingerprint;
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::ledger::form::FormError;
use crate::ledger::item::{Attrs, Guard, Key, Role, Value, Write};
use crate::ledger::marker::{Answer, Marker};
use crate::ledger::page::page::{Page, Sealed, Stored};
use crate::ledger::posting::Posting;
use crate::ledger::standing::Standing;
use crate::ledger::table;
use crate::limit::decision::{Decision, Mode};
use crate::money::currency::Currency;
use crate::price::draft::Draft;
use crate::time::instant::Instant;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

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
    /// Fresh random bytes, from which the salts of names in the page come; they are
    /// not kept.
    pub seed: [u8; 32],
    /// What the counters stood at; what is not in it is taken as nothing.
    pub standing: &'a Standing,
}

/// Why a plan cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A counter would leave its 38 digits.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The page cannot be encoded.
    #[error(transparent)]
    Page(#[from] FormError),
}

/// Where the event at `place` of the page that is planned will stand.
pub(crate) fn page_place(rules: &Rules, at: Circumstances<'_>, place: usize) -> String {
    format!("{}/{}/{place}", page_stretch(rules, at), at.page_id)
}

/// The stretch of the page that is planned.
pub(crate) fn page_stretch(rules: &Rules, at: Circumstances<'_>) -> String {
    let lanes = rules.config().lanes().count();
    table::stretch(at.received, table::lane(at.page_id, lanes))
}

/// The marker of `draft`, which stands at `page` and took `draws` of credit.
pub(crate) fn marker_of(
    draft: &Draft,
    decision: Decision,
    page: String,
    draws: Vec<Posting>,
) -> Marker {
    let stored = Stored::of(draft, decision);
    let marker = marker_of_stored(&stored, page, draft.fingerprint, draft.priced.currency);
    let answer = Answer {
        timestamp_given: draft.timestamp_given,
        ..marker.answer
    };
    Marker {
        answer,
        draws,
        ..marker
    }
}

/// The marker of `stored`, which stands at `page`; its timestamp was named.
pub(crate) fn marker_of_stored(
    stored: &Stored,
    page: String,
    fingerprint: Fingerprint,
    currency: Currency,
) -> Marker {
    Marker {
        fingerprint,
        answer: Answer::of(stored, currency),
        page,
        draws: Vec::new(),
    }
}

/// The write of the page of `events`, all of whose costs are in `currency`.
pub(crate) fn write_page(
    rules: &Rules,
    at: Circumstances<'_>,
    currency: Currency,
    events: Vec<Stored>,
) -> Result<Write, PlanError> {
    write_page_of(rules, at, currency, events, None)
}

/// The same, of a sealed batch where it says so.
pub(crate) fn write_page_of(
    rules: &Rules,
    at: Circumstances<'_>,
    currency: Currency,
    events: Vec<Stored>,
    sealed: Option<Sealed>,
) -> Result<Write, PlanError> {
    let config_version = rules.config().version;
    let page = Page {
        received: at.received,
        config_version,
        currency,
        events,
        sealed,
    };
    let times = || page.events.iter().map(|stored| stored.event.timestamp);
    let seconds =
        |time: Option<Instant>| Value::N(i128::from(time.unwrap_or(at.received).unix_seconds()));
    let count = i128::try_from(page.events.len()).unwrap_or(i128::MAX);
    let attrs = Attrs::from([
        (Arc::from(table::BODY), Value::B(page.encode(at.seed)?)),
        (
            Arc::from(table::CONFIG_VERSION),
            Value::N(i128::from(config_version)),
        ),
        (Arc::from(table::COUNT), Value::N(count)),
        (Arc::from(table::FIRST), seconds(times().min())),
        (Arc::from(table::LAST), seconds(times().max())),
    ]);
    let stretch = page_stretch(rules, at);
    let key = Key::new(table::pages(at.tenant, &stretch), at.page_id);
    let page = Write::put(key, attrs).when(Guard::Absent);
    Ok(page.in_role(Role::Page))
}
