//! The closed list of what a request can be refused for.

tollgate_core::words! {
    /// What a request is refused for: its stable code. Each has one status.
    #[cfg_attr(feature = "schema", schemars(rename = "ProblemCode"))]
    pub enum Kind {
        /// A field or parameter is missing, unknown or of the wrong type.
        InvalidRequest = "invalid_request",
        /// The cursor was changed, or belongs to another question.
        InvalidCursor = "invalid_cursor",
        /// The key is missing, unknown, revoked or over.
        Unauthenticated = "unauthenticated",
        /// A limit of money, a node of the tree of budgets or credit keeps the event from
        /// being recorded.
        BudgetExceeded = "budget_exceeded",
        /// The tenant needs a plan and subscribes to none, or its subscription is cancelled.
        UsagePolicyConfigurationError = "usage_policy_configuration_error",
        /// The key's scopes or its tenant do not allow the request.
        Forbidden = "forbidden",
        /// The request does not carry the hash of the deployment that it is meant for.
        ConstitutionalHashMismatch = "constitutional_hash_mismatch",
        /// There is no such thing, or it belongs to another tenant.
        NotFound = "not_found",
        /// The path is known, the method is not.
        MethodNotAllowed = "method_not_allowed",
        /// What is asked for contradicts what is stored.
        Conflict = "conflict",
        /// What stands would be dropped.
        WouldDrop = "would_drop",
        /// An event of this id was recorded with other content.
        EventIdReused = "event_id_reused",
        /// A sealed batch of this id was sent with other content.
        BatchIdReused = "batch_id_reused",
        /// A hold of this id was taken for another estimate.
        HoldIdReused = "hold_id_reused",
        /// The hold was captured, released or has expired.
        HoldClosed = "hold_closed",
        /// A request with this Idempotency-Key made a key, which is shown only once.
        KeyRepeated = "key_repeated",
        /// `If-Match` names another version than the one in force.
        PreconditionFailed = "precondition_failed",
        /// A body may have at most 1 MiB.
        TooLarge = "too_large",
        /// The route takes another media type.
        UnsupportedMediaType = "unsupported_media_type",
        /// A value is well formed and breaks a rule, such as a time too far in the past or
        /// an operation without a price.
        InvalidEvent = "invalid_event",
        /// A value is well formed and breaks a rule.
        InvalidValue = "invalid_value",
        /// What is captured names another agent, operation or the like than its hold.
        HoldMismatch = "hold_mismatch",
        /// A tenant has one currency, fixed by its first recorded use.
        CurrencyMismatch = "currency_mismatch",
        /// A tenant has at most 200 limits, of which 40 apply to one event.
        TooManyLimits = "too_many_limits",
        /// Events are kept for 35 days at least, since late ones may come.
        BelowRetentionFloor = "below_retention_floor",
        /// The range cuts through an hour of which only totals are kept.
        RangePurged = "range_purged",
        /// More single events would be read than one request may.
        RangeTooLarge = "range_too_large",
        /// A request with this Idempotency-Key had another body.
        IdempotencyKeyReused = "idempotency_key_reused",
        /// A rate card is named that was never put.
        UnknownRateCard = "unknown_rate_card",
        /// A plan is named that was never put.
        UnknownPlan = "unknown_plan",
        /// A limit of a quantity keeps the event from being recorded.
        UsageLimitExceeded = "usage_limit_exceeded",
        /// One tenant sends more requests a second than are taken of one.
        TooManyRequests = "too_many_requests",
        /// A fault of the service.
        Internal = "internal",
        /// What is stored fails its checksum; the detail names it.
        Damaged = "damaged",
        /// The store cannot answer now. Nothing is known to be wrong with the request.
        StoreUnavailable = "store_unavailable",
    }
}

/// What RFC 9457 calls a problem of an assigned quota, registered with IANA.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

impl Kind {
    /// Where the problem is explained: at this service, or where it is registered.
    #[must_use]
    pub fn type_uri(self) -> String {
        match self {
            Self::UsageLimitExceeded => QUOTA_EXCEEDED.to_owned(),
            _ => format!("/problems/{}", self.as_str()),
        }
    }
}
