//! Pages of lists.

use crate::raw::raw;
use serde::Serialize;
use serde_json::value::RawValue;

/// A page of a list: `{data, count, next_cursor}`.
#[must_use]
pub fn list<T: Serialize>(data: &[T], next_cursor: Option<&str>) -> Box<RawValue> {
    raw(&Page {
        data,
        count: data.len(),
        next_cursor,
    })
}

#[derive(Serialize)]
struct Page<'a, T> {
    data: &'a [T],
    count: usize,
    next_cursor: Option<&'a str>,
}
