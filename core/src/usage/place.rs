//! Where use belongs in rollups, and which rollups answer which question.

use crate::event::dimension::{Counted, Dimension};
use crate::event::event::Event;
use crate::event::name::Name;
use crate::ledger::view::Kept;
use crate::price::priced::CardRef;
use alloc::vec::Vec;

/// Where use belongs, agents, consumers and tasks as numbers of a
/// [`crate::Roster`]. A [`crate::View`] leaves out what it does not keep.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Place {
    /// By the dimensions that are kept by name, in the order of
    /// [`Dimension::NAMED`]; `None` = not named, or not kept.
    pub names: [Option<Name>; Dimension::NAMED_COUNT],
    /// By those that are counted, in the order of [`Counted::ALL`].
    pub numbers: [Option<u32>; Counted::COUNT],
    /// The nodes that it counted in, from its leaf up; `None` = the one named as
    /// its agent is.
    pub path: Vec<Option<Name>>,
    /// The card version and exchange rate that priced it; `None` where nothing did, or
    /// where it is not kept.
    pub card: Option<CardRef>,
    /// Whether the cost was given with the event instead.
    pub overridden: bool,
}

impl Place {
    /// Where `event` belongs, without agent, consumer, task and price.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let d = &event.dimensions;
        Self {
            names: Dimension::NAMED.map(|dimension| event.name_in(dimension).cloned()),
            path: d
                .path
                .iter()
                .map(|node| other_than(node, d.agent.as_ref()))
                .collect(),
            ..Self::default()
        }
    }

    /// Its name in a dimension that is kept by name.
    #[must_use]
    pub fn name(&self, dimension: Dimension) -> Option<&Name> {
        let mut named = Dimension::NAMED.into_iter().zip(&self.names);
        named.find(|(of, _)| *of == dimension)?.1.as_ref()
    }

    /// Its number among those that are counted.
    #[must_use]
    pub fn number(&self, of: Counted) -> Option<u32> {
        let mut numbered = Counted::ALL.into_iter().zip(self.numbers);
        numbered.find(|(counted, _)| *counted == of)?.1
    }

    /// The same without agent, consumer and task.
    #[must_use]
    pub fn without_people(self) -> Self {
        Self {
            numbers: Default::default(),
            ..self
        }
    }

    /// What `kept` keeps of it.
    #[must_use]
    pub fn within(&self, kept: Kept) -> Self {
        let mut place = self.clone();
        for (dimension, name) in Dimension::NAMED.into_iter().zip(&mut place.names) {
            *name = name.take().filter(|_| kept.holds(Kept::of(dimension)));
        }
        for (counted, number) in Counted::ALL.into_iter().zip(&mut place.numbers) {
            *number = number.filter(|_| kept.holds(Kept::of(counted.dimension())));
        }
        if !kept.holds(Kept::NODE) {
            place.path.clear();
        }
        place.card = place.card.filter(|_| kept.holds(Kept::PRICE));
        place.overridden &= kept.holds(Kept::PRICE);
        place
    }
}

fn other_than(node: &Name, agent: Option<&Name>) -> Option<Name> {
    Some(node).filter(|node| agent != Some(node)).cloned()
}
