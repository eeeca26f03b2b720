//! What keeps a use case from its answer.

use crate::store::store::StoreError;
use tollgate_core::{BillError, Currency, FormError, LimitsError, Name, Overflow, PlanError};

/// Why a use case has no answer. Refusals that a caller can mend are values
/// of each use case; what is here stops it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The store did not take it in the tries allowed; nothing is lost by
    /// asking again.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The store refused a request as malformed, or it may not be asked: a fault
    /// of this service or of how it is set up, which does not pass.
    #[error("internal: {0}")]
    Broken(String),
    /// The clock lies more than 5 minutes behind what is stored.
    #[error("the clock lies behind what is stored")]
    ClockBehind,
    /// Something stored cannot be read, for good.
    #[error("damaged: {0}")]
    Damaged(String),
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// It changed since the version named.
    #[error("the version is now {0}")]
    Stale(u64),
    /// Another currency than the tenant's.
    #[error("the tenant's currency is {tenant}, not {other}")]
    CurrencyMismatch {
        /// The currency that first use fixed.
        tenant: Currency,
        /// The one asked for.
        other: Currency,
    },
    /// No rate card has this id.
    #[error("there is no rate card `{0}`")]
    UnknownCard(Name),
    /// No plan has this code.
    #[error("there is no plan `{0}`")]
    UnknownPlan(Name),
    /// The override at this place of the list does not fit the plan.
    #[error("override {place} {why}")]
    Override {
        /// Its place, from 0.
        place: usize,
        /// Its field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The id belongs to another one of its kind.
    #[error("the id belongs to another {0}")]
    Taken(&'static str),
    /// A field of what was asked breaks a rule that what stands decides.
    #[error("{why}")]
    Invalid {
        /// Its pointer.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// What stands and is not named would be dropped.
    #[error("would drop what stands and is not named: {}", .0.join(", "))]
    WouldDrop(Vec<String>),
    /// Its time is over already.
    #[error("must lie ahead")]
    Expired,
    /// A plan keeps the currency that it was first put in.
    #[error("must stay {0}: a plan keeps its currency")]
    PlanCurrency(Currency),
    /// Others were faster in each of the tries allowed; nothing is lost by
    /// asking again.
    #[error("too much at once: {0}")]
    Contended(String),
    /// A tenant has as many grants as it may.
    #[error("a tenant may have at most 50 grants that something is left of")]
    TooManyGrants,
    /// Too many limits.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// A total left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// The range begins or ends inside an hour whose events are purged.
    #[error("the range begins or ends inside a purged hour; use whole hours")]
    RangePurged,
    /// A question would read more pages of open hours than one may.
    #[error("the range holds more of open hours than one question may read")]
    RangeTooLarge,
    /// A cursor that this service did not make for this question.
    #[error("the cursor is not valid for this request")]
    Cursor,
    /// The id belongs to a sealed batch of other content.
    #[error("the batch id was used for a batch with other content")]
    BatchReused,
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The request was answered meanwhile.
    #[error("the request was answered meanwhile")]
    Answered,
}

impl Failure {
    /// `what` is stored and cannot be read.
    pub(crate) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::Damaged(format!("{what} cannot be read"))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) | StoreError::Throttled(why) => Self::Unavailable(why),
            StoreError::Broken(why) => Self::Broken(why),
            StoreError::Damaged(what) => Self::Damaged(what),
        }
    }
}

impl From<FormError> for Failure {
    fn from(error: FormError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Overflow(overflow) => Self::Overflow(overflow),
            PlanError::Page(page) => page.into(),
        }
    }
}

impl From<BillError> for Failure {
    fn from(error: BillError) -> Self {
        match error {
            BillError::Overflow(overflow) => Self::Overflow(overflow),
            BillError::MissingCard(..) => Self::Broken(error.to_string()),
        }
    }
}
