//! Which use a question is about.

use crate::event::dimension::{Counted, Dimension};
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::ledger::page::page::Stored;
use crate::ledger::view::Kept;
use crate::usage::place::Place;
use crate::usage::roster::Roster;
use alloc::vec::Vec;

/// Conditions on events; all that are given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// The names wanted, each in its dimension.
    pub names: Vec<(Dimension, Name)>,
    /// The event itself.
    pub id: Option<Name>,
    /// Whether nothing had a price for it.
    pub unpriced: bool,
}

/// A filter of rows, in the numbers of a roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowFilter {
    names: Vec<(Dimension, Name)>,
    numbers: Vec<(Counted, u32)>,
}

impl Filter {
    /// The name wanted in `dimension`.
    #[must_use]
    pub fn name(&self, dimension: Dimension) -> Option<&Name> {
        let mut wanted = self.names.iter();
        wanted
            .find(|(of, _)| *of == dimension)
            .map(|(_, name)| name)
    }

    /// Whether it wants the name of someone, which may be erased.
    #[must_use]
    pub fn wants_person(&self) -> bool {
        [Counted::Agent, Counted::Consumer]
            .into_iter()
            .any(|person| self.name(person.dimension()).is_some())
    }

    /// Whether `stored` meets every condition.
    #[must_use]
    pub fn matches(&self, stored: &Stored) -> bool {
        let (event, mut names) = (&stored.event, self.names.iter());
        (stored.card.is_none() || !self.unpriced)
            && names.all(|(dimension, name)| event.name_in(*dimension) == Some(name))
            && self.id.as_ref().is_none_or(|id| *id == event.id)
    }

    /// What rows must keep for it to be tested on them.
    #[must_use]
    pub fn needs(&self) -> Kept {
        let needs = self.names.iter().map(|(dimension, _)| Kept::of(*dimension));
        needs.fold(Kept::NOTHING, Kept::and)
    }

    /// The same for rows in the numbers of `roster`, which those it names join.
    /// Rows know no event ids, so a condition on the id is left out, and so is one on
    /// prices.
    ///
    /// # Errors
    /// [`Overflow`] for a roster that is full.
    pub fn of_rows(&self, roster: &mut Roster) -> Result<RowFilter, Overflow> {
        let (mut names, mut numbers) = (Vec::new(), Vec::new());
        for (dimension, name) in &self.names {
            match dimension.counted() {
                Some(counted) => numbers.push((counted, roster.number(counted, name)?)),
                None => names.push((*dimension, name.clone())),
            }
        }
        Ok(RowFilter { names, numbers })
    }
}

impl RowFilter {
    /// Whether use at `place` meets every condition.
    #[must_use]
    pub fn matches(&self, place: &Place) -> bool {
        let (mut names, mut numbers) = (self.names.iter(), self.numbers.iter());
        numbers.all(|(counted, number)| place.number(*counted) == Some(*number))
            && names.all(|(dimension, name)| place.name(*dimension) == Some(name))
    }
}
