//! What becomes of one item.

use super::{add, attrs, delete, done, n, put, read, s};
use std::sync::Arc;
use tollgate_core::{Change, Key, Value, Write};
use tollgate_service::Store;

super::questions![
    a_put_replaces_the_whole_item,
    an_update_keeps_what_it_does_not_name,
    an_addition_takes_what_is_absent_for_nothing,
    additions_may_be_negative,
    numbers_of_38_digits_are_exact,
    a_delete_removes_and_may_be_repeated,
    text_and_bytes_come_back_as_they_were,
    a_page_of_300_kilobytes_fits,
];

/// The largest number of 38 digits.
const MOST: i128 = 10_i128.pow(38) - 1;

async fn a_put_replaces_the_whole_item(store: &dyn Store) {
    let key = Key::new("put", "x");
    done(store, &[put(&key, &[("a", n(1)), ("b", s("old"))])]).await;
    done(
        store,
        &[put(&key, &[("b", s("new")), ("c", Value::B(vec![7]))])],
    )
    .await;
    assert_eq!(
        read(store, &key).await,
        Some(attrs(&[("b", s("new")), ("c", Value::B(vec![7]))]))
    );
}

async fn an_update_keeps_what_it_does_not_name(store: &dyn Store) {
    let key = Key::new("update", "x");
    done(
        store,
        &[put(
            &key,
            &[("count", n(5)), ("kept", s("k")), ("set", s("old"))],
        )],
    )
    .await;
    let change = Change::Update {
        add: vec![(Arc::from("count"), 2), (Arc::from("other"), 9)],
        set: vec![(Arc::from("set"), s("new")), (Arc::from("fresh"), n(1))],
    };
    done(
        store,
        &[Write {
            change,
            ..Write::delete(key.clone())
        }],
    )
    .await;
    let expected = attrs(&[
        ("count", n(7)),
        ("other", n(9)),
        ("kept", s("k")),
        ("set", s("new")),
        ("fresh", n(1)),
    ]);
    assert_eq!(read(store, &key).await, Some(expected));
}

async fn an_addition_takes_what_is_absent_for_nothing(store: &dyn Store) {
    let key = Key::new("add-absent", "x");
    done(store, &[add(&key, "count", 3)]).await;
    assert_eq!(read(store, &key).await, Some(attrs(&[("count", n(3))])));
    done(store, &[add(&key, "other", 4)]).await;
    done(store, &[add(&key, "count", 0)]).await;
    assert_eq!(
        read(store, &key).await,
        Some(attrs(&[("count", n(3)), ("other", n(4))]))
    );
}

async fn additions_may_be_negative(store: &dyn Store) {
    let key = Key::new("add-negative", "x");
    done(store, &[add(&key, "count", -3)]).await;
    done(store, &[add(&key, "count", 5)]).await;
    done(store, &[add(&key, "count", -12)]).await;
    assert_eq!(read(store, &key).await, Some(attrs(&[("count", n(-10))])));
}

async fn numbers_of_38_digits_are_exact(store: &dyn Store) {
    let odd = 12_345_678_901_234_567_890_123_456_789_012_345_677;
    for (place, (start, more)) in [
        (0, MOST),
        (0, -MOST),
        (MOST - 1, 1),
        (1 - MOST, -1),
        (MOST, -MOST),
        (-MOST, MOST),
        (odd, 1),
        (-odd, -2),
        (odd, -odd + 1),
    ]
    .into_iter()
    .enumerate()
    {
        let key = Key::new(format!("digits-{place}"), "x");
        done(store, &[put(&key, &[("count", n(start))])]).await;
        assert_eq!(read(store, &key).await, Some(attrs(&[("count", n(start))])));
        done(store, &[add(&key, "count", more)]).await;
        assert_eq!(
            read(store, &key).await,
            Some(attrs(&[("count", n(start + more))])),
            "{start} + {more}"
        );
    }
}

async fn a_delete_removes_and_may_be_repeated(store: &dyn Store) {
    let key = Key::new("delete", "x");
    done(store, &[put(&key, &[("a", n(1))])]).await;
    done(store, &[delete(&key)]).await;
    assert_eq!(read(store, &key).await, None);
    done(store, &[delete(&key)]).await;
}

async fn text_and_bytes_come_back_as_they_were(store: &dyn Store) {
    let key = Key::new("values \u{1F980} \u{e9}", "e\u{301}\n\t\"\\");
    let all_bytes: Vec<u8> = (0..=255).collect();
    let texts = [
        "",
        "\0",
        "a\0b",
        "\u{10FFFF}",
        "line\nbreak",
        "{\"json\":1}",
        "'; --",
        "#n0 :v0",
    ];
    let mut pairs: Vec<(String, Value)> = texts
        .iter()
        .zip(0..)
        .map(|(text, i)| (format!("t{i}"), s(text)))
        .collect();
    pairs.push(("all".to_owned(), Value::B(all_bytes)));
    pairs.push(("none".to_owned(), Value::B(Vec::new())));
    pairs.push(("zero".to_owned(), Value::B(vec![0; 3])));
    pairs.push(("u:events:gpt-4o/x@1".to_owned(), n(0)));
    let pairs: Vec<(&str, Value)> = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    done(store, &[put(&key, &pairs)]).await;
    assert_eq!(read(store, &key).await, Some(attrs(&pairs)));
}

async fn a_page_of_300_kilobytes_fits(store: &dyn Store) {
    let key = Key::new("page", "x");
    let bytes: Vec<u8> = (0..300_000_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    done(
        store,
        &[put(&key, &[("b", Value::B(bytes.clone())), ("n", n(90))])],
    )
    .await;
    assert_eq!(
        read(store, &key).await,
        Some(attrs(&[("b", Value::B(bytes)), ("n", n(90))]))
    );
}
