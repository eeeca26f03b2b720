//! `tollgate serve`: the whole service in one process.

use crate::embedded::Embedded;
use crate::failure::Failure;
use crate::folder::{Folder, OPERATOR_KEY, SECRET};
use crate::listen;
use crate::output::print;
use crate::workers::Workers;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tollgate_gateway::{App, Route, Settings, SystemClock, router};
use tollgate_service::{KeyRecord, Service, Tenancy};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Run the whole service on this machine
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tollgate serve --data ./data\n\nEvery request is logged with RUST_LOG=info."
)]
pub(crate) struct Args {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8085")]
    pub(crate) listen: SocketAddr,
    /// Folder that keeps everything
    #[arg(long, default_value = "data", conflicts_with = "memory")]
    pub(crate) data: PathBuf,
    /// Keep everything in memory, and lose it at the end
    #[arg(long)]
    pub(crate) memory: bool,
    /// Begin anew in a folder that was used and lacks its database or secret
    #[arg(long, conflicts_with = "memory")]
    pub(crate) new: bool,
    /// Take the clock as right although it lies more than 35 days ahead of
    /// what was received last
    #[arg(long)]
    pub(crate) trust_clock: bool,
    /// Take so many requests a second of one tenant, and answer 429 to more
    /// [default: TOLLGATE_TENANT_REQUESTS_PER_SECOND, else all]
    #[arg(long, value_name = "REQUESTS")]
    pub(crate) tenant_requests_per_second: Option<u32>,
}

/// How long a request may take: a purge of years is one.
const REQUEST_MAX: Duration = Duration::from_secs(600);
/// How often the schedules are looked at.
const ROUND: Duration = Duration::from_secs(10);
/// What is done every how many rounds.
const ROUNDS: [(&str, u64); 6] = [
    ("deliver_alerts", 1),
    ("rollup_open", 1),
    ("complete_changes", 6),
    ("expire_holds", 6),
    ("rollup", 6 * 15),
    ("purge", 6 * 15),
];
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Runs the command until Ctrl-C or a termination signal.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    log_to_stderr();
    let folder = if args.memory {
        None
    } else {
        Some(Folder::open_used(&args.data, args.new)?)
    };
    let path = folder.as_ref().map(Folder::path);
    let store = Embedded::open(folder.as_ref())?;
    let (key, secret) = (
        operator_key(folder.as_ref())?,
        cursor_secret(folder.as_ref())?,
    );
    if let Some(folder) = &folder {
        folder.set_used()?;
    }
    let service = Service::new(store.store(), Arc::new(SystemClock), Tenancy::Sole, secret);
    if args.trust_clock {
        service.trust_clock();
    }
    let settings = Settings::read(|name| std::env::var(name).ok());
    let mut settings = settings.map_err(Failure::new)?;
    if let Some(requests) = args.tenant_requests_per_second {
        settings.tenant_requests_per_second = NonZeroU32::new(requests);
    }
    settings.is_local = true;
    settings.request_max = REQUEST_MAX;
    settings.operator = Some(KeyRecord::operator("operator", &key));
    let app = App::new(service, settings);
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::to(format!("listen on {}", args.listen), error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::to("listen", error))?;
    greet(
        &app,
        address,
        &key,
        path.map(|path| path.display().to_string()),
    )?;
    let (workers, work) = Workers::of(Arc::clone(&app));
    let schedule = {
        let app = Arc::clone(&app);
        async move {
            tokio::join!(keep_house(&app, &workers), work, sweep_daily(&app, store));
        }
    };
    let schedule = tokio::spawn(schedule);
    listen::serve(listener, router(&app, routes()), stopped).await;
    schedule.abort();
    // The store is closed before the folder is free for another.
    schedule.await.ok();
    Ok(())
}

/// The routes of all functions.
fn routes() -> Vec<Route> {
    let functions = [
        tollgate_ingest::routes(),
        tollgate_query::routes(),
        tollgate_quota::routes(),
        tollgate_billing::routes(),
        tollgate_purge::routes(),
    ];
    functions.into_iter().flatten().collect()
}

/// The operator's key: given, kept in the folder, or made anew.
fn operator_key(folder: Option<&Folder>) -> Result<String, Failure> {
    let given = std::env::var("TOLLGATE_OPERATOR_KEY")
        .ok()
        .filter(|key| !key.is_empty());
    given.map_or_else(|| kept(folder, OPERATOR_KEY), Ok)
}

/// The secret that signs cursors and makes pseudonyms.
pub(crate) fn cursor_secret(folder: Option<&Folder>) -> Result<[u8; 32], Failure> {
    kept(folder, SECRET).map(|secret| digest(&secret))
}

/// A secret that stays the same in a folder, and is made anew without one.
fn kept(folder: Option<&Folder>, name: &str) -> Result<String, Failure> {
    let fresh = || {
        tollgate_service::fresh_key()
            .map(|(_, key)| key)
            .map_err(|failure| Failure::to("make a key", failure))
    };
    folder.map_or_else(fresh, |folder| folder.secret(name, fresh))
}

fn digest(text: &str) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(text).into()
}

fn greet(app: &App, address: SocketAddr, key: &str, folder: Option<String>) -> Result<(), Failure> {
    let kept = folder.map_or_else(
        || "in memory, lost at the end".to_owned(),
        |folder| format!("in {folder}"),
    );
    let hash = app
        .hash()
        .map(|hash| format!(" -H 'X-Constitutional-Hash: {hash}'"))
        .unwrap_or_default();
    print(&format!(
        "tollgate listens on http://{address}, data {kept}"
    ))?;
    print(&format!("operator key: {key}"))?;
    print("record an event:")?;
    print(&format!(
        "  curl -sS http://{address}/events -H 'Authorization: Bearer {key}'{hash} -H 'Content-Type: application/json' \
         -d '{{\"tenant_id\":\"demo\",\"operation\":\"constitutional_validation\",\"agent_id\":\"agent-1\"}}'"
    ))
}

/// Removes expired items, unless the clock by which they are is not confirmed.
async fn sweep(app: &App, store: &Embedded) {
    match app.service.trusts_clock().await {
        Ok(true) => {
            if let Err(error) = store.sweep(app.service.now()).await {
                tracing::warn!(%error, "expired items stay until tomorrow");
            }
        }
        Ok(false) => tracing::error!(
            "the clock lies more than 35 days ahead of what was received last: nothing is removed, \
             closed or expired by it until an event with a timestamp near it is recorded; \
             --trust-clock takes it as right"
        ),
        Err(failure) => tracing::warn!(%failure, "expired items stay until tomorrow"),
    }
}

/// Asks for housekeeping, as the schedules do on AWS.
async fn keep_house(app: &App, workers: &Workers) {
    for round in 0_u64.. {
        for (action, rounds) in ROUNDS {
            if !round.is_multiple_of(rounds) {
                continue;
            }
            let event = serde_json::Value::from_iter([("action", action)]);
            if let Err(error) = tollgate_purge::dispatch(app, &event, workers).await {
                tracing::warn!(action, %error, "the schedule will try again");
            }
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// Removes expired items once a day, as DynamoDB does.
async fn sweep_daily(app: &App, store: Embedded) {
    loop {
        sweep(app, &store).await;
        tokio::time::sleep(DAY).await;
    }
}

/// Ends with Ctrl-C or a termination signal.
pub(crate) async fn stopped() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await.ok();
}

fn log_to_stderr() {
    let asked = std::env::var("RUST_LOG").ok();
    let asked = asked.and_then(|text| text.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::stderr);
    tracing_subscriber::registry()
        .with(lines)
        .with(asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN)))
        .init();
}
