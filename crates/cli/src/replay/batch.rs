//! Events on their way, in batches.

use super::row::Row;
use crate::call::hex;
use crate::failure::Failure;
use sha2::{Digest, Sha256};
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

/// Some events, sent at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// What seals it; `None` = each event counts by its own id.
    pub(crate) id: Option<String>,
    pub(crate) events: Vec<Outgoing>,
}

/// How sealed batches are called: the same for the same file and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seal {
    /// What the ids of all versions of a file of this name begin with.
    file: String,
    /// What those of this version and size do.
    version: String,
}

impl Seal {
    /// Of a file of this name with this digest, in batches of so many events.
    pub(crate) fn new(name: &str, digest: &str, size: usize) -> Self {
        let name = hex(&Sha256::digest(name));
        let name = name.get(..NAME_DIGITS).unwrap_or(&name);
        let digest = digest.get(..DIGITS).unwrap_or(digest);
        let file = format!("replay-{name}-");
        let version = format!("{file}{digest}-{size}-");
        Self { file, version }
    }

    /// The batch at this place, from 0.
    pub(crate) fn batch(&self, place: usize) -> String {
        format!("{}{place}", self.version)
    }

    /// The id of the file's first event.
    pub(crate) fn first_event(&self) -> String {
        format!("{}~0", self.batch(0))
    }

    /// Whether `id` is the one of an event that came of another version of the file, or
    /// of another size.
    pub(crate) fn is_other_version(&self, id: &str) -> bool {
        id.starts_with(&self.file) && id.contains('~') && !id.starts_with(&self.version)
    }
}

/// The digits of a file's name, and of its content, in ids.
const NAME_DIGITS: usize = 8;
const DIGITS: usize = 32;

/// Parts a file's rows into batches, in order.
pub(crate) struct Batches<R> {
    rows: R,
    tenant: Name,
    shift: i64,
    size: usize,
    seal: Option<Seal>,
    place: usize,
    waiting: Option<Outgoing>,
}

/// The most bytes of events in one body, below the server's 1 MiB.
const BATCH_BYTES_MAX: usize = 1_000_000;

impl<R> Batches<R> {
    /// Batches of at most `size` events, their times moved by `shift` seconds; sealed
    /// where there is a `seal`.
    pub(crate) fn new(
        rows: R,
        tenant: Name,
        shift: i64,
        (size, seal): (usize, Option<Seal>),
    ) -> Self {
        Self {
            rows,
            tenant,
            shift,
            size: size.max(1),
            seal,
            place: 0,
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
            json: row.event(&self.tenant, self.shift, self.seal.is_some()),
            row: row.number,
            tokens_in: row.tokens_in,
            tokens_out: row.tokens_out,
            id: row.id,
        }))
    }

    fn fill(&mut self) -> Result<Batch, Failure> {
        let id = self.seal.as_ref().map(|seal| seal.batch(self.place));
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
        if let Some(id) = &id {
            for (index, event) in batch.iter_mut().enumerate() {
                event.id = format!("{id}~{index}");
            }
        }
        self.place = self.place.saturating_add(1);
        Ok(Batch { id, events: batch })
    }
}

impl<R: Iterator<Item = Result<Row, Failure>>> Iterator for Batches<R> {
    type Item = Result<Batch, Failure>;
    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.fill();
        (!matches!(&batch, Ok(batch) if batch.events.is_empty())).then_some(batch)
    }
}

/// The body of `POST /events/batch`.
pub(crate) fn body(batch: &Batch) -> String {
    let events: Vec<&str> = batch
        .events
        .iter()
        .map(|event| event.json.as_str())
        .collect();
    let events = events.join(",");
    match &batch.id {
        Some(id) => format!(r#"{{"batch_id":"{id}","events":[{events}]}}"#),
        None => format!(r#"{{"events":[{events}]}}"#),
    }
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
            (size, None),
        );
        batches.map(|batch| batch.unwrap().events).collect()
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
        let events = batches(3, "a", 3).remove(0);
        let one = Batch { id: None, events };
        let parsed: serde_json::Value = serde_json::from_str(&body(&one)).unwrap();
        assert_eq!(parsed["events"].as_array().unwrap().len(), 3);
        let long = "x".repeat(128);
        let mut batches = Batches::new(
            rows(8000, &long).into_iter(),
            Name::new("acme").unwrap(),
            0,
            (8000, None),
        );
        let first = batches.next().unwrap().unwrap();
        assert!(body(&first).len() < 1_048_576 && first.events.len() > 3000);
        assert_eq!(
            batches.next().unwrap().unwrap().events[0].row,
            first.events.last().unwrap().row + 1
        );
    }

    #[test]
    fn sealed_batches_are_called_by_file_size_and_place_and_their_events_have_no_id() {
        let seal = Seal::new("a.csv", &"ab".repeat(32), 90);
        let tenant = Name::new("acme").unwrap();
        let rows = rows(100, "a").into_iter();
        let batches = Batches::new(rows, tenant, 0, (90, Some(seal.clone())));
        let batches: Vec<Batch> = batches.map(|batch| batch.unwrap()).collect();
        let ids: Vec<_> = batches
            .iter()
            .filter_map(|batch| batch.id.clone())
            .collect();
        let version = format!("replay-32f29f33-{}-90", "ab".repeat(16));
        assert_eq!(ids, [format!("{version}-0"), format!("{version}-1")]);
        assert_eq!(batches[0].events[0].id, seal.first_event());
        let own = &batches[1].events[9].id;
        assert!(!seal.is_other_version(own));
        for other in [
            Seal::new("a.csv", "cd", 90),
            Seal::new("a.csv", &"ab".repeat(32), 9),
        ] {
            assert!(other.is_other_version(own));
        }
        assert!(!Seal::new("b.csv", "cd", 90).is_other_version(own));
        assert!(!body(&batches[0]).contains(r#""id""#));
    }

    #[test]
    fn a_bad_row_stops_the_batches() {
        let bad = [Err(Failure::new("row 1: bad"))];
        let mut batches = Batches::new(bad.into_iter(), Name::new("acme").unwrap(), 0, (10, None));
        assert!(batches.next().unwrap().is_err());
    }
}
