//! `tollgate dynamodb`: the embedded store over HTTP.

use crate::aws;
use crate::failure::Failure;
use crate::folder::Folder;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Run the embedded store as a DynamoDB endpoint
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate dynamodb --data ./data\n\nThen, in another terminal:\n  \
    export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local\n  \
    export TOLLGATE_TABLE=tollgate TOLLGATE_CURSOR_SECRET=any-text TOLLGATE_OPERATOR_KEY=any-other-text\n  cargo lambda watch"
)]
pub(crate) struct Args {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
    /// Folder that keeps everything
    #[arg(long, default_value = "data", conflicts_with = "memory")]
    pub(crate) data: PathBuf,
    /// Keep everything in memory, and lose it at the end
    #[arg(long)]
    pub(crate) memory: bool,
}

/// Runs the command until Ctrl-C or a termination signal.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let folder = if args.memory {
        None
    } else {
        Some(Folder::open(&args.data)?)
    };
    aws::serve_dynamodb(args.listen, folder.as_ref().map(Folder::path)).await
}
