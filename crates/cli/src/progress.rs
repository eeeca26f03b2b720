//! Progress on stderr.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over so many `things`; it is seen on a terminal only.
pub(crate) fn bar(length: usize, things: &str) -> ProgressBar {
    let bar = ProgressBar::new(length.try_into().unwrap_or(u64::MAX));
    let style =
        ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {things} {{msg}}"));
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
