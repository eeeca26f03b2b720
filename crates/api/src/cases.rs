//! The catalogue of refusals: the usual cases of a problem.

use crate::kind::Kind;
use crate::problem::{Extra, FieldError, Problem};
use tollgate_core::{
    Config, Currency, HoldState, LimitsError, Mismatch, Name, PriceError, Refused,
};

/// The usual cases.
impl Problem {
    /// 400: one field or parameter is misshapen.
    #[must_use]
    pub fn invalid_request(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::field(Kind::InvalidRequest, FieldError::new(pointer, message))
    }

    /// 422: one field of an event breaks a rule.
    #[must_use]
    pub fn invalid_event(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::field(Kind::InvalidEvent, FieldError::new(pointer, message))
    }

    /// 422: one field of something that is no event breaks a rule.
    #[must_use]
    pub fn invalid_value(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::field(Kind::InvalidValue, FieldError::new(pointer, message))
    }

    fn field(kind: Kind, error: FieldError) -> Self {
        let detail = match error.pointer.as_str() {
            "" => format!("the body {}", error.message),
            pointer => format!("`{pointer}` {}", error.message),
        };
        let mut problem = Self::new(kind, detail);
        problem.errors.push(error);
        problem
    }

    /// 422: no rate card prices the event.
    #[must_use]
    pub fn unpriceable(error: &PriceError) -> Self {
        let pointer = match error {
            PriceError::NotHeld(_) => return Self::store_unavailable(1),
            PriceError::NoCard(_) => "/timestamp".to_owned(),
            PriceError::UnknownOperation(_) => "/operation".to_owned(),
            PriceError::UnknownTier { .. } => "/tier".to_owned(),
            PriceError::UnpricedComponent { component, .. } => {
                format!("/{}", component.quantity())
            }
            PriceError::Range => String::new(),
        };
        let mut problem = Self::new(Kind::InvalidEvent, error.to_string());
        problem
            .errors
            .push(FieldError::new(&pointer, error.to_string()));
        problem
    }

    /// 400: the cursor is not one of ours for this query.
    #[must_use]
    pub fn invalid_cursor() -> Self {
        let why = "was changed or belongs to another query";
        Self::field(Kind::InvalidCursor, FieldError::new("?cursor", why))
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        let detail = "send a valid key as `Authorization: Bearer <key>` or `X-Api-Key: <key>`";
        Self::new(Kind::Unauthenticated, detail).with_header("www-authenticate", "Bearer")
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, detail)
    }

    /// 403: the compliance gate; the expected value is not told.
    #[must_use]
    pub fn hash_mismatch() -> Self {
        let detail = "the header `X-Constitutional-Hash` is missing or names another deployment; \
            who runs this one sets the value by `TOLLGATE_CONSTITUTIONAL_HASH`";
        Self::new(Kind::ConstitutionalHashMismatch, detail)
    }

    /// 404: there is no `what`.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what}"))
    }

    /// 405; `allow` lists the methods of the route.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        Self::new(Kind::MethodNotAllowed, format!("the route takes {allow}"))
            .with_header("allow", allow)
    }

    /// 409.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, detail)
    }

    /// 409: settings that stand and are not named would be dropped; `dropped` are their
    /// pointers.
    #[must_use]
    pub fn would_drop(dropped: &[String]) -> Self {
        let detail = "settings that stand are not named and would be dropped: PATCH changes what it names, `?replace=true` drops the rest";
        let mut problem = Self::new(Kind::WouldDrop, detail);
        let error = |pointer: &String| FieldError::new(pointer, "stands and is not named");
        problem.errors.extend(dropped.iter().map(error));
        problem
    }

    /// 409: the id in the body belongs to another one of its kind.
    #[must_use]
    pub fn id_taken(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let error = FieldError::new("/id", detail.clone());
        let mut problem = Self::conflict(detail);
        problem.errors.push(error);
        problem
    }

    /// 409: the id was recorded with other content.
    #[must_use]
    pub fn event_id_reused(id: &Name) -> Self {
        let detail = format!("event `{id}` is recorded with other content");
        Self::new(Kind::EventIdReused, detail).with(Extra {
            event_id: Some(id.clone()),
            ..Extra::default()
        })
    }

    /// 409: the batch was sent with other content.
    #[must_use]
    pub fn batch_id_reused() -> Self {
        let detail = "the batch id was used for a batch with other content";
        Self::new(Kind::BatchIdReused, detail)
    }

    /// What a repeat of a sealed batch is told of an event that was refused when the
    /// batch was first sent.
    #[must_use]
    pub fn refused_before(refused: &Refused) -> Self {
        let (kind, limit) = match refused {
            Refused::Limit { money: true, limit } => (Kind::BudgetExceeded, Some(limit)),
            Refused::Limit { limit, .. } => (Kind::UsageLimitExceeded, Some(limit)),
            Refused::Budget => (Kind::BudgetExceeded, None),
            Refused::Plan => (Kind::UsagePolicyConfigurationError, None),
            Refused::Invalid | Refused::Unpriced => (Kind::InvalidEvent, None),
            Refused::Currency => (Kind::CurrencyMismatch, None),
        };
        let detail = "it was refused when its batch was first sent; send it in a new batch";
        let problem = Self::new(kind, detail);
        problem.with(Extra {
            limit_id: limit.cloned(),
            ..Extra::default()
        })
    }

    /// 409: the id was taken for another estimate.
    #[must_use]
    pub fn hold_id_reused(id: &Name) -> Self {
        Self::new(
            Kind::HoldIdReused,
            format!("hold `{id}` is of another estimate"),
        )
        .with(Extra {
            hold_id: Some(id.clone()),
            ..Extra::default()
        })
    }

    /// 409: the hold has ended, and how.
    #[must_use]
    pub fn hold_closed(id: &Name, state: HoldState) -> Self {
        Self::new(Kind::HoldClosed, format!("hold `{id}` is {state}")).with(Extra {
            hold_id: Some(id.clone()),
            state: Some(state),
            ..Extra::default()
        })
    }

    /// 422: what is to be booked is not the hold's.
    #[must_use]
    pub fn hold_mismatch(mismatch: &Mismatch) -> Self {
        Self::field(
            Kind::HoldMismatch,
            FieldError::new(
                format!("/event/{}", mismatch.0),
                "must be the hold's, or absent",
            ),
        )
    }

    /// 409: this request has made its key already, which is shown only once.
    #[must_use]
    pub fn key_repeated(key_id: &str) -> Self {
        let detail = "the key was made by an earlier request with this idempotency key and is shown only once";
        Self::new(Kind::KeyRepeated, detail).with(Extra {
            key_id: Some(key_id.to_owned()),
            ..Extra::default()
        })
    }

    /// 412: `current` is the version in force.
    #[must_use]
    pub fn precondition_failed(current: u64) -> Self {
        Self::new(
            Kind::PreconditionFailed,
            format!("the current version is {current}"),
        )
        .with(Extra {
            version: Some(current),
            ..Extra::default()
        })
    }

    /// 413.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        Self::new(
            Kind::TooLarge,
            format!("a body may have at most {bytes_max} bytes"),
        )
    }

    /// 415; `accepted` names what the route takes.
    #[must_use]
    pub fn unsupported_media_type(accepted: &str) -> Self {
        Self::new(
            Kind::UnsupportedMediaType,
            format!("the body must be {accepted}"),
        )
    }

    /// 422: the tenant's currency is `expected`.
    #[must_use]
    pub fn currency_mismatch(expected: Currency, given: Currency) -> Self {
        let detail = format!("the tenant's currency is {expected}, not {given}");
        Self::new(Kind::CurrencyMismatch, detail).with(Extra {
            currency: Some(expected),
            ..Extra::default()
        })
    }

    /// 422.
    #[must_use]
    pub fn too_many_limits() -> Self {
        Self::new(Kind::TooManyLimits, LimitsError.to_string())
    }

    /// 422: the days are fewer than are always kept.
    #[must_use]
    pub fn below_retention_floor(pointer: &str) -> Self {
        let floor = Config::RETENTION_DAYS_MIN;
        let error = FieldError::new(pointer, format!("must be at least {floor} days"));
        Self::field(Kind::BelowRetentionFloor, error).with(Extra {
            retention_days_min: Some(floor),
            ..Extra::default()
        })
    }

    /// 422: the range cuts through an hour of which only totals are left.
    #[must_use]
    pub fn range_purged() -> Self {
        let detail = "the range begins or ends inside an hour of which only totals are kept; use whole hours";
        Self::new(Kind::RangePurged, detail)
    }

    /// 422: a question would read too many single events of open hours.
    #[must_use]
    pub fn range_too_large() -> Self {
        let detail = "more than 64 MB of single events would be read: of the last two hours, ask for whole hours, which are answered from totals within a minute, or for a range that ends before them";
        Self::new(Kind::RangeTooLarge, detail)
    }

    /// 422: the idempotency key came with another body.
    #[must_use]
    pub fn idempotency_key_reused() -> Self {
        Self::new(
            Kind::IdempotencyKeyReused,
            "the idempotency key was used with another body",
        )
    }

    /// 422.
    #[must_use]
    pub fn unknown_rate_card(id: &Name) -> Self {
        Self::field(
            Kind::UnknownRateCard,
            FieldError::new("/rate_cards", format!("names no rate card: `{id}`")),
        )
    }

    /// 422: there is no such plan.
    #[must_use]
    pub fn unknown_plan(code: &Name) -> Self {
        Self::field(
            Kind::UnknownPlan,
            FieldError::new("/plan", format!("names no plan: `{code}`")),
        )
    }

    /// 429: the tenant sends more requests a second than a process takes of one.
    #[must_use]
    pub fn too_many_requests() -> Self {
        let detail = "the tenant sends more requests a second than are taken of one";
        Self::new(Kind::TooManyRequests, detail).with_header("retry-after", "1".to_owned())
    }

    /// 503; nothing is known to be wrong with the request.
    #[must_use]
    pub fn store_unavailable(retry_after_seconds: u32) -> Self {
        let seconds = retry_after_seconds.max(1).to_string();
        let detail = "the store cannot answer now; the same request may be sent again";
        Self::new(Kind::StoreUnavailable, detail).with_header("retry-after", seconds)
    }

    /// 500: what is stored cannot be read, for good; `what` names it.
    #[must_use]
    pub fn damaged(what: &str) -> Self {
        Self::new(
            Kind::Damaged,
            format!("something stored is damaged: {what}"),
        )
    }

    /// 500: a caught panic, or a store that refuses what it is asked.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            Kind::Internal,
            "the service failed; the request id finds the cause in its log",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_price_points_at_the_reason() {
        let name = |text| Name::new(text).unwrap();
        let problem = Problem::unpriceable(&PriceError::UnknownOperation(name("x")));
        assert_eq!(
            (problem.status(), problem.errors[0].pointer.as_str()),
            (422, "/operation")
        );
        let tier = PriceError::UnknownTier {
            tier: name("gold"),
            card: name("c"),
        };
        assert_eq!(Problem::unpriceable(&tier).errors[0].pointer, "/tier");
    }
}
