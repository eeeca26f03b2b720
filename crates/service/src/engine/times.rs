//! What a tenant's version item says.

use tollgate_core::{Attrs, Instant, Value, WindowKind, table};

/// What each request of a tenant reads first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Times {
    /// The version of its configuration; 0 = it has none.
    pub(crate) version: u64,
    /// The first receipt hour that is not closed: nothing is received before it any
    /// more.
    pub(crate) closed: Instant,
    /// The same of those hours that nobody writes to any more.
    pub(crate) settled: Instant,
}

impl Times {
    /// Reads the item; nothing = nothing is known of the tenant.
    pub(crate) fn of(attrs: Option<&Attrs>) -> Self {
        let number = |name: &str| attrs.and_then(|attrs| attrs.get(name)?.as_number());
        let at = |name: &str| {
            let millis = number(name)?.checked_mul(1000)?;
            Instant::from_millis(i64::try_from(millis).ok()?).ok()
        };
        let version = number(table::VERSION).and_then(|version| u64::try_from(version).ok());
        Self {
            version: version.unwrap_or(0),
            closed: at(table::CLOSED).unwrap_or(Instant::EPOCH),
            settled: at(table::SETTLED).unwrap_or(Instant::EPOCH),
        }
    }
}

/// Whole seconds, as the item has them.
pub(crate) fn seconds(at: Instant) -> Value {
    Value::N(i128::from(at.unix_seconds()))
}

/// The months (`YYYY-MM`) from that of `first` to that of `last`, ascending.
pub(crate) fn months(first: Instant, last: Instant) -> Vec<String> {
    let (mut months, mut at) = (Vec::new(), Some(first));
    while let Some(now) = at.filter(|now| now.month() <= last.month()) {
        months.push(now.month());
        at = WindowKind::Month.holding(now).end();
    }
    months
}
