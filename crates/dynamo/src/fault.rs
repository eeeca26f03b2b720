//! What the SDK's errors mean: out of reach, or broken.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use std::error::Error;
use tollgate_service::{Commit, Reason, Refusal, StoreError, Together};

/// Codes of faults that pass; their request may be sent again.
const PASSING: [&str; 7] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionInProgressException",
    "TransactionConflictException",
];

/// Sorts an error of any operation.
pub(crate) fn fault<E>(error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let passing = match &error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            status >= 500
                || service
                    .err()
                    .code()
                    .is_some_and(|code| PASSING.contains(&code))
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    };
    let why = DisplayErrorContext(&error).to_string();
    if passing {
        StoreError::Unavailable(why)
    } else {
        StoreError::Broken(why)
    }
}

/// Sorts the error of a transaction: a cancelled one says why, write by write.
pub(crate) fn commit_fault(error: SdkError<TransactWriteItemsError>) -> Result<Commit, StoreError> {
    match error.as_service_error() {
        Some(TransactionCanceled(cancelled)) => {
            refusals(cancelled.cancellation_reasons()).map(Commit::Refused)
        }
        _ => Err(fault(error)),
    }
}

/// Sorts the error of reading together: where it was cancelled because others
/// were at the items, nothing is known.
pub(crate) fn together_fault(
    error: SdkError<TransactGetItemsError>,
) -> Result<Together, StoreError> {
    let Some(GetCanceled(cancelled)) = error.as_service_error() else {
        return Err(fault(error));
    };
    let codes = cancelled
        .cancellation_reasons()
        .iter()
        .filter_map(CancellationReason::code);
    let codes: Vec<&str> = codes.filter(|code| *code != "None").collect();
    match codes.first() {
        None
        | Some(&("TransactionConflict" | "ProvisionedThroughputExceeded" | "ThrottlingError")) => {
            Ok(None)
        }
        Some(other) => Err(StoreError::Broken((*other).to_owned())),
    }
}

use TransactGetItemsError::TransactionCanceledException as GetCanceled;
use TransactWriteItemsError::TransactionCanceledException as TransactionCanceled;

fn refusals(reasons: &[CancellationReason]) -> Result<Vec<Refusal>, StoreError> {
    let mut refusals = Vec::new();
    for (index, cancelled) in reasons.iter().enumerate() {
        let code = cancelled.code().unwrap_or("None");
        let reason = match code {
            "None" => continue,
            "ConditionalCheckFailed" => Reason::Guard(
                cancelled
                    .item()
                    .filter(|item| !item.is_empty())
                    .cloned()
                    .and_then(crate::convert::attrs),
            ),
            "TransactionConflict" => Reason::Conflict,
            "ProvisionedThroughputExceeded" | "ThrottlingError" => Reason::Throttled,
            other => {
                return Err(StoreError::Broken(format!(
                    "{other}: {}",
                    cancelled.message().unwrap_or_default()
                )));
            }
        };
        refusals.push(Refusal { index, reason });
    }
    if refusals.is_empty() {
        return Err(StoreError::Unavailable(
            "a transaction was cancelled without a reason".to_owned(),
        ));
    }
    Ok(refusals)
}
