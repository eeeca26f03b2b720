//! The way of a request through the gates, and of its answer back.

use crate::app::App;
use crate::call::Call;
use crate::caller::{Caller, authenticate};
use crate::refusal::from_failure;
use crate::reply::{Content, Reply};
use crate::route::{Access, Handled, Route};
use crate::tally::Answered;
use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use futures::{FutureExt, TryStreamExt};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use tollgate_api::Problem;
use tollgate_core::KeyScope;
use tollgate_service::ulid;

/// How long the body of a request may take, and wait for room.
const BODY_MAX: Duration = Duration::from_secs(10);

/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The name under which requests that no route takes are counted and logged.
const STRAY: &str = "none";

/// A service that answers `routes`, and everything else with a 404 or 405.
pub fn router(app: &Arc<App>, routes: Vec<Route>) -> Router {
    let mut router = Router::new();
    let mut methods: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for route in &routes {
        methods
            .entry(route.path)
            .or_default()
            .push(route.method.to_string());
    }
    for route in routes {
        let Ok(filter) = MethodFilter::try_from(route.method.clone()) else {
            continue;
        };
        let (app, path) = (Arc::clone(app), route.path);
        let route = Arc::new(route);
        let answer = move |params: Result<RawPathParams, RawPathParamsRejection>,
                           request: Request<Body>| {
            let (app, route) = (Arc::clone(&app), Arc::clone(&route));
            async move {
                match params {
                    Ok(params) => respond(app, route, named(&params), request).await,
                    // A part that is no UTF-8 names nothing.
                    Err(_) => stray(app, request, Problem::not_found("route")).await,
                }
            }
        };
        router = router.route(path, on(filter, answer));
    }
    for (path, allowed) in methods {
        let allowed = allowed.join(", ");
        let app = Arc::clone(app);
        let refuse = move |request: Request<Body>| {
            stray(
                Arc::clone(&app),
                request,
                Problem::method_not_allowed(&allowed),
            )
        };
        router = router.route(path, axum::routing::MethodRouter::new().fallback(refuse));
    }
    let app = Arc::clone(app);
    router.fallback(move |request: Request<Body>| {
        stray(Arc::clone(&app), request, Problem::not_found("route"))
    })
}

fn named(params: &RawPathParams) -> BTreeMap<String, String> {
    params
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A request that no route takes.
async fn stray(app: Arc<App>, request: Request<Body>, problem: Problem) -> Response {
    let request_id = ulid(app.service.now());
    finish(
        &app,
        &Trace {
            request_id,
            method: request.method(),
            route: STRAY,
            tenant: None,
            passed: false,
            began: app.service.now(),
        },
        Err(problem),
    )
}

struct Trace<'a> {
    request_id: String,
    method: &'a Method,
    route: &'a str,
    tenant: Option<String>,
    /// Whether it passed the compliance gate, so that the answer may carry the hash.
    passed: bool,
    began: tollgate_core::Instant,
}

async fn respond(
    app: Arc<App>,
    route: Arc<Route>,
    path: BTreeMap<String, String>,
    request: Request<Body>,
) -> Response {
    let began = app.service.now();
    let mut trace = Trace {
        request_id: ulid(began),
        method: &route.method,
        route: route.path,
        tenant: None,
        passed: false,
        began,
    };
    let handled = app.service.patiently(
        app.settings.request_max,
        gates(&app, &route, path, request, &mut trace),
    );
    let handled = AssertUnwindSafe(handled)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Problem::internal()));
    finish(&app, &trace, handled)
}

/// Size, key, compliance, scope; then the handler.
async fn gates(
    app: &Arc<App>,
    route: &Route,
    path: BTreeMap<String, String>,
    request: Request<Body>,
    trace: &mut Trace<'_>,
) -> Handled {
    let (parts, body) = request.into_parts();
    let announced = parts
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
        return Err(Problem::too_large(BODY_BYTES_MAX));
    }
    let query = parts.uri.query().map(str::to_owned);
    let mut call = Call {
        request_id: trace.request_id.clone(),
        now: trace.began,
        caller: None,
        path,
        query,
        headers: parts.headers,
        body: Vec::new(),
    };
    if route.access == Access::Open {
        // Whatever body it has: nobody without a key takes room for one.
        return (route.handler)(Arc::clone(app), call).await;
    }
    let caller = authenticate(app, &call.headers, route.in_outage).await?;
    trace.tenant = caller.tenant.as_ref().map(ToString::to_string);
    comply(app, &call)?;
    trace.passed = true;
    permit(route.access, &caller)?;
    call.caller = Some(caller);
    // Whoever has no key costs no more than the head of a request.
    let _room = read_body(app, body, announced, &mut call).await?;
    answer_once(app, route, call).await
}

/// Reads the body, once there is room for it beside those of other requests; the room
/// is free again once the request is answered.
async fn read_body<'a>(
    app: &'a App,
    body: Body,
    announced: Option<usize>,
    call: &mut Call,
) -> Result<Option<SemaphorePermit<'a>>, Problem> {
    if body.is_end_stream() {
        return Ok(None);
    }
    let bytes = announced.unwrap_or(BODY_BYTES_MAX).max(1);
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    let room = timeout(BODY_MAX, app.bodies.acquire_many(bytes)).await;
    let Ok(Ok(room)) = room else {
        return Err(Problem::store_unavailable(1));
    };
    let read = timeout(BODY_MAX, to_bytes(body, BODY_BYTES_MAX)).await;
    let read = read.map_err(|_| Problem::invalid_request("", "its body took too long"))?;
    let read = read.map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
    call.body = read.to_vec();
    Ok(Some(room))
}

/// The compliance gate: after the key, and in place of no part of it.
fn comply(app: &App, call: &Call) -> Result<(), Problem> {
    let Some(expected) = app.hash() else {
        return Ok(());
    };
    let mut given = call.headers.get_all("x-constitutional-hash").iter();
    let first = given.next().map_or(&b""[..], HeaderValue::as_bytes);
    let matches: bool = first.ct_eq(expected.as_bytes()).into();
    if matches && given.next().is_none() {
        Ok(())
    } else {
        Err(Problem::hash_mismatch())
    }
}

fn permit(access: Access, caller: &Caller) -> Result<(), Problem> {
    let permitted = match access {
        Access::Open => true,
        Access::Operator => caller.is_operator(),
        Access::Any(scopes) => scopes.iter().any(|scope| caller.may(*scope)),
    };
    let needed = match access {
        Access::Any(scopes) => scopes
            .iter()
            .map(|scope: &KeyScope| scope.as_str())
            .collect::<Vec<_>>()
            .join("` or `"),
        Access::Operator | Access::Open => "operator".to_owned(),
    };
    if permitted {
        Ok(())
    } else {
        Err(Problem::forbidden(format!(
            "this needs a key with scope `{needed}`"
        )))
    }
}

/// Calls the handler; where the route stores answers and the request names an
/// idempotency key, claims that first, and gives the answer that it got before.
async fn answer_once(app: &Arc<App>, route: &Route, call: Call) -> Handled {
    let question = if route.stores_answer {
        call.question(route.path)?
    } else {
        None
    };
    let Some(question) = question else {
        return (route.handler)(Arc::clone(app), call).await;
    };
    let failed = |failure| from_failure(&failure);
    if let Some(stored) = app.service.claim(&question).await.map_err(failed)? {
        return Ok(Reply::stored(stored.status, stored.body));
    }
    let handled = (route.handler)(Arc::clone(app), call).await;
    let done = match &handled {
        Ok(Reply {
            body: Content::Text(body),
            status,
            ..
        }) => {
            app.service
                .store_answer(&question, status.as_u16(), body)
                .await
        }
        Ok(_) => Ok(()),
        // Only what was done is stored; of a fault nobody knows.
        Err(problem) if problem.status() < 500 => app.service.release_claim(&question).await,
        Err(_) => Ok(()),
    };
    done.map_err(failed)?;
    handled
}

/// Renders the answer, counts it and writes its log line.
fn finish(app: &App, trace: &Trace<'_>, handled: Handled) -> Response {
    let code = handled.as_ref().err().map(|problem| problem.kind.as_str());
    let reply = handled.unwrap_or_else(|problem| problem_reply(&problem, &trace.request_id));
    let at = app.service.now();
    let micros = at.micros_since(trace.began);
    // Whatever clients make up counts under one name.
    let method = if trace.route == STRAY {
        STRAY
    } else {
        trace.method.as_str()
    };
    app.metrics.count(Answered {
        route: trace.route,
        method,
        status: reply.status(),
        micros,
        at,
    });
    let (status, tenant) = (reply.status(), trace.tenant.as_deref().unwrap_or_default());
    tracing::info!(
        request_id = trace.request_id,
        tenant,
        method = %trace.method,
        route = trace.route,
        status,
        code,
        micros,
        "request"
    );
    let mut response = Response::new(body(reply.body, trace));
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.media_type));
    // What an answer says of a tenant, or of a key, stays in no cache on its way.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let hash = app
        .hash()
        .filter(|_| trace.passed)
        .map(|hash| ("x-constitutional-hash", hash.to_owned()));
    for (name, value) in reply
        .headers
        .into_iter()
        .chain(hash)
        .chain([("x-request-id", trace.request_id.clone())])
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes());
            name.map(|name| headers.insert(name, value)).ok();
        }
    }
    response
}

/// The body to be sent. What fails in mid-stream is logged here, once, and
/// breaks the transfer off.
fn body(content: Content, trace: &Trace<'_>) -> Body {
    match content {
        Content::Text(text) => Body::from(text),
        Content::Stream(pieces) => {
            let (request_id, route) = (trace.request_id.clone(), trace.route.to_owned());
            Body::from_stream(pieces.inspect_err(
                move |failure| tracing::error!(request_id, route, %failure, "the answer broke off"),
            ))
        }
    }
}

fn problem_reply(problem: &Problem, request_id: &str) -> Reply {
    Reply {
        status: StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers: problem.headers.clone(),
        body: Content::Text(serde_json::to_string(&problem.body(request_id)).unwrap_or_default()),
        media_type: "application/problem+json",
    }
}
