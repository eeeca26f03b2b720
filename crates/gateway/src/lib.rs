//! One request from bytes to bytes: id, size, key to caller, compliance gate,
//! clock, handler, problem+json, one log line, metrics.
//!
//! It knows no route and decides nothing about events. Each function crate
//! gives it [`Route`]s; [`router`] turns them into a service that axum serves
//! on a laptop and `lambda_http` on Lambda. Start with [`App`] and [`Call`].

mod app;
mod call;
mod caller;
mod ceiling;
mod clock;
mod embedded;
mod lambda;
mod metrics;
mod once;
mod refusal;
mod reply;
mod request;
mod route;
mod tally;
mod tls;

pub use app::{App, DEFAULT_HASH, Settings, form_version};
pub use call::Call;
pub use caller::Caller;
pub use clock::SystemClock;
pub use embedded::Embedded;
pub use lambda::{gateway_reply, lambda_app};
pub use metrics::Metrics;
pub use once::answered;
pub use refusal::{from_failure, from_rejection};
pub use reply::Reply;
pub use request::{BODY_BYTES_MAX, router};
pub use route::{Access, Handled, Route, get, patch, post, put, remove};
pub use tally::Answered;
pub use tls::provide_tls;
