//! Reading a partition slice by slice.

use super::{done, n, put};
use tollgate_core::{Attrs, Key, Value, Write};
use tollgate_service::{Query, Store};

super::questions![
    slices_of_any_size_give_every_item_once,
    slices_of_a_range_end_with_it,
    a_slice_says_more_when_it_stops_before_the_end,
    a_partition_of_megabytes_comes_in_slices,
    no_slice_holds_more_than_the_limit_of_all,
    keys_with_nul_are_not_stepped_over,
];

/// Every item of `query`, in slices; and how many there were.
async fn all(store: &dyn Store, query: Query) -> (Vec<(String, Attrs)>, usize) {
    let (mut items, mut slices, mut next) = (Vec::new(), 0, Some(query));
    while let Some(query) = next {
        let slice = store.query(&query).await.expect("a query");
        assert!(slice.items.len() <= query.limit.min(Query::LIMIT_MAX));
        next = query.after(&slice);
        items.extend(slice.items);
        slices += 1;
        assert!(slices < 1000, "it does not end");
    }
    (items, slices)
}

async fn keys(store: &dyn Store, query: Query) -> Vec<String> {
    all(store, query)
        .await
        .0
        .into_iter()
        .map(|(sk, _)| sk)
        .collect()
}

async fn fill(store: &dyn Store, pk: &str, count: usize) -> Vec<String> {
    let keys: Vec<String> = (0..count).map(|i| format!("{i:04}")).collect();
    let writes: Vec<Write> = keys
        .iter()
        .map(|sk| put(&Key::new(pk, sk), &[("v", n(1))]))
        .collect();
    done(store, &writes).await;
    keys
}

async fn slices_of_any_size_give_every_item_once(store: &dyn Store) {
    let expected = fill(store, "slices", 12).await;
    let backwards: Vec<String> = expected.iter().rev().cloned().collect();
    for limit in [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 100] {
        let mut query = Query::of("slices");
        query.limit = limit;
        assert_eq!(keys(store, query.clone()).await, expected, "by {limit}");
        query.descending = true;
        assert_eq!(keys(store, query).await, backwards, "backwards by {limit}");
    }
}

async fn slices_of_a_range_end_with_it(store: &dyn Store) {
    let filled = fill(store, "slices-range", 12).await;
    for limit in [1, 2, 3, 4, 6, 7, 8] {
        for (from, to) in [
            ("0003", "0009"),
            ("0003", "0008x"),
            ("0002x", "0009"),
            ("0000", "0012"),
            ("0011", "0012"),
        ] {
            let mut expected: Vec<String> = filled
                .iter()
                .filter(|sk| from <= sk.as_str() && sk.as_str() < to)
                .cloned()
                .collect();
            let mut query = Query::of("slices-range").from(from).to(to);
            query.limit = limit;
            assert_eq!(
                keys(store, query.clone()).await,
                expected,
                "[{from}, {to}) by {limit}"
            );
            query.descending = true;
            expected.reverse();
            assert_eq!(
                keys(store, query).await,
                expected,
                "[{from}, {to}) backwards by {limit}"
            );
        }
    }
}

async fn a_slice_says_more_when_it_stops_before_the_end(store: &dyn Store) {
    fill(store, "slices-more", 6).await;
    for (limit, more) in [(1, true), (5, true), (6, false), (7, false)] {
        for descending in [false, true] {
            let mut query = Query::of("slices-more");
            (query.limit, query.descending) = (limit, descending);
            let slice = store.query(&query).await.expect("a query");
            assert_eq!(
                (slice.items.len(), slice.more),
                (limit.min(6), more),
                "by {limit}"
            );
        }
    }
}

async fn a_partition_of_megabytes_comes_in_slices(store: &dyn Store) {
    // 2.4 MB; DynamoDB stops a query at 1 MB.
    let keys: Vec<Key> = (0..20)
        .map(|i| Key::new("slices-large", format!("{i:02}")))
        .collect();
    for chunk in keys.chunks(10) {
        let writes: Vec<Write> = chunk
            .iter()
            .map(|key| put(key, &[("b", Value::B(vec![1; 120_000]))]))
            .collect();
        done(store, &writes).await;
    }
    for descending in [false, true] {
        let mut query = Query::of("slices-large");
        query.descending = descending;
        let (items, _) = all(store, query).await;
        let mut expected: Vec<&str> = keys.iter().map(|key| key.sk.as_str()).collect();
        if descending {
            expected.reverse();
        }
        assert_eq!(
            items.iter().map(|(sk, _)| sk.as_str()).collect::<Vec<_>>(),
            expected
        );
        assert!(
            items
                .iter()
                .all(|(_, attrs)| attrs["b"].as_bytes().map(<[u8]>::len) == Some(120_000))
        );
    }
}

async fn no_slice_holds_more_than_the_limit_of_all(store: &dyn Store) {
    let expected = fill(store, "slices-many", Query::LIMIT_MAX + 60).await;
    let mut query = Query::of("slices-many");
    query.limit = usize::MAX;
    let slice = store.query(&query).await.expect("a query");
    assert_eq!((slice.items.len(), slice.more), (Query::LIMIT_MAX, true));
    let (items, slices) = all(store, query).await;
    assert_eq!((items.len(), slices), (expected.len(), 2));
}

async fn keys_with_nul_are_not_stepped_over(store: &dyn Store) {
    let expected = ["a", "a\0", "a\0\0", "a\0b", "a\u{1}", "aa", "b"];
    let writes: Vec<Write> = expected
        .iter()
        .map(|sk| put(&Key::new("slices-nul", *sk), &[("v", n(1))]))
        .collect();
    done(store, &writes).await;
    for limit in [1, 2, 3] {
        let mut query = Query::of("slices-nul");
        query.limit = limit;
        assert_eq!(keys(store, query.clone()).await, expected, "by {limit}");
        query.descending = true;
        let backwards: Vec<&str> = expected.into_iter().rev().collect();
        assert_eq!(keys(store, query).await, backwards, "backwards by {limit}");
    }
}
