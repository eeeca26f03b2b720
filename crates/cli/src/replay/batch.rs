//! Events on their way, in batches.

use super::row::Row;
use crate::failure::Failure;
use tollgate_core::Name;

/// One event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// Its row in the file.
    pub(crate) row: u64,
    /// Its id.
    pub(crate) id: String,
    /// Its input tokens.
    pub(crate) tokens_in: u64,
    /// Its output tokens.
    pub(crate) tokens_out: u64,
    /// Its JSON.
    pub(crate) json: String,
}

/// Parts a file's rows into batches, in order.
pub(crate) struct Batches<R> {
    rows: R,
    tenant: Name,
    shift: i64,
    size: usize,
    waiting: Option<Outgoing>,
}

/// The most bytes of events in one body, below the server's 1 MiB.
const BATCH_BYTES_MAX: usize = 1_000_000;

impl<R> Batches<R> {
    /// Batches of at most `size` events, their times moved by `shift` seconds.
    pub(crate) fn new(rows: R, tenant: Name, shift: i64, size: usize) -> Self {
        Self {
            rows,
            tenant,
            shift,
            size: size.max(1),
            waiting: None,
        }
    }
}

impl<R: Iterator<Item = Result<Row, Failure>>> Batches<R> {
    fn next_event(&mut self) -> Option<Result<Outgoing, Failure>> {
        if let Some(event) = self.waiting.take() {
            return Some(Ok(event));
        }
        let row = self.rows.next()?;
        Some(row.map(|row| Outgoing {
            json: row.event(&self.tenant, self.shift),
            row: row.number,
            tokens_in: row.tokens_in,
            tokens_out: row.tokens_out,
            id: row.id,
        }))
    }

    fn fill(&mut self) -> Result<Vec<Outgoing>, Failure> {
        let mut batch = Vec::new();
        let mut bytes = 0_usize;
        while batch.len() < self.size {
            let Some(event) = self.next_event().transpose()? else {
                break;
            };
            bytes = bytes.saturating_add(event.json.len().saturating_add(1));
            if bytes > BATCH_BYTES_MAX && !batch.is_empty() {
                self.waiting = Some(event);
                break;
            }
            batch.push(event);
        }
        Ok(batch)
    }
}

impl<R: Iterator<Item = Result<Row, Failure>>> Iterator for Batches<R> {
    type Item = Result<Vec<Outgoing>, Failure>;
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.fill();
        (!matches!(&batch, Ok(events) if events.is_empty())).then_some(batch)
    }
}

/// The body of `POST /events/batch`.
pub(crate) fn body(events: &[Outgoing]) -> String {
    let events: Vec<&str> = events.iter().map(|event| event.json.as_str()).collect();
    format!(r#"{{"events":[{}]}}"#, events.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::mapping::Mapping;
    use crate::replay::row::Reading;
    use csv::StringRecord;

    fn rows(count: u64, cell: &str) -> Vec<Result<Row, Failure>> {
        let reading = Reading {
            tenant: Name::new("acme").unwrap(),
            operation: Name::new("gpt-4o").ok(),
            mapping: Mapping::new(&["agent_id"], &[], true).unwrap(),
            assume_utc: false,
        };
        let record = StringRecord::from(vec![cell]);
        (1..=count)
            .map(|number| Ok(reading.row(&record, number).unwrap()))
            .collect()
    }

    fn batches(count: u64, cell: &str, size: usize) -> Vec<Vec<Outgoing>> {
        let batches = Batches::new(
            rows(count, cell).into_iter(),
            Name::new("acme").unwrap(),
            0,
            size,
        );
        batches.map(|batch| batch.unwrap()).collect()
    }

    #[test]
    fn batches_hold_every_row_once_and_in_order() {
        let all = batches(205, "a", 90);
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [90, 90, 25]);
        let numbers: Vec<u64> = all.concat().iter().map(|event| event.row).collect();
        assert_eq!(numbers, (1..=205).collect::<Vec<_>>());
    }

    #[test]
    fn the_size_of_a_batch_changes_no_event() {
        assert_eq!(
            batches(100, "a", 7).concat(),
            batches(100, "a", 1000).concat()
        );
    }

    #[test]
    fn a_body_is_json_below_the_servers_limit() {
        let one = batches(3, "a", 3).remove(0);
        let parsed: serde_json::Value = serde_json::from_str(&body(&one)).unwrap();
        assert_eq!(parsed["events"].as_array().unwrap().len(), 3);
        let long = "x".repeat(128);
        let mut batches = Batches::new(
            rows(8000, &long).into_iter(),
            Name::new("acme").unwrap(),
            0,
            8000,
        );
        let first = batches.next().unwrap().unwrap();
        assert!(body(&first).len() < 1_048_576 && first.len() > 3000);
        assert_eq!(
            batches.next().unwrap().unwrap()[0].row,
            first.last().unwrap().row + 1
        );
    }

    #[test]
    fn a_bad_row_stops_the_batches() {
        let bad = [Err(Failure::new("row 1: bad"))];
        let mut batches = Batches::new(bad.into_iter(), Name::new("acme").unwrap(), 0, 10);
        assert!(batches.next().unwrap().is_err());
    }
}
