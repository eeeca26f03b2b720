//! Reading items by their keys.

use super::{attrs, done, n, put, read};
use tollgate_core::{Key, Value, Write};
use tollgate_service::Store;

super::questions![
    items_come_in_the_order_of_their_keys_and_missing_ones_as_none,
    no_keys_read_nothing,
    hundreds_of_keys_are_one_read,
    what_exceeds_one_answer_is_read_all_the_same,
    an_item_without_attributes_is_there,
    keys_tell_apart_what_joined_text_would_not,
];

async fn items_come_in_the_order_of_their_keys_and_missing_ones_as_none(store: &dyn Store) {
    let keys: Vec<Key> = ["c", "a", "d", "b"]
        .map(|sk| Key::new("read-order", sk))
        .to_vec();
    done(
        store,
        &[
            put(&keys[0], &[("v", n(3))]),
            put(&keys[1], &[("v", n(1))]),
            put(&keys[3], &[("v", n(2))]),
        ],
    )
    .await;
    let found = store.read(&keys).await.expect("a read");
    assert_eq!(
        found,
        [
            Some(attrs(&[("v", n(3))])),
            Some(attrs(&[("v", n(1))])),
            None,
            Some(attrs(&[("v", n(2))]))
        ]
    );
}

async fn no_keys_read_nothing(store: &dyn Store) {
    assert_eq!(store.read(&[]).await.expect("a read"), []);
}

async fn hundreds_of_keys_are_one_read(store: &dyn Store) {
    let keys: Vec<Key> = (0..250)
        .map(|i| Key::new(format!("read-many-{i}"), "x"))
        .collect();
    let there = |i: usize| !i.is_multiple_of(7);
    let writes: Vec<Write> = (0..250)
        .filter(|i| there(*i))
        .map(|i| put(&keys[i], &[("v", n(i as i128))]))
        .collect();
    done(store, &writes).await;
    let backwards: Vec<Key> = keys.iter().rev().cloned().collect();
    let found = store.read(&backwards).await.expect("a read");
    let expected: Vec<_> = (0..250)
        .rev()
        .map(|i| there(i).then(|| attrs(&[("v", n(i as i128))])))
        .collect();
    assert_eq!(found, expected);
}

async fn what_exceeds_one_answer_is_read_all_the_same(store: &dyn Store) {
    // 18 MB; one answer holds 16.
    let keys: Vec<Key> = (0..60)
        .map(|i| Key::new(format!("read-large-{i}"), "x"))
        .collect();
    for chunk in keys.chunks(10) {
        let writes: Vec<Write> = chunk
            .iter()
            .map(|key| put(key, &[("b", Value::B(vec![key.pk.len() as u8; 300_000]))]))
            .collect();
        done(store, &writes).await;
    }
    let found = store.read(&keys).await.expect("a read");
    for (key, item) in keys.iter().zip(found) {
        let bytes = item.unwrap_or_else(|| panic!("{key:?} is missing"));
        assert_eq!(bytes["b"].as_bytes().map(<[u8]>::len), Some(300_000));
    }
}

async fn an_item_without_attributes_is_there(store: &dyn Store) {
    let key = Key::new("read-bare", "x");
    assert_eq!(read(store, &key).await, None);
    done(store, &[put(&key, &[])]).await;
    assert_eq!(read(store, &key).await, Some(attrs(&[])));
}

async fn keys_tell_apart_what_joined_text_would_not(store: &dyn Store) {
    let keys = [
        ("read|k", "x"),
        ("read", "k|x"),
        ("read|k|x", "x"),
        ("read|K", "x"),
        ("read|k", "x "),
    ]
    .map(|(pk, sk)| Key::new(pk, sk));
    let writes: Vec<Write> = keys
        .iter()
        .zip(0..)
        .map(|(key, i)| put(key, &[("v", n(i))]))
        .collect();
    done(store, &writes).await;
    for (key, i) in keys.iter().zip(0..) {
        assert_eq!(
            read(store, key).await,
            Some(attrs(&[("v", n(i))])),
            "{key:?}"
        );
    }
}
