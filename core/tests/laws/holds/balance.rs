//! What the table holds is what the model says, all of it and nothing else.

use super::model::Place;
use super::world::{World, tenant};
use std::collections::BTreeMap;
use tollgate_core::{HoldState, OpenHold, Posting, Value, table};

impl World {
    pub(super) fn assert_balanced(&self) {
        self.assert_counted();
        self.assert_held();
        self.assert_announced();
    }

    /// By place, each attribute with this prefix that is not nothing.
    fn attributes(&self, prefix: &str) -> BTreeMap<Place, i128> {
        let counters = self.items.iter().filter(|(key, _)| key.pk.contains("|C|"));
        let figures = counters.flat_map(|(key, attrs)| {
            let named = attrs.iter().filter_map(move |(name, value)| {
                let figure = name.strip_prefix(prefix)?.to_owned();
                Some(((key.pk.clone(), key.sk.clone(), figure), value.as_number()?))
            });
            named.filter(|(_, number)| *number != 0)
        });
        figures.collect()
    }

    fn assert_counted(&self) {
        let sums = self.sums();
        let due = |of: fn(&(i128, i128)) -> i128| -> BTreeMap<Place, i128> {
            let due = sums.iter().map(|(place, sum)| (place.clone(), of(sum)));
            due.filter(|(_, sum)| *sum != 0).collect()
        };
        assert_eq!(self.attributes("u:"), due(|sum| sum.0), "used and held");
        assert_eq!(self.attributes("n:"), due(|sum| sum.1), "used");
        assert!(self.attributes("h:").is_empty(), "held is not kept apart");
    }

    /// Each hold holds what the model says, and the open ones are listed so.
    fn assert_held(&self) {
        let mut open = Vec::new();
        for (id, held) in &self.holds {
            let hold = self.hold(*id).unwrap();
            // Where it stands apart from the time.
            let written = hold.closing.as_ref().map(|_| hold.state(hold.created));
            assert_eq!((written, hold.version), (held.closed, held.version));
            let item = &self.items[&table::hold(&tenant(), hold.id())];
            let state = held.closed.unwrap_or(HoldState::Open);
            assert_eq!(item[table::STATE].as_text(), Some(state.as_str()));
            assert_eq!(
                item.contains_key(table::TTL),
                held.closed.is_some(),
                "only what has ended may be forgotten"
            );
            let places = held.counted.places.iter();
            let expected: BTreeMap<Place, (i128, i128)> = places
                .map(|place| (place.clone(), (0, held.counted.at(place))))
                .collect();
            assert_eq!(by_place(&hold.postings), expected);
            if held.closed.is_none() {
                open.push(OpenHold {
                    id: hold.id().clone(),
                    place: format!("{}|h{id}", held.expires.sortable()),
                    version: hold.version,
                    timestamp: hold.estimate.event.timestamp,
                    config_version: hold.config_version,
                    postings: hold.postings,
                });
            }
        }
        open.sort_by(|a, b| a.place.cmp(&b.place));
        assert_eq!(self.list(), open);
    }

    fn assert_announced(&self) {
        let marks = self.attributes("a:").into_iter();
        let marks = marks.map(|((pk, sk, limit), percent)| {
            (
                (pk, sk, format!("a:{limit}")),
                u8::try_from(percent).unwrap(),
            )
        });
        assert_eq!(marks.collect::<BTreeMap<_, _>>(), self.announced);
        let outbox = table::alerts(&tenant());
        let alerts = self.items.iter().filter(|(key, _)| key.pk == outbox);
        let kept = alerts.filter(|(_, attrs)| attrs["st"] == Value::S("kept".to_owned()));
        assert_eq!(kept.count(), self.alerts, "each is told once");
    }
}

/// What postings use and hold, by place.
fn by_place(postings: &[Posting]) -> BTreeMap<Place, (i128, i128)> {
    let place = |posting: &Posting| {
        let key = table::counter(&tenant(), &posting.counter);
        let figure = format!("{}:{}", posting.figure.measure(), posting.figure.since());
        (key.pk, key.sk, figure)
    };
    let by_place = postings
        .iter()
        .map(|posting| (place(posting), (posting.used, posting.held)));
    let by_place: BTreeMap<_, _> = by_place.collect();
    assert_eq!(
        by_place.len(),
        postings.len(),
        "one posting for each figure"
    );
    by_place
}
