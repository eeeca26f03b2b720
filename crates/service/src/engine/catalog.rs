//! Reading the rate cards.

use crate::store::body::body;
use crate::store::failure::Failure;
use crate::store::store::{Query, Store};
use std::collections::BTreeMap;
use tollgate_core::{Attrs, Card, Catalog, ExchangeTable, Value, table};

/// The sequence number that the catalog's head says; 0 where there is none.
pub(crate) fn sequence_of(head: Option<Attrs>) -> u64 {
    let number = head.and_then(|attrs| attrs.get(table::VERSION)?.as_number());
    number
        .and_then(|number| u64::try_from(number).ok())
        .unwrap_or(0)
}

/// Adds to `catalog` the versions of rate cards and exchange rates that were put
/// after the sequence number `known`.
pub(crate) async fn read_catalog(
    store: &dyn Store,
    mut catalog: Catalog,
    known: u64,
) -> Result<Catalog, Failure> {
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut next = Some(Query::of(table::CARDS).from(table::cards_after(known)));
    while let Some(query) = next {
        let slice = store.query(&query).await?;
        next = query.after(&slice);
        for (sk, attrs) in slice.items {
            if sk.ends_with(table::EXCHANGE) {
                catalog.insert_exchange(body::<ExchangeTable>(&attrs)?);
                continue;
            }
            let sequence = sk.split('|').next().unwrap_or_default().to_owned();
            let chunk = attrs
                .get(table::BODY)
                .and_then(Value::as_bytes)
                .unwrap_or_default();
            bodies.entry(sequence).or_default().extend_from_slice(chunk);
        }
    }
    for bytes in bodies.into_values() {
        catalog.insert(body::<Card>(&Attrs::from([(
            table::BODY.into(),
            Value::B(bytes),
        )]))?);
    }
    Ok(catalog)
}
