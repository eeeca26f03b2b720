//! A store that is written in the version before of each form.

use crate::store::store::{Commit, Query, Slice, Store, StoreError, Together};
use async_trait::async_trait;
use std::sync::Arc;
use tollgate_core::{Attrs, Change, Form, FormVersion, Key, Value, Write};

/// A [`Store`] around another one, for while functions of the release before read it.
/// What it reads is as it was written, in either version.
pub(crate) struct Before(pub(crate) Arc<dyn Store>);

/// The value as it is stored by who writes in `version`.
pub(crate) fn stored(version: FormVersion, value: Value) -> Value {
    match (version, value) {
        (FormVersion::Before, Value::B(bytes)) => Value::B(Form::before(&bytes).unwrap_or(bytes)),
        (_, value) => value,
    }
}

fn before(write: &Write) -> Write {
    let mut write = write.clone();
    let step = |value: &mut Value| {
        if let Value::B(bytes) = value
            && let Some(before) = Form::before(bytes)
        {
            *bytes = before;
        }
    };
    match &mut write.change {
        Change::Put(attrs) => attrs.values_mut().for_each(step),
        Change::Update { set, .. } => set.iter_mut().for_each(|(_, value)| step(value)),
        Change::Delete => {}
    }
    write
}

#[async_trait]
impl Store for Before {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.0.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.0.read_together(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.0.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let writes: Vec<Write> = writes.iter().map(before).collect();
        self.0.commit(&writes).await
    }
}
