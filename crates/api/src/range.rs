//! Ranges of time that are asked for.

use tollgate_core::Instant;

/// A half-open range of time, perhaps without bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    /// Its first instant.
    pub start: Option<Instant>,
    /// The first instant after it.
    pub end: Option<Instant>,
}

impl Range {
    /// The parameters that it is read from.
    pub const PARAMETERS: &'static [&'static str] = &["start", "end"];
}
