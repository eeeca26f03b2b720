//! Reading a part of one partition.

use super::{attrs, done, n, put};
use tollgate_core::{Key, Write};
use tollgate_service::{Query, Store};

super::questions![
    a_partition_comes_in_the_order_of_its_sort_keys,
    a_range_holds_its_first_key_and_not_its_last,
    a_range_that_ends_before_it_begins_is_empty,
    backwards_is_the_same_range_in_reverse,
    an_empty_partition_is_empty,
];

/// Sort keys in the order of their bytes.
const SORTED: [&str; 8] = [
    "0",
    "A",
    "a",
    "a/2026-11-22T10",
    "a/2026-11-22T9",
    "b",
    "~",
    "\u{e9}",
];

async fn fill(store: &dyn Store, pk: &str) {
    let writes: Vec<Write> = SORTED
        .iter()
        .rev()
        .map(|sk| put(&Key::new(pk, *sk), &[("v", n(sk.len() as i128))]))
        .collect();
    done(store, &writes).await;
}

async fn found(store: &dyn Store, query: &Query) -> Vec<String> {
    let slice = store.query(query).await.expect("a query");
    assert!(!slice.more, "{query:?}");
    slice.items.into_iter().map(|(sk, _)| sk).collect()
}

async fn a_partition_comes_in_the_order_of_its_sort_keys(store: &dyn Store) {
    fill(store, "query").await;
    fill(store, "query|").await;
    let slice = store.query(&Query::of("query")).await.expect("a query");
    let expected: Vec<_> = SORTED
        .iter()
        .map(|sk| ((*sk).to_owned(), attrs(&[("v", n(sk.len() as i128))])))
        .collect();
    assert_eq!(slice.items, expected);
    assert!(!slice.more);
}

async fn a_range_holds_its_first_key_and_not_its_last(store: &dyn Store) {
    let pk = "query-range";
    fill(store, pk).await;
    let bounds = [
        "0",
        "A",
        "B",
        "a",
        "a/",
        "b",
        "c",
        "~",
        "\u{e9}",
        "\u{10FFFF}",
    ];
    for from in bounds {
        assert_eq!(
            found(store, &Query::of(pk).from(from)).await,
            within(Some(from), None),
            "from {from}"
        );
        assert_eq!(
            found(store, &Query::of(pk).to(from)).await,
            within(None, Some(from)),
            "to {from}"
        );
        for to in bounds.into_iter().filter(|to| from <= *to) {
            assert_eq!(
                found(store, &Query::of(pk).from(from).to(to)).await,
                within(Some(from), Some(to)),
                "[{from}, {to})"
            );
        }
    }
}

fn within(from: Option<&str>, to: Option<&str>) -> Vec<&'static str> {
    SORTED
        .into_iter()
        .filter(|sk| from.is_none_or(|from| from <= *sk) && to.is_none_or(|to| *sk < to))
        .collect()
}

async fn a_range_that_ends_before_it_begins_is_empty(store: &dyn Store) {
    let pk = "query-reversed";
    fill(store, pk).await;
    for (from, to) in [("b", "a"), ("a", "A"), ("~", "0"), ("c", "B"), ("a", "a")] {
        for descending in [false, true] {
            let mut query = Query::of(pk).from(from).to(to);
            query.descending = descending;
            assert_eq!(found(store, &query).await, [""; 0], "[{from}, {to})");
        }
    }
}

async fn backwards_is_the_same_range_in_reverse(store: &dyn Store) {
    let pk = "query-backwards";
    fill(store, pk).await;
    for (from, to) in [
        (None, None),
        (Some("A"), None),
        (None, Some("b")),
        (Some("A"), Some("b")),
        (Some("B"), Some("~~")),
    ] {
        let mut query = Query::of(pk).from(from.unwrap_or_default());
        query.to = to.map(str::to_owned);
        query.descending = true;
        let mut expected = within(from, to);
        expected.reverse();
        assert_eq!(found(store, &query).await, expected, "[{from:?}, {to:?})");
    }
}

async fn an_empty_partition_is_empty(store: &dyn Store) {
    assert_eq!(found(store, &Query::of("query-nothing")).await, [""; 0]);
    assert_eq!(
        found(store, &Query::of("query-nothing").from("a").to("b")).await,
        [""; 0]
    );
}
