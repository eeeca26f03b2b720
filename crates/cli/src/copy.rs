//! `tollgate copy`: everything between a data folder and a DynamoDB table.

use crate::aws;
use crate::failure::Failure;
use crate::folder::{Folder, SECRET};
use crate::output::print_either;
use crate::progress;
use serde::Serialize;
use std::path::PathBuf;
use tollgate_gateway::SystemClock;
use tollgate_service::{Clock, copy};
use tollgate_sqlite::Sqlite;

/// Copy everything between a data folder and a DynamoDB table
///
/// Item by item, each compared in the end. Nobody may use either meanwhile: stop the
/// server, and the functions. The target holds nothing, or what an earlier copy that
/// broke off left there. Pseudonyms and cursors depend on the secret: the stack's
/// `CursorSecret` and `cursor.secret` in the folder must be the same. Keys made with
/// `keys` go along; the operator's key, which is not in the store, does not.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate copy --data ./data --table tollgate --to table\n  \
    tollgate copy --data ./new --table tollgate --to data --secret secret.txt"
)]
pub(crate) struct Args {
    /// Folder that keeps everything
    #[arg(long)]
    data: PathBuf,
    /// DynamoDB table, in the account and region of the environment
    #[arg(long)]
    table: String,
    /// Which of the two is to hold a copy of the other
    #[arg(long, value_enum)]
    to: Side,
    /// With `--to data`: file that holds the stack's `CursorSecret`
    #[arg(long, value_name = "FILE", required_if_eq("to", "data"))]
    secret: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// One end of a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Side {
    /// The data folder
    Data,
    /// The table
    Table,
}

/// What was copied.
#[derive(Serialize)]
struct Copied {
    data: String,
    table: String,
    items: u64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let table = aws::connect_to_scan(&args.table).await?;
    if args.to == Side::Table && !args.data.join(tollgate_sqlite::FILE).is_file() {
        let folder = args.data.display();
        return Err(Failure::new(format!("`{folder}` is no data folder")));
    }
    let folder = Folder::open(&args.data)?;
    if let Some(file) = args.secret.as_ref().filter(|_| args.to == Side::Data) {
        let failed = |error| Failure::to(format!("read `{}`", file.display()), error);
        let secret = std::fs::read_to_string(file).map_err(failed)?;
        let kept = folder.secret(SECRET, || Ok(secret.trim().to_owned()))?;
        if kept != secret.trim() {
            return Err(Failure::new(format!(
                "`{}` has another `{SECRET}` than `{}` says: use a new folder",
                args.data.display(),
                file.display()
            )));
        }
    }
    let opened = Sqlite::open(folder.database());
    let file = opened.map_err(|error| Failure::to("open the store", error))?;
    let now = SystemClock.now().unix_seconds();
    let bar = progress::bar(0, "items");
    let show = |items| {
        bar.set_length(items);
        bar.set_position(items);
    };
    let copied = match args.to {
        Side::Table => copy(&file, &*table, now, show).await,
        Side::Data => copy(&*table, &file, now, show).await,
    };
    bar.finish_and_clear();
    let items = copied.map_err(|error| {
        Failure::to(
            format!(
                "copy between `{}` and table `{}`",
                args.data.display(),
                args.table
            ),
            error,
        )
    })?;
    if args.to == Side::Data {
        folder.set_used()?;
    }
    let copied = Copied {
        data: args.data.display().to_string(),
        table: args.table,
        items,
    };
    print_either(args.json, &copied, |copied| {
        let target = match args.to {
            Side::Data => &copied.data,
            Side::Table => &copied.table,
        };
        format!("{items} items copied to `{target}`, and each read and compared")
    })
}
