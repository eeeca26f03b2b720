//! The catalogue of problems: the status of each kind, and what is told of it.

use crate::kind::Kind;

/// What is told of a kind of problem.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    /// The HTTP status.
    pub status: u16,
    /// In a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

impl Kind {
    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        self.about().status
    }

    /// In a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.about().title
    }

    /// All that is told of it.
    #[must_use]
    pub fn about(self) -> &'static About {
        let row = CATALOGUE.iter().find(|(kind, _)| *kind == self);
        row.map_or(&UNLISTED, |(_, about)| about)
    }
}

/// What would be told of a kind that the catalogue lacks; a test lets none be lacking.
const UNLISTED: About = about(500, "", "", "");

const fn about(
    status: u16,
    title: &'static str,
    meaning: &'static str,
    advice: &'static str,
) -> About {
    About {
        status,
        title,
        meaning,
        advice,
    }
}

/// All that is told of each kind.
const CATALOGUE: [(Kind, About); Kind::COUNT] = [
    (
        Kind::InvalidRequest,
        about(
            400,
            "The request is malformed",
            "A field or parameter is missing, unknown or of the wrong type.",
            "Correct what `errors` lists, each by its pointer, and send the request again.",
        ),
    ),
    (
        Kind::InvalidCursor,
        about(
            400,
            "The cursor is not valid",
            "The cursor was changed, or belongs to another question.",
            "Send `next_cursor` as it was answered, with the same parameters; or begin \
             anew without it.",
        ),
    ),
    (
        Kind::Unauthenticated,
        about(
            401,
            "A valid API key is required",
            "The key is missing, unknown, revoked or over.",
            "Send a valid key as `Authorization: Bearer <key>` or `X-Api-Key: <key>`.",
        ),
    ),
    (
        Kind::BudgetExceeded,
        about(
            402,
            "The budget does not cover the request",
            "A limit of money, a node of the tree of budgets or credit keeps the event \
             from being recorded.",
            "`violations` says which and how much is left. Ask for less, wait for the \
             window's end, or raise the limit.",
        ),
    ),
    (
        Kind::UsagePolicyConfigurationError,
        about(
            402,
            "The tenant has no plan in force",
            "The tenant needs a plan and subscribes to none, or its subscription is cancelled.",
            "Subscribe it: `PUT /tenants/{tenant_id}/subscription`.",
        ),
    ),
    (
        Kind::Forbidden,
        about(
            403,
            "The API key may not do this",
            "The key's scopes or its tenant do not allow the request.",
            "Use a key with the scope that the detail names, of the tenant that is meant.",
        ),
    ),
    (
        Kind::ConstitutionalHashMismatch,
        about(
            403,
            "The constitutional hash does not match",
            "The request does not carry the hash of the deployment that it is meant for.",
            "Send the header `X-Constitutional-Hash` with the deployment's value. Who \
             runs the deployment sets it by `TOLLGATE_CONSTITUTIONAL_HASH`; empty \
             switches the check off.",
        ),
    ),
    (
        Kind::NotFound,
        about(
            404,
            "Not found",
            "There is no such thing, or it belongs to another tenant.",
            "Check the id, and whose key it is.",
        ),
    ),
    (
        Kind::MethodNotAllowed,
        about(
            405,
            "The route has no such method",
            "The path is known, the method is not.",
            "Use a method that the header `Allow` lists.",
        ),
    ),
    (
        Kind::Conflict,
        about(
            409,
            "The request conflicts with what is there",
            "What is asked for contradicts what is stored.",
            "The detail says what stands there.",
        ),
    ),
    (
        Kind::WouldDrop,
        about(
            409,
            "The request would drop what stands",
            "A PUT replaces all of a resource, and this one does not name settings that stand.",
            "Change what you name by PATCH, or say `?replace=true` to drop the rest.",
        ),
    ),
    (
        Kind::EventIdReused,
        about(
            409,
            "The event id belongs to other content",
            "An event of this id was recorded with other content.",
            "Give each event an id of its own; send a retry exactly as it was first sent.",
        ),
    ),
    (
        Kind::BatchIdReused,
        about(
            409,
            "The batch id belongs to other content",
            "A sealed batch of this id was sent with other content.",
            "Give each batch an id of its own; send a retry exactly as it was first sent.",
        ),
    ),
    (
        Kind::HoldIdReused,
        about(
            409,
            "The hold id belongs to another estimate",
            "A hold of this id was taken for another estimate.",
            "Give each hold an id of its own.",
        ),
    ),
    (
        Kind::HoldClosed,
        about(
            409,
            "The hold has ended",
            "The hold was captured, released or has expired.",
            "`state` says how. Captured: what was used is booked. Expired: capture it all the \
             same. Released: record what was used by `POST /events?mode=observe`.",
        ),
    ),
    (
        Kind::KeyRepeated,
        about(
            409,
            "The key was made by an earlier request",
            "A request with this Idempotency-Key made a key, which is shown only once.",
            "`key_id` names it: revoke it and make another, if it was lost.",
        ),
    ),
    (
        Kind::PreconditionFailed,
        about(
            412,
            "The version is no longer current",
            "`If-Match` names another version than the one in force.",
            "Read it anew, decide again, and send the `version` that was read.",
        ),
    ),
    (
        Kind::TooLarge,
        about(
            413,
            "The body is too large",
            "A body may have at most 1 MiB.",
            "Send less at once.",
        ),
    ),
    (
        Kind::UnsupportedMediaType,
        about(
            415,
            "The media type is not supported",
            "The route takes another media type.",
            "The detail says which.",
        ),
    ),
    (
        Kind::InvalidEvent,
        about(
            422,
            "A value of the event breaks a rule",
            "A value is well formed and breaks a rule, such as a time too far in the \
             past or an operation without a price.",
            "Correct what `errors` lists.",
        ),
    ),
    (
        Kind::InvalidValue,
        about(
            422,
            "A value breaks a rule",
            "A value is well formed and breaks a rule.",
            "Correct what `errors` lists.",
        ),
    ),
    (
        Kind::HoldMismatch,
        about(
            422,
            "The event is not the hold's",
            "What is captured names another agent, operation or the like than its hold.",
            "Leave the field out: what is absent is the hold's.",
        ),
    ),
    (
        Kind::CurrencyMismatch,
        about(
            422,
            "The currency is not the tenant's",
            "A tenant has one currency, fixed by its first recorded use.",
            "Use the tenant's. Prices of a card in another currency are converted once `PUT \
             /exchange-rates` says how.",
        ),
    ),
    (
        Kind::TooManyLimits,
        about(
            422,
            "The tenant would have too many limits",
            "A tenant has at most 200 limits, of which 40 apply to one event.",
            "Take some off.",
        ),
    ),
    (
        Kind::BelowRetentionFloor,
        about(
            422,
            "The retention is too short",
            "Events are kept for 35 days at least, since late ones may come.",
            "Ask for `retention_days_min` or more.",
        ),
    ),
    (
        Kind::RangePurged,
        about(
            422,
            "Part of the range is purged",
            "The range cuts through an hour of which only totals are kept.",
            "Use whole hours.",
        ),
    ),
    (
        Kind::RangeTooLarge,
        about(
            422,
            "The question would read too much",
            "More single events would be read than one request may.",
            "The detail says what to ask instead.",
        ),
    ),
    (
        Kind::IdempotencyKeyReused,
        about(
            422,
            "The idempotency key belongs to another body",
            "A request with this Idempotency-Key had another body.",
            "Give each request a key of its own; send a retry exactly as it was first sent.",
        ),
    ),
    (
        Kind::UnknownRateCard,
        about(
            422,
            "There is no such rate card",
            "A rate card is named that was never put.",
            "Put it first: `PUT /rate-cards/{id}`.",
        ),
    ),
    (
        Kind::UnknownPlan,
        about(
            422,
            "There is no such plan",
            "A plan is named that was never put.",
            "Put it first: `PUT /plans/{code}`.",
        ),
    ),
    (
        Kind::UsageLimitExceeded,
        about(
            429,
            "Request cannot be satisfied as assigned quota has been exceeded",
            "A limit of a quantity keeps the event from being recorded.",
            "`violations` says which. Wait for `Retry-After` seconds, where it is \
             there, or raise the limit.",
        ),
    ),
    (
        Kind::TooManyRequests,
        about(
            429,
            "Too many requests of one tenant",
            "One tenant sends more requests a second than are taken of one.",
            "Wait for `Retry-After` seconds; send events in batches.",
        ),
    ),
    (
        Kind::Internal,
        about(
            500,
            "The service failed",
            "A fault of the service.",
            "Tell who runs it the `request_id`, which finds the cause in its log.",
        ),
    ),
    (
        Kind::Damaged,
        about(
            500,
            "Something stored is damaged",
            "What is stored fails its checksum; the detail names it.",
            "Tell who runs it: a backup has it whole. Sending the request again does not help.",
        ),
    ),
    (
        Kind::StoreUnavailable,
        about(
            503,
            "The store is unavailable",
            "The store cannot answer now. The request may be right.",
            "Send the same request again after `Retry-After` seconds.",
        ),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_has_each_kind() {
        for kind in Kind::ALL {
            let about = kind.about();
            assert!(about.status >= 400 && !about.title.is_empty(), "{kind:?}");
            assert!(
                !about.meaning.is_empty() && !about.advice.is_empty(),
                "{kind:?}"
            );
        }
    }
}
