//! What the SDK's errors mean: out of reach, or broken.

use crate::convert::Item;
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

/// Codes of calls for which a key, the table or the account has no room now.
const THROTTLES: [&str; 3] = [
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
];

/// Sorts an error of a read. A throttled one says nothing of other keys; of a write
/// nobody knows what became of an earlier try.
pub(crate) fn read_fault<E>(error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code);
    match code.is_some_and(|code| THROTTLES.contains(&code)) {
        true => StoreError::Throttled(describe(&error)),
        false => fault(error),
    }
}

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
    let why = describe(&error);
    if passing {
        StoreError::Unavailable(why)
    } else {
        StoreError::Broken(why)
    }
}

/// Code and message alone where there is an answer: the whole of it may hold items.
pub(crate) fn describe<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let answer = error.as_service_error().map(ProvideErrorMetadata::meta);
    match answer.and_then(|meta| Some((meta.code()?, meta.message().unwrap_or_default()))) {
        Some((code, message)) => format!("{code}: {message}"),
        None => DisplayErrorContext(error).to_string(),
    }
}

/// Sorts the error of a write of one item, conditions apart: one that met a
/// transaction, or had no room, did not happen.
pub(crate) fn single_fault<E>(error: SdkError<E>) -> Result<Commit, StoreError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let reason = match error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
    {
        Some("TransactionConflictException") => Reason::Conflict,
        Some("ProvisionedThroughputExceededException" | "ThrottlingException") => Reason::Throttled,
        _ => return Err(fault(error)),
    };
    Ok(Commit::Refused(vec![Refusal { index: 0, reason }]))
}

/// A write of one item whose condition did not hold.
pub(crate) fn refused(item: Option<&Item>) -> Commit {
    let standing = item.filter(|item| !item.is_empty()).cloned();
    let reason = Reason::Guard(standing.and_then(crate::convert::attrs));
    Commit::Refused(vec![Refusal { index: 0, reason }])
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
        return Err(read_fault(error));
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
