//! A change of limits on its way: which new series are being filled, and up to
//! where.

use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::forms::stored;
use serde::{Deserialize, Serialize};
use tollgate_core::{Attrs, CounterKey, FormVersion, Guard, Name, Value, Write, table};

/// Where the filling of a tenant's new series has come to. It is moved in the
/// transactions that add to counters, so that each is added to once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Series up to this version of the configuration are being filled.
    pub(crate) version: u64,
    /// All before it is added.
    pub(crate) at: Position,
    /// Of what lies between `at` and there, all is added up to this counter.
    pub(crate) adding: Option<Adding>,
}

/// A stretch whose sums take more than one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Adding {
    pub(crate) to: Position,
    pub(crate) last: CounterKey,
}

/// A place in all that has to be read: phase by phase, day by day of rollups, or
/// hour by hour of pages, and there by sort key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) phase: Phase,
    pub(crate) span: String,
    pub(crate) from: String,
}

/// What is read, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Open holds.
    Holds,
    /// Rollups of the receipt hours that were rolled up before.
    Rows,
    /// Pages of all others.
    Pages,
    /// Nothing more.
    End,
}

impl Position {
    /// The beginning of a phase.
    pub(crate) fn of(phase: Phase) -> Self {
        Self {
            phase,
            span: String::new(),
            from: String::new(),
        }
    }
}

/// A job as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) job: Job,
    body: Option<Value>,
}

impl Stored {
    /// A new one, up to `version`.
    pub(crate) fn new(version: u64) -> Self {
        let at = Position::of(Phase::Holds);
        Self {
            job: Job {
                version,
                at,
                adding: None,
            },
            body: None,
        }
    }

    /// Reads an item.
    pub(crate) fn of(attrs: &Attrs) -> Result<Self, Failure> {
        Ok(Self {
            job: body(attrs)?,
            body: attrs.get(table::BODY).cloned(),
        })
    }

    /// It as it will be, and the write that makes it so if nobody else moved it.
    /// The write is made in the version `forms`.
    pub(crate) fn advance(
        &self,
        tenant: &Name,
        job: Job,
        forms: FormVersion,
    ) -> Result<(Self, Write), Failure> {
        let attrs = body_attrs(&job)?;
        let body = attrs.get(table::BODY).cloned();
        let body = body.map(|body| stored(forms, body));
        let write = Write::put(table::filling(tenant), attrs).when(self.guard());
        Ok((Self { job, body }, write))
    }

    /// The write that ends it, if nobody else moved it.
    pub(crate) fn end(&self, tenant: &Name) -> Write {
        Write::delete(table::filling(tenant)).when(self.guard())
    }

    fn guard(&self) -> Guard {
        let stands = |body: &Value| Guard::Equals(table::BODY.into(), body.clone());
        self.body.as_ref().map_or(Guard::Absent, stands)
    }
}
