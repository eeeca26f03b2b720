//! Connections of `serve`: how many, how long they may take, and how they end.

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// The most connections at once; others wait to be taken.
const CONNECTIONS_MAX: usize = 8_192;
/// How long the head of a request may take, from the connection or from the answer
/// before it: so long may a connection be idle, too.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// The most bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long requests under way are waited for in the end.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// The pause after the system had no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stopped`; then waits for requests under way, for
/// ten seconds at most or until `stopped` again.
pub(crate) async fn serve<S: Future<Output = ()>>(
    listener: TcpListener,
    router: Router,
    stopped: impl Fn() -> S,
) {
    raise_open_files();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let under_way = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stopped());
    loop {
        let taken = async {
            // It is never closed.
            let permit = Arc::clone(&room).acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut stop => break,
            taken = taken => taken,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let connection = under_way.watch(connect(stream, router.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke off");
            }
            drop(permit);
        });
    }
    drop(listener);
    tokio::select! {
        () = under_way.shutdown() => {}
        () = tokio::time::sleep(DRAIN_MAX) => {
            tracing::warn!("requests are under way, and are given up");
        }
        () = stopped() => {}
    }
}

type Connection =
    hyper::server::conn::http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

fn connect(stream: TcpStream, router: Router) -> Connection {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "answers may wait for each other");
    }
    Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

/// As many files, and so connections, as the system lets this process open.
fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limits = getrlimit(Resource::Nofile);
        limits.current = limits.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limits) {
            tracing::debug!(%error, "the limit of open files stays");
        }
    }
}
