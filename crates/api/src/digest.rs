//! Ids derived from content.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use tollgate_core::Name;

/// `prefix` and the first 32 hex digits of the SHA-256 of `content`.
pub(crate) fn derived_id(prefix: &str, content: &[u8]) -> Option<Name> {
    let digest = Sha256::digest(content);
    let mut id = prefix.to_owned();
    for byte in digest.iter().take(16) {
        write!(id, "{byte:02x}").ok()?;
    }
    Name::new(&id).ok()
}
