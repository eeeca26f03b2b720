//! The two files that are written.

use crate::artifact::{Artifact, PATH};
use crate::failure::Failure;
use crate::file::Output;
use std::path::{Path, PathBuf};

/// Where they are.
pub(super) struct Files {
    /// The entitlements.
    pub(super) artifact: PathBuf,
    /// The same as settings.
    pub(super) settings: PathBuf,
}

impl Files {
    /// In the folder `out`.
    pub(super) fn below(out: &Path) -> Self {
        // `./var` and `var` are the same; the shorter reads better.
        let out = if out == Path::new(".") {
            Path::new("")
        } else {
            out
        };
        Self {
            artifact: out.join(PATH),
            settings: out.join("var/tollgate.env"),
        }
    }

    /// Those that are there.
    pub(super) fn present(&self) -> Vec<&Path> {
        [&self.artifact, &self.settings]
            .into_iter()
            .map(PathBuf::as_path)
            .filter(|path| path.exists())
            .collect()
    }

    /// Writes both, or neither where one cannot be.
    pub(super) fn write(&self, artifact: &Artifact, settings: &str) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(artifact)
            .map_err(|error| Failure::to("write the entitlements", error))?;
        let begun = [
            (&self.artifact, format!("{text}\n")),
            (&self.settings, settings.to_string()),
        ]
        .map(|(path, text)| {
            let mut output = Output::create_all(path)?;
            output.write(text.as_bytes())?;
            Ok(output)
        });
        let [artifact, settings]: [Result<Output, Failure>; 2] = begun;
        let (artifact, settings) = (artifact?, settings?);
        artifact.finish()?;
        settings.finish()
    }
}
