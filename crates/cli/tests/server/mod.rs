//! `tollgate serve` as a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server, killed when it is dropped: it has no chance to tidy up.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// Open for as long as it runs, so that it can write.
    _output: BufReader<ChildStdout>,
    /// Where it listens.
    pub(crate) address: String,
    /// Its operator's key.
    pub(crate) key: String,
}

impl Server {
    /// Starts one that keeps its data as `data` says.
    pub(crate) fn start(data: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        Self::start_writing("current", data)
    }

    /// The same, which writes this version of stored forms.
    pub(crate) fn start_writing(
        version: &str,
        data: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(data)
            .stdout(Stdio::piped())
            .env("TOLLGATE_FORM_VERSION", version)
            .env_remove("TOLLGATE_OPERATOR_KEY");
        let mut child = command.spawn().expect("a server");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut lines = output.by_ref().lines();
        let mut after = |text: &str| {
            let line = lines
                .find(|line| line.as_ref().is_ok_and(|line| line.contains(text)))
                .expect("a greeting")
                .expect("a line");
            line.split(text)
                .nth(1)
                .unwrap_or_default()
                .split([',', ' '])
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let address = after("listens on ");
        let key = after("operator key: ");
        Self {
            child,
            _output: output,
            address,
            key,
        }
    }
}

impl Drop for Server {
    /// SIGKILL.
    fn drop(&mut self) {
        self.child.kill().expect("a kill");
        self.child.wait().expect("an end");
    }
}
