//! What answers have in common.

use tollgate_api::Problem;
use tollgate_gateway::from_failure;
use tollgate_service::Failure;

/// The problem that a failure is answered with.
pub(crate) fn failed(failure: Failure) -> Problem {
    from_failure(&failure)
}
