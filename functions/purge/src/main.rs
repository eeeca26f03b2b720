//! The purge function on Lambda, for HTTP and for schedules: wiring, nothing else.

use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;
use std::sync::Arc;
use tollgate_dynamo::Dynamo;
use tollgate_gateway::{gateway_reply, lambda_app, router};
use tower::ServiceExt;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let variable = |name: &str| std::env::var(name).ok();
    let store = Dynamo::connect(variable("TOLLGATE_TABLE").unwrap_or_default()).await;
    let app = lambda_app(Arc::new(store), variable)?;
    let routes = router(&app, tollgate_purge::routes());
    let (app, routes) = (&app, &routes);
    run(service_fn(|event: LambdaEvent<Value>| async move {
        if event.payload.get("action").is_some() {
            return tollgate_purge::scheduled(app, &event.payload)
                .await
                .map_err(lambda_http::Error::from);
        }
        let request = lambda_http::request::from_str(&event.payload.to_string())?;
        Ok(gateway_reply(routes.clone().oneshot(request).await?).await)
    }))
    .await
}
