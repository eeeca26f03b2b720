//! Routes that need no key.

use std::sync::Arc;
use tollgate_api::{ClockStatus, Health, HealthStatus, Kind, Problem, ProblemAbout, Service};
use tollgate_gateway::{App, Call, Handled, Reply};

/// The contract, as it is served at `GET /openapi.json`.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// What this is.
pub(crate) async fn get_service(_: Arc<App>, _: Call) -> Handled {
    Ok(Reply::ok(&Service {
        service: "tollgate".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        status: "operational".to_owned(),
        documentation: "/openapi.json".to_owned(),
    }))
}

/// Whether the store answers and takes what is written, and what the clock is.
pub(crate) async fn get_health(app: Arc<App>, _: Call) -> Handled {
    let health = app.service.check_health().await;
    let health = health.map_err(|failure| tollgate_gateway::from_failure(&failure))?;
    let clock = if health.clock_is_trusted {
        ClockStatus::Trusted
    } else {
        ClockStatus::Unconfirmed
    };
    let status = HealthStatus::Healthy;
    Ok(Reply::ok(&Health { status, clock }))
}

/// Counts of requests, for Prometheus.
pub(crate) async fn get_metrics(app: Arc<App>, _: Call) -> Handled {
    Ok(Reply::text(app.metrics.render()))
}

/// What a kind of problem means, and what to do about it.
pub(crate) async fn get_problem(_: Arc<App>, call: Call) -> Handled {
    let code = Kind::of_word(call.path_text("code"));
    let code = code.ok_or_else(|| Problem::not_found("such problem"))?;
    Ok(Reply::ok(&ProblemAbout::from(code)))
}

/// The contract.
pub(crate) async fn get_openapi(_: Arc<App>, _: Call) -> Handled {
    Ok(Reply::raw(OPENAPI))
}
