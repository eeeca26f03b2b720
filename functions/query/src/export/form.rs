//! The forms of an export.

use tollgate_api::{StoredEvent, csv_event, csv_header};
use tollgate_core::Name;
use tollgate_service::Entry;

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// RFC 4180, a header first.
    Csv,
    /// One list, as other routes show lists.
    Json,
    /// An event a line.
    Jsonl,
}

impl Form {
    /// What the parameter `format` calls them.
    pub(crate) const NAMES: [(&'static str, Self); 3] = [
        ("csv", Self::Csv),
        ("json", Self::Json),
        ("jsonl", Self::Jsonl),
    ];

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Jsonl => "application/x-ndjson",
        }
    }

    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Csv => "usage_export.csv",
            Self::Json => "usage_export.json",
            Self::Jsonl => "usage_export.jsonl",
        }
    }

    /// What stands before the events; the names of columns in the first part
    /// alone, so that parts behind each other are one file.
    pub(crate) fn head(self, is_first: bool) -> String {
        match self {
            Self::Csv if is_first => csv_header(),
            Self::Csv | Self::Jsonl => String::new(),
            Self::Json => "{\"data\":[".to_owned(),
        }
    }

    pub(crate) fn event(self, entry: &Entry, tenant: &Name) -> String {
        let Entry {
            received,
            currency,
            stored,
        } = entry;
        let json = || {
            let event = StoredEvent::new(stored, *received, tenant, *currency);
            serde_json::to_string(&event).unwrap_or_default()
        };
        match self {
            Self::Csv => csv_event(stored, *received, tenant, *currency),
            Self::Json => json(),
            Self::Jsonl => json() + "\n",
        }
    }

    pub(crate) fn between(self) -> &'static str {
        match self {
            Self::Csv | Self::Jsonl => "",
            Self::Json => ",",
        }
    }

    /// What stands behind the events. The count of a list comes last, as it is
    /// known last.
    pub(crate) fn tail(self, count: u64, next_cursor: Option<&str>) -> String {
        match self {
            Self::Csv | Self::Jsonl => String::new(),
            Self::Json => format!(
                "],\"count\":{count},\"next_cursor\":{}}}",
                next_cursor.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""))
            ),
        }
    }
}
