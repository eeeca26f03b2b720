//! What Tollgate promises, through its routes.

mod alerts;
mod audit;
mod billing;
mod ceiling;
mod gate;
mod given;
mod holds;
mod hostile;
mod ingest;
mod isolation;
mod keys;
mod metrics;
mod openapi;
mod processes;
mod purge;
mod query;
mod quota;
mod reports;
mod walk;
