//! A process on Lambda: set up from its environment, answering the HTTP API.

use crate::app::{App, Settings};
use crate::clock::SystemClock;
use crate::embedded::Embedded;
use axum::body::to_bytes;
use axum::response::Response;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tollgate_service::{Service, Store, Tenancy};

/// How long a change of limits waits for requests planned before it: a second
/// that a reading may be old, five that the store takes at most, one to spare.
const SETTLE: Duration = Duration::from_secs(7);

/// The app of one function among several that share a table, set up from what
/// `variable` says of `TOLLGATE_CURSOR_SECRET` and [`Settings::read`]. Where it
/// names the function, `AWS_LAMBDA_FUNCTION_NAME`, counts go to standard output.
///
/// # Errors
/// A sentence where the secret is missing.
pub fn lambda_app(
    store: Arc<dyn Store>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Arc<App>, String> {
    let secret = variable("TOLLGATE_CURSOR_SECRET").filter(|secret| !secret.is_empty());
    let secret = secret.ok_or("TOLLGATE_CURSOR_SECRET must be set: it signs cursors")?;
    let tenancy = Tenancy::Shared { settle: SETTLE };
    let service = Service::new(
        store,
        Arc::new(SystemClock),
        tenancy,
        Sha256::digest(secret).into(),
    );
    let function = variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
    let embedded =
        (!function.is_empty()).then(|| Embedded::new(&function, |line| println!("{line}")));
    Ok(App::buffered(
        service,
        Settings {
            embedded,
            ..Settings::read(variable)?
        },
    ))
}

/// An answer in the form that the HTTP API takes from a function (payload
/// format 2.0). All bodies are text.
pub async fn gateway_reply(response: Response) -> Value {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (
            name.to_string(),
            json!(String::from_utf8_lossy(value.as_bytes())),
        )
    };
    let headers: Map<String, Value> = parts.headers.iter().map(text).collect();
    json!({
        "statusCode": parts.status.as_u16(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
        "cookies": [],
    })
}
