//! The sparse index of tasks.

use super::{delete, done, n, put, s};
use std::sync::Arc;
use tollgate_core::table::{PAGE, TASK_KEY, TASK_SORT};
use tollgate_core::{Attrs, Key, Write};
use tollgate_service::{Query, Store};

super::questions![
    the_index_holds_only_items_of_the_task_in_its_own_order,
    the_index_shows_nothing_but_the_page,
    the_index_follows_changes,
    the_index_is_read_in_slices,
];

fn entry(pk: &str, task: &str, sort: &str, page: &str) -> Write {
    put(
        &Key::new(pk, "I"),
        &[
            (TASK_KEY, s(task)),
            (TASK_SORT, s(sort)),
            (PAGE, s(page)),
            ("fp", n(1)),
        ],
    )
}

fn of(task: &str) -> Query {
    let mut query = Query::of(task);
    query.by_task = true;
    query
}

async fn found(store: &dyn Store, query: &Query) -> Vec<(String, Attrs)> {
    store.query(query).await.expect("a query").items
}

async fn the_index_holds_only_items_of_the_task_in_its_own_order(store: &dyn Store) {
    let writes = [
        entry("task-c", "T|order", "2026-11-22|c", "p1"),
        entry("task-a", "T|order", "2026-11-23|a", "p2"),
        entry("task-b", "T|order", "2026-11-21|b", "p3"),
        entry("task-d", "T|other", "2026-11-21|d", "p4"),
        put(&Key::new("task-e", "I"), &[(PAGE, s("p5"))]),
    ];
    done(store, &writes).await;
    let sorts =
        |items: Vec<(String, Attrs)>| items.into_iter().map(|(sort, _)| sort).collect::<Vec<_>>();
    assert_eq!(
        sorts(found(store, &of("T|order")).await),
        ["2026-11-21|b", "2026-11-22|c", "2026-11-23|a"]
    );
    assert_eq!(
        sorts(found(store, &of("T|order").from("2026-11-22").to("2026-11-23|a")).await),
        ["2026-11-22|c"]
    );
    let mut backwards = of("T|order");
    backwards.descending = true;
    assert_eq!(
        sorts(found(store, &backwards).await),
        ["2026-11-23|a", "2026-11-22|c", "2026-11-21|b"]
    );
    assert_eq!(found(store, &of("T|none")).await, []);
    assert_eq!(found(store, &Query::of("T|order")).await, []);
}

async fn the_index_shows_nothing_but_the_page(store: &dyn Store) {
    done(
        store,
        &[entry("task-page", "T|page", "1", "2026-11-22/ulid/0")],
    )
    .await;
    let items = found(store, &of("T|page")).await;
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].0, "1");
    let (page, rest): (Vec<_>, Vec<_>) = items[0].1.iter().partition(|(name, _)| &***name == PAGE);
    assert_eq!(page, [(&Arc::from(PAGE), &s("2026-11-22/ulid/0"))]);
    // Besides the page, DynamoDB projects the index's own keys.
    assert!(
        rest.iter()
            .all(|(name, _)| [TASK_KEY, TASK_SORT].contains(&&***name)),
        "{rest:?}"
    );
}

async fn the_index_follows_changes(store: &dyn Store) {
    let key = Key::new("task-changes", "I");
    done(store, &[entry("task-changes", "T|was", "1", "old")]).await;
    let page = |items: Vec<(String, Attrs)>| {
        items
            .into_iter()
            .map(|(sort, attrs)| (sort, attrs[PAGE].clone()))
            .collect::<Vec<_>>()
    };
    let set = vec![(Arc::from(PAGE), s("new"))];
    done(store, &[Write::set(key.clone(), set)]).await;
    assert_eq!(
        page(found(store, &of("T|was")).await),
        [("1".to_owned(), s("new"))]
    );
    done(store, &[entry("task-changes", "T|is", "2", "moved")]).await;
    assert_eq!(page(found(store, &of("T|was")).await), []);
    assert_eq!(
        page(found(store, &of("T|is")).await),
        [("2".to_owned(), s("moved"))]
    );
    done(store, &[delete(&key)]).await;
    assert_eq!(page(found(store, &of("T|is")).await), []);
}

async fn the_index_is_read_in_slices(store: &dyn Store) {
    let sorts: Vec<String> = (0..7).map(|i| format!("{i}")).collect();
    let writes: Vec<Write> = sorts
        .iter()
        .map(|sort| entry(&format!("task-slices-{sort}"), "T|slices", sort, "p"))
        .collect();
    done(store, &writes).await;
    for limit in [1, 2, 3, 7] {
        let mut query = of("T|slices");
        query.limit = limit;
        let (mut all, mut next) = (Vec::new(), Some(query));
        while let Some(query) = next {
            let slice = store.query(&query).await.expect("a query");
            next = query.after(&slice);
            all.extend(slice.items.into_iter().map(|(sort, _)| sort));
        }
        assert_eq!(all, sorts, "by {limit}");
    }
}
