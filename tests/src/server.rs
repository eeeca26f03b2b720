//! The whole service over HTTP on this machine's clock, for benchmarks.

use crate::app::{TestApp, file_in};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tollgate_gateway::{App, DEFAULT_HASH, Settings, SystemClock, router};
use tollgate_service::{KeyRecord, Service, Store, Tenancy};

/// Serves the store in `folder` on a free port for as long as the process
/// lives; `key` is the operator's.
pub async fn serve(folder: &Path, key: &str) -> SocketAddr {
    serve_over(Arc::new(file_in(folder)), key).await
}

/// The same over any store.
pub async fn serve_over(store: Arc<dyn Store>, key: &str) -> SocketAddr {
    let service = Service::new(store, Arc::new(SystemClock), Tenancy::Sole, [1; 32]);
    let settings = Settings {
        hash: Some(DEFAULT_HASH.to_owned()),
        operator: Some(KeyRecord::operator("bench", key)),
        ..Settings::default()
    };
    let router = router(&App::new(service, settings), TestApp::routes());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
