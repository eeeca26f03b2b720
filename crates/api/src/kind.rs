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
    /// The `Idempotency-Key` came with another body before.
    IdempotencyKeyReused,
    /// There is no such rate card.
    UnknownRateCard,
    /// There is no such plan.
    UnknownPlan,
    /// A quantity would pass a limit.
    UsageLimitExceeded,
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
        self.row().0
    }

    /// The stable name for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().1
    }

    /// The same for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().2
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

    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => (400, "invalid_request", "The request is malformed"),
            Self::InvalidCursor => (400, "invalid_cursor", "The cursor is not valid"),
            Self::Unauthenticated => (401, "unauthenticated", "A valid API key is required"),
            Self::BudgetExceeded => (
                402,
                "budget_exceeded",
                "The budget does not cover the request",
            ),
            Self::UsagePolicyConfigurationError => (
                402,
                "usage_policy_configuration_error",
                "The tenant has no plan in force",
            ),
            Self::Forbidden => (403, "forbidden", "The API key may not do this"),
            Self::ConstitutionalHashMismatch => (
                403,
                "constitutional_hash_mismatch",
                "The constitutional hash does not match",
            ),
            Self::NotFound => (404, "not_found", "Not found"),
            Self::MethodNotAllowed => (405, "method_not_allowed", "The route has no such method"),
            Self::Conflict | Self::KeyRepeated => {
                (409, "conflict", "The request conflicts with what is there")
            }
            Self::EventIdReused => (
                409,
                "event_id_reused",
                "The event id belongs to other content",
            ),
            Self::HoldIdReused => (
                409,
                "hold_id_reused",
                "The hold id belongs to another estimate",
            ),
            Self::HoldClosed => (409, "hold_closed", "The hold has ended"),
            Self::PreconditionFailed => (
                412,
                "precondition_failed",
                "The version is no longer current",
            ),
            Self::TooLarge => (413, "too_large", "The body is too large"),
            Self::UnsupportedMediaType => (
                415,
                "unsupported_media_type",
                "The media type is not supported",
            ),
            Self::InvalidEvent => (422, "invalid_event", "A value breaks a rule"),
            Self::HoldMismatch => (422, "hold_mismatch", "The event is not the hold's"),
            Self::CurrencyMismatch => {
                (422, "currency_mismatch", "The currency is not the tenant's")
            }
            Self::TooManyLimits => (
                422,
                "too_many_limits",
                "The tenant would have too many limits",
            ),
            Self::BelowRetentionFloor => {
                (422, "below_retention_floor", "The retention is too short")
            }
            Self::RangePurged => (422, "range_purged", "Part of the range is purged"),
            Self::IdempotencyKeyReused => (
                422,
                "idempotency_key_reused",
                "The idempotency key belongs to another body",
            ),
            Self::UnknownRateCard => (422, "unknown_rate_card", "There is no such rate card"),
            Self::UnknownPlan => (422, "unknown_plan", "There is no such plan"),
            Self::UsageLimitExceeded => (
                429,
                "usage_limit_exceeded",
                "The request would exceed an assigned quota",
            ),
            Self::Internal => (500, "internal", "The service failed"),
            Self::Damaged => (500, "damaged", "Something stored is damaged"),
            Self::StoreUnavailable => (503, "store_unavailable", "The store is unavailable"),
        }
    }
}
