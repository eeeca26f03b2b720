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
use tollgate_core::{Attrs, Guard, Key, Value, Write, table};
use tollgate_service::{Commit, Store};
use tollgate_sqlite::{FILE, Sqlite};
use trace::{Disk, Step, read};

const FOLDER: &str = "TOLLGATE_POWER_FOLDER";
const WRITERS: usize = 4;
const COMMITS: usize = 150;
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
    (0..3).map(item).collect()
}

/// What runs under `strace`: commits, and says so on standard output.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_traced() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = Arc::new(Sqlite::open(Path::new(&folder).join(FILE)).expect("a store"));
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
    for step in read(&trace) {
        let Step::Said(line) = step else {
            disk.take(step);
            continue;
        };
        let mut numbers = line
            .split(' ')
            .skip(1)
            .map(|number| number.parse().expect("a number"));
        if !line.starts_with("ACK") {
            continue;
        }
        let ack = (
            numbers.next().expect("a writer"),
            numbers.next().expect("a commit"),
        );
        acknowledged.push(ack);
        if acknowledged.len().is_multiple_of(23) {
            for remains in REMAINS {
                check(&disk, remains, &acknowledged).await;
                cuts += 1;
            }
        }
    }
    println!("{} acknowledged, {cuts} power cuts", acknowledged.len());
    assert_eq!(acknowledged.len(), WRITERS * COMMITS);
    assert!(disk.syncs > 20, "{} syncs", disk.syncs);
}

/// Opens the store on what is left of the disk.
async fn check(disk: &Disk, remains: u64, acknowledged: &[(usize, usize)]) {
    let folder = tempfile::tempdir().expect("a folder");
    disk.cut(remains, folder.path());
    let store = Sqlite::open(folder.path().join(FILE)).expect("a store");
    for (writer, commit) in acknowledged {
        let keys: Vec<Key> = (0..3).map(|part| key(*writer, *commit, part)).collect();
        let items = store.read(&keys).await.expect("items");
        assert!(
            items.iter().all(Option::is_some),
            "{writer} {commit} is lost ({remains})"
        );
    }
}
