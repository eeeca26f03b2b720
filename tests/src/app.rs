//! The whole service in one test.

use crate::clock::TestClock;
use crate::faults::Faults;
use crate::reply::TestReply;
use axum::Router;
use axum::body::{Body, to_bytes};
use http::Request;
use serde_json::{Value, json};
use std::cell::Cell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tollgate_core::{FormVersion, Key, Value as Stored, Write, table};
use tollgate_gateway::{App, DEFAULT_HASH, Route, Settings, router};
use tollgate_service::{KeyRecord, Memory, Query, Service, Store, Tenancy};
use tollgate_sqlite::{FILE, Sqlite};
use tower::ServiceExt;

/// The operator's key of every test app.
const OPERATOR: &str = "operator-key-of-the-tests";
/// When every test begins.
const BEGINNING: &str = "2026-11-22T10:00:00Z";

/// Which store an app runs on.
#[derive(Clone, Copy, Debug)]
pub enum TestStore<'a> {
    /// The executable specification.
    Memory,
    /// The embedded DynamoDB, in memory.
    Embedded,
    /// The embedded store, in a folder.
    Folder(&'a Path),
}

/// An app, its clock and its store.
pub struct TestApp {
    /// What it runs.
    pub app: Arc<App>,
    /// Its time.
    pub clock: Arc<TestClock>,
    /// Its store, around which faults can be planned.
    pub store: Arc<Faults>,
    router: Router,
}

/// Keys of one tenant.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Scope `ingest`.
    pub ingest: String,
    /// Scope `read`.
    pub read: String,
}

/// The embedded store in `folder`.
///
/// # Panics
/// Where it cannot be opened.
#[must_use]
pub fn file_in(folder: &Path) -> Sqlite {
    Sqlite::open(folder.join(FILE)).expect("a store")
}

/// The version of forms that the next process writes: functions that share a store write
/// both in turn, old and new ones beside each other. What the environment says is first.
fn form_version(tenancy: Tenancy) -> FormVersion {
    thread_local! {
        static SHARED: Cell<u32> = const { Cell::new(0) };
    }
    let asked = tollgate_gateway::form_version(|name| std::env::var(name).ok());
    let asked = asked.expect("a version");
    if tenancy == Tenancy::Sole || asked == FormVersion::Before {
        return asked;
    }
    match SHARED.replace(SHARED.get() + 1) % 2 {
        0 => FormVersion::Current,
        _ => FormVersion::Before,
    }
}

impl TestApp {
    /// On the memory store.
    pub async fn new() -> Self {
        Self::on(TestStore::Memory).await
    }

    /// On `store`.
    pub async fn on(store: TestStore<'_>) -> Self {
        let store: Arc<dyn Store> = match store {
            TestStore::Memory => Arc::new(Memory::default()),
            TestStore::Embedded => Arc::new(
                tollgate_dynamo::embedded::open(None)
                    .await
                    .expect("a store"),
            ),
            TestStore::Folder(folder) => Arc::new(file_in(folder)),
        };
        Self::over(store, Tenancy::Sole)
    }

    /// Over a store that others may share.
    #[must_use]
    pub fn over(store: Arc<dyn Store>, tenancy: Tenancy) -> Self {
        Self::set_up(store, tenancy, Settings::default())
    }

    /// Over a store, with a clock that nobody confirmed.
    #[must_use]
    pub fn in_doubt(store: Arc<dyn Store>, tenancy: Tenancy) -> Self {
        Self::build(store, tenancy, Settings::default())
    }

    /// The same with other settings; the hash and the operator's key are as ever.
    #[must_use]
    pub fn set_up(store: Arc<dyn Store>, tenancy: Tenancy, settings: Settings) -> Self {
        let app = Self::build(store, tenancy, settings);
        // Tests let years go by without an event.
        app.service().trust_clock();
        app
    }

    fn build(store: Arc<dyn Store>, tenancy: Tenancy, settings: Settings) -> Self {
        let clock = Arc::new(TestClock::at(BEGINNING));
        let store = Faults::around(store);
        let service = Service::new(store.clone(), clock.clone(), tenancy, [7; 32]);
        let service = service.writing(form_version(tenancy));
        let operator = Some(KeyRecord::operator("test-operator", OPERATOR));
        let app = App::new(
            service,
            Settings {
                hash: Some(DEFAULT_HASH.to_owned()),
                operator,
                is_local: true,
                ..settings
            },
        );
        let router = router(&app, Self::routes());
        Self {
            app,
            clock,
            store,
            router,
        }
    }

    /// The routes of all functions.
    #[must_use]
    pub fn routes() -> Vec<Route> {
        let functions = [
            tollgate_ingest::routes(),
            tollgate_query::routes(),
            tollgate_quota::routes(),
            tollgate_billing::routes(),
            tollgate_purge::routes(),
        ];
        functions.into_iter().flatten().collect()
    }

    /// The service's own interface.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.app.service
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> TestReply {
        self.try_send(request).await.expect("a whole answer")
    }

    /// The same; `None` where the answer breaks off.
    pub async fn try_send(&self, request: Request<Body>) -> Option<TestReply> {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.ok()?;
        Some(TestReply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).expect("text"),
        })
    }

    /// Sends a request with the operator's key and the hash.
    pub async fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> TestReply {
        self.call_with(OPERATOR, method, path, body).await
    }

    /// Sends a request with `key` and the hash.
    pub async fn call_with(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> TestReply {
        self.send(Self::request(key, method, path, body.into()))
            .await
    }

    /// A request with `key` and the hash, to be changed before it is sent.
    #[must_use]
    pub fn request(key: &str, method: &str, path: &str, body: Body) -> Request<Body> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"));
        let request = request
            .header("x-constitutional-hash", DEFAULT_HASH)
            .header("content-type", "application/json");
        request.body(body).expect("a request")
    }

    /// The operator's key.
    #[must_use]
    pub fn operator() -> &'static str {
        OPERATOR
    }

    /// `GET path` with the operator's key.
    pub async fn get(&self, path: &str) -> TestReply {
        self.call("GET", path, Body::empty()).await
    }

    /// `POST path` with the operator's key.
    pub async fn post(&self, path: &str, body: Value) -> TestReply {
        self.call("POST", path, body.to_string()).await
    }

    /// `PUT path` with the operator's key.
    pub async fn put(&self, path: &str, body: Value) -> TestReply {
        self.call("PUT", path, body.to_string()).await
    }

    /// Puts a version of the card `id`, whole, and names the card first for tenants that
    /// name none of their own.
    pub async fn put_card(&self, id: &str, card: Value) -> TestReply {
        let put = self
            .put(&format!("/rate-cards/{id}?replace=true"), card)
            .await;
        if put.status == 200 && id != "default" {
            let named = self.get("/defaults").await.expect(200).at("/rate_cards");
            if named.get(0) == Some(&json!(id)) {
                return put;
            }
            let named = named.as_array().into_iter().flatten();
            let others = named.filter(|other| other.as_str() != Some(id)).cloned();
            let cards: Vec<Value> = std::iter::once(json!(id)).chain(others).collect();
            let defaults = json!({ "rate_cards": cards });
            self.put("/defaults", defaults).await.expect(200);
        }
        put
    }

    /// Records one event of `tenant`; `fields` over an `agent_message`.
    pub async fn record(&self, tenant: &str, fields: Value) -> TestReply {
        let mut event = json!({ "tenant_id": tenant, "operation": "agent_message" });
        merge(&mut event, fields);
        self.post("/events", event).await
    }

    /// Sets the general limits of `tenant`.
    pub async fn limit(&self, tenant: &str, limits: Value) -> TestReply {
        self.put(&format!("/limits/{tenant}"), json!({ "limits": limits }))
            .await
            .expect(200)
    }

    /// Makes a key of `tenant` with `scopes`.
    pub async fn key(&self, tenant: &str, scopes: &[&str]) -> String {
        let reply = self
            .post("/keys", json!({ "tenant_id": tenant, "scopes": scopes }))
            .await
            .expect(201);
        reply.at("/key").as_str().expect("a key").to_owned()
    }

    /// Makes the usual keys of `tenant`.
    pub async fn keys(&self, tenant: &str) -> Keys {
        Keys {
            ingest: self.key(tenant, &["ingest"]).await,
            read: self.key(tenant, &["read"]).await,
        }
    }

    /// Flips a bit in the body of each item of a partition.
    ///
    /// # Panics
    /// Where there is none.
    pub async fn damage(&self, pk: &str) {
        let items = self.store.query(&Query::of(pk)).await.expect("items").items;
        assert!(!items.is_empty(), "nothing in {pk}");
        for (sk, mut attrs) in items {
            let Some(Stored::B(mut body)) = attrs.remove(table::BODY) else {
                panic!("an item without a body")
            };
            let middle = body.len() / 2;
            body[middle] ^= 1;
            attrs.insert(table::BODY.into(), Stored::B(body));
            let write = Write::put(Key::new(pk, sk), attrs);
            self.store.commit(&[write]).await.expect("damage");
        }
    }

    /// Serves it over HTTP on a free port until the test ends.
    pub async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }
}

/// Sets `fields` in the object `into`.
fn merge(into: &mut Value, fields: Value) {
    if let (Some(into), Value::Object(fields)) = (into.as_object_mut(), fields) {
        into.extend(fields);
    }
}
