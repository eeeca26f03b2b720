//! `tollgate migrate`: all that is stored, in one version of its forms.

use crate::aws;
use crate::failure::Failure;
use crate::folder::Folder;
use crate::output::print_either;
use crate::progress;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use tollgate_core::FormVersion;
use tollgate_service::{Migrated, Scan, migrate};
use tollgate_sqlite::Sqlite;

/// Rewrite what is stored in the version of this release
///
/// This release reads what the one before wrote, so nothing has to be rewritten before it
/// is used; the next release will not. Every item is read, and the checksum of what has
/// one is compared; what is of the version before is rewritten, each item on its own, if
/// nobody changed it. Functions may go on meanwhile, once all of them write the version
/// asked for. To go back to the release before: switch all to
/// `TOLLGATE_FORM_VERSION=before`, then migrate with `--to before`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate migrate --data ./data\n  \
    tollgate migrate --table tollgate --to before")]
pub(crate) struct Args {
    /// Folder that keeps everything; no server may run on it
    #[arg(long, required_unless_present = "table", conflicts_with = "table")]
    data: Option<PathBuf>,
    /// DynamoDB table, in the account and region of the environment
    #[arg(long)]
    table: Option<String>,
    /// Which version of each form
    #[arg(long, value_enum, default_value = "current")]
    to: To,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A version of the stored forms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum To {
    /// That of this release
    Current,
    /// That of the release before
    Before,
}

/// What was read and rewritten.
#[derive(Serialize)]
struct Counts {
    store: String,
    items: u64,
    rewritten: u64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    // The folder stays locked for as long as its store is used.
    let (store, name, _folder): (Arc<dyn Scan>, String, Option<Folder>) =
        match (&args.data, &args.table) {
            (_, Some(table)) => (aws::connect_to_scan(table).await?, table.clone(), None),
            (data, None) => {
                let path = data.clone().unwrap_or_default();
                if !path.join(tollgate_sqlite::FILE).is_file() {
                    let path = path.display();
                    return Err(Failure::new(format!("`{path}` is no data folder")));
                }
                let folder = Folder::open_used(&path, false)?;
                let opened = Sqlite::open(folder.database());
                let file = opened.map_err(|error| Failure::to("open the store", error))?;
                let name = folder.path().display().to_string();
                (Arc::new(file), name, Some(folder))
            }
        };
    let to = match args.to {
        To::Current => FormVersion::Current,
        To::Before => FormVersion::Before,
    };
    let bar = progress::bar(0, "items");
    let migrated = migrate(&*store, to, |done| {
        bar.set_length(done.items);
        bar.set_position(done.items);
    })
    .await;
    bar.finish_and_clear();
    let Migrated { items, rewritten } =
        migrated.map_err(|error| Failure::to(format!("migrate `{name}`"), error))?;
    let counts = Counts {
        store: name,
        items,
        rewritten,
    };
    print_either(args.json, &counts, |Counts { store, .. }| {
        format!("{items} items read in `{store}`, {rewritten} of them rewritten")
    })
}
