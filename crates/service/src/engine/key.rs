//! API keys as they are known to a process.

use crate::store::failure::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use subtle::ConstantTimeEq;
use tollgate_core::{Instant, KeyScope, Name};

/// A key as it is kept: never the key itself, only its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its public part.
    pub id: String,
    /// Whose it is; absent only for operators.
    pub tenant: Option<Name>,
    /// What it allows.
    pub scopes: BTreeSet<KeyScope>,
    /// What it is for, for people.
    pub name: Option<String>,
    /// When it was made.
    pub created: Instant,
    /// When it ends.
    pub expires: Option<Instant>,
    /// When it was revoked.
    pub revoked: Option<Instant>,
    /// SHA-256 of the whole key, in hexadecimal.
    pub(crate) digest: String,
}

const PREFIX: &str = "tg";

const ID_BYTES: usize = 8;

const SECRET_BYTES: usize = 32;

impl KeyRecord {
    /// The record of a key of one's own choosing, such as an operator's from
    /// the environment. Its id is not secret and not found by [`crate::Service::find_key`].
    #[must_use]
    pub fn operator(id: &str, key: &str) -> Self {
        Self {
            id: id.to_owned(),
            tenant: None,
            scopes: BTreeSet::from([KeyScope::Operator]),
            name: None,
            created: Instant::EPOCH,
            expires: None,
            revoked: None,
            digest: digest(key),
        }
    }

    /// Whether `key` is this one, compared in constant time.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        digest(key).as_bytes().ct_eq(self.digest.as_bytes()).into()
    }

    /// Whether it works at `now`.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

/// A new key's text: prefix, public id, secret.
///
/// # Errors
/// [`Failure::Broken`] when the operating system has no randomness.
pub fn fresh_key() -> Result<(String, String), Failure> {
    let mut bytes = [0; ID_BYTES + SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Broken(error.to_string()))?;
    let (id, secret) = bytes.split_at(ID_BYTES);
    let id = hex(id);
    let key = format!("{PREFIX}_{id}_{}", hex(secret));
    Ok((id, key))
}

pub(crate) fn digest(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The public part of a key's text, if it has the form of one.
pub(crate) fn id_of(key: &str) -> Option<&str> {
    let (id, secret) = key
        .strip_prefix(PREFIX)?
        .strip_prefix('_')?
        .split_once('_')?;
    let is_hex = |text: &str, bytes: usize| {
        text.len() == bytes * 2 && text.bytes().all(|b| b.is_ascii_hexdigit())
    };
    (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES)).then_some(id)
}
