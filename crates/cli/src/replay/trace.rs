//! A file of requests, read row by row.

use super::row::{Reading, Row};
use crate::call::hex;
use crate::failure::Failure;
use csv::{ReaderBuilder, StringRecord, StringRecordsIntoIter};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use tollgate_core::Instant;

/// Where a file is and how its cells are parted.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The file.
    pub(crate) path: PathBuf,
    /// The character between cells.
    pub(crate) delimiter: u8,
}

/// A file, and how its rows become events.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    /// The file.
    pub(crate) source: Source,
    /// How its rows are read.
    pub(crate) reading: Reading,
}

/// What a first pass over a whole file finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    /// How many rows it has.
    pub(crate) rows: u64,
    /// The first one.
    pub(crate) first: Row,
    /// The oldest and newest time, where rows have times.
    pub(crate) span: Option<(Instant, Instant)>,
    /// Hex of a SHA-256 over all rows as they are sent.
    pub(crate) digest: String,
}

/// The rows of a file, in order, each checked.
pub(crate) struct Rows<'a> {
    records: StringRecordsIntoIter<File>,
    reading: &'a Reading,
    number: u64,
}

impl Source {
    /// The header's cells, trimmed.
    pub(crate) fn headers(&self) -> Result<Vec<String>, Failure> {
        let mut reader = self.open()?;
        let headers = reader
            .headers()
            .map_err(|error| Failure::to(self.reading(), error))?;
        if headers.is_empty() {
            return Err(Failure::new(format!("`{}` is empty", self.path.display())));
        }
        Ok(headers
            .iter()
            .map(|header| header.trim().to_string())
            .collect())
    }

    fn open(&self) -> Result<csv::Reader<File>, Failure> {
        let file = File::open(&self.path).map_err(|error| Failure::to(self.reading(), error))?;
        Ok(ReaderBuilder::new()
            .delimiter(self.delimiter)
            .from_reader(file))
    }

    fn reading(&self) -> String {
        format!("read `{}`", self.path.display())
    }
}

impl Trace {
    /// Its rows, from the first.
    pub(crate) fn rows(&self) -> Result<Rows<'_>, Failure> {
        Ok(Rows {
            records: self.source.open()?.into_records(),
            reading: &self.reading,
            number: 0,
        })
    }

    /// Reads and checks every row, before any is sent.
    pub(crate) fn survey(&self) -> Result<Survey, Failure> {
        let mut rows = self.rows()?;
        let first = rows.next().ok_or_else(|| no_rows(&self.source.path))??;
        let span = first.timestamp.map(|at| (at, at));
        let mut hash = Sha256::new();
        let mut add = |row: &Row| {
            hash.update(row.event(&self.reading.tenant, 0, true));
            hash.update([0]);
        };
        add(&first);
        let mut survey = Survey {
            rows: 1,
            first,
            span,
            digest: String::new(),
        };
        for row in rows {
            let row = row?;
            add(&row);
            let at = row.timestamp;
            survey.rows = survey.rows.saturating_add(1);
            survey.span = survey
                .span
                .zip(at)
                .map(|((oldest, newest), at)| (oldest.min(at), newest.max(at)));
        }
        survey.digest = hex(&hash.finalize());
        Ok(survey)
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Failure>;
    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        self.number = self.number.saturating_add(1);
        Some(self.row(record))
    }
}

impl Rows<'_> {
    fn row(&self, record: csv::Result<StringRecord>) -> Result<Row, Failure> {
        let number = self.number;
        let record = record
            .map_err(|error| Failure::new(format!("row {number}: {}", unreadable(&error))))?;
        let row = self.reading.row(&record, number);
        row.map_err(|bad| Failure::new(format!("row {number} column {}: {}", bad.header, bad.why)))
    }
}

fn no_rows(path: &Path) -> Failure {
    Failure::new(format!("`{}` has a header but no rows", path.display()))
}

fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("has {len} cells where the header has {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
