//! The query function on Lambda: wiring, nothing else.

use std::sync::Arc;
use tollgate_dynamo::Dynamo;
use tollgate_gateway::{lambda_app, router};

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let variable = |name: &str| std::env::var(name).ok();
    let store = Dynamo::connect(variable("TOLLGATE_TABLE").unwrap_or_default()).await;
    let app = lambda_app(Arc::new(store), variable)?;
    lambda_http::run(router(&app, tollgate_query::routes())).await
}
