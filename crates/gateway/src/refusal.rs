//! Failures and rejections of the service as problems of the catalogue.

use tollgate_api::{Kind, Problem};
use tollgate_core::Name;
use tollgate_service::{Failure, Rejection};

/// Seconds after which asking an unavailable store again makes sense.
const RETRY_AFTER_SECONDS: u32 = 1;

/// The problem that a failure is answered with. Faults of this service and
/// its store are logged here, once; the answer says nothing of them.
#[must_use]
pub fn from_failure(failure: &Failure) -> Problem {
    match failure {
        Failure::Unavailable(why) | Failure::Contended(why) => {
            tracing::warn!(%why, "store unavailable");
            Problem::store_unavailable(RETRY_AFTER_SECONDS)
        }
        Failure::ClockBehind => Problem::store_unavailable(RETRY_AFTER_SECONDS),
        Failure::Broken(why) => {
            tracing::error!(%why, "broken");
            Problem::internal()
        }
        Failure::Damaged(what) => {
            tracing::error!(%what, "damaged");
            Problem::damaged(what)
        }
        Failure::NotFound(what) => Problem::not_found(what),
        Failure::Stale(version) => Problem::precondition_failed(*version),
        Failure::CurrencyMismatch { tenant, other } => Problem::currency_mismatch(*tenant, *other),
        Failure::UnknownCard(id) => Problem::unknown_rate_card(id),
        Failure::Taken(_) => Problem::id_taken(failure.to_string()),
        Failure::Invalid { field, why } => Problem::invalid_value(*field, why.clone()),
        Failure::WouldDrop(dropped) => Problem::would_drop(dropped),
        Failure::Expired => Problem::invalid_value("/expires_at", failure.to_string()),
        Failure::PlanCurrency(_) => Problem::invalid_value("/currency", failure.to_string()),
        Failure::TooManyGrants => Problem::new(Kind::InvalidValue, failure.to_string()),
        Failure::UnknownPlan(code) => Problem::unknown_plan(code),
        Failure::Override { place, field, why } => {
            Problem::invalid_value(format!("/overrides/{place}/{field}"), *why)
        }
        Failure::Limits(_) => Problem::too_many_limits(),
        Failure::Overflow(_) => Problem::new(Kind::InvalidValue, "a total would be out of range"),
        Failure::RangePurged => Problem::range_purged(),
        Failure::RangeTooLarge => Problem::range_too_large(),
        Failure::Cursor => Problem::invalid_cursor(),
        Failure::KeyReused => Problem::idempotency_key_reused(),
        Failure::BatchReused => Problem::batch_id_reused(),
        Failure::Answered => Problem::conflict(failure.to_string()),
    }
}

/// The problem that a rejected event is answered with.
#[must_use]
pub fn from_rejection(id: &Name, rejection: &Rejection) -> Problem {
    match rejection {
        Rejection::Reused => Problem::event_id_reused(id),
        Rejection::UnknownNode(_) => Problem::invalid_event("/budget_node", rejection.to_string()),
        Rejection::TooOld(_) | Rejection::TooNew => {
            Problem::invalid_event("/timestamp", rejection.to_string())
        }
        Rejection::Price(error) => Problem::unpriceable(error),
        Rejection::Currency { tenant, card } => Problem::currency_mismatch(*tenant, *card),
    }
}
