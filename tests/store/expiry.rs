//! The embedded store forgets what DynamoDB would.

use tollgate_core::{Attrs, Guard, Key, Value, Write, table};
use tollgate_service::{Memory, Query, Store};
use tollgate_tests::file_in;

const NOW: i64 = 1_700_000_000;

fn put(pk: &str, sk: &str, ttl: Option<i64>) -> Write {
    let ttl = ttl.map(|ttl| (table::TTL.into(), Value::N(i128::from(ttl))));
    let attrs: Attrs = ttl.into_iter().collect();
    Write::put(Key::new(pk, sk), attrs).when(Guard::Absent)
}

/// What is over lies between what is not, at the ends of steps too.
async fn fill(store: &dyn Store, partitions: usize) {
    for partition in 0..partitions {
        let pk = format!("T|acme|I|{partition:05}");
        let items: Vec<Write> = (0..100)
            .map(|item| {
                let ttl = [Some(NOW - 1), Some(NOW), Some(NOW + 1), None][(item + partition) % 4];
                put(&pk, &format!("{item:03}"), ttl)
            })
            .collect();
        store.commit(&items).await.expect("a commit");
    }
}

async fn count(store: &dyn Store, partitions: usize) -> usize {
    let mut count = 0;
    for partition in 0..partitions {
        let query = Query::of(format!("T|acme|I|{partition:05}"));
        count += store.query(&query).await.expect("items").items.len();
    }
    count
}

#[tokio::test]
async fn items_go_when_their_time_is_over_and_others_stay() {
    const PARTITIONS: usize = 101;
    let folder = tempfile::tempdir().expect("a folder");
    let store = file_in(folder.path());
    fill(&store, PARTITIONS).await;
    assert_eq!(store.sweep(NOW).await, Ok(25 * PARTITIONS));
    assert_eq!(count(&store, PARTITIONS).await, 75 * PARTITIONS);
    drop(store);
    let store = file_in(folder.path());
    assert_eq!(store.sweep(NOW).await, Ok(0));
    assert_eq!(store.sweep(NOW + 1).await, Ok(25 * PARTITIONS));
    let memory = Memory::default();
    fill(&memory, PARTITIONS).await;
    assert_eq!(memory.sweep(NOW), 25 * PARTITIONS);
    assert_eq!(count(&memory, PARTITIONS).await, 75 * PARTITIONS);
}
