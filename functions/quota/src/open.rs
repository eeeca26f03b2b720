//! Routes that need no key.

use serde_json::json;
use std::sync::Arc;
use tollgate_gateway::{App, Call, Handled, Reply};

/// The contract, as it is served at `GET /openapi.json`.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// What this is.
pub(crate) async fn get_service(_: Arc<App>, _: Call) -> Handled {
    Ok(Reply::ok(&json!({
        "service": "tollgate",
        "version": env!("CARGO_PKG_VERSION"),
        "status": "operational",
        "documentation": "/openapi.json",
    })))
}

/// Whether the store answers and takes what is written, and what the clock is.
pub(crate) async fn get_health(app: Arc<App>, _: Call) -> Handled {
    let health = app.service.check_health().await;
    let health = health.map_err(|failure| tollgate_gateway::from_failure(&failure))?;
    let clock = if health.clock_is_trusted {
        "trusted"
    } else {
        "unconfirmed"
    };
    Ok(Reply::ok(&json!({ "status": "healthy", "clock": clock })))
}

/// Counts of requests, for Prometheus.
pub(crate) async fn get_metrics(app: Arc<App>, _: Call) -> Handled {
    Ok(Reply::text(app.metrics.render()))
}

/// The contract.
pub(crate) async fn get_openapi(_: Arc<App>, _: Call) -> Handled {
    Ok(Reply::raw(OPENAPI))
}
