//! Bytes that are no page.

/// Why bytes are not a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// They begin with a format that this version does not know.
    #[error("the page has an unknown format")]
    Format,
    /// They do not follow their format.
    #[error("the page is damaged")]
    Damaged,
}
