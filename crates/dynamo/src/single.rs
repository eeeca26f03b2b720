//! A write of one item: no transaction, at half its price.

use crate::convert::{Expressed, full_item, key_item, units};
use crate::fault::{refused, single_fault};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure};
use tollgate_core::{Attrs, Change, Write};
use tollgate_service::{Commit, StoreError};

/// Whether a write may be sent alone: what adds to a number may not, since the SDK
/// sends again what it had no answer to.
pub(crate) fn is_single(write: &Write) -> bool {
    match &write.change {
        Change::Put(_) | Change::Delete => true,
        Change::Update { add, .. } => add.is_empty(),
    }
}

/// Commits one write alone.
pub(crate) async fn commit(
    client: &Client,
    table: &str,
    write: &Write,
) -> Result<Commit, StoreError> {
    match &write.change {
        Change::Put(attrs) => put(client, table, write, attrs).await,
        Change::Delete => delete(client, table, write).await,
        Change::Update { .. } => update(client, table, write).await,
    }
}

const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

async fn put(
    client: &Client,
    table: &str,
    write: &Write,
    attrs: &Attrs,
) -> Result<Commit, StoreError> {
    let of = Expressed::of(write);
    let request = client
        .put_item()
        .table_name(table)
        .set_item(Some(full_item(&write.key, attrs)))
        .set_condition_expression(of.condition)
        .set_expression_attribute_names(of.names)
        .set_expression_attribute_values(of.values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    match request.send().await {
        Ok(reply) => Ok(units(reply.consumed_capacity())),
        Err(error) => match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                Ok(refused(failed.item()))
            }
            _ => single_fault(error),
        },
    }
}

async fn delete(client: &Client, table: &str, write: &Write) -> Result<Commit, StoreError> {
    let of = Expressed::of(write);
    let request = client
        .delete_item()
        .table_name(table)
        .set_key(Some(key_item(&write.key)))
        .set_condition_expression(of.condition)
        .set_expression_attribute_names(of.names)
        .set_expression_attribute_values(of.values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    match request.send().await {
        Ok(reply) => Ok(units(reply.consumed_capacity())),
        Err(error) => match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                Ok(refused(failed.item()))
            }
            _ => single_fault(error),
        },
    }
}

async fn update(client: &Client, table: &str, write: &Write) -> Result<Commit, StoreError> {
    let of = Expressed::of(write);
    let request = client
        .update_item()
        .table_name(table)
        .set_key(Some(key_item(&write.key)))
        .update_expression(of.update)
        .set_condition_expression(of.condition)
        .set_expression_attribute_names(of.names)
        .set_expression_attribute_values(of.values)
        .return_values_on_condition_check_failure(ALL_OLD)
        .return_consumed_capacity(ReturnConsumedCapacity::Total);
    match request.send().await {
        Ok(reply) => Ok(units(reply.consumed_capacity())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(refused(failed.item()))
            }
            _ => single_fault(error),
        },
    }
}
