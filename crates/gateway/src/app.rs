//! What all requests of a process share.

use crate::embedded::Embedded;
use crate::metrics::Metrics;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tollgate_service::{KeyRecord, Service};

/// The constitutional hash that holds where none is configured.
pub const DEFAULT_HASH: &str = "cdd01ef066bc6cf2";

/// The most bytes of bodies that requests under way may have.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How a process is set up.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The constitutional hash that requests must carry; `None` = no gate.
    pub hash: Option<String>,
    /// An operator's key that needs no store, for first steps.
    pub operator: Option<KeyRecord>,
    /// Whether it runs on the operator's own machine, so that webhooks may go
    /// to loopback, without TLS.
    pub is_local: bool,
    /// Where counts are also written, line by line; `None` = nowhere.
    pub embedded: Option<Embedded>,
}

/// The service with its settings and metrics.
pub struct App {
    /// The use cases.
    pub service: Service,
    /// How this process is set up.
    pub settings: Settings,
    /// What it counted.
    pub metrics: Metrics,
    /// A permit for each byte of bodies that requests under way may have.
    pub(crate) bodies: Semaphore,
    may_stream: bool,
}

impl Settings {
    /// From what `variable` says of `TOLLGATE_CONSTITUTIONAL_HASH` (unset =
    /// the default, empty = no gate) and `TOLLGATE_OPERATOR_KEY`.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let hash =
            variable("TOLLGATE_CONSTITUTIONAL_HASH").unwrap_or_else(|| DEFAULT_HASH.to_owned());
        let operator = variable("TOLLGATE_OPERATOR_KEY").filter(|key| !key.is_empty());
        Self {
            hash: Some(hash).filter(|hash| !hash.is_empty()),
            operator: operator.map(|key| KeyRecord::operator("environment", &key)),
            is_local: false,
            embedded: None,
        }
    }
}

impl App {
    /// A new process's worth, whose answers may be streamed.
    #[must_use]
    pub fn new(service: Service, settings: Settings) -> Arc<Self> {
        Self::with(service, settings, true)
    }

    /// The same behind something that takes only whole answers of a few MB,
    /// as the HTTP API before Lambda does.
    #[must_use]
    pub fn buffered(service: Service, settings: Settings) -> Arc<Self> {
        Self::with(service, settings, false)
    }

    fn with(service: Service, settings: Settings, may_stream: bool) -> Arc<Self> {
        let metrics = Metrics::new(settings.embedded.clone());
        Arc::new(Self {
            service,
            settings,
            metrics,
            bodies: Semaphore::new(BODIES_BYTES_MAX),
            may_stream,
        })
    }

    /// Whether an answer may be of any length, sent while it is made.
    #[must_use]
    pub fn may_stream(&self) -> bool {
        self.may_stream
    }

    /// The hash that answers carry.
    #[must_use]
    pub fn hash(&self) -> Option<&str> {
        self.settings.hash.as_deref()
    }
}
