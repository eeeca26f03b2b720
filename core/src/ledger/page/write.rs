//! The events of a page as columns.

use crate::event::label::Label;
use crate::event::name::Name;
use crate::event::person::Person;
use crate::event::quantities::Component;
use crate::ledger::page::body::Body;
use crate::ledger::page::column::Writer;
use crate::ledger::page::page::{Page, SealedEvent, Stored};
use crate::ledger::page::people::{People, is_person};
use crate::ledger::posting::Posting;
use crate::limit::decision::Decision;
use crate::money::amount::Amount;
use crate::price::priced::CardRef;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Things that are stored once and referred to by number.
struct Dictionary<T> {
    list: Vec<T>,
    numbers: BTreeMap<T, usize>,
}

impl<T: Ord + Clone> Dictionary<T> {
    fn new() -> Self {
        Self {
            list: Vec::new(),
            numbers: BTreeMap::new(),
        }
    }

    /// Its place, from 0.
    fn place(&mut self, thing: &T) -> usize {
        if let Some(place) = self.numbers.get(thing) {
            return *place;
        }
        let place = self.list.len();
        self.list.push(thing.clone());
        self.numbers.insert(thing.clone(), place);
        place
    }

    /// Its number, from 1; 0 = none.
    fn number(&mut self, thing: Option<&T>) -> i128 {
        thing.map_or(0, |thing| as_number(self.place(thing)).saturating_add(1))
    }
}

fn as_number(place: usize) -> i128 {
    i128::try_from(place).unwrap_or(i128::MAX)
}

/// The form of `page`; salts come of `seed`.
pub(super) fn write(page: &Page, seed: [u8; 32]) -> Body {
    let mut writer = Writer::default();
    let mut names = Dictionary::new();
    let mut cards = Dictionary::new();
    let mut people = People::new(seed);
    let events = &page.events;
    let of = |figure: &mut dyn FnMut(&Stored) -> i128| -> Vec<i128> {
        events.iter().map(figure).collect()
    };
    match &page.sealed {
        Some(sealed) => {
            let places = sealed.events.iter().map(|of| i128::from(of.index));
            writer.put_steps(&places.collect::<Vec<_>>());
        }
        None => writer.put(&of(&mut |stored| names.number(Some(&stored.event.id)))),
    }
    writer.put_steps(&of(&mut |stored| stored.event.timestamp.unix_nanos()));
    for person in [Person::Agent, Person::Consumer] {
        writer.put(&of(&mut |stored| {
            let name = person.of_event(&stored.event);
            i128::from(people.number(person, name))
        }));
    }
    writer.put(&of(&mut |stored| {
        names.number(Some(&stored.event.dimensions.operation))
    }));
    writer.put(&of(&mut |stored| {
        names.number(Some(&stored.event.dimensions.tier))
    }));
    for label in Label::ALL.into_iter().filter(|label| !is_person(*label)) {
        writer.put(&of(&mut |stored| names.number(stored.event.label(label))));
    }
    writer.put(&of(&mut |stored| names.number(stored.voids.as_ref())));
    write_paths(&mut writer, events, &mut names);
    write_figures(&mut writer, events, &mut cards);
    let mut sources = Dictionary::new();
    let draws = page.sealed.iter().flat_map(|sealed| &sealed.events);
    write_draws(&mut writer, draws, &mut sources);
    let has_metadata = events.iter().any(|stored| stored.event.metadata.is_some());
    let metadata = events.iter().filter(|_| has_metadata);
    Body {
        received: page.received,
        config_version: page.config_version,
        currency: page.currency,
        count: events.len(),
        batch: page.sealed.as_ref().map(|sealed| sealed.batch.clone()),
        people: people.members,
        names: names.list,
        cards: cards.list,
        sources: sources.list,
        metadata: metadata
            .map(|stored| stored.event.metadata.clone())
            .collect(),
        columns: writer.into_bytes(),
    }
}

/// The nodes that each counts in; 0 = the one named as its agent is, and -1 as its
/// consumer, so that no name stands there beside the person's own.
fn write_paths(writer: &mut Writer, events: &[Stored], names: &mut Dictionary<Name>) {
    let paths = || events.iter().map(|stored| &stored.event.dimensions);
    let lengths = paths().map(|at| as_number(at.path.len()));
    writer.put(&lengths.collect::<Vec<_>>());
    let mut nodes = Vec::new();
    for at in paths() {
        for node in &at.path {
            nodes.push(
                match (
                    Some(node) == at.agent.as_ref(),
                    Some(node) == at.consumer.as_ref(),
                ) {
                    (true, _) => AGENTS_NODE,
                    (false, true) => CONSUMERS_NODE,
                    (false, false) => names.number(Some(node)),
                },
            );
        }
    }
    writer.put(&nodes);
}

/// The numbers of nodes that are named as someone is.
pub(super) const AGENTS_NODE: i128 = 0;
pub(super) const CONSUMERS_NODE: i128 = -1;

fn write_figures(writer: &mut Writer, events: &[Stored], cards: &mut Dictionary<CardRef>) {
    for component in Component::ALL {
        let quantity = |stored: &Stored| {
            let quantity = stored.event.quantities.to_table().of(component);
            (quantity != 0).then(|| i128::from(quantity))
        };
        writer.put_optional(&events.iter().map(quantity).collect::<Vec<_>>());
    }
    let score = |stored: &Stored| {
        let score = stored.event.compliance_score;
        Some(score.units()).filter(|_| Amount::whole(1) != Some(score))
    };
    writer.put_optional(&events.iter().map(score).collect::<Vec<_>>());
    let units = |amount: Option<Amount>| amount.map(Amount::units);
    let latency = events.iter().map(|stored| units(stored.event.latency_ms));
    writer.put_optional(&latency.collect::<Vec<_>>());
    let costs = events.iter().map(|stored| stored.cost.units());
    writer.put(&costs.collect::<Vec<_>>());
    let given = events
        .iter()
        .map(|stored| units(stored.event.cost_override));
    writer.put_optional(&given.collect::<Vec<_>>());
    let places = events
        .iter()
        .map(|stored| cards.number(stored.card.as_ref()));
    writer.put(&places.collect::<Vec<_>>());
    let decisions = events.iter().map(|stored| match stored.decision {
        Decision::Allow => 0,
        Decision::Warn => 1,
        Decision::Deny => 2,
    });
    writer.put(&decisions.collect::<Vec<_>>());
}

fn write_draws<'a>(
    writer: &mut Writer,
    events: impl Iterator<Item = &'a SealedEvent> + Clone,
    sources: &mut Dictionary<Posting>,
) {
    let counts = events.clone().map(|of| as_number(of.draws.len()));
    writer.put(&counts.collect::<Vec<_>>());
    let draws = || events.clone().flat_map(|of| &of.draws);
    let blank = |draw: &Posting| Posting {
        used: 0,
        held: 0,
        ..draw.clone()
    };
    let places = draws().map(|draw| as_number(sources.place(&blank(draw))));
    writer.put(&places.collect::<Vec<_>>());
    for amount in [|draw: &Posting| draw.used, |draw: &Posting| draw.held] {
        writer.put(&draws().map(amount).collect::<Vec<_>>());
    }
}
