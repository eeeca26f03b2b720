//! The data folder: who may use it, and the secrets in it.

use crate::failure::Failure;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use tollgate_sqlite::FILE;

/// What signs cursors and makes pseudonyms.
pub(crate) const SECRET: &str = "cursor.secret";
/// The operator's key, where none is given.
pub(crate) const OPERATOR_KEY: &str = "operator.key";
/// The file that is locked.
const LOCK: &str = "lock";
/// What the lock says once all that belongs to a folder is in it.
const USED: &str = "used";
/// The fewest characters of a secret: as many as 128 bits take.
const SECRET_LENGTH_MIN: usize = 22;

/// A data folder, held by this process alone.
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked for as long as it is open.
    lock: File,
}

impl Folder {
    /// Opens the folder, made if need be, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::to(format!("use the folder `{}`", path.display()), error)
        };
        make_private(path).map_err(failed)?;
        let lock = private(path, LOCK, false).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(Failure::new(format!(
                "another process uses the folder `{}`",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            lock,
        })
    }

    /// The same, if it is new or has all that belongs to a used one: without its
    /// database every limit and key would be gone, without its secret pseudonyms
    /// and cursors would change. `is_new` begins anew with what is there.
    pub(crate) fn open_used(path: &Path, is_new: bool) -> Result<Self, Failure> {
        let folder = Self::open(path)?;
        let file = |name| folder.path.join(name);
        let has = |file: PathBuf| std::fs::metadata(file).is_ok_and(|file| file.len() > 0);
        let was_used = std::fs::read_to_string(file(LOCK)).is_ok_and(|text| text == USED);
        let (database, secret) = (has(folder.database()), has(file(SECRET)));
        let lost = match (database, secret) {
            // A first start that broke off has made the database first.
            (true, false) if was_used => SECRET,
            (false, _)
                if was_used || secret || file(SECRET).exists() || has(file(OPERATOR_KEY)) =>
            {
                FILE
            }
            _ => return Ok(folder),
        };
        if !is_new {
            return Err(Failure::new(format!(
                "the folder `{}` was used, and its `{lost}` is missing or empty: put it back from a \
                 backup, or begin anew with --new",
                path.display()
            )));
        }
        Ok(folder)
    }

    /// Notes that all that belongs to it is in it.
    pub(crate) fn set_used(&self) -> Result<(), Failure> {
        let mut lock = &self.lock;
        lock.set_len(0)
            .and_then(|()| lock.write_all(USED.as_bytes()))
            .and_then(|()| lock.sync_all())
            .map_err(|error| {
                Failure::to(format!("use the folder `{}`", self.path.display()), error)
            })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of its database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(FILE)
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
        match std::fs::read_to_string(self.path.join(name)) {
            Ok(kept) if is_secret(kept.trim()) => return Ok(kept.trim().to_owned()),
            Ok(kept) if kept.is_empty() => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(_) | Err(_) => {
                return Err(Failure::new(format!(
                    "`{name}` in `{}` is none that Tollgate made: put it back from a backup",
                    self.path.display()
                )));
            }
        }
        let secret = fresh()?;
        // It has its name only once it is whole.
        let part = format!("{name}.part");
        let mut file = private(&self.path, &part, true).map_err(failed)?;
        file.write_all(secret.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(self.path.join(&part), self.path.join(name)))
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(failed)?;
        Ok(secret)
    }
}

fn is_secret(text: &str) -> bool {
    text.len() >= SECRET_LENGTH_MIN && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Makes the folder, if need be, for its owner alone.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        folder.mode(0o700);
    }
    folder.create(path)
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

    const ONE: &str = "a-secret-of-some-forty-characters-in-all";

    #[test]
    fn a_secret_stays_the_same_and_a_folder_has_one_user() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Folder::open(temporary.path()).unwrap();
        let first = folder.secret("k", || Ok(ONE.to_owned())).unwrap();
        assert_eq!(folder.secret("k", || Ok("two".to_owned())).unwrap(), first);
        assert!(Folder::open(temporary.path()).is_err());
    }

    #[test]
    fn a_secret_that_is_none_is_refused_and_not_replaced() {
        for foreign in [
            b"zzz".as_slice(),
            b"\xff\xfe",
            b"two words that are long enough",
            b" \n",
        ] {
            let temporary = tempfile::tempdir().unwrap();
            let file = temporary.path().join("k");
            std::fs::write(&file, foreign).unwrap();
            let folder = Folder::open(temporary.path()).unwrap();
            assert!(folder.secret("k", || Ok(ONE.to_owned())).is_err());
            assert_eq!(std::fs::read(&file).unwrap(), foreign);
        }
    }

    #[test]
    fn a_used_folder_that_lacks_something_is_refused_unless_it_begins_anew() {
        let whole = (Some("x"), Some(ONE));
        for ((database, secret), key, was_used, is_fine) in [
            ((None, None), None, false, true),
            (whole, None, true, true),
            (whole, None, false, true),
            ((None, Some(ONE)), None, false, false),
            ((Some(""), Some(ONE)), None, true, false),
            ((None, None), Some(ONE), false, false),
            ((None, None), None, true, false),
            ((Some("x"), None), None, true, false),
            ((Some("x"), Some("")), None, true, false),
            // A first start was broken off.
            ((Some("x"), None), None, false, true),
            ((Some(""), None), None, false, true),
        ] {
            let temporary = tempfile::tempdir().unwrap();
            for (name, content) in [(FILE, database), (SECRET, secret), (OPERATOR_KEY, key)] {
                if let Some(content) = content {
                    std::fs::write(temporary.path().join(name), content).unwrap();
                }
            }
            if was_used {
                Folder::open(temporary.path()).unwrap().set_used().unwrap();
            }
            let opened = Folder::open_used(temporary.path(), false);
            assert_eq!(
                opened.is_ok(),
                is_fine,
                "{database:?} {secret:?} {key:?} {was_used}"
            );
            drop(opened);
            assert!(Folder::open_used(temporary.path(), true).is_ok());
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("deep/data");
        let folder = Folder::open(&path).unwrap();
        folder.secret("k", || Ok(ONE.to_owned())).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("k"))), (0o700, 0o600));
    }
}
