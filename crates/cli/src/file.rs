//! A file that is there only once it is whole.

use crate::call::hex;
use crate::failure::Failure;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

/// Where an export goes. A file is written beside its target and takes its
/// place at the end; dropped before, it leaves nothing.
pub(crate) struct Output {
    to: BufWriter<Box<dyn Write>>,
    is_stdout: bool,
    /// The file being written, and what it is to be.
    renames: Option<(PathBuf, PathBuf)>,
}

impl Output {
    /// Stdout for `-`, else a file. What is no plain file, such as a pipe, is
    /// written to as it is.
    pub(crate) fn create(target: &Path) -> Result<Self, Failure> {
        if target == Path::new("-") {
            return Ok(Self {
                to: BufWriter::new(Box::new(stdout())),
                is_stdout: true,
                renames: None,
            });
        }
        let failed = |error| Failure::to(format!("write `{}`", target.display()), error);
        if std::fs::metadata(target).is_ok_and(|found| !found.is_file()) {
            let file = OpenOptions::new()
                .write(true)
                .open(target)
                .map_err(failed)?;
            return Ok(Self {
                to: buffered(file),
                is_stdout: false,
                renames: None,
            });
        }
        let beside = beside(target)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)
            .map_err(failed)?;
        Ok(Self {
            to: buffered(file),
            is_stdout: false,
            renames: Some((beside, target.to_owned())),
        })
    }

    /// The same, with the folders that it takes.
    pub(crate) fn create_all(target: &Path) -> Result<Self, Failure> {
        if let Some(folder) = target.parent().filter(|_| target != Path::new("-")) {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::to(format!("make the folder `{}`", folder.display()), error)
            })?;
        }
        Self::create(target)
    }

    /// Whether it goes to stdout.
    pub(crate) fn is_stdout(&self) -> bool {
        self.is_stdout
    }

    /// Writes more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to
            .write_all(bytes)
            .map_err(|error| Failure::to("write the file", error))
    }

    /// Says that it is whole.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.to
            .flush()
            .map_err(|error| Failure::to("write the file", error))?;
        let Some((beside, target)) = self.renames.take() else {
            return Ok(());
        };
        let kept = File::open(&beside)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&beside, &target));
        kept.map_err(|error| {
            // What cannot be removed either is of no use to anyone.
            let _ = std::fs::remove_file(&beside);
            Failure::to(format!("write `{}`", target.display()), error)
        })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some((beside, _)) = &self.renames {
            let _ = std::fs::remove_file(beside);
        }
    }
}

fn buffered(file: File) -> BufWriter<Box<dyn Write>> {
    BufWriter::with_capacity(256 * 1024, Box::new(file))
}

/// A new name in the folder of `target`.
fn beside(target: &Path) -> Result<PathBuf, Failure> {
    let wrong = || Failure::new(format!("`{}` is no name of a file", target.display()));
    let name = target.file_name().ok_or_else(wrong)?;
    let mut bytes = [0_u8; 4];
    getrandom::fill(&mut bytes).map_err(|error| Failure::to("draw a random name", error))?;
    Ok(target.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), hex(&bytes))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        entries.collect()
    }

    #[test]
    fn a_file_takes_its_place_when_it_is_whole_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("usage.csv");
        std::fs::write(&target, "before").unwrap();
        let mut broken = Output::create(&target).unwrap();
        broken.write(b"half").unwrap();
        drop(broken);
        assert_eq!(
            (
                std::fs::read_to_string(&target).unwrap().as_str(),
                names(folder.path()).len()
            ),
            ("before", 1)
        );
        let mut whole = Output::create(&target).unwrap();
        whole.write(b"whole").unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "before");
        whole.finish().unwrap();
        assert_eq!(
            (
                std::fs::read_to_string(&target).unwrap().as_str(),
                names(folder.path()).len()
            ),
            ("whole", 1)
        );
    }

    #[test]
    fn a_folder_or_no_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Output::create(folder.path()).is_err());
        assert!(Output::create(&folder.path().join("none").join("usage.csv")).is_err());
        assert!(names(folder.path()).is_empty());
    }
}
