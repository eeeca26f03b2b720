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
    let Write { key, .. } = write;
    let mut change = write.change.clone();
    let step = |(name, value): (&Arc<str>, &mut Value)| {
        if Form::at(key, name).is_some()
            && let Value::B(bytes) = value
            && let Some(before) = Form::before(bytes)
        {
            *bytes = before;
        }
    };
    match &mut change {
        Change::Put(attrs) => attrs.iter_mut().for_each(step),
        Change::Update { set, .. } => set
            .iter_mut()
            .for_each(|(name, value)| step((&*name, value))),
        Change::Delete => {}
    }
    Write {
        change,
        ..write.clone()
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_core::{Name, table};

    #[test]
    fn what_only_looks_like_a_form_is_left_as_it_is() {
        let name = Name::new("a").expect("a name");
        let fingerprint = Value::B([[0xff, 1, 2].as_slice(), &[7; 29]].concat());
        let body = Value::B(Form::Json.seal(b"{}"));
        let attrs = Attrs::from([
            (table::FINGERPRINT.into(), fingerprint.clone()),
            (table::BODY.into(), body),
        ]);
        let put = before(&Write::put(table::config(&name), attrs));
        let Change::Put(attrs) = put.change else {
            panic!("a put")
        };
        assert_eq!(attrs[table::FINGERPRINT], fingerprint);
        assert_eq!(attrs[table::BODY], Value::B(b"{}".to_vec()));
    }
}
