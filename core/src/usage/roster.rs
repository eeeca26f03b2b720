//! Rosters: agents, consumers and tasks, numbered as they first appear.

use crate::event::dimension::Counted;
use crate::event::dimensions::Dimensions;
use crate::event::event::Event;
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::ledger::form::{Form, FormError};
use crate::ledger::page::page::Page;
use crate::ledger::tasks::TaskHash;
use crate::usage::members::Members;
use crate::usage::place::Place;
use crate::usage::tally::Tally;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Who has been seen, each with a number that sets of [`Members`] and rollup
/// rows refer to. Numbers are given in order of appearance, so the same pages
/// in the same order always give the same numbers.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    agents: Numbered<Name>,
    consumers: Numbered<Name>,
    tasks: Numbered<TaskHash>,
}

/// Who joined a roster within some stretch, in the order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Joined {
    /// Agents.
    pub agents: Vec<Name>,
    /// Consumers.
    pub consumers: Vec<Name>,
    /// Tasks.
    pub tasks: Vec<TaskHash>,
}

/// How many are on a roster.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extent {
    agents: usize,
    consumers: usize,
    tasks: usize,
}

#[derive(Clone, Debug)]
struct Numbered<T> {
    list: Vec<T>,
    numbers: BTreeMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }
}

impl<T: Clone + Ord> Numbered<T> {
    fn enrol(&mut self, entry: &T) -> Result<u32, Overflow> {
        match self.numbers.get(entry) {
            Some(number) => Ok(*number),
            None => self.append(entry.clone()),
        }
    }

    /// The next number, even if the entry has one: a pseudonym may stand for
    /// an entry that had two numbers. It is found by its first.
    fn append(&mut self, entry: T) -> Result<u32, Overflow> {
        let number = u32::try_from(self.list.len()).map_err(|_| Overflow)?;
        self.numbers.entry(entry.clone()).or_insert(number);
        self.list.push(entry);
        Ok(number)
    }

    fn since(&self, length: usize) -> Vec<T> {
        self.list.get(length..).unwrap_or_default().to_vec()
    }

    fn mapping(&self, into: &mut Self) -> Result<Mapping, Overflow> {
        let to: Result<Vec<u32>, Overflow> =
            self.list.iter().map(|entry| into.enrol(entry)).collect();
        let to = to?;
        let same = to
            .iter()
            .enumerate()
            .all(|(from, to)| u32::try_from(from) == Ok(*to));
        Ok(if same { Mapping::Same } else { Mapping::To(to) })
    }
}

impl Roster {
    /// The number of one that is counted, who joins if it is new.
    ///
    /// # Errors
    /// [`Overflow`] beyond 2^32 of them; here and below.
    pub fn number(&mut self, of: Counted, name: &Name) -> Result<u32, Overflow> {
        match of {
            Counted::Agent => self.agents.enrol(name),
            Counted::Consumer => self.consumers.enrol(name),
            Counted::Task => self.tasks.enrol(&TaskHash::of(name)),
        }
    }

    /// The dimensions of `place`, of a full row that was numbered by this roster;
    /// `None` = it is none.
    #[must_use]
    pub fn dimensions(&self, place: Place) -> Option<Dimensions> {
        let person = |of: Counted| place.number(of).and_then(|number| self.name(of, number));
        let agent = person(Counted::Agent).cloned();
        let consumer = person(Counted::Consumer).cloned();
        let [
            operation,
            tier,
            tool_server,
            tool_name,
            model,
            session,
            node,
        ] = place.names;
        let named = |node: Option<Name>| node.or_else(|| agent.clone());
        Some(Dimensions {
            operation: operation?,
            tier: tier?,
            path: place.path.into_iter().map(named).collect::<Option<_>>()?,
            consumer,
            agent,
            session,
            tool_server,
            tool_name,
            model,
            node,
        })
    }

    /// The name behind a number; tasks are known by their hashes alone.
    #[must_use]
    pub fn name(&self, of: Counted, number: u32) -> Option<&Name> {
        let list = match of {
            Counted::Agent => &self.agents.list,
            Counted::Consumer => &self.consumers.list,
            Counted::Task => return None,
        };
        list.get(usize::try_from(number).ok()?)
    }

    /// Where `event` belongs, without the price; all it names join.
    ///
    /// # Errors
    /// As [`Roster::number`].
    pub fn place(&mut self, event: &Event) -> Result<Place, Overflow> {
        let mut place = Place::of(event);
        for (of, number) in Counted::ALL.into_iter().zip(&mut place.numbers) {
            let name = event.name_in(of.dimension());
            *number = name.map(|name| self.number(of, name)).transpose()?;
        }
        Ok(place)
    }

    /// Lets all whom the events of `page` name join, in their order.
    ///
    /// # Errors
    /// As [`Roster::number`].
    pub fn enrol_page(&mut self, page: &Page) -> Result<(), Overflow> {
        for stored in &page.events {
            for of in Counted::ALL {
                if let Some(name) = stored.event.name_in(of.dimension()) {
                    self.number(of, name)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a task of this name is on it.
    #[must_use]
    pub fn has_task(&self, name: &Name) -> bool {
        self.tasks.numbers.contains_key(&TaskHash::of(name))
    }

    /// How many are on it.
    #[must_use]
    pub fn extent(&self) -> Extent {
        Extent {
            agents: self.agents.list.len(),
            consumers: self.consumers.list.len(),
            tasks: self.tasks.list.len(),
        }
    }

    /// Who joined since it had the extent `before`.
    #[must_use]
    pub fn joined(&self, before: Extent) -> Joined {
        Joined {
            agents: self.agents.since(before.agents),
            consumers: self.consumers.since(before.consumers),
            tasks: self.tasks.since(before.tasks),
        }
    }

    /// Gives those who joined next the next numbers.
    ///
    /// # Errors
    /// As [`Roster::number`].
    pub fn append(&mut self, joined: Joined) -> Result<(), Overflow> {
        joined
            .agents
            .into_iter()
            .try_for_each(|agent| self.agents.append(agent).map(drop))?;
        joined
            .consumers
            .into_iter()
            .try_for_each(|consumer| self.consumers.append(consumer).map(drop))?;
        joined
            .tasks
            .into_iter()
            .try_for_each(|task| self.tasks.append(task).map(drop))
    }

    /// The numbers that those on this roster have on `other`, which they join.
    ///
    /// # Errors
    /// As [`Roster::number`].
    pub fn onto(&self, other: &mut Self) -> Result<Renumbering, Overflow> {
        Ok(Renumbering {
            agents: self.agents.mapping(&mut other.agents)?,
            consumers: self.consumers.mapping(&mut other.consumers)?,
            tasks: self.tasks.mapping(&mut other.tasks)?,
        })
    }
}

/// The numbers of one roster as those of another.
#[derive(Clone, Debug)]
pub struct Renumbering {
    agents: Mapping,
    consumers: Mapping,
    tasks: Mapping,
}

#[derive(Clone, Debug)]
enum Mapping {
    Same,
    To(Vec<u32>),
}

impl Mapping {
    fn number(&self, number: &mut Option<u32>) -> Option<()> {
        if let (Self::To(to), Some(number)) = (self, number) {
            *number = *to.get(usize::try_from(*number).ok()?)?;
        }
        Some(())
    }

    fn set(&self, set: &mut Members) -> Option<()> {
        if let Self::To(to) = self {
            let moved: Option<Members> = set
                .iter()
                .map(|number| to.get(usize::try_from(number).ok()?).copied())
                .collect();
            *set = moved?;
        }
        Some(())
    }
}

impl Renumbering {
    /// Changes the numbers of a row; `None` for one that is on no roster.
    #[must_use]
    pub fn apply(&self, place: &mut Place, tally: &mut Tally) -> Option<()> {
        let of = [&self.agents, &self.consumers, &self.tasks];
        let numbers = place.numbers.iter_mut().zip(&mut tally.seen);
        of.into_iter()
            .zip(numbers)
            .try_for_each(|(mapping, (number, set))| {
                mapping.number(number)?;
                mapping.set(set)
            })
    }
}

/// The most entries of a stored part: names of 128 characters fill 300 KB.
const NAMES_MAX: usize = 2_300;

const TASKS_MAX: usize = 18_000;

impl Joined {
    /// Those whose names are kept, in parts that each fit an item.
    #[must_use]
    pub fn name_parts(&self) -> Vec<Self> {
        let agents = self.agents.chunks(NAMES_MAX).map(|agents| Self {
            agents: agents.to_vec(),
            ..Self::default()
        });
        let consumers = self.consumers.chunks(NAMES_MAX).map(|consumers| Self {
            consumers: consumers.to_vec(),
            ..Self::default()
        });
        agents.chain(consumers).collect()
    }

    /// The tasks, in parts that each fit an item.
    #[must_use]
    pub fn task_parts(&self) -> Vec<Self> {
        self.tasks
            .chunks(TASKS_MAX)
            .map(|tasks| Self {
                tasks: tasks.to_vec(),
                ..Self::default()
            })
            .collect()
    }

    /// Compact bytes, as they are stored.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, FormError> {
        Form::Roster.encode(self, &[])
    }

    /// Reads what [`Joined::encode`] wrote.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Form::Roster.decode(bytes, &[]).ok()
    }
}
