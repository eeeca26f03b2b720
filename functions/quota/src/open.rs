//! Routes that need no key.

use serde_json::json;
use std::sync::Arc;
use tollgate_gateway::{App, Call, Handled, Reply};

/// What this is.
pub(crate) async fn get_service(_: Arc<App>, _: Call) -> Handled {
    Ok(Reply::ok(&json!({
        "service": "tollgate",
        "version": env!("CARGO_PKG_VERSION"),
        "status": "operational",
        "documentation": "/openapi.json",
    })))
}

/// Whether the store answers.
pub(crate) async fn get_health(app: Arc<App>, _: Call) -> Handled {
    let answered = app.service.tenants(None, 1).await;
    answered.map_err(|failure| tollgate_gateway::from_failure(&failure))?;
    Ok(Reply::ok(&json!({ "status": "healthy" })))
}

/// Counts of requests, for Prometheus.
pub(crate) async fn get_metrics(app: Arc<App>, _: Call) -> Handled {
    Ok(Reply::text(app.metrics.render()))
}

/// The contract.
pub(crate) async fn get_openapi(_: Arc<App>, _: Call) -> Handled {
    Ok(Reply::raw(crate::OPENAPI))
}
