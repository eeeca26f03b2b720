//! `tollgate dynamodb`: the embedded store over HTTP.

use crate::failure::Failure;
use crate::folder::Folder;
use crate::output::print;
use std::net::SocketAddr;
use std::path::PathBuf;
use tollgate_dynamo::embedded;

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
    let failed = |error| Failure::to(format!("listen on {}", args.listen), error);
    let listener = tokio::net::TcpListener::bind(args.listen)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    print(&format!(
        "DynamoDB endpoint: http://{address}, table {}",
        embedded::TABLE
    ))?;
    let path = folder.as_ref().map(Folder::path);
    embedded::serve(path, listener, crate::serve::stopped())
        .await
        .map_err(|error| Failure::to("serve the store", error))
}
