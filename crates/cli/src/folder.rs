//! The data folder: who may use it, and the secrets in it.

use crate::failure::Failure;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A data folder, held by this process alone.
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Folder {
    /// Opens the folder, made if need be, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::to(format!("use the folder `{}`", path.display()), error)
        };
        std::fs::create_dir_all(path).map_err(failed)?;
        let lock = private(path, "lock", false).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(Failure::new(format!(
                "another process uses the folder `{}`",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The secret kept under `name`, made by `fresh` the first time.
    pub(crate) fn secret(
        &self,
        name: &str,
        fresh: impl Fn() -> Result<String, Failure>,
    ) -> Result<String, Failure> {
        let failed = |error: std::io::Error| {
            Failure::to(format!("keep `{name}` in `{}`", self.path.display()), error)
        };
        let kept = std::fs::read_to_string(self.path.join(name)).unwrap_or_default();
        if !kept.trim().is_empty() {
            return Ok(kept.trim().to_owned());
        }
        let secret = fresh()?;
        let mut file = private(&self.path, name, true).map_err(failed)?;
        file.write_all(secret.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        Ok(secret)
    }
}

/// Opens a file that only its owner may read.
fn private(folder: &Path, name: &str, truncate: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(truncate);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stays_the_same_and_a_folder_has_one_user() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let first = folder.secret("k", || Ok("one".to_owned())).unwrap();
        assert_eq!(folder.secret("k", || Ok("two".to_owned())).unwrap(), first);
        assert!(Folder::open(temporary.path()).is_err());
    }
}
