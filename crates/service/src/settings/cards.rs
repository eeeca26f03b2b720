//! Rate cards: putting versions. Exchange rates are put and read with them.

use crate::engine::attempt::Attempt;
use crate::engine::head::{Head, Kind, Listed};
use crate::engine::service::Service;
use crate::engine::version::Version;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    Attrs, Card, Catalog, DAY_SECONDS, Form, Guard, Instant, Key, Name, Value, Write, table,
};

/// The most bytes of a version in one item; an item holds 400 KB.
const PART_BYTES: usize = 300_000;
/// How long a version whose time is over stays listed: a day longer than events may
/// be late.
const LISTED_SECONDS: i64 = 36 * DAY_SECONDS;
/// The most versions that one put moves to the past.
const MOVED_MAX: usize = 20;

/// A version of a card as it was sent.
pub struct CardPut {
    /// The card; its `replaced` are the versions that it takes the place of.
    pub card: Card,
    /// From when on it prices, where that was said.
    pub effective_from: Option<Instant>,
    /// Whether it may lack operations that the version before has.
    pub replace: bool,
}

/// A version of a card that was put.
pub struct Putting {
    /// The version.
    pub card: Card,
    /// The one before it.
    pub before: Option<Arc<Card>>,
    /// The version that prices now.
    pub in_force: Option<u32>,
    /// The one that takes its place next, and when.
    pub next: Option<(u32, Instant)>,
    /// When it was put.
    pub now: Instant,
}

/// A version about to be stored.
pub(crate) struct NewVersion {
    pub(crate) body: Version,
    /// Its entry by its own number.
    pub(crate) entry: Key,
    /// What the audit trail says of it.
    pub(crate) action: &'static str,
    pub(crate) detail: serde_json::Value,
}

impl Service {
    /// Every version of rate cards and exchange rates that can price something, and
    /// the newest of each card.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_catalog(&self) -> Result<Arc<Catalog>, Failure> {
        let head = self.read_item(table::catalog_head()).await?;
        self.read_catalog_at(Head::of(head.as_ref())).await
    }

    /// The same with what is in force at `at`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn catalog_in_force(&self, at: Instant) -> Result<Arc<Catalog>, Failure> {
        let catalog = self.read_catalog().await?;
        self.reach_times(catalog, &[at].into()).await
    }

    /// Adds a version of a card: the next of its id. `version` and `sequence`
    /// of `card` are set here. Without `effective_from` a first version prices
    /// all of time, a later one from now on.
    ///
    /// # Errors
    /// [`Failure::Stale`] for another version than `actor` asks for,
    /// [`Failure::WouldDrop`] for operations that it lacks unless it is to `replace` the
    /// version before whole,
    /// [`Failure::Invalid`] where it takes the place of what it cannot,
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn put_card(&self, put: CardPut, actor: &Actor) -> Result<Putting, Failure> {
        let CardPut {
            mut card,
            effective_from,
            replace,
        } = put;
        let replaces = card.replaced.clone();
        let mut put = None;
        self.put_version(actor, |catalog, sequence, now| {
            let before = catalog.card(card.id.as_str(), None);
            let last = before.map_or(0, |held| held.version);
            actor.check(u64::from(last))?;
            let dropped = before
                .filter(|_| !replace)
                .map(|before| lacking(before, &card));
            if let Some(dropped) = dropped.filter(|dropped| !dropped.is_empty()) {
                return Err(Failure::WouldDrop(dropped));
            }
            card.version = last.saturating_add(1);
            card.sequence = sequence;
            let earlier = before.map(|before| before.replaced.clone());
            let earlier = earlier.unwrap_or_default();
            let anew = replaces.difference(&earlier).copied().collect();
            let first = first_replaced(catalog, &card.id, &anew);
            let usual = if last == 0 { Instant::EPOCH } else { now };
            card.effective_from = effective_from.or(first).unwrap_or(usual);
            card.replaced = &replaces | &earlier;
            check_replaced(catalog, &card, &anew)?;
            let mut with = Catalog::clone(catalog);
            with.insert(card.clone());
            put = Some(Putting {
                next: next_after(&with, &card, now),
                in_force: with
                    .in_force(card.id.as_str(), now)
                    .map(|held| held.version),
                before: before.cloned(),
                card: card.clone(),
                now,
            });
            Ok(NewVersion {
                body: Version::Card(Arc::new(card.clone())),
                entry: table::card_version(&card.id, card.version),
                action: "rate_card.put",
                detail: serde_json::json!({
                    "rate_card": card.id,
                    "version": card.version,
                    "effective_from": card.effective_from,
                    "replaces": anew,
                    "operations_dropped": before.map_or(0, |before| lacking(before, &card).len()),
                }),
            })
        })
        .await?;
        put.ok_or_else(|| Failure::Broken("a version was put that was not made".to_owned()))
    }

    /// Stores the version that `make` makes of what is stored, of the next
    /// sequence number and of now; again where another was first.
    pub(crate) async fn put_version<F>(&self, actor: &Actor, mut make: F) -> Result<(), Failure>
    where
        F: FnMut(&Catalog, u64, Instant) -> Result<NewVersion, Failure>,
    {
        let alone = self.gate.write().await;
        let mut attempt = Attempt::new();
        loop {
            let before = Head::of(self.read_item(table::catalog_head()).await?.as_ref());
            let catalog = self.read_catalog_at(before).await?;
            let (now, sequence) = (self.now(), before.sequence.saturating_add(1));
            let version = make(&catalog, sequence, now)?;
            let over = self.list_over(&catalog, &version, now).await?;
            let since = before.since.max(over.last().map(|(end, _)| *end));
            let mut writes = vec![Head { sequence, since }.write()];
            writes.extend(version_writes(sequence, &version)?);
            if matches!(version.body, Version::Defaults(_)) && catalog.defaults().sequence > 0 {
                writes.push(Write::delete(table::listed(catalog.defaults().sequence)));
            }
            for (end, entry) in &over {
                writes.push(Write::delete(table::listed(entry.sequence)));
                writes.push(entry.put(table::past(*end, entry.sequence))?);
            }
            let change = Change {
                action: version.action,
                tenant: None,
                detail: version.detail,
            };
            let (audit, key) = audit_write(now, actor, change)?;
            writes.push(audit);
            let settled = self.write(&writes).await;
            self.cache.forget_latest_cards();
            if settled? || self.read_item(key).await?.is_some() {
                drop(alone);
                // Until then others may go by the head of before.
                tokio::time::sleep(self.tenancy.head_age()).await;
                return Ok(());
            }
            attempt.again("cards are put all the time").await?;
        }
    }

    /// The entries that can be moved to the past once `version` is put, and when
    /// their time was over, those that were over first coming first. By a clock that
    /// nobody confirmed nothing is over.
    async fn list_over(
        &self,
        catalog: &Catalog,
        version: &NewVersion,
        now: Instant,
    ) -> Result<Vec<(Instant, Listed)>, Failure> {
        if !self.trusts_clock().await? {
            return Ok(Vec::new());
        }
        let mut catalog = catalog.clone();
        version.body.clone().add_to(&mut catalog);
        let before = now.plus_seconds(LISTED_SECONDS.saturating_neg());
        let over = catalog.over(before);
        if over.is_empty() {
            return Ok(Vec::new());
        }
        let list = self.read_list().await?.into_iter();
        let mut list: BTreeMap<u64, Listed> = list.map(|entry| (entry.sequence, entry)).collect();
        let found = |(end, sequence)| Some((end, list.remove(&sequence)?));
        Ok(over.into_iter().filter_map(found).take(MOVED_MAX).collect())
    }
}

/// The version's entries and its body, in as many items as it takes.
fn version_writes(sequence: u64, version: &NewVersion) -> Result<Vec<Write>, Failure> {
    let (kind, from, bytes) = match &version.body {
        Version::Card(card) => (Kind::Card, card.effective_from, serde_json::to_vec(card)?),
        Version::Exchange(table) => {
            let bytes = serde_json::to_vec(table)?;
            (Kind::Exchange, table.effective_from, bytes)
        }
        Version::Defaults(defaults) => {
            let bytes = serde_json::to_vec(defaults)?;
            (Kind::Defaults, Instant::EPOCH, bytes)
        }
    };
    let parts = bytes.chunks(PART_BYTES);
    let entry = Listed {
        sequence,
        kind,
        from,
        parts: parts.len(),
    };
    let mut writes = vec![
        entry.put(table::listed(sequence))?,
        entry.put(version.entry.clone())?,
    ];
    writes.extend(parts.enumerate().map(|(number, part)| {
        let body = Attrs::from([(table::BODY.into(), Value::B(Form::JsonPart.seal(part)))]);
        Write::put(table::version_body(sequence, number), body).when(Guard::Absent)
    }));
    Ok(writes)
}

/// The version that comes into force next after `card` does, and when.
fn next_after(catalog: &Catalog, card: &Card, now: Instant) -> Option<(u32, Instant)> {
    let from = card.effective_from.max(now);
    let mut cards = catalog.cards().filter(|(id, _)| **id == card.id);
    let (_, versions) = cards.next()?;
    let later = versions
        .iter()
        .filter(|held| held.effective_from > from && !card.replaced.contains(&held.version));
    let next = later.min_by_key(|held| (held.effective_from, held.sequence))?;
    Some((next.version, next.effective_from))
}

/// The operations of `before` that `card` lacks.
fn lacking(before: &Card, card: &Card) -> Vec<String> {
    let names = before.operations.keys();
    let lacking = names.filter(|name| !card.operations.contains_key(*name));
    let escaped = |name: &Name| name.as_str().replace('~', "~0").replace('/', "~1");
    lacking
        .map(|name| format!("/operations/{}", escaped(name)))
        .collect()
}

/// Whether a version can take the place of those that it `replaces`: it is to price all
/// of their time, since what was over by then would price again.
fn check_replaced(catalog: &Catalog, card: &Card, replaces: &BTreeSet<u32>) -> Result<(), Failure> {
    let invalid = |field, why| Err(Failure::Invalid { field, why });
    let mut cards = catalog.cards().filter(|(id, _)| **id == card.id);
    let held: &[Arc<Card>] = cards.next().map_or(&[], |(_, versions)| versions);
    for version in replaces {
        let Some(replaced) = held.iter().find(|held| held.version == *version) else {
            let why = format!("names version {version}, which prices no more or never was");
            return invalid("/replaces", why);
        };
        if card.effective_from > replaced.effective_from {
            let since = replaced.effective_from;
            let why = format!("must not lie after {since}, from when on version {version} prices");
            return invalid("/effective_from", why);
        }
        let between = held.iter().find(|held| {
            card.effective_from < held.effective_from
                && held.effective_from <= replaced.effective_from
                && !card.replaced.contains(&held.version)
        });
        if let Some(between) = between {
            let again = between.version;
            let why = format!("must name version {again} too, which would price again");
            return invalid("/replaces", why);
        }
    }
    match catalog
        .lacks(card.effective_from)
        .filter(|_| !replaces.is_empty())
    {
        Some(since) => invalid("/effective_from", format!("must not lie before {since}")),
        None => Ok(()),
    }
}

/// From when on the first of those priced that a version takes the place of.
fn first_replaced(catalog: &Catalog, id: &Name, replaces: &BTreeSet<u32>) -> Option<Instant> {
    let held = |version: &u32| catalog.card(id.as_str(), Some(*version));
    let replaced = replaces.iter().filter_map(held);
    replaced.map(|held| held.effective_from).min()
}
