//! What all requests of a process share.

use crate::ceiling::Ceiling;
use crate::embedded::Embedded;
use crate::metrics::Metrics;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tollgate_core::FormVersion;
use tollgate_service::{KeyRecord, Service};

/// The constitutional hash that holds where none is configured.
pub const DEFAULT_HASH: &str = "cdd01ef066bc6cf2";

/// The most bytes of bodies that requests under way may have.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The variable that bounds how long a request takes.
const SECONDS: &str = "TOLLGATE_REQUEST_SECONDS";
/// A second less than what the API in front waits for.
const REQUEST_MAX: Duration = Duration::from_secs(28);

/// The variable that says which version of stored forms is written.
const FORMS: &str = "TOLLGATE_FORM_VERSION";

/// The variable that bounds the requests of a tenant.
const REQUESTS: &str = "TOLLGATE_TENANT_REQUESTS_PER_SECOND";

/// How a process is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The constitutional hash that requests must carry; `None` = no gate.
    pub hash: Option<String>,
    /// An operator's key that needs no store, for first steps.
    pub operator: Option<KeyRecord>,
    /// Whether it runs on the operator's own machine, so that webhooks may go
    /// to loopback, without TLS.
    pub is_local: bool,
    /// How many requests a second of one tenant it takes, and a second's worth at once;
    /// `None` = all.
    pub tenant_requests_per_second: Option<NonZeroU32>,
    /// The version of stored forms that it writes.
    pub forms: FormVersion,
    /// How long a request may take: less than what kills it. Whatever it still asks of
    /// the store then fails, and it is answered with 503.
    pub request_max: Duration,
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
    pub(crate) ceiling: Ceiling,
    may_stream: bool,
}

impl Default for Settings {
    /// No gate, no key and no bound.
    fn default() -> Self {
        Self {
            hash: None,
            operator: None,
            is_local: false,
            tenant_requests_per_second: None,
            forms: FormVersion::Current,
            request_max: REQUEST_MAX,
            embedded: None,
        }
    }
}

impl Settings {
    /// From what `variable` says of `TOLLGATE_CONSTITUTIONAL_HASH` (unset =
    /// the default, empty = no gate), `TOLLGATE_OPERATOR_KEY`,
    /// `TOLLGATE_TENANT_REQUESTS_PER_SECOND` (unset, empty or 0 = no bound),
    /// `TOLLGATE_REQUEST_SECONDS` (unset, empty or 0 = 28) and `TOLLGATE_FORM_VERSION`
    /// (unset or empty = `current`).
    ///
    /// # Errors
    /// A sentence where one is none of its kind.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let hash =
            variable("TOLLGATE_CONSTITUTIONAL_HASH").unwrap_or_else(|| DEFAULT_HASH.to_owned());
        let operator = variable("TOLLGATE_OPERATOR_KEY").filter(|key| !key.is_empty());
        let number = |name: &str| -> Result<Option<NonZeroU32>, String> {
            let number = variable(name).filter(|number| !number.is_empty());
            let number: Option<u32> = number
                .map(|number| number.parse())
                .transpose()
                .map_err(|_| format!("{name} must be a whole number"))?;
            Ok(number.and_then(NonZeroU32::new))
        };
        let seconds = number(SECONDS)?.map(|seconds| Duration::from_secs(seconds.get().into()));
        Ok(Self {
            hash: Some(hash).filter(|hash| !hash.is_empty()),
            operator: operator.map(|key| KeyRecord::operator("environment", &key)),
            tenant_requests_per_second: number(REQUESTS)?,
            forms: form_version(&variable)?,
            request_max: seconds.unwrap_or(REQUEST_MAX),
            ..Self::default()
        })
    }
}

/// The version of stored forms that is to be written, by what `variable` says of
/// `TOLLGATE_FORM_VERSION`.
///
/// # Errors
/// A sentence where it is none.
pub fn form_version(variable: impl Fn(&str) -> Option<String>) -> Result<FormVersion, String> {
    match variable(FORMS).as_deref() {
        None | Some("" | "current") => Ok(FormVersion::Current),
        Some("before") => Ok(FormVersion::Before),
        Some(_) => Err(format!("{FORMS} must be `current` or `before`")),
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
        let service = service.writing(settings.forms);
        let metrics = Metrics::new(settings.embedded.clone());
        let ceiling = Ceiling::new(settings.tenant_requests_per_second);
        Arc::new(Self {
            service,
            settings,
            metrics,
            ceiling,
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
