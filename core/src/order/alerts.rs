//! Who is to be told of crossed thresholds.

use alloc::string::String;
use alloc::vec::Vec;

/// What a tenant's alerts are to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsOrder {
    /// Percents, ascending, as [`crate::Alerts`] has them; none = no alerts.
    pub thresholds: Vec<u8>,
    /// Where they are sent; absent = nowhere, they are only shown.
    pub url: Option<String>,
    /// Whether the secret is made anew although the url stays.
    pub rotate_secret: bool,
}
