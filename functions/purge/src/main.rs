//! The purge function on Lambda, for HTTP, for schedules and for a queue of chores:
//! wiring, nothing else.

use lambda_http::lambda_runtime::{LambdaEvent, run, service_fn};
use serde_json::Value;
use std::sync::Arc;
use tollgate_dynamo::Dynamo;
use tollgate_gateway::{gateway_reply, lambda_app, router};
use tollgate_sqs::SqsQueue;
use tower::ServiceExt;

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::tracing::init_default_subscriber();
    let variable = |name: &str| std::env::var(name).ok();
    let store = Dynamo::connect(variable("TOLLGATE_TABLE").unwrap_or_default()).await;
    let app = lambda_app(Arc::new(store), variable)?;
    let routes = router(&app, tollgate_purge::routes());
    let queue = SqsQueue::connect(variable("TOLLGATE_QUEUE")).await;
    let (app, routes, queue) = (&app, &routes, &queue);
    run(service_fn(|event: LambdaEvent<Value>| async move {
        let event = event.payload;
        if event.get("Records").is_some() {
            return Ok(tollgate_purge::work(app, &event).await);
        }
        if event.get("action").is_some() {
            let done = match queue {
                Some(queue) => tollgate_purge::dispatch(app, &event, queue).await,
                None => tollgate_purge::scheduled(app, &event).await,
            };
            return done.map_err(lambda_http::Error::from);
        }
        let request = lambda_http::request::from_str(&event.to_string())?;
        Ok(gateway_reply(routes.clone().oneshot(request).await?).await)
    }))
    .await
}
