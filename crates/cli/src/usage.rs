//! `tollgate usage`: what was used.

mod download;
mod export;
mod figure;
mod form;
mod ink;
mod report;
mod sync;

use crate::failure::Failure;

/// Export and report what was used, and set what may be
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate usage export --tenant acme --format csv --output usage.csv\n  tollgate usage export-report"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Export(Box<export::Args>),
    SyncEntitlements(Box<sync::Args>),
    ExportReport(Box<report::Args>),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Export(args) => export::run(*args).await,
        Command::SyncEntitlements(args) => sync::run(*args).await,
        Command::ExportReport(args) => report::run(*args).await,
    }
}
