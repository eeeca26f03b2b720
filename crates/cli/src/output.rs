//! What commands print.

use crate::failure::Failure;
use serde::Serialize;
use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

/// All items of a list, and how many they are.
#[derive(Serialize)]
struct Listed<'a, T> {
    count: usize,
    data: &'a [T],
}

/// Prints `text` as a line of its own. A reader that went away ends the
/// printing, not the command.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    match writeln!(stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::to("print", error)),
        _ => Ok(()),
    }
}

/// `body` as JSON.
pub(crate) fn encode(body: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(body).map_err(|error| Failure::to("write JSON", error))
}

/// Prints `body` as JSON where `json` says so, else as `text` puts it.
pub(crate) fn print_either<T: Serialize>(
    json: bool,
    body: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    print(&if json { encode(body)? } else { text(body) })
}

/// Prints all items of a list as JSON.
pub(crate) fn print_list<T: Serialize>(items: &[T]) -> Result<(), Failure> {
    let listed = Listed {
        count: items.len(),
        data: items,
    };
    print(&encode(&listed)?)
}

/// Cells in columns as wide as their widest cell; empty cells as `-`.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let header = header.iter().map(|cell| (*cell).to_string()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(header)
        .chain(rows.iter().cloned())
        .collect();
    let cell = |line: &[String], column: usize| match line.get(column) {
        Some(text) if !text.is_empty() => text.clone(),
        _ => "-".to_string(),
    };
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| cell(line, column).chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let shown = lines.iter().map(|line| {
        let cells = widths
            .iter()
            .enumerate()
            .map(|(column, width)| format!("{:width$}", cell(line, column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
    });
    shown.collect::<Vec<_>>().join("\n")
}

/// A value as a cell; nothing as empty.
pub(crate) fn cell(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// Digits in groups of three: `22,361,870`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let (first, rest) = digits.split_at(lead);
    let groups = rest
        .as_bytes()
        .chunks(3)
        .map(|group| String::from_utf8_lossy(group).into_owned());
    let first = Some(first.to_string()).filter(|first| !first.is_empty());
    first
        .into_iter()
        .chain(groups)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (22_361_870, "22,361,870"),
        ] {
            assert_eq!(grouped(number), shown);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["k1".to_string(), String::new()],
            vec!["key-2".to_string(), "acme".to_string()],
        ];
        assert_eq!(
            table(&["id", "tenant"], &rows),
            "id     tenant\nk1     -\nkey-2  acme"
        );
    }
}
