//! `tollgate rate-cards`: what things cost.

mod diff;
mod import;
mod put;
mod show;

use crate::failure::Failure;

/// Import, put, show and compare rate cards
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate rate-cards show default")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Import(import::Args),
    Put(put::Args),
    List(show::ListArgs),
    Show(show::Args),
    Diff(diff::Args),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Import(args) => import::run(args).await,
        Command::Put(args) => put::run(args).await,
        Command::List(args) => show::list(args).await,
        Command::Show(args) => show::show(args).await,
        Command::Diff(args) => diff::run(args).await,
    }
}
