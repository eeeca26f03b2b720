//! What `strace` tells of files, and a disk that is made of it.

use std::collections::BTreeMap;
use std::path::Path;

/// What happened, in order.
pub(crate) enum Step {
    /// A file was changed.
    Changed(String, Change),
    /// All changes that a file had when the call began are on disk.
    Synced(String, usize),
    /// A file is gone.
    Gone(String),
    /// A line on standard output.
    Said(String),
}

pub(crate) enum Change {
    Written(usize, Vec<u8>),
    Cut(usize),
}

/// A file: what is on disk, and what was changed since.
#[derive(Default)]
struct File {
    synced: Vec<u8>,
    pending: Vec<Change>,
    /// How many changes there were in all.
    changes: usize,
}

#[derive(Default)]
pub(crate) struct Disk {
    files: BTreeMap<String, File>,
    pub(crate) syncs: usize,
    /// How often the log was begun.
    pub(crate) beginnings: usize,
}

impl Disk {
    pub(crate) fn take(&mut self, step: Step) {
        match step {
            Step::Changed(path, change) => {
                let begins = matches!(change, Change::Written(0, _)) && path.ends_with("-wal");
                self.beginnings += usize::from(begins);
                let file = self.files.entry(path).or_default();
                file.pending.push(change);
                file.changes += 1;
            }
            Step::Synced(path, changes) => {
                let file = self.files.entry(path).or_default();
                let done = file.pending.len() - (file.changes - changes);
                let synced: Vec<Change> = file.pending.drain(..done).collect();
                synced
                    .iter()
                    .for_each(|change| apply(&mut file.synced, change));
                self.syncs += 1;
            }
            Step::Gone(path) => {
                let file = self.files.entry(path).or_default();
                (file.synced, file.pending) = (Vec::new(), Vec::new());
            }
            Step::Said(_) => {}
        }
    }

    /// Writes what a power cut leaves into `folder`: what was synced, and of the rest
    /// what the seed `remains` picks; 0 = nothing.
    pub(crate) fn cut(&self, remains: u64, folder: &Path) {
        let mut chance = remains;
        for (path, file) in &self.files {
            let mut left = file.synced.clone();
            for change in &file.pending {
                chance = chance
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(remains);
                if chance >> 63 == 1 {
                    apply(&mut left, change);
                }
            }
            let name = Path::new(path).file_name().expect("a name");
            // The index of the log is in memory alone.
            if !path.ends_with("-shm") {
                std::fs::write(folder.join(name), left).expect("a file");
            }
        }
    }
}

fn apply(file: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Cut(length) => file.resize(*length, 0),
        Change::Written(place, bytes) => {
            let end = place + bytes.len();
            if file.len() < end {
                file.resize(end, 0);
            }
            file[*place..end].copy_from_slice(bytes);
        }
    }
}

/// The steps of a trace with `-f -xx`.
pub(crate) fn read(trace: &str) -> Vec<Step> {
    let mut files = Files::default();
    let mut begun: BTreeMap<&str, String> = BTreeMap::new();
    let mut steps = Vec::new();
    for line in trace.lines() {
        let (process, call) = line.split_once(' ').expect("a process");
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            files.begin(process, start);
            begun.insert(process, start.to_owned());
        } else if call.starts_with("<... ") {
            let (_, end) = call.split_once(" resumed>").expect("an end");
            let start = begun.remove(process).unwrap_or_default();
            steps.extend(files.end(process, &format!("{start}{end}")));
        } else {
            files.begin(process, call);
            steps.extend(files.end(process, call));
        }
    }
    steps
}

/// Open files of the traced process.
#[derive(Default)]
struct Files {
    open: BTreeMap<String, (String, usize)>,
    /// How many changes each file has had.
    changes: BTreeMap<String, usize>,
    /// How many it had when a process began to sync.
    syncing: BTreeMap<String, usize>,
}

impl Files {
    fn begin(&mut self, process: &str, call: &str) {
        if let Some(rest) = call
            .strip_prefix("fsync(")
            .or(call.strip_prefix("fdatasync("))
        {
            let file = rest.split([')', ',']).next().unwrap_or_default();
            if let Some((path, _)) = self.open.get(file) {
                let changes = self.changes.get(path).copied().unwrap_or(0);
                self.syncing.insert(process.to_owned(), changes);
            }
        }
    }

    fn end(&mut self, process: &str, call: &str) -> Option<Step> {
        let (name, rest) = call.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(") ").or(rest.rsplit_once(')'))?;
        let result: i64 = result
            .trim_start_matches([' ', '='])
            .split(' ')
            .next()?
            .parse()
            .ok()?;
        if result < 0 {
            return None;
        }
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let file = arguments.first()?.trim();
        match name {
            "openat" => {
                let path = text(arguments.get(1)?);
                if path.contains("tollgate.db") {
                    self.open.insert(result.to_string(), (path, 0));
                } else {
                    self.open.remove(&result.to_string());
                }
                None
            }
            "close" => {
                self.open.remove(file);
                None
            }
            "lseek" => {
                let open = self.open.get_mut(file)?;
                open.1 = usize::try_from(result).ok()?;
                None
            }
            "write" if file == "1" => Some(Step::Said(text(arguments.get(1)?).trim().to_owned())),
            "write" => {
                let bytes = bytes(arguments.get(1)?);
                let open = self.open.get_mut(file)?;
                let place = open.1;
                open.1 += bytes.len();
                let path = open.0.clone();
                Some(self.changed(path, Change::Written(place, bytes)))
            }
            "pwrite64" => {
                let path = self.open.get(file)?.0.clone();
                let place = arguments.get(3)?.parse().ok()?;
                Some(self.changed(path, Change::Written(place, bytes(arguments.get(1)?))))
            }
            "ftruncate" => {
                let path = self.open.get(file)?.0.clone();
                let length = arguments.get(1)?.parse().ok()?;
                Some(self.changed(path, Change::Cut(length)))
            }
            "fsync" | "fdatasync" => {
                let path = self.open.get(file)?.0.clone();
                let changes = self.syncing.remove(process)?;
                Some(Step::Synced(path, changes))
            }
            "unlink" => Some(Step::Gone(text(file))),
            _ => None,
        }
    }

    fn changed(&mut self, path: String, change: Change) -> Step {
        *self.changes.entry(path.clone()).or_default() += 1;
        Step::Changed(path, change)
    }
}

fn text(quoted: &str) -> String {
    String::from_utf8_lossy(&bytes(quoted)).into_owned()
}

/// The bytes of `"\x01\x02"`.
fn bytes(quoted: &str) -> Vec<u8> {
    let digits = quoted.trim_matches('"').split("\\x").skip(1);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).expect("a byte"))
        .collect()
}
