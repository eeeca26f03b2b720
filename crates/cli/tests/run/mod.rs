//! `tollgate` as it is called, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What a run came to.
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A folder in which commands are run.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Runs `tollgate` with these words, and nothing of this environment that
    /// it would read.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command().args(words).output().expect("a run");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran {
            code: status.code(),
            out: text(stdout),
            err: text(stderr),
        }
    }

    /// `tollgate`, still without words.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        let ours = |key: &String| {
            key.starts_with("USAGE_") || key.starts_with("ENABLE_") || key.starts_with("TOLLGATE_")
        };
        for key in std::env::vars().map(|(key, _)| key).filter(ours) {
            command.env_remove(key);
        }
        command.current_dir(self.0.path());
        command
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The text of a file in it.
    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&self) -> bool {
        let folder: &Path = self.0.path();
        std::fs::read_dir(folder)
            .expect("a folder")
            .next()
            .is_none()
    }
}

impl Ran {
    /// Its output, of a run that went well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.err);
        self.out
    }

    /// The one sentence on what was wrong.
    pub(crate) fn refusal(self) -> String {
        assert!(self.code.is_some_and(|code| code != 0), "{}", self.out);
        assert_eq!(
            (self.out.as_str(), self.err.lines().count()),
            ("", 1),
            "{}",
            self.err
        );
        self.err
    }
}
