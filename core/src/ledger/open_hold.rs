//! The entries of open holds in the list by expiry.

use crate::event::name::Name;
use crate::ledger::form::{Form, FormError};
use crate::ledger::hold::{Closing, Hold, HoldState, write_closing};
use crate::ledger::item::{Attrs, Guard, Value, Write};
use crate::ledger::posting::Posting;
use crate::ledger::table;
use crate::time::instant::Instant;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// An open hold as the list by expiry has it: enough to end it, and to know what
/// it holds, without reading it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenHold {
    /// Its id.
    pub id: Name,
    /// Its place in the list.
    pub place: String,
    /// The version of the hold.
    pub version: u64,
    /// When what it holds happens.
    pub timestamp: Instant,
    /// The configuration version that it was taken under.
    pub config_version: u64,
    /// What it holds.
    pub postings: Vec<Posting>,
}

#[derive(Serialize, Deserialize)]
struct Body {
    version: u64,
    timestamp: Instant,
    config_version: u64,
    postings: Vec<Posting>,
}

impl OpenHold {
    /// Reads the entry at `place`.
    #[must_use]
    pub fn from_attrs(place: &str, attrs: &Attrs) -> Option<Self> {
        let body = attrs.get(table::BODY)?.as_bytes()?;
        let body: Body = Form::OpenHold.decode(body, &[]).ok()?;
        Some(Self {
            id: table::open_hold_id(place)?,
            place: String::from(place),
            version: body.version,
            timestamp: body.timestamp,
            config_version: body.config_version,
            postings: body.postings,
        })
    }

    /// The two writes that end it, its time being over at `now`, if it stands as
    /// it was listed; the hold is forgotten at `expires`.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn write_expiry(
        &self,
        tenant: &Name,
        now: Instant,
        expires: Instant,
    ) -> Result<[Write; 2], FormError> {
        let closing = Closing::Expired(now);
        let key = table::hold(tenant, &self.id);
        let state = Value::S(String::from(HoldState::Open.as_str()));
        let version = Value::N(i128::from(self.version));
        let write = write_closing(key, self.version, &closing, expires)?
            .when(Guard::Equals(Arc::from(table::STATE), state))
            .when(Guard::Equals(Arc::from(table::VERSION), version));
        Ok([
            write,
            Write::delete(table::open_hold_at(tenant, &self.place)),
        ])
    }
}

impl Hold {
    /// The write of its entry.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn write_entry(&self, tenant: &Name) -> Result<Write, FormError> {
        let body = Body {
            version: self.version,
            timestamp: self.estimate.event.timestamp,
            config_version: self.config_version,
            postings: self.postings.clone(),
        };
        let bytes = Form::OpenHold.encode(&body, &[])?;
        let attrs = Attrs::from([(Arc::from(table::BODY), Value::B(bytes))]);
        Ok(Write::put(
            table::open_hold(tenant, self.expires, self.id()),
            attrs,
        ))
    }

    /// The write that takes its entry off the list.
    #[must_use]
    pub fn delete_entry(&self, tenant: &Name) -> Write {
        Write::delete(table::open_hold(tenant, self.expires, self.id()))
    }
}
