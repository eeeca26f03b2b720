//! What only AWS needs: a binary that was built without says how to build it.

use crate::failure::Failure;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tollgate_service::{Scan, Store};

/// The DynamoDB table of that name, in the account and region of the environment.
#[cfg(feature = "aws")]
pub(crate) async fn connect(table: &str) -> Result<Arc<dyn Store>, Failure> {
    Ok(Arc::new(tollgate_dynamo::Dynamo::connect(table).await))
}

/// The same, all of whose items can be read.
#[cfg(feature = "aws")]
pub(crate) async fn connect_to_scan(table: &str) -> Result<Arc<dyn Scan>, Failure> {
    Ok(Arc::new(tollgate_dynamo::Dynamo::connect(table).await))
}

/// Serves DynamoDB's own interface on `listen` until Ctrl-C; what it keeps is in
/// `folder`, or in memory.
#[cfg(feature = "aws")]
pub(crate) async fn serve_dynamodb(
    listen: SocketAddr,
    folder: Option<&Path>,
) -> Result<(), Failure> {
    use tollgate_dynamo::embedded;
    let failed = |error| Failure::to(format!("listen on {listen}"), error);
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    crate::output::print(&format!(
        "DynamoDB endpoint: http://{address}, table {}",
        embedded::TABLE
    ))?;
    embedded::serve(folder, listener, crate::serve::stopped())
        .await
        .map_err(|error| Failure::to("serve the store", error))
}

#[cfg(not(feature = "aws"))]
pub(crate) async fn connect(_: &str) -> Result<Arc<dyn Store>, Failure> {
    Err(refuse("`--table`"))
}

#[cfg(not(feature = "aws"))]
pub(crate) async fn connect_to_scan(_: &str) -> Result<Arc<dyn Scan>, Failure> {
    Err(refuse("`--table`"))
}

#[cfg(not(feature = "aws"))]
pub(crate) async fn serve_dynamodb(_: SocketAddr, _: Option<&Path>) -> Result<(), Failure> {
    Err(refuse("`tollgate dynamodb`"))
}

#[cfg(not(feature = "aws"))]
fn refuse(what: &str) -> Failure {
    Failure::new(format!(
        "{what} needs a build with AWS: cargo build --release --features aws"
    ))
}
