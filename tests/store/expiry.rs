//! The embedded store forgets what DynamoDB would.

use tollgate_core::{Attrs, Guard, Key, Value, Write, table};
use tollgate_dynamo::embedded;
use tollgate_service::Store;

#[tokio::test]
async fn items_go_when_their_time_is_over_and_others_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, expiry) = embedded::open_expiring(Some(folder.path()))
        .await
        .expect("a store");
    let put = |sk: &str, ttl: Option<i128>| {
        let attrs: Attrs = ttl
            .map(|ttl| (table::TTL.into(), Value::N(ttl)))
            .into_iter()
            .collect();
        Write::put(Key::new("T|acme|I|x", sk), attrs).when(Guard::Absent)
    };
    let year_3000 = 32_503_680_000;
    store
        .commit(&[
            put("past", Some(1_600_000_000)),
            put("future", Some(year_3000)),
            put("ever", None),
        ])
        .await
        .expect("a commit");
    assert_eq!(expiry.sweep().await, Ok(1));
    let keys = ["past", "future", "ever"].map(|sk| Key::new("T|acme|I|x", sk));
    let left = store.read(&keys).await.expect("items");
    assert_eq!(
        left.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true, true]
    );
    drop((store, expiry));
    let (_, expiry) = embedded::open_expiring(Some(folder.path()))
        .await
        .expect("the same store again");
    assert_eq!(expiry.sweep().await, Ok(0));
}
