//! Time and chance, as the service is given them.

use tollgate_core::Instant;
use ulid::Ulid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Instant;
}

/// Fresh random bytes from the operating system; zeros if it has none, which
/// only makes ids collide and then be refused, never overwritten.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "no randomness");
    }
    bytes
}

/// A new id that sorts by `at`.
#[must_use]
pub fn ulid(at: Instant) -> String {
    Ulid::from_parts(at.unix_millis(), u128::from_be_bytes(random())).to_string()
}

/// The smallest id that [`ulid`] makes at `at`.
#[must_use]
pub(crate) fn ulid_floor(at: Instant) -> String {
    Ulid::from_parts(at.unix_millis(), 0).to_string()
}
