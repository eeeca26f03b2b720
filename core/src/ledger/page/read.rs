//! The events of a page, from its columns.

use crate::event::event::Event;
use crate::event::label::Label;
use crate::event::name::Name;
use crate::event::person::Person;
use crate::event::quantities::{Component, Quantities, Table};
use crate::ledger::form::FormError;
use crate::ledger::page::body::Body;
use crate::ledger::page::column::Reader;
use crate::ledger::page::page::{Page, Sealed, SealedEvent, Stored};
use crate::ledger::page::people::{Member, is_person};
use crate::ledger::page::write::{AGENTS_NODE, CONSUMERS_NODE};
use crate::ledger::posting::Posting;
use crate::limit::decision::Decision;
use crate::money::amount::Amount;
use crate::time::instant::Instant;
use alloc::vec::Vec;

/// Reads columns, figures checked against what they refer to.
struct Columns<'a> {
    reader: Reader<'a>,
    count: usize,
}

impl Columns<'_> {
    fn numbers(&mut self) -> Result<Vec<i128>, FormError> {
        self.reader.take(self.count)
    }

    fn names(&mut self, names: &[Name]) -> Result<Vec<Option<Name>>, FormError> {
        let numbers = self.numbers()?;
        numbers
            .into_iter()
            .map(|number| named(names, number))
            .collect()
    }

    fn sure_names(&mut self, names: &[Name]) -> Result<Vec<Name>, FormError> {
        let names = self.names(names)?.into_iter();
        names.map(|name| name.ok_or(FormError::Damaged)).collect()
    }

    fn amounts(&mut self) -> Result<Vec<Option<Amount>>, FormError> {
        let numbers = self.reader.take_optional(self.count)?.into_iter();
        numbers
            .map(|number| number.map(amount).transpose())
            .collect()
    }

    /// Lists of things, one of each event, by their lengths.
    fn lists(&mut self) -> Result<(Vec<usize>, Vec<i128>), FormError> {
        let lengths = self.numbers()?.into_iter();
        let lengths: Result<Vec<usize>, _> = lengths.map(usize::try_from).collect();
        let lengths = lengths.map_err(|_| FormError::Damaged)?;
        let total = lengths
            .iter()
            .try_fold(0_usize, |sum, length| sum.checked_add(*length));
        let total = total
            .filter(|total| *total <= LISTED_MAX)
            .ok_or(FormError::Damaged)?;
        Ok((lengths, self.reader.take(total)?))
    }
}

/// The most nodes, and the most draws, of the events of a page.
const LISTED_MAX: usize = 1_000_000;

fn amount(units: i128) -> Result<Amount, FormError> {
    Amount::from_units(units).ok_or(FormError::Damaged)
}

/// The thing of this number, from 1; 0 = none.
fn numbered<T>(list: &[T], number: i128) -> Result<Option<&T>, FormError> {
    if number == 0 {
        return Ok(None);
    }
    at(list, number.saturating_sub(1)).map(Some)
}

fn named(names: &[Name], number: i128) -> Result<Option<Name>, FormError> {
    numbered(names, number).map(|name| name.cloned())
}

fn at<T>(list: &[T], place: i128) -> Result<&T, FormError> {
    let place = usize::try_from(place).ok();
    place
        .and_then(|place| list.get(place))
        .ok_or(FormError::Damaged)
}

/// Reads what [`crate::ledger::page::write`] made.
pub(super) fn read(body: Body) -> Result<Page, FormError> {
    let columns = Reader::new(&body.columns);
    let (reader, count) = (columns, body.count);
    let mut columns = Columns { reader, count };
    let first = columns.numbers()?;
    let (ids, places) = match &body.batch {
        Some(batch) => sealed_ids(batch, &first)?,
        None => (ids(&body.names, &first)?, Vec::new()),
    };
    let mut events = read_events(&mut columns, &body, ids)?;
    read_figures(&mut columns, &body, &mut events)?;
    let draws = read_draws(&mut columns, &body)?;
    if !columns.reader.is_at_end() {
        return Err(FormError::Damaged);
    }
    if !body.metadata.is_empty() {
        for (stored, metadata) in events.iter_mut().zip(body.metadata) {
            stored.event.metadata = metadata;
        }
    }
    let sealed = body.batch.map(|batch| {
        let events = places.into_iter().zip(draws);
        let events = events
            .map(|(index, draws)| SealedEvent { index, draws })
            .collect();
        Sealed { batch, events }
    });
    Ok(Page {
        received: body.received,
        config_version: body.config_version,
        currency: body.currency,
        events,
        sealed,
    })
}

fn ids(names: &[Name], numbers: &[i128]) -> Result<Vec<Name>, FormError> {
    let name = |number: &i128| named(names, *number)?.ok_or(FormError::Damaged);
    numbers.iter().map(name).collect()
}

/// The ids of a sealed batch's events, and their places in it.
fn sealed_ids(batch: &Name, places: &[i128]) -> Result<(Vec<Name>, Vec<u32>), FormError> {
    let place = |place: &i128| u32::try_from(*place).map_err(|_| FormError::Damaged);
    let places: Vec<u32> = places.iter().map(place).collect::<Result<_, _>>()?;
    let ids = places.iter().map(|place| batch.sealed_event(*place));
    Ok((ids.collect(), places))
}

/// The events with all that they name.
fn read_events(
    columns: &mut Columns<'_>,
    body: &Body,
    ids: Vec<Name>,
) -> Result<Vec<Stored>, FormError> {
    let times = columns.numbers()?;
    let (agents, consumers) = (columns.numbers()?, columns.numbers()?);
    let names = &body.names;
    let (operations, tiers) = (columns.sure_names(names)?, columns.sure_names(names)?);
    let mut events = Vec::with_capacity(ids.len());
    for (((id, at), operation), tier) in ids.into_iter().zip(times).zip(operations).zip(tiers) {
        let at = Instant::from_nanos(at).map_err(|_| FormError::Damaged)?;
        let mut event = Event::new(id, at, operation);
        event.dimensions.tier = tier;
        events.push(Stored {
            event,
            cost: Amount::ZERO,
            card: None,
            decision: Decision::Allow,
            voids: None,
        });
    }
    let people = |numbers: Vec<i128>, person| -> Result<Vec<Option<Name>>, FormError> {
        let shown = |number| member(&body.people, person, number);
        numbers.into_iter().map(shown).collect()
    };
    let (agents, consumers) = (
        people(agents, Person::Agent)?,
        people(consumers, Person::Consumer)?,
    );
    for ((stored, agent), consumer) in events.iter_mut().zip(agents).zip(consumers) {
        stored.event.dimensions.agent = agent;
        stored.event.dimensions.consumer = consumer;
    }
    for label in Label::ALL.into_iter().filter(|label| !is_person(*label)) {
        for (stored, name) in events.iter_mut().zip(columns.names(names)?) {
            *stored.event.label_mut(label) = name;
        }
    }
    for (stored, name) in events.iter_mut().zip(columns.names(names)?) {
        stored.voids = name;
    }
    let (lengths, nodes) = columns.lists()?;
    let mut nodes = nodes.into_iter();
    for (stored, length) in events.iter_mut().zip(lengths) {
        let at = &stored.event.dimensions;
        let node = |number| {
            let named = match number {
                AGENTS_NODE => at.agent.clone(),
                CONSUMERS_NODE => at.consumer.clone(),
                number => named(names, number)?,
            };
            named.ok_or(FormError::Damaged)
        };
        let path: Result<Vec<Name>, FormError> = nodes.by_ref().take(length).map(node).collect();
        stored.event.dimensions.path = path?;
    }
    Ok(events)
}

/// The name of the one of this number, from 1, or what stands for it; 0 = no one.
fn member(people: &[Member], person: Person, number: i128) -> Result<Option<Name>, FormError> {
    if number == 0 {
        return Ok(None);
    }
    let member = at(people, number.saturating_sub(1))?;
    if member.person == person {
        Ok(Some(member.shown().clone()))
    } else {
        Err(FormError::Damaged)
    }
}

fn read_figures(
    columns: &mut Columns<'_>,
    body: &Body,
    events: &mut [Stored],
) -> Result<(), FormError> {
    let mut tables = alloc::vec![Table::<u64>::default(); body.count];
    for component in Component::ALL {
        let quantities = columns.reader.take_optional(body.count)?;
        for (table, quantity) in tables.iter_mut().zip(quantities) {
            let quantity = u64::try_from(quantity.unwrap_or(0));
            table.set(component, quantity.map_err(|_| FormError::Damaged)?);
        }
    }
    let (scores, latencies) = (columns.amounts()?, columns.amounts()?);
    let (costs, given) = (columns.numbers()?, columns.amounts()?);
    let (cards, decisions) = (columns.numbers()?, columns.numbers()?);
    for (stored, table) in events.iter_mut().zip(tables) {
        stored.event.quantities = Quantities::from_table(table);
    }
    for ((stored, score), latency) in events.iter_mut().zip(scores).zip(latencies) {
        stored.event.compliance_score = score.unwrap_or(stored.event.compliance_score);
        stored.event.latency_ms = latency;
    }
    for ((stored, cost), given) in events.iter_mut().zip(costs).zip(given) {
        (stored.cost, stored.event.cost_override) = (amount(cost)?, given);
    }
    for ((stored, card), decision) in events.iter_mut().zip(cards).zip(decisions) {
        stored.card = numbered(&body.cards, card)?.cloned();
        stored.decision = match decision {
            0 => Decision::Allow,
            1 => Decision::Warn,
            2 => Decision::Deny,
            _ => return Err(FormError::Damaged),
        };
    }
    Ok(())
}

/// What each event of a sealed batch drew of credit.
fn read_draws(columns: &mut Columns<'_>, body: &Body) -> Result<Vec<Vec<Posting>>, FormError> {
    columns.count = body.batch.as_ref().map_or(0, |_| body.count);
    let (lengths, sources) = columns.lists()?;
    columns.count = sources.len();
    let (used, held) = (columns.numbers()?, columns.numbers()?);
    let mut draws = Vec::with_capacity(sources.len());
    for ((source, used), held) in sources.into_iter().zip(used).zip(held) {
        let source = at(&body.sources, source)?.clone();
        draws.push(Posting {
            used,
            held,
            ..source
        });
    }
    let mut draws = draws.into_iter();
    let lists = lengths
        .into_iter()
        .map(|length| draws.by_ref().take(length).collect());
    Ok(lists.collect())
}
