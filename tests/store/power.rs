//! A power cut: what was acknowledged is there, whatever was not synced.
//!
//! The store runs under `strace`, which tells each write and sync of its files in the
//! order that they happened. From that a disk is made that forgot what was not synced
//! when the power was cut, all of it or a part, and the store is opened on it.

mod trace;

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tollgate_core::{Attrs, Change, Guard, Key, Value, Write, table};
use tollgate_service::{Commit, Store};
use tollgate_sqlite::{FILE, Sqlite};
use trace::{Disk, Step, read};

const FOLDER: &str = "TOLLGATE_POWER_FOLDER";
const WRITERS: usize = 4;
const COMMITS: usize = 150;
/// The power is cut after each of so many steps.
const CUT_EVERY: usize = 233;
/// How much more than what was synced is left: nothing, or what chance leaves.
const REMAINS: [u64; 4] = [0, 1, 2, 3];

fn key(writer: usize, commit: usize, part: usize) -> Key {
    Key::new(format!("T|acme|I|{writer}-{commit}"), part.to_string())
}

fn writes(writer: usize, commit: usize) -> Vec<Write> {
    let item = |part: usize| {
        let body = vec![u8::try_from(part).expect("a byte"); 900 * (1 + commit % 5)];
        let attrs = Attrs::from([(table::BODY.into(), Value::B(body))]);
        Write::put(key(writer, commit, part), attrs).when(Guard::Absent)
    };
    let counter = Write {
        change: Change::Update {
            add: vec![(table::COUNT.into(), 1)],
            set: Vec::new(),
        },
        ..Write::delete(counter(writer))
    };
    (0..3).map(item).chain([counter]).collect()
}

/// How many commits a writer has made.
fn counter(writer: usize) -> Key {
    Key::new("T|acme|C|writers", writer.to_string())
}

/// The log is short, so that it is put into the file and begun again often.
fn open(folder: &Path) -> Sqlite {
    Sqlite::open_tuned(&folder.join(FILE), 300, 1 << 27).expect("a store")
}

/// What runs under `strace`: commits, and says so on standard output.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_traced() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Arc::new(open(Path::new(&folder)));
    let writer = |writer: usize| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for commit in 0..COMMITS {
                let done = store.commit(&writes(writer, commit)).await;
                assert!(matches!(done, Ok(Commit::Done { .. })), "{done:?}");
                let line = format!("ACK {writer} {commit}\n");
                std::io::stdout()
                    .write_all(line.as_bytes())
                    .expect("a line");
                std::io::stdout().flush().expect("a line");
            }
        })
    };
    for writer in (0..WRITERS).map(writer).collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
}

/// The trace of the store above, in `folder`.
fn record(folder: &Path) -> String {
    let trace = folder.join("trace");
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("a folder");
    let calls = "trace=openat,close,write,pwrite64,lseek,ftruncate,fsync,fdatasync,unlink";
    let status = Command::new("strace")
        .args(["-f", "-qq", "-xx", "-s", "1000000", "-e", calls, "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().expect("this test"))
        .args([
            "--exact",
            "power::a_store_that_is_traced",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, &data)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("strace: `eval \"$(.ci/tools)\"` installs it");
    assert!(status.success());
    std::fs::read_to_string(trace).expect("a trace")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_found_after_a_power_cut_at_any_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = record(folder.path());
    let mut disk = Disk::default();
    let mut acknowledged: Vec<(usize, usize)> = Vec::new();
    let mut cuts = 0_usize;
    for (number, step) in read(&trace).into_iter().enumerate() {
        match step {
            Step::Said(line) if line.starts_with("ACK") => {
                let numbers = line.split(' ').skip(1);
                let mut numbers = numbers.map(|number| number.parse().expect("a number"));
                acknowledged.push((
                    numbers.next().expect("a writer"),
                    numbers.next().expect("a commit"),
                ));
            }
            Step::Said(_) => {}
            step => disk.take(step),
        }
        if number.is_multiple_of(CUT_EVERY) && !acknowledged.is_empty() {
            for remains in REMAINS {
                check(&disk, remains, &acknowledged).await;
                cuts += 1;
            }
        }
    }
    println!(
        "{} acknowledged, {} syncs, {} beginnings of the log, {cuts} power cuts",
        acknowledged.len(),
        disk.syncs,
        disk.beginnings
    );
    assert_eq!(acknowledged.len(), WRITERS * COMMITS);
    assert!(disk.syncs > 20 && disk.beginnings > 4 && cuts > 100);
}

/// Opens the store on what is left of the disk: what was acknowledged is there, and of
/// the rest each commit whole or not at all.
async fn check(disk: &Disk, remains: u64, acknowledged: &[(usize, usize)]) {
    let folder = tempfile::tempdir().expect("a folder");
    disk.cut(remains, folder.path());
    let store = open(folder.path());
    for writer in 0..WRITERS {
        let mut found = 0;
        for commit in 0..COMMITS {
            let keys: Vec<Key> = (0..3).map(|part| key(writer, commit, part)).collect();
            let items = store.read(&keys).await.expect("items");
            let parts = items.iter().filter(|item| item.is_some()).count();
            assert!(
                parts == 0 || parts == 3,
                "{writer} {commit}: {parts} of 3 ({remains})"
            );
            let is_told = acknowledged.contains(&(writer, commit));
            assert!(
                parts == 3 || !is_told,
                "{writer} {commit} is lost ({remains})"
            );
            found += i128::from(parts == 3);
        }
        let counted = store
            .read(&[counter(writer)])
            .await
            .expect("a counter")
            .remove(0);
        let counted = counted.and_then(|attrs| attrs.get(table::COUNT)?.as_number());
        assert_eq!(counted.unwrap_or(0), found, "{writer} ({remains})");
    }
}
