//! When a tenant is told how far its limits are used.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// When a tenant is told how far its limits are used, and where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alerts {
    /// Percents from 1 to 100 of a limit's hard value (else its soft one),
    /// 1 to 10 of them, ascending, none twice.
    pub thresholds: Vec<u8>,
    /// Where alerts are sent; absent = nowhere, they are only shown.
    pub url: Option<String>,
    /// What signs them; there is one where there is a `url`.
    pub secret: Option<Secret>,
}

/// What signs alerts. It is never shown by formatting.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Alerts {
    /// The thresholds that hold where none are named.
    pub const THRESHOLDS: [u8; 3] = [50, 80, 100];
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_secret_is_not_shown_by_formatting() {
        let alerts = Alerts {
            thresholds: Alerts::THRESHOLDS.to_vec(),
            url: None,
            secret: Some(Secret("hidden".into())),
        };
        assert!(!format!("{alerts:?}").contains("hidden"));
    }
}
