//! `tollgate`: meter, price and cap what AI agents use, from the command line.

mod artifact;
mod aws;
mod backup;
mod call;
mod client;
mod connection;
mod copy;
mod dynamodb;
mod embedded;
mod failure;
mod file;
mod first_key;
mod folder;
mod grid;
mod import;
mod keys;
mod listen;
mod migrate;
mod names;
mod output;
mod plans;
mod presets;
mod price;
mod problem;
mod progress;
mod purge;
mod rate_card;
mod rate_cards;
mod replay;
mod retry;
mod rollup;
mod serve;
mod setup;
mod usage;
mod usage_error;
mod workers;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// The embedded store allocates much and briefly; this allocator takes a
/// quarter less time than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Meter, price and cap what AI agents use
#[derive(Parser)]
#[command(name = "tollgate", version, after_help = "Example:\n  tollgate serve")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Dynamodb(dynamodb::Args),
    Replay(Box<replay::Args>),
    Keys(Box<keys::Args>),
    Purge(purge::Args),
    Rollup(rollup::Args),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Copy(copy::Args),
    Migrate(migrate::Args),
    Usage(usage::Args),
    Price(price::Args),
    RateCards(rate_cards::Args),
    Plans(plans::Args),
    Setup(setup::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage_error::exit(&error),
    };
    match run(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Dynamodb(args) => dynamodb::run(args).await,
        Command::Replay(args) => replay::run(*args).await,
        Command::Keys(args) => keys::run(*args).await,
        Command::Purge(args) => purge::run(args).await,
        Command::Rollup(args) => rollup::run(args).await,
        Command::Backup(args) => backup::back_up(args).await,
        Command::Restore(args) => backup::restore(args).await,
        Command::Copy(args) => copy::run(args).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Usage(args) => usage::run(args).await,
        Command::Price(args) => price::run(args).await,
        Command::RateCards(args) => rate_cards::run(args).await,
        Command::Plans(args) => plans::run(args).await,
        Command::Setup(args) => setup::run(args),
    }
}
