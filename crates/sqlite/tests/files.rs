//! The file: whose it is, what is refused, and what a damaged one says.
#![expect(clippy::expect_used, reason = "a test says what it needs")]

use std::collections::BTreeMap;
use std::path::Path;
use tollgate_core::{Attrs, Guard, Key, Value, Write, table};
use tollgate_service::{Commit, Reason, Scan, Store, StoreError};
use tollgate_sqlite::{FILE, Sqlite};

fn key(number: usize) -> Key {
    Key::new(
        format!("T|acme|I|{:03}", number / 10),
        format!("{:03}", number % 10),
    )
}

fn put(number: usize) -> Write {
    let body = format!("{number}-").repeat(1 + number % 90).into_bytes();
    let attrs = Attrs::from([
        (table::BODY.into(), Value::B(body)),
        (
            table::COUNT.into(),
            Value::N(i128::try_from(number).expect("a number")),
        ),
    ]);
    Write::put(key(number), attrs).when(Guard::Absent)
}

async fn fill(folder: &Path, count: usize) -> Sqlite {
    let store = Sqlite::open(folder.join(FILE)).expect("a store");
    for first in (0..count).step_by(50) {
        let writes: Vec<Write> = (first..first + 50).map(put).collect();
        let done = store.commit(&writes).await.expect("a commit");
        assert!(matches!(done, Commit::Done { .. }));
    }
    store
}

async fn scan(store: &Sqlite) -> Result<BTreeMap<Key, Attrs>, StoreError> {
    let mut all = BTreeMap::new();
    loop {
        let after = all.keys().next_back().cloned();
        let items = store.scan(after, 70).await?;
        if items.is_empty() {
            return Ok(all);
        }
        all.extend(items);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_committed_together_are_applied_or_refused_each_on_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = std::sync::Arc::new(fill(folder.path(), 50).await);
    // Each asks for a new item and, but for every third, for one that is there.
    let asked = (0..600_usize).map(|number| {
        let store = std::sync::Arc::clone(&store);
        let second = if number % 3 == 0 {
            2_000 + number
        } else {
            number % 50
        };
        tokio::spawn(async move { store.commit(&[put(1_000 + number), put(second)]).await })
    });
    for (number, answer) in asked.collect::<Vec<_>>().into_iter().enumerate() {
        match answer.await.expect("an answer").expect("a commit") {
            Commit::Done { .. } => assert_eq!(number % 3, 0),
            Commit::Refused(refusals) => {
                assert_ne!(number % 3, 0);
                assert_eq!(refusals.len(), 1);
                assert_eq!(refusals[0].index, 1);
                assert!(matches!(refusals[0].reason, Reason::Guard(Some(_))));
            }
        }
    }
    let all = scan(&store).await.expect("items");
    assert_eq!(all.len(), 50 + 2 * 200);
}

#[tokio::test]
async fn an_item_with_a_flipped_bit_is_told_as_damaged_and_never_another() {
    const FLIPS: u64 = 400;
    let folder = tempfile::tempdir().expect("a folder");
    let store = fill(folder.path(), 1_000).await;
    let whole = scan(&store).await.expect("items");
    drop(store);
    let file = folder.path().join(FILE);
    let sound = std::fs::read(&file).expect("a file");
    let (mut told, mut hidden, mut same) = (0, 0, 0);
    for flip in 0..FLIPS {
        let mut bytes = sound.clone();
        let bits = u64::try_from(bytes.len()).expect("a length") * 8;
        let bit = flip.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31) % bits;
        bytes[usize::try_from(bit / 8).expect("a place")] ^= 1 << (bit % 8);
        std::fs::write(&file, bytes).expect("a file");
        let found = match Sqlite::open(&file) {
            Ok(store) => scan(&store).await,
            Err(error) => Err(error),
        };
        match found {
            Err(_) => told += 1,
            Ok(found) => {
                // Whatever is found is as it was written.
                let is_same = |(key, attrs): (&Key, &Attrs)| whole.get(key) == Some(attrs);
                assert!(found.iter().all(is_same), "bit {bit}");
                if found.len() < whole.len() {
                    hidden += 1;
                } else {
                    same += 1;
                }
            }
        }
    }
    println!("of {FLIPS} flipped bits {told} are told, {same} change nothing, {hidden} hide items");
    assert!(told > 0 && told > 20 * hidden, "{told} {hidden}");
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(FILE);
    let other = rusqlite::Connection::open(&file).expect("a file");
    other
        .execute_batch("CREATE TABLE notes (text)")
        .expect("a table");
    drop(other);
    let refused = Sqlite::open(&file).expect_err("a refusal");
    assert!(matches!(refused, StoreError::Broken(_)), "{refused}");
    let other = rusqlite::Connection::open(&file).expect("a file");
    let tables: u32 = other
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(tables, 1);
    drop(other);
    std::fs::write(&file, "no database at all, but a text").expect("a file");
    let refused = Sqlite::open(&file).expect_err("a refusal");
    assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_beside_the_file_is_for_its_owner_alone_too() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let _store = fill(folder.path(), 50).await;
    let files = std::fs::read_dir(folder.path()).expect("files");
    let mut names = Vec::new();
    for file in files.map(|file| file.expect("a file")) {
        let mode = file.metadata().expect("rights").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
        names.push(file.file_name());
    }
    assert_eq!(names.len(), 3, "{names:?}");
}

/// How long the log becomes while eight readers overlap.
async fn longest_log(log_max: u64) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    drop(fill(folder.path(), 5_000).await);
    let file = folder.path().join(FILE);
    let store = std::sync::Arc::new(Sqlite::open_tuned(&file, 100, log_max).expect("a store"));
    let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reader = |_: usize| {
        let (store, done) = (std::sync::Arc::clone(&store), std::sync::Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                store.scan(None, 5_000).await.expect("items");
            }
        })
    };
    let readers: Vec<_> = (0..8).map(reader).collect();
    let log = folder.path().join(format!("{FILE}-wal"));
    let mut longest = 0;
    for number in 0..1_500 {
        // The same again would be written to no page.
        let byte = u8::try_from(number % 251).expect("a byte");
        let big = Attrs::from([(table::BODY.into(), Value::B(vec![byte; 30_000]))]);
        let write = Write::put(Key::new("T|acme|big", (number % 10).to_string()), big);
        store.commit(&[write]).await.expect("a commit");
        longest = longest.max(std::fs::metadata(&log).expect("a log").len());
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("a reader");
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_that_overlap_for_ever_do_not_make_the_log_grow_for_ever() {
    const LOG_MAX: u64 = 2 << 20;
    let (held, free) = (longest_log(LOG_MAX).await, longest_log(u64::MAX).await);
    println!("of 45 MB written the log was {held} bytes long at most, {free} where nobody waits");
    assert!(held < 2 * LOG_MAX, "{held}");
}
