//! Why a command ended without having done its work.

use std::fmt::Display;

/// One sentence for stderr, in lower case and without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

impl Failure {
    /// From a sentence; line breaks and other control characters become spaces.
    pub(crate) fn new(sentence: impl AsRef<str>) -> Self {
        Self(one_line(sentence.as_ref()))
    }

    /// `failed to …: cause`.
    pub(crate) fn to(action: impl Display, cause: impl Display) -> Self {
        Self::new(format!("failed to {action}: {cause}"))
    }
}

/// `text` on one line, every run of white space and control characters one space.
pub(crate) fn one_line(text: &str) -> String {
    let parts = text.split(|c: char| c.is_whitespace() || c.is_control());
    parts
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_it_quotes() {
        let failure = Failure::to("read `a.csv`", "no such\r\n\tfile\u{1b}[31m");
        assert_eq!(
            failure.to_string(),
            "failed to read `a.csv`: no such file [31m"
        );
    }
}
