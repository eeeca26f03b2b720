//! What is asked of a store. Each question keeps to items of its own, so that
//! all can be asked of one store.

mod guards;
mod queries;
mod reads;
mod slices;
mod tasks;
mod transactions;
mod writes;

use futures::future::BoxFuture;
use std::sync::Arc;
use tollgate_core::{Attrs, Change, Guard, Key, Value, Write};
use tollgate_service::{Commit, Refusal, Store};

/// A claim, and the function that asserts it of a store.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) ask: for<'a> fn(&'a dyn Store) -> BoxFuture<'a, ()>,
}

/// Lists functions as questions under their own names.
macro_rules! questions {
    ($($claim:ident),* $(,)?) => {
        pub(super) const QUESTIONS: &[crate::questions::Question] =
            &[$(crate::questions::Question { name: stringify!($claim), ask: |store| Box::pin($claim(store)) }),*];
    };
}
use questions;

/// Every question.
pub(crate) fn all() -> Vec<&'static Question> {
    let parts = [
        reads::QUESTIONS,
        writes::QUESTIONS,
        guards::QUESTIONS,
        transactions::QUESTIONS,
        queries::QUESTIONS,
        slices::QUESTIONS,
        tasks::QUESTIONS,
    ];
    parts.into_iter().flatten().collect()
}

fn n(number: i128) -> Value {
    Value::N(number)
}

fn s(text: &str) -> Value {
    Value::S(text.to_owned())
}

fn attrs(pairs: &[(&str, Value)]) -> Attrs {
    pairs
        .iter()
        .map(|(name, value)| (Arc::from(*name), value.clone()))
        .collect()
}

fn put(key: &Key, pairs: &[(&str, Value)]) -> Write {
    Write::put(key.clone(), attrs(pairs))
}

fn add(key: &Key, attribute: &str, amount: i128) -> Write {
    let change = Change::Update {
        add: vec![(Arc::from(attribute), amount)],
        set: Vec::new(),
    };
    Write {
        change,
        ..Write::delete(key.clone())
    }
}

fn delete(key: &Key) -> Write {
    Write::delete(key.clone())
}

fn guarded(mut write: Write, guards: &[Guard]) -> Write {
    write.guards = guards.to_vec();
    write
}

/// Commits what must happen, in transactions of 100.
async fn done(store: &dyn Store, writes: &[Write]) {
    for chunk in writes.chunks(100) {
        let outcome = store.commit(chunk).await.expect("a commit");
        assert!(matches!(outcome, Commit::Done { .. }), "{outcome:?}");
    }
}

/// Commits what must be refused.
async fn refused(store: &dyn Store, writes: &[Write]) -> Vec<Refusal> {
    match store.commit(writes).await.expect("a commit") {
        Commit::Refused(refusals) => refusals,
        Commit::Done { .. } => panic!("it was not refused"),
    }
}

async fn read(store: &dyn Store, key: &Key) -> Option<Attrs> {
    store
        .read(std::slice::from_ref(key))
        .await
        .expect("a read")
        .pop()
        .expect("one answer")
}
