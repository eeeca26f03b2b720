//! What an import comes to.

use crate::import::draft::CardDraft;
use crate::import::report::{Entry, Kind, Left, Tally};
use std::fmt;

/// The cards that a map makes, and what it says beyond them.
#[derive(Debug, Default)]
pub(crate) struct Imported {
    /// Full cards, the earliest first; all but the first have an `effective_from`.
    pub(crate) cards: Vec<CardDraft>,
    /// The entries with a price that is not 0.
    pub(crate) priced: Tally,
    /// Those of them that price tokens.
    pub(crate) token_priced: Tally,
    /// What was left, and why.
    pub(crate) left: Vec<Left>,
    /// The prices that were rounded to what a card can hold.
    pub(crate) rounded: Vec<Left>,
}

/// Why a text is no such map.
#[derive(Debug)]
pub(crate) enum ImportError {
    /// It is not JSON.
    Json(serde_json::Error),
    /// It is JSON of another form; what was looked for.
    Form(&'static str),
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "it is not JSON: {error}"),
            Self::Form(sought) => write!(f, "it is another form of JSON: {sought}"),
        }
    }
}

impl std::error::Error for ImportError {}

impl From<serde_json::Error> for ImportError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl Imported {
    /// Takes up what was found out about an entry.
    pub(crate) fn count(&mut self, entry: Entry, kind: Kind) {
        match kind {
            Kind::Unpriced => {}
            Kind::Tokens => {
                self.priced.add(entry.is_complete);
                self.token_priced.add(entry.is_complete);
            }
            Kind::Others => self.priced.add(entry.is_complete),
        }
        self.left.extend(entry.left);
        self.rounded.extend(entry.rounded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_leaves_an_entry_complete() {
        let mut imported = Imported::default();
        let mut entry = Entry::new("a");
        entry.note("dbu", "is no money");
        entry.note("dbu", "is no money");
        imported.count(entry, Kind::Tokens);
        let mut entry = Entry::new("b");
        entry.leave("f", "no component");
        imported.count(entry, Kind::Others);
        let tally = |entries, complete| Tally { entries, complete };
        assert_eq!(imported.priced, tally(2, 1));
        assert_eq!(imported.token_priced, tally(1, 1));
        assert_eq!(imported.left.len(), 2);
    }
}
