//! [`Store`] on DynamoDB.

use crate::convert::{Item, SK, action, attrs, key_item, text, units};
use crate::fault::{commit_fault, read_fault, together_fault};
use crate::schema::TASK_INDEX;
use crate::single::{self, is_single};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{
    AttributeValue, Get, ItemResponse, KeysAndAttributes, ReturnConsumedCapacity, TransactGetItem,
};
use std::collections::HashMap;
use std::time::Duration;
use tollgate_core::table::{TASK_KEY, TASK_SORT};
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{Commit, Query, Scan, Slice, Store, StoreError, Together};

/// The most keys of one batch read.
const READS_MAX: usize = 100;
/// How often keys that a batch read left out are asked for again.
const READ_TRIES_MAX: usize = 8;
/// The pause before they are asked for again the first time; it doubles.
const READ_PAUSE: Duration = Duration::from_millis(10);

/// A DynamoDB table.
#[derive(Clone, Debug)]
pub struct Dynamo {
    client: Client,
    table: String,
}

impl Dynamo {
    /// The table `table` as `client` sees it.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// The table `table` in the account and region of the environment, or at
    /// `AWS_ENDPOINT_URL_DYNAMODB`.
    pub async fn connect(table: impl Into<String>) -> Self {
        let config = aws_config::load_from_env().await;
        let config = aws_sdk_dynamodb::config::Builder::from(&config)
            .retry_config(retries())
            .timeout_config(timeouts())
            .build();
        Self::new(Client::from_conf(config), table)
    }

    /// The client, for making the table.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    async fn read_chunk(
        &self,
        keys: &[Key],
    ) -> Result<HashMap<(String, String), Attrs>, StoreError> {
        let mut found = HashMap::new();
        let mut wanted: Vec<Item> = keys.iter().map(key_item).collect();
        let mut pause = READ_PAUSE;
        for _ in 0..READ_TRIES_MAX {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(true)
                .build();
            let keys = keys.map_err(|error| StoreError::Broken(error.to_string()))?;
            let reply = self
                .client
                .batch_get_item()
                .request_items(&self.table, keys)
                .send()
                .await
                .map_err(read_fault)?;
            let items = reply
                .responses
                .unwrap_or_default()
                .remove(&self.table)
                .unwrap_or_default();
            for item in items {
                let key = (
                    text(&item, "pk").unwrap_or_default().to_owned(),
                    text(&item, SK).unwrap_or_default().to_owned(),
                );
                found.insert(key, attrs(item).ok_or_else(damaged)?);
            }
            let left = reply
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table);
            wanted = left.map(|left| left.keys).unwrap_or_default();
            if wanted.is_empty() {
                return Ok(found);
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        Err(StoreError::Throttled("keys stayed unprocessed".to_owned()))
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("an attribute has an unknown type".to_owned())
}

/// The SDK sends again what failed on the way; markers make that safe.
pub(crate) fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(25))
        .with_max_backoff(Duration::from_millis(200))
}

/// A call ends within five seconds; what waits for commits counts on it.
pub(crate) fn timeouts() -> TimeoutConfig {
    let timeouts = TimeoutConfig::builder().connect_timeout(Duration::from_secs(1));
    timeouts
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(5))
        .build()
}

#[async_trait]
impl Store for Dynamo {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        let mut found = HashMap::new();
        for chunk in keys.chunks(READS_MAX) {
            found.extend(self.read_chunk(chunk).await?);
        }
        Ok(keys
            .iter()
            .map(|key| found.remove(&(key.pk.clone(), key.sk.clone())))
            .collect())
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        let mut request = self.client.transact_get_items();
        for key in keys {
            let get = Get::builder()
                .table_name(&self.table)
                .set_key(Some(key_item(key)))
                .build()
                .map_err(|error| StoreError::Broken(error.to_string()))?;
            request = request.transact_items(TransactGetItem::builder().get(get).build());
        }
        let reply = match request.send().await {
            Ok(reply) => reply,
            Err(error) => return together_fault(error),
        };
        let item = |response: ItemResponse| match response.item {
            Some(item) if !item.is_empty() => attrs(item).map(Some).ok_or_else(damaged),
            _ => Ok(None),
        };
        let items: Result<Vec<_>, _> = reply
            .responses
            .unwrap_or_default()
            .into_iter()
            .map(item)
            .collect();
        items.map(Some)
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        let (pk_name, sk_name) = if query.by_task {
            (TASK_KEY, TASK_SORT)
        } else {
            ("pk", SK)
        };
        let wanted = query.limit.min(Query::LIMIT_MAX);
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(!query.descending);
        request = request.limit(i32::try_from(wanted.saturating_add(1)).unwrap_or(i32::MAX));
        request = if query.by_task {
            request.index_name(TASK_INDEX)
        } else {
            request.consistent_read(true)
        };
        request = request
            .expression_attribute_names("#p", pk_name)
            .expression_attribute_values(":p", AttributeValue::S(query.pk.clone()));
        let (condition, values) = sort_condition(query);
        if condition != "#p = :p" {
            request = request.expression_attribute_names("#s", sk_name);
        }
        for (name, value) in values {
            request = request.expression_attribute_values(name, AttributeValue::S(value));
        }
        let reply = request
            .key_condition_expression(condition)
            .send()
            .await
            .map_err(read_fault)?;
        let mut more = reply.last_evaluated_key.is_some();
        let mut items = Vec::new();
        for item in reply.items.unwrap_or_default() {
            let sort = text(&item, sk_name).unwrap_or_default().to_owned();
            if query.to.as_ref() == Some(&sort) {
                continue;
            }
            if items.len() == wanted {
                more = true;
                break;
            }
            items.push((sort, attrs(item).ok_or_else(damaged)?));
        }
        Ok(Slice { items, more })
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        if let [write] = writes
            && is_single(write)
        {
            return single::commit(&self.client, &self.table, write).await;
        }
        let mut request = self
            .client
            .transact_write_items()
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        for write in writes {
            request = request.transact_items(
                action(&self.table, write)
                    .map_err(|error| StoreError::Broken(error.to_string()))?,
            );
        }
        match request.send().await {
            Ok(reply) => Ok(units(reply.consumed_capacity())),
            Err(error) => commit_fault(error),
        }
    }
}

#[async_trait]
impl Scan for Dynamo {
    async fn scan(
        &self,
        after: Option<Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Attrs)>, StoreError> {
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.as_ref().map(key_item));
        let reply = request.send().await.map_err(read_fault)?;
        let item = |item: Item| {
            let part = |name| text(&item, name).unwrap_or_default().to_owned();
            let key = Key::new(part("pk"), part(SK));
            Ok((key, attrs(item).ok_or_else(damaged)?))
        };
        reply
            .items
            .unwrap_or_default()
            .into_iter()
            .map(item)
            .collect()
    }
}

/// The key condition; an upper bound beside a lower one is inclusive, and what
/// equals it is dropped by the caller.
fn sort_condition(query: &Query) -> (&'static str, Vec<(&'static str, String)>) {
    let from = Some(query.from.clone()).filter(|from| !from.is_empty());
    match (from, query.to.clone()) {
        (None, None) => ("#p = :p", Vec::new()),
        (Some(from), None) => ("#p = :p AND #s >= :f", vec![(":f", from)]),
        (None, Some(to)) => ("#p = :p AND #s < :t", vec![(":t", to)]),
        (Some(from), Some(to)) if from <= to => (
            "#p = :p AND #s BETWEEN :f AND :t",
            vec![(":f", from), (":t", to)],
        ),
        // Nothing lies between; a bound below the first key says so.
        (Some(_), Some(to)) => ("#p = :p AND #s BETWEEN :t AND :t", vec![(":t", to)]),
    }
}
