//! `tollgate usage`: what was used.

mod download;
mod export;
mod ink;

use crate::failure::Failure;

/// Export what was used
#[derive(clap::Args)]
#[command(after_help = "Example:\n  tollgate usage export --tenant acme --format csv --output usage.csv")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Export(Box<export::Args>),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Export(args) => export::run(*args).await,
    }
}
