//! Tables for people.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use console::{Term, style};
use tollgate_api::Figure;

const STYLE: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A column's title, and whether it holds numbers.
pub(crate) type Column = (&'static str, bool);

/// A column of texts.
pub(crate) const fn text(title: &'static str) -> Column {
    (title, false)
}

/// A column of numbers, which stand to the right.
pub(crate) const fn number(title: &'static str) -> Column {
    (title, true)
}

/// Rows below a ruled header, as wide as the terminal at most; empty cells as `-`.
pub(crate) fn grid(columns: &[Column], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if let Some((_, width)) = Term::stdout().size_checked() {
        table.set_width(width);
    }
    let aligned = |text: String, is_number: bool| {
        let side = if is_number {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        };
        Cell::new(if text.is_empty() {
            "-".to_string()
        } else {
            text
        })
        .set_alignment(side)
    };
    table.set_header(
        columns
            .iter()
            .map(|(title, is_number)| aligned((*title).to_string(), *is_number)),
    );
    for row in rows {
        table.add_row(
            row.iter()
                .zip(columns)
                .map(|(cell, (_, is_number))| aligned(cell.clone(), *is_number)),
        );
    }
    table.trim_fmt()
}

/// A count in groups of three digits, money as it is, nothing as empty.
pub(crate) fn figure(figure: Option<Figure>) -> String {
    match figure {
        None => String::new(),
        Some(Figure::Money(amount)) => amount.to_string(),
        Some(Figure::Count(count)) => {
            u64::try_from(count).map_or_else(|_| count.to_string(), crate::output::grouped)
        }
    }
}

/// `table` with the words of `marks` in their colours, where stdout shows any.
pub(crate) fn coloured(table: &str, marks: &[(&str, console::Color)]) -> String {
    marks
        .iter()
        .fold(table.to_string(), |table, (word, colour)| {
            table.replace(word, &style(word).fg(*colour).to_string())
        })
}
