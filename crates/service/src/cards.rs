//! Rate cards: putting and reading versions.

use crate::audit::{Change, audit_write};
use crate::failure::Failure;
use crate::service::{Service, body};
use crate::store::{Query, Store};
use crate::tenants::Actor;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{Attrs, Card, Catalog, Guard, Instant, Key, Value, Write, table};

/// The most bytes of a card in one item; an item holds 400 KB.
const CHUNK_BYTES: usize = 300_000;

impl Service {
    /// Every version of every rate card.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn catalog(&self) -> Result<Arc<Catalog>, Failure> {
        if let Some(catalog) = self.remembered_catalog() {
            return Ok(catalog);
        }
        let head = self.item(table::catalog_head()).await?;
        self.catalog_at(sequence_of(head)).await
    }

    /// Adds a version of a card: the next of its id. `version` and `sequence`
    /// of `card` are set here. Without `effective_from` a first version prices
    /// all of time, a later one from now on.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn put_card(&self, mut card: Card, effective_from: Option<Instant>, actor: &Actor) -> Result<Card, Failure> {
        let _alone = self.gate.write().await;
        loop {
            let head = self.item(table::catalog_head()).await?;
            let sequence = sequence_of(head);
            let catalog = read_catalog(&*self.store).await?;
            let last = catalog.card(card.id.as_str(), None).map_or(0, |held| held.version);
            let now = self.now();
            card.version = last.saturating_add(1);
            card.sequence = sequence.saturating_add(1);
            card.effective_from = effective_from.unwrap_or(if last == 0 { Instant::EPOCH } else { now });
            let mut writes = card_writes(&card)?;
            let detail = serde_json::json!({ "rate_card": card.id, "version": card.version });
            let (audit, key) = audit_write(now, actor, Change { action: "rate_card.put", tenant: None, detail })?;
            writes.push(audit);
            let settled = self.settle(&writes).await;
            self.forget_catalog();
            if settled? || self.item(key).await?.is_some() {
                return Ok(card);
            }
        }
    }
}

/// The sequence number that the catalog's head says; 0 where there is none.
pub(crate) fn sequence_of(head: Option<Attrs>) -> u64 {
    let number = head.and_then(|attrs| attrs.get(table::VERSION)?.as_number());
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// The head's step to the card's sequence number, and the card's chunks.
fn card_writes(card: &Card) -> Result<Vec<Write>, Failure> {
    let sequence = i128::from(card.sequence);
    let guard = match sequence.saturating_sub(1) {
        0 => Guard::Absent,
        before => Guard::Equals(table::VERSION.into(), Value::N(before)),
    };
    let head = Attrs::from([(table::VERSION.into(), Value::N(sequence))]);
    let put = |key: Key, attrs, guard| Write { key, change: tollgate_core::Change::Put(attrs), guards: vec![guard] };
    let mut writes = vec![put(table::catalog_head(), head, guard)];
    for (number, chunk) in serde_json::to_vec(card)?.chunks(CHUNK_BYTES).enumerate() {
        let attrs = Attrs::from([(table::BODY.into(), Value::B(chunk.to_vec()))]);
        writes.push(put(table::card(card.sequence, number), attrs, Guard::Absent));
    }
    Ok(writes)
}

/// Reads all versions, the built-in card among them.
pub(crate) async fn read_catalog(store: &dyn Store) -> Result<Catalog, Failure> {
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut next = Some(Query::of(table::CARDS));
    while let Some(query) = next {
        let slice = store.query(&query).await?;
        next = query.after(&slice);
        for (sk, attrs) in slice.items {
            let sequence = sk.split('|').next().unwrap_or_default().to_owned();
            let chunk = attrs.get(table::BODY).and_then(Value::as_bytes).unwrap_or_default();
            bodies.entry(sequence).or_default().extend_from_slice(chunk);
        }
    }
    let mut catalog = Catalog::built_in();
    for bytes in bodies.into_values() {
        catalog.insert(body::<Card>(&Attrs::from([(table::BODY.into(), Value::B(bytes))]))?);
    }
    Ok(catalog)
}
