//! Routes: what a function answers, and who may ask.

use crate::app::App;
use crate::call::Call;
use crate::reply::Reply;
use futures::future::BoxFuture;
use http::Method;
use std::sync::Arc;
use tollgate_api::Problem;
use tollgate_core::KeyScope;

/// What a handler comes to.
pub type Handled = Result<Reply, Problem>;

type Handler = Arc<dyn Fn(Arc<App>, Call) -> BoxFuture<'static, Handled> + Send + Sync>;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without key or hash.
    Open,
    /// A key with any of these scopes, or an operator's.
    Any(&'static [KeyScope]),
    /// An operator's key.
    Operator,
}

/// One method on one path.
#[derive(Clone)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Whether an `Idempotency-Key` stores its answer.
    pub stores_answer: bool,
    /// Whether it may answer while the store is out of reach, to a caller whose
    /// key was read before.
    pub in_outage: bool,
    pub(crate) handler: Handler,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.access)
    }
}

impl Route {
    fn new<F, H>(method: Method, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Fn(Arc<App>, Call) -> F + Send + Sync + 'static,
        F: Future<Output = Handled> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |app, call| Box::pin(handler(app, call)));
        Self {
            method,
            path,
            access,
            stores_answer: false,
            in_outage: false,
            handler,
        }
    }

    /// The same, its answers stored for requests with an `Idempotency-Key`.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.stores_answer = true;
        self
    }

    /// The same, answered while the store is out of reach where it can be.
    #[must_use]
    pub fn in_outage(mut self) -> Self {
        self.in_outage = true;
        self
    }
}

/// `GET path`.
pub fn get<F, H>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync + 'static,
    F: Future<Output = Handled> + Send + 'static,
{
    Route::new(Method::GET, path, access, handler)
}

/// `POST path`.
pub fn post<F, H>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync + 'static,
    F: Future<Output = Handled> + Send + 'static,
{
    Route::new(Method::POST, path, access, handler)
}

/// `PUT path`.
pub fn put<F, H>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync + 'static,
    F: Future<Output = Handled> + Send + 'static,
{
    Route::new(Method::PUT, path, access, handler)
}

/// `PATCH path`.
pub fn patch<F, H>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync + 'static,
    F: Future<Output = Handled> + Send + 'static,
{
    Route::new(Method::PATCH, path, access, handler)
}

/// `DELETE path`.
pub fn remove<F, H>(path: &'static str, access: Access, handler: H) -> Route
where
    H: Fn(Arc<App>, Call) -> F + Send + Sync + 'static,
    F: Future<Output = Handled> + Send + 'static,
{
    Route::new(Method::DELETE, path, access, handler)
}
