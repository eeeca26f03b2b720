//! Rollups: the totals of one closed receipt hour, a pure fold of its pages.

use crate::page::Page;
use crate::totals::{Dimensions, Overflow, Totals};
use crate::{CardRef, Instant};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What one rollup row is kept by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The hour in which the events happened.
    pub hour: Instant,
    /// Where the use belongs.
    pub dimensions: Dimensions,
    /// The card version that priced it.
    pub card: CardRef,
    /// Whether the cost was given with the event instead.
    pub overridden: bool,
}

/// Totals by row. Merging is associative and commutative, so any split of the
/// same events into pages and hours folds to the same rows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rows(pub BTreeMap<Row, Totals>);

const FORMAT: u8 = 1;
/// The most bytes of rows in one item; an item holds 400 KB.
const CHUNK_BYTES_MAX: usize = 300_000;
/// The most tasks of one entry: of 128 characters each, they fill a chunk.
const TASKS_MAX: usize = 2_000;

impl Rows {
    /// Adds the events of `page`.
    ///
    /// # Errors
    /// [`Overflow`] where a total leaves its range.
    pub fn add_page(&mut self, page: &Page) -> Result<(), Overflow> {
        for stored in &page.events {
            let row = Row {
                hour: stored.event.timestamp.floor_to(3600),
                dimensions: stored.event.dimensions.clone(),
                card: stored.card.clone(),
                overridden: stored.event.cost_override.is_some(),
            };
            self.0.entry(row).or_default().add(&Totals::of(&stored.event, stored.cost))?;
        }
        Ok(())
    }

    /// The chunks to store, by event hour and number: each a format byte and
    /// compact rows. A row of many tasks takes several entries, which add up.
    #[must_use]
    pub fn encode(&self) -> Vec<(Instant, usize, Vec<u8>)> {
        let mut chunks: Vec<(Instant, usize, Vec<u8>)> = Vec::new();
        let entries = self.0.iter().flat_map(|(row, totals)| split(totals).into_iter().map(move |part| (row, part)));
        for (row, totals) in entries {
            let Ok(bytes) = postcard::to_allocvec(&(row, &totals)) else {
                continue;
            };
            match chunks.last_mut() {
                Some((hour, _, chunk)) if *hour == row.hour && chunk.len().saturating_add(bytes.len()) <= CHUNK_BYTES_MAX => {
                    chunk.extend(bytes)
                }
                last => {
                    let number = last.filter(|(hour, ..)| *hour == row.hour).map_or(0, |(_, number, _)| number.saturating_add(1));
                    let mut chunk = alloc::vec![FORMAT];
                    chunk.extend(bytes);
                    chunks.push((row.hour, number, chunk));
                }
            }
        }
        chunks
    }

    /// Reads one chunk.
    #[must_use]
    pub fn decode(chunk: &[u8]) -> Option<Vec<(Row, Totals)>> {
        let (format, mut rest) = chunk.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let mut rows = Vec::new();
        while !rest.is_empty() {
            let (row, after) = postcard::take_from_bytes(rest).ok()?;
            rows.push(row);
            rest = after;
        }
        Some(rows)
    }
}

/// The totals as parts that add up to them, each with no more tasks than fit
/// into an item.
fn split(totals: &Totals) -> Vec<Totals> {
    if totals.tasks.len() <= TASKS_MAX {
        return alloc::vec![totals.clone()];
    }
    let mut parts: Vec<Totals> = Vec::new();
    for task in &totals.tasks {
        match parts.last_mut().filter(|part| part.tasks.len() < TASKS_MAX) {
            Some(part) => part.tasks.insert(task.clone()),
            None => {
                parts.push(Totals { tasks: BTreeSet::from([task.clone()]), ..Totals::default() });
                true
            }
        };
    }
    if let Some(first) = parts.first_mut() {
        let tasks = core::mem::take(&mut first.tasks);
        *first = Totals { tasks, ..totals.clone() };
    }
    parts
}
