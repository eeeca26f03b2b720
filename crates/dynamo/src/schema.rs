//! The table, for stores that are not made by the template.

use crate::convert::{PK, SK};
use crate::fault::describe;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use tollgate_core::table::{PAGE, TASK_KEY, TASK_SORT};
use tollgate_service::StoreError;

/// The name of the sparse index of tasks.
pub(crate) const TASK_INDEX: &str = "task";

/// Creates the table `name` as `infra/template.yaml` does, unless it exists.
///
/// # Errors
/// [`StoreError`] when the store refuses.
pub async fn create_table(client: &Client, name: &str) -> Result<(), StoreError> {
    let broken = |error: BuildError| StoreError::Broken(error.to_string());
    let index = GlobalSecondaryIndex::builder()
        .index_name(TASK_INDEX)
        .key_schema(key(TASK_KEY, KeyType::Hash).map_err(broken)?)
        .key_schema(key(TASK_SORT, KeyType::Range).map_err(broken)?)
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::Include)
                .non_key_attributes(PAGE)
                .build(),
        );
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest);
    for attribute in [PK, SK, TASK_KEY, TASK_SORT] {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(definition.build().map_err(broken)?);
    }
    let request = request
        .key_schema(key(PK, KeyType::Hash).map_err(broken)?)
        .key_schema(key(SK, KeyType::Range).map_err(broken)?)
        .global_secondary_indexes(index.build().map_err(broken)?);
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(|error| error.is_resource_in_use_exception()) =>
        {
            Ok(())
        }
        Err(error) => Err(StoreError::Broken(describe(&error))),
    }
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, BuildError> {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
}
