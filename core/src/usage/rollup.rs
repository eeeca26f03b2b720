//! Rollups: the totals of receipt hours and days, a pure fold of their pages.

use crate::event::dimension::{Counted, Dimension};
use crate::event::name::Name;
use crate::event::totals::{Overflow, Totals};
use crate::ledger::form::{Form, FormError};
use crate::ledger::page::page::Page;
use crate::ledger::view::View;
use crate::money::amount::Amount;
use crate::price::exchange::ExchangeRate;
use crate::price::priced::CardRef;
use crate::time::instant::{HOUR_SECONDS, Instant};
use crate::usage::members::Members;
use crate::usage::place::Place;
use crate::usage::roster::Roster;
use crate::usage::tally::Tally;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Tallies by the start of a span of event time (hour or day) and by place.
/// Merging is associative and commutative, so any split of the same events
/// into pages and hours folds to the same rows. A place that names an agent,
/// consumer or task is not repeated in the row's sets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rows(pub BTreeMap<(Instant, Place), Tally>);

/// A chunk of rows to store: all of one span.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// The start of the span of event time.
    pub span: Instant,
    /// Its number within the span.
    pub number: usize,
    /// Compact rows, as they are stored.
    pub bytes: Vec<u8>,
}

/// The most bytes of rows in one item; an item holds 400 KB.
const CHUNK_BYTES_MAX: usize = 300_000;

/// The most numbers in a set of one entry: at worst they fill a chunk.
const MEMBERS_MAX: usize = 30_000;

impl Rows {
    /// Adds the events of `page` by hour and by all that is known of them;
    /// those they name join `roster`.
    ///
    /// # Errors
    /// [`Overflow`] where a total leaves its range.
    pub fn add_page(&mut self, page: &Page, roster: &mut Roster) -> Result<(), Overflow> {
        for stored in &page.events {
            let mut place = roster.place(&stored.event)?;
            place.card.clone_from(&stored.card);
            place.overridden = stored.event.cost_override.is_some();
            let hour = stored.event.timestamp.floor_to(HOUR_SECONDS);
            self.0
                .entry((hour, place))
                .or_default()
                .totals
                .add(&stored.totals())?;
        }
        Ok(())
    }

    /// What `view` keeps of rows, by spans of `seconds`.
    ///
    /// # Errors
    /// [`Overflow`] where a total leaves its range.
    pub fn seen(&self, view: View, seconds: i64) -> Result<Self, Overflow> {
        let mut rows = Self::default();
        for ((span, place), tally) in &self.0 {
            let kept = place.within(view.kept());
            let mut rest = Place::default();
            let numbers = place.numbers.iter().zip(kept.numbers);
            for (left, (number, kept)) in rest.numbers.iter_mut().zip(numbers) {
                *left = number.filter(|_| kept.is_none());
            }
            let row = rows.0.entry((span.floor_to(seconds), kept)).or_default();
            row.add(tally)?;
            row.see(&rest);
        }
        Ok(rows)
    }

    /// The chunks to store, by span and number. A row with many members takes
    /// several entries, which add up.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn encode(&self) -> Result<Vec<Chunk>, FormError> {
        let mut spans: BTreeMap<Instant, Vec<(&Place, Tally)>> = BTreeMap::new();
        for ((span, place), tally) in &self.0 {
            spans
                .entry(*span)
                .or_default()
                .extend(split(tally).into_iter().map(|part| (place, part)));
        }
        let mut chunks = Vec::new();
        for (span, entries) in spans {
            let mut parts = Vec::new();
            encode_into(&entries, &mut parts)?;
            chunks.extend(parts.into_iter().enumerate().map(|(number, bytes)| Chunk {
                span,
                number,
                bytes,
            }));
        }
        Ok(chunks)
    }

    /// Reads one chunk.
    #[must_use]
    pub fn decode(chunk: &[u8]) -> Option<Vec<(Place, Tally)>> {
        let body: Body = Form::Rollup.decode(chunk, &[]).ok()?;
        let names = &body.names;
        body.rows.into_iter().map(|row| row.read(names)).collect()
    }
}

/// Encodes entries as one chunk, or as those of both halves where that is too
/// long.
fn encode_into(entries: &[(&Place, Tally)], chunks: &mut Vec<Vec<u8>>) -> Result<(), FormError> {
    let mut names = Names::default();
    let rows: Vec<RowBody> = entries
        .iter()
        .map(|(place, tally)| names.row(place, tally))
        .collect();
    let names = names.list;
    let bytes = Form::Rollup.encode(&Body { names, rows }, &[])?;
    if bytes.len() <= CHUNK_BYTES_MAX || entries.len() < 2 {
        chunks.push(bytes);
        return Ok(());
    }
    let (first, second) = entries.split_at(entries.len().div_euclid(2));
    encode_into(first, chunks)?;
    encode_into(second, chunks)
}

/// The tally as parts that add up to it, each with few enough members for an
/// item.
fn split(tally: &Tally) -> Vec<Tally> {
    let counts = tally.seen.iter().map(Members::count);
    let members = counts.fold(0, u64::saturating_add);
    if usize::try_from(members).is_ok_and(|count| count <= MEMBERS_MAX) {
        return alloc::vec![tally.clone()];
    }
    let mut parts = alloc::vec![Tally::from(tally.totals)];
    for (place, set) in tally.seen.iter().enumerate() {
        parts.extend(set.parts(MEMBERS_MAX).into_iter().map(|part| {
            let mut tally = Tally::default();
            tally.seen.iter_mut().skip(place).take(1).for_each(|set| {
                set.clone_from(&part);
            });
            tally
        }));
    }
    parts
}

/// Each distinct text once, then rows that refer to texts and roster
/// numbers by number plus one (0 = none).
#[derive(Serialize, Deserialize)]
struct Body {
    names: Vec<Name>,
    rows: Vec<RowBody>,
}

#[derive(Serialize, Deserialize)]
struct RowBody {
    names: [u32; Dimension::NAMED_COUNT],
    path: Vec<u32>,
    numbers: [u64; Counted::COUNT],
    card: u32,
    card_version: u32,
    over: u64,
    exchange: Option<ExchangeRate>,
    overridden: bool,
    tally: Tally,
}

#[derive(Default)]
struct Names {
    list: Vec<Name>,
    numbers: BTreeMap<Name, u32>,
}

impl Names {
    fn number(&mut self, name: Option<&Name>) -> u32 {
        let Some(name) = name else { return 0 };
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.list.push(name.clone());
        let number = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.clone(), number);
        number
    }

    fn row(&mut self, place: &Place, tally: &Tally) -> RowBody {
        let mut tally = tally.clone();
        tally.totals.compliance_score = missing(&tally.totals);
        RowBody {
            names: place
                .names
                .each_ref()
                .map(|name| self.number(name.as_ref())),
            path: place
                .path
                .iter()
                .map(|node| self.number(node.as_ref()))
                .collect(),
            numbers: place
                .numbers
                .map(|number| number.map_or(0, |number| u64::from(number).saturating_add(1))),
            card: self.number(place.card.as_ref().map(|card| &card.id)),
            card_version: place.card.as_ref().map_or(0, |card| card.version),
            over: place.card.as_ref().map_or(0, |card| card.over),
            exchange: place.card.as_ref().and_then(|card| card.exchange),
            overridden: place.overridden,
            tally,
        }
    }
}

/// What the compliance score lacks of 1 an event, mostly 0 and so one byte;
/// and the score again of what it lacks.
fn missing(totals: &Totals) -> Amount {
    let full = Amount::signed(totals.events).unwrap_or_default();
    full.checked_sub(totals.compliance_score)
        .unwrap_or_default()
}

impl RowBody {
    /// `None` where a number refers to no text.
    fn read(self, names: &[Name]) -> Option<(Place, Tally)> {
        let text = |number: u32| -> Option<Option<Name>> {
            let Some(index) = usize::try_from(number).ok()?.checked_sub(1) else {
                return Some(None);
            };
            names.get(index).cloned().map(Some)
        };
        let number = |number: u64| number.checked_sub(1).map(u32::try_from).transpose().ok();
        let mut place = Place {
            path: self.path.into_iter().map(text).collect::<Option<_>>()?,
            card: text(self.card)?.map(|id| CardRef {
                id,
                version: self.card_version,
                over: self.over,
                exchange: self.exchange,
            }),
            overridden: self.overridden,
            ..Place::default()
        };
        for (name, stored) in place.names.iter_mut().zip(self.names) {
            *name = text(stored)?;
        }
        for (of, stored) in place.numbers.iter_mut().zip(self.numbers) {
            *of = number(stored)?;
        }
        let mut tally = self.tally;
        tally.totals.compliance_score = missing(&tally.totals);
        Some((place, tally))
    }
}
