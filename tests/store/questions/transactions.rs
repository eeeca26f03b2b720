//! Several writes at once.

use super::{add, attrs, done, guarded, n, put, read, refused};
use futures::future::join_all;
use std::sync::Arc;
use tollgate_core::{Guard, Key, Write};
use tollgate_service::{Commit, Reason, Store, StoreError};

super::questions![
    all_of_a_transaction_happens_or_none,
    a_hundred_writes_are_one_transaction,
    more_than_a_hundred_writes_none_at_all_and_one_key_twice_are_malformed,
    racing_additions_stop_exactly_at_their_bound,
];

async fn all_of_a_transaction_happens_or_none(store: &dyn Store) {
    let keys: Vec<Key> = (0..4).map(|i| Key::new(format!("all-{i}"), "x")).collect();
    done(
        store,
        &[
            put(&keys[0], &[("v", n(0))]),
            put(&keys[1], &[("u", n(3))]),
            put(&keys[2], &[("v", n(0))]),
        ],
    )
    .await;
    let before = store.read(&keys).await.expect("a read");
    let change = |guard: Guard| {
        let delete = Write::delete(keys[2].clone());
        [
            put(&keys[0], &[("v", n(1))]),
            add(&keys[1], "u", 1),
            delete,
            guarded(put(&keys[3], &[("v", n(1))]), &[guard]),
        ]
    };
    refused(store, &change(Guard::Present)).await;
    assert_eq!(store.read(&keys).await.expect("a read"), before);
    done(store, &change(Guard::Absent)).await;
    let after = [
        Some(attrs(&[("v", n(1))])),
        Some(attrs(&[("u", n(4))])),
        None,
        Some(attrs(&[("v", n(1))])),
    ];
    assert_eq!(store.read(&keys).await.expect("a read"), after);
}

async fn a_hundred_writes_are_one_transaction(store: &dyn Store) {
    let keys: Vec<Key> = (0..100)
        .map(|i| Key::new(format!("hundred-{i}"), "x"))
        .collect();
    let writes: Vec<Write> = keys
        .iter()
        .map(|key| guarded(put(key, &[("v", n(1))]), &[Guard::Absent]))
        .collect();
    done(store, &writes).await;
    assert!(
        store
            .read(&keys)
            .await
            .expect("a read")
            .iter()
            .all(Option::is_some)
    );
    let again = refused(store, &writes).await;
    assert_eq!(
        again
            .iter()
            .map(|refusal| refusal.index)
            .collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
}

async fn more_than_a_hundred_writes_none_at_all_and_one_key_twice_are_malformed(store: &dyn Store) {
    let keys: Vec<Key> = (0..101)
        .map(|i| Key::new(format!("malformed-{i}"), "x"))
        .collect();
    let too_many: Vec<Write> = keys.iter().map(|key| put(key, &[("v", n(1))])).collect();
    let twice = vec![
        put(&keys[0], &[("v", n(1))]),
        put(&keys[1], &[("v", n(1))]),
        add(&keys[0], "v", 1),
    ];
    for writes in [too_many, Vec::new(), twice] {
        let outcome = store.commit(&writes).await;
        assert!(
            matches!(outcome, Err(StoreError::Broken(_))),
            "{} writes: {outcome:?}",
            writes.len()
        );
    }
    assert!(
        store
            .read(&keys)
            .await
            .expect("a read")
            .iter()
            .all(Option::is_none)
    );
}

async fn racing_additions_stop_exactly_at_their_bound(store: &dyn Store) {
    const BOUND: i128 = 40;
    let racer = |racer: i128| async move {
        let mut admitted = 0;
        for turn in 0..20 {
            let own = Key::new("race", format!("{racer}-{turn}"));
            let guard = Guard::AtMost(Arc::from("u"), BOUND - 1);
            let writes = [
                put(&own, &[("v", n(1))]),
                guarded(add(&Key::new("race", "sum"), "u", 1), &[guard]),
            ];
            loop {
                match store.commit(&writes).await {
                    Ok(Commit::Done { .. }) => break admitted += 1,
                    Ok(Commit::Refused(why))
                        if why.iter().any(|why| matches!(why.reason, Reason::Guard(_))) =>
                    {
                        break;
                    }
                    Ok(Commit::Refused(_)) | Err(StoreError::Unavailable(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        admitted
    };
    let admitted: i128 = join_all((0..6).map(racer)).await.into_iter().sum();
    assert_eq!(admitted, BOUND);
    assert_eq!(
        read(store, &Key::new("race", "sum")).await,
        Some(attrs(&[("u", n(BOUND))]))
    );
}
