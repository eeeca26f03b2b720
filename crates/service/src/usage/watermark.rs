//! How far a tenant's receipt hours are rolled up: one item on which all who
//! write rollups, or erase names in them, agree.

use crate::engine::service::Service;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::forms::stored;
use serde::{Deserialize, Serialize};
use tollgate_core::{DAY_SECONDS, Guard, HOUR_SECONDS, Instant, Name, Person, Value, Write, table};

/// How far a tenant's hours are rolled up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    /// The first hour that is not yet rolled up.
    pub(crate) next: Instant,
    /// The digest of the last hour that had pages.
    pub(crate) digest: String,
    /// Whether those who joined the roster in `next` are stored.
    pub(crate) begun: bool,
    /// When it was last moved.
    pub(crate) at: Option<Instant>,
    /// The name that is being erased; until it is, nothing is rolled up.
    pub(crate) erasing: Option<Erasing>,
    /// How many names were erased, those in progress counted.
    pub(crate) erased: u64,
}

/// A name on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Erasing {
    pub(crate) person: Person,
    /// What replaces it. The name itself is not kept.
    pub(crate) pseudonym: Name,
    /// Pages received from then on keep it, and so may one of before that was
    /// committed after the walk had passed its place.
    pub(crate) at: Instant,
    /// A pseudonym of no name: by it a process knows that its secret is the one
    /// with which the pseudonym was made.
    pub(crate) proof: Name,
}

/// A watermark as it is stored; `None` before the first.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) mark: Watermark,
    stored: Option<Value>,
}

impl Watermark {
    /// The first receipt day that has no rollup of the whole day.
    pub(crate) fn open_day(&self) -> Instant {
        self.next.floor_to(DAY_SECONDS)
    }
}

impl Service {
    /// The tenant's watermark, or the one to begin at; `None` for a tenant
    /// never seen.
    pub(crate) async fn read_reached(&self, tenant: &Name) -> Result<Option<Reached>, Failure> {
        if let Some(attrs) = self.read_item(table::watermark(tenant)).await? {
            let stored = attrs.get(table::BODY).cloned();
            return Ok(Some(Reached {
                mark: body(&attrs)?,
                stored,
            }));
        }
        let first = self.find_first_hour(tenant, Instant::EPOCH, None).await?;
        let known = self.snapshot(tenant).await?.rules.config().created;
        let Some(next) = first.or(known.map(|at| at.floor_to(HOUR_SECONDS))) else {
            return Ok(None);
        };
        let digest = String::new();
        let mark = Watermark {
            next,
            digest,
            begun: false,
            at: None,
            erasing: None,
            erased: 0,
        };
        Ok(Some(Reached { mark, stored: None }))
    }
}

impl Reached {
    /// The write that moves the watermark to `mark`, if it still stands here.
    /// In a transaction it orders the other writes against all that move it.
    pub(crate) fn to(&self, tenant: &Name, mark: &Watermark) -> Result<Write, Failure> {
        let guard = match &self.stored {
            None => Guard::Absent,
            Some(stored) => Guard::Equals(table::BODY.into(), stored.clone()),
        };
        Ok(Write::put(table::watermark(tenant), body_attrs(mark)?).when(guard))
    }

    /// Moves the watermark together with `writes`; `false` if it was moved
    /// meanwhile, and then nothing happened.
    pub(crate) async fn move_to(
        &mut self,
        service: &Service,
        tenant: &Name,
        mark: Watermark,
        mut writes: Vec<Write>,
    ) -> Result<bool, Failure> {
        writes.push(self.to(tenant, &mark)?);
        while !service.write(&writes).await? {
            // A migration rewrites it, and moves nothing.
            match service.read_reached(tenant).await? {
                Some(now) if now.mark == self.mark && now.stored != self.stored => *self = now,
                _ => return Ok(false),
            }
            writes.pop();
            writes.push(self.to(tenant, &mark)?);
        }
        let body = body_attrs(&mark)?.remove(table::BODY);
        let stored = body.map(|body| stored(service.forms, body));
        *self = Self { mark, stored };
        Ok(true)
    }
}
