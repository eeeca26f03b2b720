//! The service: a store, a clock, and what one process may remember.

use crate::engine::key::KeyRecord;
use crate::engine::submission::Rejection;
use crate::store::body::body;
use crate::store::clock::Clock;
use crate::store::failure::Failure;
use crate::store::store::{Commit, Query, Slice, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate_core::{
    Attrs, Catalog, Config, Count, CounterKey, Event, Instant, Key, Name, Pack, Priced, Standing,
    Write, table,
};

/// How many processes change the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tenancy {
    /// This process alone: it may remember configurations, and waits for its
    /// own requests in flight when limits change.
    Sole,
    /// Others too: configurations are read for each request, and a change of
    /// limits waits this long for requests planned before it.
    Shared {
        /// At least the age that a reading may have (a second) and the longest
        /// that the store takes for a commit.
        settle: Duration,
    },
}

/// Metering, pricing and limits over a [`Store`].
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    pub(crate) tenancy: Tenancy,
    /// Requests hold it to read from configuration to commit; a change of
    /// limits takes it to write, so that none planned before it commits after.
    pub(crate) gate: tokio::sync::RwLock<()>,
    memory: Mutex<Remembered>,
    secret: [u8; 32],
}

#[derive(Default)]
struct Remembered {
    packs: BTreeMap<Name, Arc<Pack>>,
    keys: BTreeMap<String, Arc<KeyRecord>>,
    catalog: Option<Arc<Catalog>>,
    sequence: u64,
    /// What was last read, however long ago: for outages of the store.
    last: LastRead,
    /// How often anything was forgotten: what was read before may be outdated.
    forgotten: u64,
    /// Tenants whose last event was refused or warned: read first, then plan.
    pressed: BTreeSet<Name>,
    /// By tenant, the percents that its counters were seen to have announced.
    announced: BTreeMap<Name, Arc<Standing>>,
    /// How many counters `announced` holds.
    announcing: usize,
}

/// What was last read of tenants, keys and rate cards.
#[derive(Default)]
struct LastRead {
    packs: BTreeMap<Name, Arc<Pack>>,
    keys: BTreeMap<String, Arc<KeyRecord>>,
    catalog: Option<Arc<Catalog>>,
}

/// The most tenants or keys that a process remembers.
const REMEMBERED_MAX: usize = 10_000;

/// What a plan needs of a tenant.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) pack: Arc<Pack>,
    pub(crate) catalog: Arc<Catalog>,
    /// When its reading began.
    read: Instant,
}

/// How old a reading may be when a commit starts, where others change it.
const READING_SECONDS_MAX: i64 = 1;

impl Snapshot {
    /// The event's price, if the event may be used at all.
    pub(crate) fn accept(&self, event: &Event) -> Result<Priced, Rejection> {
        // Without a tree, what an event names is only kept.
        match (&self.pack.config().tree, &event.dimensions.node) {
            (Some(tree), Some(node)) if !tree.nodes.contains_key(node) => {
                Err(Rejection::UnknownNode(node.clone()))
            }
            _ => self.price(event),
        }
    }

    /// The event's price, in the tenant's currency once that is fixed.
    pub(crate) fn price(&self, event: &Event) -> Result<Priced, Rejection> {
        let config = self.pack.config();
        let priced = self.catalog.price_for(config, event)?;
        match config.currency {
            Some(tenant) if tenant != priced.currency => Err(Rejection::Currency {
                tenant,
                card: priced.currency,
            }),
            _ => Ok(priced),
        }
    }
}

impl Service {
    /// A service over `store`. The `secret` signs cursors; processes that
    /// answer for one table share it.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tenancy: Tenancy,
        secret: [u8; 32],
    ) -> Self {
        let memory = Mutex::new(Remembered::default());
        Self {
            store,
            clock,
            tenancy,
            gate: tokio::sync::RwLock::new(()),
            memory,
            secret,
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    fn memory(&self) -> MutexGuard<'_, Remembered> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant's configuration and the rate cards, as they are now.
    pub(crate) async fn snapshot(&self, tenant: &Name) -> Result<Snapshot, Failure> {
        if let Some(snapshot) = self.remembered(tenant) {
            return Ok(snapshot);
        }
        let (read, forgotten) = (self.now(), self.memory().forgotten);
        let items = self
            .store
            .read(&[table::config(tenant), table::catalog_head()])
            .await?;
        let mut items = items.into_iter();
        let config = items
            .next()
            .flatten()
            .map_or_else(|| Ok(Config::default()), |attrs| body(&attrs))?;
        let head = items.next().flatten();
        let catalog = self
            .catalog_at(crate::engine::catalog::sequence_of(head))
            .await?;
        let pack = Arc::new(Pack::new(Arc::new(config)));
        let mut memory = self.memory();
        bounded(&mut memory.last.packs).insert(tenant.clone(), Arc::clone(&pack));
        memory.last.catalog = Some(Arc::clone(&catalog));
        if self.tenancy == Tenancy::Sole {
            // A change meanwhile would be hidden by what was read before it.
            if memory.forgotten == forgotten {
                bounded(&mut memory.packs).insert(tenant.clone(), Arc::clone(&pack));
            }
        }
        Ok(Snapshot {
            pack,
            catalog,
            read,
        })
    }

    /// The tenant's configuration and the rate cards as they were last read,
    /// for while the store is out of reach.
    pub(crate) fn last_read(&self, tenant: &Name) -> Option<Snapshot> {
        let memory = self.memory();
        let pack = Arc::clone(memory.last.packs.get(tenant)?);
        Some(Snapshot {
            pack,
            catalog: memory.last.catalog.clone()?,
            read: self.now(),
        })
    }

    pub(crate) fn last_read_key(&self, id: &str) -> Option<Arc<KeyRecord>> {
        self.memory().last.keys.get(id).cloned()
    }

    fn remembered(&self, tenant: &Name) -> Option<Snapshot> {
        if self.tenancy != Tenancy::Sole {
            return None;
        }
        let memory = self.memory();
        let pack = Arc::clone(memory.packs.get(tenant)?);
        Some(Snapshot {
            pack,
            catalog: memory.catalog.clone()?,
            read: self.now(),
        })
    }

    pub(crate) fn remembered_catalog(&self) -> Option<Arc<Catalog>> {
        if self.tenancy != Tenancy::Sole {
            return None;
        }
        self.memory().catalog.clone()
    }

    /// Whether a commit may no longer start under `snapshot`: a change of limits
    /// waits only so long for requests planned before it.
    pub(crate) fn is_outdated(&self, snapshot: &Snapshot) -> bool {
        self.tenancy != Tenancy::Sole
            && self.now() > snapshot.read.plus_seconds(READING_SECONDS_MAX)
    }

    /// Forgets the tenant's configuration, so that it is read again.
    pub(crate) fn forget(&self, tenant: &Name) {
        let mut memory = self.memory();
        memory.packs.remove(tenant);
        memory.forgotten += 1;
    }

    /// The cards up to `sequence`; versions never change, so only new ones are
    /// read.
    pub(crate) async fn catalog_at(&self, sequence: u64) -> Result<Arc<Catalog>, Failure> {
        let (held, at, forgotten) = {
            let memory = self.memory();
            (memory.catalog.clone(), memory.sequence, memory.forgotten)
        };
        if let Some(catalog) = held.filter(|_| at == sequence) {
            return Ok(catalog);
        }
        let catalog = Arc::new(crate::engine::catalog::read_catalog(&*self.store).await?);
        let mut memory = self.memory();
        if sequence >= memory.sequence && memory.forgotten == forgotten {
            memory.catalog = Some(Arc::clone(&catalog));
            memory.sequence = sequence;
        }
        Ok(catalog)
    }

    /// Forgets the rate cards, so that they are read again.
    pub(crate) fn forget_catalog(&self) {
        let mut memory = self.memory();
        memory.catalog = None;
        memory.packs.clear();
        memory.forgotten += 1;
    }

    pub(crate) fn remembered_key(&self, id: &str) -> Option<Arc<KeyRecord>> {
        self.memory().keys.get(id).cloned()
    }

    /// How often anything was forgotten so far.
    pub(crate) fn forgotten(&self) -> u64 {
        self.memory().forgotten
    }

    /// Remembers a key that was read when `forgotten` stood as given.
    pub(crate) fn remember_key(&self, record: &Arc<KeyRecord>, forgotten: u64) {
        let mut memory = self.memory();
        bounded(&mut memory.last.keys).insert(record.id.clone(), Arc::clone(record));
        if self.tenancy != Tenancy::Sole || memory.forgotten != forgotten {
            return;
        }
        bounded(&mut memory.keys).insert(record.id.clone(), Arc::clone(record));
    }

    pub(crate) fn forget_key(&self, id: &str) {
        let mut memory = self.memory();
        memory.keys.remove(id);
        memory.last.keys.remove(id);
        memory.forgotten += 1;
    }

    pub(crate) fn is_pressed(&self, tenant: &Name) -> bool {
        self.memory().pressed.contains(tenant)
    }

    pub(crate) fn set_pressed(&self, tenant: &Name, pressed: bool) {
        let mut memory = self.memory();
        if !pressed {
            memory.pressed.remove(tenant);
        } else if memory.pressed.len() < REMEMBERED_MAX {
            memory.pressed.insert(tenant.clone());
        }
    }

    /// What the tenant's counters are known to have announced: a plan that
    /// reads nothing else need not stop where that was crossed.
    pub(crate) fn announced(&self, tenant: &Name, snapshot: &Snapshot) -> Option<Arc<Standing>> {
        snapshot.pack.config().alerts.as_ref()?;
        self.memory().announced.get(tenant).cloned()
    }

    /// Remembers percents that counters have announced; that only ever rises.
    pub(crate) fn note_announced(
        &self,
        tenant: &Name,
        percents: impl IntoIterator<Item = (CounterKey, Arc<str>, i128)>,
    ) {
        let mut memory = self.memory();
        for (key, attribute, percent) in percents {
            if memory.announcing >= REMEMBERED_MAX {
                memory.announced.clear();
                memory.announcing = 0;
            }
            let known = Arc::make_mut(memory.announced.entry(tenant.clone()).or_default());
            let before = known.len();
            let held = known.entry(key).or_default().entry(attribute).or_default();
            *held = Count {
                taken: percent.max(held.taken),
                held: 0,
            };
            let more = known.len() - before;
            memory.announcing += more;
        }
    }

    /// Every item of `query`, slice by slice.
    pub(crate) async fn all(&self, query: Query) -> Result<Vec<(String, Attrs)>, Failure> {
        let mut items = Vec::new();
        let mut next = Some(query);
        while let Some(query) = next {
            let slice: Slice = self.store.query(&query).await?;
            next = query.after(&slice);
            items.extend(slice.items);
        }
        Ok(items)
    }

    /// Reads one item.
    pub(crate) async fn item(&self, key: Key) -> Result<Option<Attrs>, Failure> {
        Ok(self.store.read(&[key]).await?.into_iter().next().flatten())
    }

    /// Commits writes whose guards, if refused, mean that someone else was
    /// first: `false`. Passing faults are tried again.
    pub(crate) async fn settle(&self, writes: &[Write]) -> Result<bool, Failure> {
        let mut tries = crate::engine::tries::Tries::new();
        loop {
            match self.store.commit(writes).await {
                Ok(Commit::Done { .. }) => return Ok(true),
                Ok(Commit::Refused(refusals)) if crate::engine::tries::passing(&refusals) => {
                    tries.again("conflict").await?
                }
                Ok(Commit::Refused(_)) => return Ok(false),
                Err(crate::StoreError::Unavailable(why)) => tries.lost(&why).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The map with room for one more.
fn bounded<K: Ord, V>(map: &mut BTreeMap<K, V>) -> &mut BTreeMap<K, V> {
    if map.len() >= REMEMBERED_MAX {
        map.clear();
    }
    map
}
