//! `tollgate backup` and `tollgate restore`: a data folder as a copy, and back.

use crate::failure::Failure;
use crate::folder::{Folder, OPERATOR_KEY, SECRET};
use crate::output::print_either;
use crate::progress;
use serde::Serialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tollgate_sqlite::{FILE, Progress, copy};

/// Copy a data folder, while a server uses it or not
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate backup --data ./data ./backup-2026-12-01")]
pub(crate) struct BackupArgs {
    /// Folder for the copy: a new one, or an empty one
    to: PathBuf,
    /// Folder that keeps everything
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Bring a copy back as a data folder
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate restore ./backup-2026-12-01 --data ./data")]
pub(crate) struct RestoreArgs {
    /// Folder that `tollgate backup` made
    from: PathBuf,
    /// Folder that is to keep everything: a new one, or an empty one
    #[arg(long, default_value = "data")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was copied.
#[derive(Serialize)]
struct Copied {
    from: String,
    to: String,
    items: u64,
}

/// Runs `tollgate backup`.
pub(crate) async fn back_up(args: BackupArgs) -> Result<(), Failure> {
    run(args.data, args.to, args.json).await
}

/// Runs `tollgate restore`.
pub(crate) async fn restore(args: RestoreArgs) -> Result<(), Failure> {
    run(args.from, args.data, args.json).await
}

async fn run(from: PathBuf, to: PathBuf, json: bool) -> Result<(), Failure> {
    let names = (from.display().to_string(), to.display().to_string());
    let copied = tokio::task::spawn_blocking(move || copy_folder(&from, &to)).await;
    let copied = Copied {
        from: names.0,
        to: names.1,
        items: copied.map_err(|error| Failure::to("copy", error))??,
    };
    print_either(json, &copied, |Copied { to, items, .. }| {
        format!("{items} items copied to `{to}`, and each read and checked")
    })
}

/// Copies the database as it stands now, and the secrets; how many items it has.
fn copy_folder(from: &Path, to: &Path) -> Result<u64, Failure> {
    let source = from.join(FILE);
    if !source.is_file() {
        return Err(Failure::new(format!(
            "`{}` is no data folder: it has no `{FILE}`",
            from.display()
        )));
    }
    let is_used = std::fs::read_dir(to).is_ok_and(|mut files| files.next().is_some());
    if is_used {
        return Err(Failure::new(format!(
            "the folder `{}` is not empty",
            to.display()
        )));
    }
    let target = Folder::open(to)?;
    // The database comes last: where it is, all is.
    for (name, is_needed) in [(SECRET, true), (OPERATOR_KEY, false)] {
        let failed = |error| Failure::to(format!("read `{name}` in `{}`", from.display()), error);
        match std::fs::read_to_string(from.join(name)) {
            Err(error) if error.kind() == ErrorKind::NotFound && !is_needed => {}
            secret => {
                let secret = secret.map_err(failed)?.trim().to_owned();
                target.secret(name, || Ok(secret.clone()))?;
            }
        }
    }
    let bar = progress::bar(0, "pages");
    let copied = copy(&source, &target.database(), |Progress { done, total }| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    copied.map_err(|error| Failure::to(format!("copy `{}`", source.display()), error))
}
