//! The closed list of what a request can be refused for.

/// What a request is refused for. Each has one status and one stable code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Malformed JSON, a wrong shape, a bad parameter.
    InvalidRequest,
    /// A cursor that was changed, or belongs to another query.
    InvalidCursor,
    /// No key, or none that is valid.
    Unauthenticated,
    /// Money would pass a limit.
    BudgetExceeded,
    /// The tenant has no plan in force where one is required.
    UsagePolicyConfigurationError,
    /// The key may not do this.
    Forbidden,
    /// The constitutional hash is missing or another.
    ConstitutionalHashMismatch,
    /// There is no such thing, or not for this key.
    NotFound,
    /// The route has no such method.
    MethodNotAllowed,
    /// It contradicts what is there.
    Conflict,
    /// The id belongs to an event with other content.
    EventIdReused,
    /// The batch id belongs to other content.
    BatchIdReused,
    /// The id belongs to a hold of another estimate.
    HoldIdReused,
    /// The hold has ended.
    HoldClosed,
    /// The API key was already made by this request.
    KeyRepeated,
    /// `If-Match` names a version that is no longer current.
    PreconditionFailed,
    /// The body is larger than is taken.
    TooLarge,
    /// The body is of another media type.
    UnsupportedMediaType,
    /// A well-formed value that breaks a rule.
    InvalidEvent,
    /// What is to be booked is not of whom, what and where the hold is.
    HoldMismatch,
    /// Another currency than the tenant's.
    CurrencyMismatch,
    /// More limits, or counters an event, than a tenant may have.
    TooManyLimits,
    /// Less than the shortest retention.
    BelowRetentionFloor,
    /// Part of the range is no longer kept in the detail asked for.
    RangePurged,
    /// More single events would be read than one question may.
    RangeTooLarge,
    /// The `Idempotency-Key` came with another body before.
    IdempotencyKeyReused,
    /// There is no such rate card.
    UnknownRateCard,
    /// There is no such plan.
    UnknownPlan,
    /// A quantity would pass a limit.
    UsageLimitExceeded,
    /// A tenant sends more requests a second than are taken of one.
    TooManyRequests,
    /// A fault of ours.
    Internal,
    /// What is stored cannot be read, for good.
    Damaged,
    /// The store is out of reach for the moment.
    StoreUnavailable,
}

impl Kind {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::InvalidCursor => 400,
            Self::Unauthenticated => 401,
            Self::BudgetExceeded | Self::UsagePolicyConfigurationError => 402,
            Self::Forbidden | Self::ConstitutionalHashMismatch => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict
            | Self::KeyRepeated
            | Self::EventIdReused
            | Self::BatchIdReused
            | Self::HoldIdReused
            | Self::HoldClosed => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::InvalidEvent
            | Self::HoldMismatch
            | Self::CurrencyMismatch
            | Self::TooManyLimits
            | Self::BelowRetentionFloor
            | Self::RangePurged
            | Self::RangeTooLarge
            | Self::IdempotencyKeyReused
            | Self::UnknownRateCard
            | Self::UnknownPlan => 422,
            Self::UsageLimitExceeded | Self::TooManyRequests => 429,
            Self::Internal | Self::Damaged => 500,
            Self::StoreUnavailable => 503,
        }
    }

    /// The stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidCursor => "invalid_cursor",
            Self::Unauthenticated => "unauthenticated",
            Self::BudgetExceeded => "budget_exceeded",
            Self::UsagePolicyConfigurationError => "usage_policy_configuration_error",
            Self::Forbidden => "forbidden",
            Self::ConstitutionalHashMismatch => "constitutional_hash_mismatch",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict | Self::KeyRepeated => "conflict",
            Self::EventIdReused => "event_id_reused",
            Self::BatchIdReused => "batch_id_reused",
            Self::HoldIdReused => "hold_id_reused",
            Self::HoldClosed => "hold_closed",
            Self::PreconditionFailed => "precondition_failed",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::InvalidEvent => "invalid_event",
            Self::HoldMismatch => "hold_mismatch",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::TooManyLimits => "too_many_limits",
            Self::BelowRetentionFloor => "below_retention_floor",
            Self::RangePurged => "range_purged",
            Self::RangeTooLarge => "range_too_large",
            Self::IdempotencyKeyReused => "idempotency_key_reused",
            Self::UnknownRateCard => "unknown_rate_card",
            Self::UnknownPlan => "unknown_plan",
            Self::UsageLimitExceeded => "usage_limit_exceeded",
            Self::TooManyRequests => "too_many_requests",
            Self::Internal => "internal",
            Self::Damaged => "damaged",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    /// The same for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is malformed",
            Self::InvalidCursor => "The cursor is not valid",
            Self::Unauthenticated => "A valid API key is required",
            Self::BudgetExceeded => "The budget does not cover the request",
            Self::UsagePolicyConfigurationError => "The tenant has no plan in force",
            Self::Forbidden => "The API key may not do this",
            Self::ConstitutionalHashMismatch => "The constitutional hash does not match",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The route has no such method",
            Self::Conflict | Self::KeyRepeated => "The request conflicts with what is there",
            Self::EventIdReused => "The event id belongs to other content",
            Self::BatchIdReused => "The batch id belongs to other content",
            Self::HoldIdReused => "The hold id belongs to another estimate",
            Self::HoldClosed => "The hold has ended",
            Self::PreconditionFailed => "The version is no longer current",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The media type is not supported",
            Self::InvalidEvent => "A value breaks a rule",
            Self::HoldMismatch => "The event is not the hold's",
            Self::CurrencyMismatch => "The currency is not the tenant's",
            Self::TooManyLimits => "The tenant would have too many limits",
            Self::BelowRetentionFloor => "The retention is too short",
            Self::RangePurged => "Part of the range is purged",
            Self::RangeTooLarge => "The question would read too much",
            Self::IdempotencyKeyReused => "The idempotency key belongs to another body",
            Self::UnknownRateCard => "There is no such rate card",
            Self::UnknownPlan => "There is no such plan",
            Self::UsageLimitExceeded => "The request would exceed an assigned quota",
            Self::TooManyRequests => "Too many requests of one tenant",
            Self::Internal => "The service failed",
            Self::Damaged => "Something stored is damaged",
            Self::StoreUnavailable => "The store is unavailable",
        }
    }

    /// What identifies the kind of problem, by RFC 9457.
    #[must_use]
    pub fn type_uri(self) -> String {
        match self {
            Self::UsageLimitExceeded => {
                "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned()
            }
            _ => format!("https://tollgate.dev/problems/{}", self.code()),
        }
    }
}
