//! Up to when a tenant's receipt hours are closed.

use tollgate_core::{Attrs, Instant, table};

/// The first receipt hour that is not closed: nothing is received before it any
/// more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Closed(pub(crate) Instant);

impl Closed {
    /// Reads what is stored of a tenant's times; nothing = no hour is closed.
    pub(crate) fn of(attrs: Option<&Attrs>) -> Self {
        Self::named(attrs, table::CLOSED)
    }

    /// The same of those hours that nobody writes to any more.
    pub(crate) fn settled(attrs: Option<&Attrs>) -> Self {
        Self::named(attrs, table::SETTLED)
    }

    fn named(attrs: Option<&Attrs>, name: &str) -> Self {
        let seconds = attrs.and_then(|attrs| attrs.get(name)?.as_number());
        let millis = seconds.and_then(|seconds| i64::try_from(seconds.checked_mul(1000)?).ok());
        let at = millis.and_then(|millis| Instant::from_millis(millis).ok());
        Self(at.unwrap_or(Instant::EPOCH))
    }
}
