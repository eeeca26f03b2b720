//! One row of a file, as an event.

use super::field::{Field, Kind};
use super::mapping::{Column, Mapping};
use super::moment;
use crate::call::hex;
use csv::StringRecord;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tollgate_core::{Amount, Instant, Name, QUANTITY_MAX};

/// How rows become events.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Who pays.
    pub(crate) tenant: Name,
    /// The operation of rows that name none.
    pub(crate) operation: Option<Name>,
    /// Which column fills which field.
    pub(crate) mapping: Mapping,
    /// Whether times without an offset are UTC.
    pub(crate) assume_utc: bool,
}

/// One row, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// From 1; the header does not count.
    pub(crate) number: u64,
    /// The event's id: the same whenever and however the file is sent.
    pub(crate) id: String,
    /// When it happened, by the file.
    pub(crate) timestamp: Option<Instant>,
    /// Its input tokens.
    pub(crate) tokens_in: u64,
    /// Its output tokens.
    pub(crate) tokens_out: u64,
    fields: BTreeMap<Field, Cell>,
}

/// What a cell holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Cell {
    /// A name or a decimal.
    Text(String),
    /// A quantity.
    Number(u64),
}

/// A row as it is sent.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    tenant_id: &'a Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Instant>,
    #[serde(flatten)]
    fields: &'a BTreeMap<Field, Cell>,
}

/// Why a row is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadCell {
    /// The header of its column.
    pub(crate) header: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Reading {
    /// The event of `record`, the row of this number.
    pub(crate) fn row(&self, record: &StringRecord, number: u64) -> Result<Row, BadCell> {
        let mut row = Row {
            number,
            id: String::new(),
            timestamp: None,
            tokens_in: 0,
            tokens_out: 0,
            fields: BTreeMap::new(),
        };
        if let Some(operation) = &self.operation {
            let operation = Cell::Text(operation.to_string());
            row.fields.insert(Field::Operation, operation);
        }
        for column in self.mapping.columns() {
            let cell = record.get(column.index).unwrap_or_default().trim();
            self.fill(&mut row, column.field, cell)
                .map_err(|why| bad(column, cell, &why))?;
        }
        self.check(&row)?;
        row.id = self.id(&row, record);
        Ok(row)
    }

    fn fill(&self, row: &mut Row, field: Field, cell: &str) -> Result<(), String> {
        let value = match field.kind() {
            Kind::Time => {
                row.timestamp = Some(moment::parse(cell, self.assume_utc)?);
                return Ok(());
            }
            Kind::Name | Kind::Decimal if cell.is_empty() => return Ok(()),
            Kind::Name => {
                let name = Name::new(cell).map_err(|error| error.to_string())?;
                Cell::Text(name.to_string())
            }
            Kind::Decimal => Cell::Text(decimal(cell)?),
            Kind::Quantity => Cell::Number(quantity(cell)?),
        };
        row.count(field, &value);
        row.fields.insert(field, value);
        Ok(())
    }

    /// What only several cells together can break.
    fn check(&self, row: &Row) -> Result<(), BadCell> {
        let header = |field| {
            self.mapping
                .column(field)
                .map(|column| column.header.clone())
                .unwrap_or_default()
        };
        let sides = [
            (row.tokens_in, "tokens_in", Field::parts_in()),
            (row.tokens_out, "tokens_out", Field::parts_out()),
        ];
        for (whole, name, parts) in sides {
            let of = |field: &Field| row.fields.get(field).and_then(Cell::number).unwrap_or(0);
            let sum = parts.iter().map(of).fold(0, u64::saturating_add);
            if let Some(part) = parts.iter().find(|part| of(part) > 0 && sum > whole) {
                let why = format!(
                    "with the other parts of `{name}` must be at most that, but {sum} > {whole}"
                );
                return Err(BadCell {
                    header: header(*part),
                    why,
                });
            }
        }
        if !row.fields.contains_key(&Field::Operation) {
            let why = "is empty; give --operation for rows that name none".to_string();
            return Err(BadCell {
                header: header(Field::Operation),
                why,
            });
        }
        Ok(())
    }

    /// From tenant, operation, all cells and the row's number; so neither the
    /// clock, nor `--batch`, nor a shift in time changes it.
    fn id(&self, row: &Row, record: &StringRecord) -> String {
        let operation = row.fields.get(&Field::Operation).and_then(Cell::text);
        let mut hash = Sha256::new();
        for part in [self.tenant.as_str(), operation.unwrap_or_default()]
            .into_iter()
            .chain(record)
        {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(row.number.to_string());
        let digest = hex(&hash.finalize());
        format!("replay-{}", digest.get(..32).unwrap_or_default())
    }
}

impl Row {
    /// The event as JSON, its time moved by `shift` seconds; without an id where its
    /// batch has one.
    pub(crate) fn event(&self, tenant: &Name, shift: i64, is_sealed: bool) -> String {
        let event = Event {
            id: (!is_sealed).then_some(self.id.as_str()),
            tenant_id: tenant,
            timestamp: self.timestamp.map(|at| at.plus_seconds(shift)),
            fields: &self.fields,
        };
        // Texts and whole numbers are always JSON.
        serde_json::to_string(&event).unwrap_or_default()
    }

    fn count(&mut self, field: Field, value: &Cell) {
        let number = value.number().unwrap_or(0);
        match field {
            Field::TokensIn => self.tokens_in = number,
            Field::TokensOut => self.tokens_out = number,
            _ => {}
        }
    }
}

impl Cell {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

fn bad(column: &Column, cell: &str, why: &str) -> BadCell {
    let shown: String = match cell {
        "" => "an empty cell".to_string(),
        cell => format!("`{}`", cell.chars().take(60).collect::<String>()),
    };
    BadCell {
        header: column.header.clone(),
        why: format!("{shown} {why}"),
    }
}

fn quantity(cell: &str) -> Result<u64, String> {
    let digits = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    let number = cell
        .parse()
        .ok()
        .filter(|number| digits && *number <= QUANTITY_MAX);
    number.ok_or_else(|| format!("must be a whole number from 0 to {QUANTITY_MAX}"))
}

/// A decimal's text, since its digits are to arrive as they are.
fn decimal(cell: &str) -> Result<String, String> {
    let amount: Amount = cell
        .parse()
        .map_err(|error: tollgate_core::AmountError| error.to_string())?;
    if amount < Amount::ZERO {
        return Err("must not be negative".to_string());
    }
    Ok(amount.to_string())
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
