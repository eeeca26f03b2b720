//! Words of routes, which no tenant can have as its id.

/// Words that follow `/usage/`, `/events/` and the like in routes.
const RESERVED: &[&str] = &[
    "aggregate",
    "agents",
    "batch",
    "check",
    "close",
    "consumers",
    "export",
    "purge",
    "statement",
    "stats",
    "subscription",
    "summary",
    "tasks",
    "tree",
    "validate",
    "void",
];

/// Whether `id` is a word of a route, so that no tenant can have it.
#[must_use]
pub fn is_reserved_tenant(id: &str) -> bool {
    RESERVED.contains(&id)
}
