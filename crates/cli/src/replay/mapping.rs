//! Which column fills which field.

use super::field::Field;
use crate::failure::Failure;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The columns to read, in the order of [`Field::ALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping(Vec<Column>);

/// One column, and the field it fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// What it fills.
    pub(crate) field: Field,
    /// Its place in a row.
    pub(crate) index: usize,
    /// Its header.
    pub(crate) header: String,
}

/// `FIELD=COLUMN`, as given to `--map`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    field: Field,
    header: String,
}

impl Mapping {
    /// The columns that `wishes` name; where there are none, every column
    /// whose header says what it is. `is_operation_given` keeps a column from
    /// taking the operation's place unasked.
    pub(crate) fn new(
        headers: &[&str],
        wishes: &[Wish],
        is_operation_given: bool,
    ) -> Result<Self, Failure> {
        let mapping = if wishes.is_empty() {
            Self::guessed(headers, is_operation_given)?
        } else {
            Self::wished(headers, wishes)?
        };
        if mapping.0.is_empty() {
            let headers = headers.join("`, `");
            return Err(Failure::new(format!(
                "no column names a field; say which with --map FIELD=COLUMN (columns: `{headers}`)"
            )));
        }
        Ok(mapping)
    }

    /// The columns.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.0
    }

    /// The column of `field`.
    pub(crate) fn column(&self, field: Field) -> Option<&Column> {
        self.0.iter().find(|column| column.field == field)
    }

    fn wished(headers: &[&str], wishes: &[Wish]) -> Result<Self, Failure> {
        let mut columns = Vec::new();
        for field in Field::ALL {
            let mut named = wishes.iter().filter(|wish| wish.field == field);
            let Some(wish) = named.next() else { continue };
            if named.next().is_some() {
                return Err(Failure::new(format!("--map names `{field}` twice")));
            }
            let index = place(headers, &wish.header)?;
            columns.push(Column {
                field,
                index,
                header: wish.header.clone(),
            });
        }
        Ok(Self(columns))
    }

    fn guessed(headers: &[&str], is_operation_given: bool) -> Result<Self, Failure> {
        let fields = Field::ALL
            .into_iter()
            .filter(|field| *field != Field::Operation || !is_operation_given);
        let columns = fields.filter_map(|field| guess(headers, field).transpose());
        columns.collect::<Result<_, _>>().map(Self)
    }
}

/// The one column that is called as `field` is: its own name before any alias.
fn guess(headers: &[&str], field: Field) -> Result<Option<Column>, Failure> {
    let called = |exactly: bool| {
        let fits = move |header: &str| {
            field.is_called(header) && (!exactly || header.eq_ignore_ascii_case(field.as_str()))
        };
        headers
            .iter()
            .enumerate()
            .filter(move |(_, header)| fits(header))
    };
    let found: Vec<_> = if called(true).next().is_some() {
        called(true).collect()
    } else {
        called(false).collect()
    };
    match found.as_slice() {
        [] => Ok(None),
        [(index, header)] => Ok(Some(Column {
            field,
            index: *index,
            header: (*header).to_string(),
        })),
        [(_, one), (_, other), ..] => {
            let sentence = format!(
                "columns `{one}` and `{other}` both look like `{field}`; say which columns to read with --map FIELD=COLUMN"
            );
            Err(Failure::new(sentence))
        }
    }
}

fn place(headers: &[&str], wanted: &str) -> Result<usize, Failure> {
    let mut places = headers
        .iter()
        .enumerate()
        .filter(|(_, header)| **header == wanted);
    let listed = || headers.join("`, `");
    let (index, _) = places.next().ok_or_else(|| {
        Failure::new(format!(
            "the file has no column `{wanted}` (columns: `{}`)",
            listed()
        ))
    })?;
    match places.next() {
        Some(_) => Err(Failure::new(format!(
            "the file has more than one column `{wanted}`"
        ))),
        None => Ok(index),
    }
}

impl FromStr for Wish {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (field, header) = text
            .split_once('=')
            .ok_or("must be FIELD=COLUMN, such as tokens_in=ContextTokens")?;
        let names = Field::ALL.map(Field::as_str).join(", ");
        let field = Field::named(field.trim())
            .ok_or(format!("no field `{field}`; the fields are {names}"))?;
        Ok(Self {
            field,
            header: header.trim().to_string(),
        })
    }
}

/// An object of fields and the columns that fill them, in order.
impl Serialize for Mapping {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let columns = self.0.iter();
        to.collect_map(columns.map(|column| (column.field, &column.header)))
    }
}

/// `field <- column` for each.
impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, column) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{} <- {}", column.field, column.header)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AZURE: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

    fn wish(text: &str) -> Wish {
        text.parse().unwrap()
    }

    #[test]
    fn the_azure_trace_maps_itself() {
        let mapping = Mapping::new(&AZURE, &[], true).unwrap();
        let shown =
            "timestamp <- TIMESTAMP, tokens_in <- ContextTokens, tokens_out <- GeneratedTokens";
        assert_eq!(mapping.to_string(), shown);
    }

    #[test]
    fn a_wish_replaces_all_guesses_and_may_use_a_column_twice() {
        let wishes = [wish("consumer_id=user"), wish("agent_id=user")];
        let mapping = Mapping::new(&["timestamp", "user"], &wishes, true).unwrap();
        assert_eq!(mapping.to_string(), "agent_id <- user, consumer_id <- user");
    }

    #[test]
    fn the_own_name_of_a_field_comes_before_an_alias() {
        let mapping = Mapping::new(&["input_tokens", "Tokens_In"], &[], true).unwrap();
        assert_eq!(mapping.column(Field::TokensIn).unwrap().index, 1);
    }

    #[test]
    fn a_column_becomes_the_operation_only_where_none_is_given() {
        let headers = ["operation", "units"];
        assert!(
            Mapping::new(&headers, &[], true)
                .unwrap()
                .column(Field::Operation)
                .is_none()
        );
        assert!(
            Mapping::new(&headers, &[], false)
                .unwrap()
                .column(Field::Operation)
                .is_some()
        );
    }

    #[test]
    fn what_cannot_be_mapped_is_said() {
        let failures = [
            (
                Mapping::new(&["prompt_tokens", "input_tokens"], &[], true),
                "both look like `tokens_in`",
            ),
            (
                Mapping::new(&["a", "b"], &[], true),
                "no column names a field",
            ),
            (
                Mapping::new(&AZURE, &[wish("units=Nope")], true),
                "no column `Nope`",
            ),
            (
                Mapping::new(&["a", "a"], &[wish("units=a")], true),
                "more than one column `a`",
            ),
            (
                Mapping::new(
                    &AZURE,
                    &[wish("units=TIMESTAMP"), wish("units=ContextTokens")],
                    true,
                ),
                "names `units` twice",
            ),
        ];
        for (result, part) in failures {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(
            "tokens=a"
                .parse::<Wish>()
                .unwrap_err()
                .contains("no field `tokens`")
        );
    }
}
