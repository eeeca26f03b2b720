//! The forms that an export has.

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// A header, then a line for each event (RFC 4180)
    Csv,
    /// One list
    Json,
    /// A JSON object a line
    Jsonl,
}
