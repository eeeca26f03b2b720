//! Reading the rows of rollups.

use crate::store::body::body_bytes;
use crate::store::failure::Failure;
use tollgate_core::{Attrs, Instant, Place, Rows, Tally};

/// The span of event time and of receipt that a rollup's sort key names.
pub(crate) fn spans(sk: &str, rest: &str) -> Result<(Instant, Instant), Failure> {
    let mut parts = sk
        .split('|')
        .map(|part| format!("{part}{rest}").parse::<Instant>());
    match (parts.next(), parts.next()) {
        (Some(Ok(event)), Some(Ok(received))) => Ok((event, received)),
        _ => Err(Failure::damaged("the key of a rollup")),
    }
}

/// The rows of a rollup's chunk.
pub(crate) fn rows_of(attrs: &Attrs) -> Result<Vec<(Place, Tally)>, Failure> {
    Rows::decode(body_bytes(attrs)).ok_or_else(|| Failure::damaged("a rollup"))
}
