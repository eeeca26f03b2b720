//! The bytes of a page: each thing once, who and what is named, and the columns.

use crate::event::name::Name;
use crate::event::person::Person;
use crate::ledger::form::{Form, FormError};
use crate::ledger::page::people::Member;
use crate::ledger::posting::Posting;
use crate::money::currency::Currency;
use crate::price::priced::CardRef;
use crate::time::instant::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most events that bytes may say that they hold.
pub(super) const EVENTS_MAX: usize = 10_000;

/// Each thing once, in columns; names of people under salts.
#[derive(Serialize, Deserialize)]
pub(super) struct Body<M = Member> {
    pub(super) received: Instant,
    pub(super) config_version: u64,
    pub(super) currency: Currency,
    pub(super) count: usize,
    /// The sealed batch whose events they are.
    pub(super) batch: Option<Name>,
    pub(super) people: Vec<M>,
    /// All other names, referred to by number from 1.
    pub(super) names: Vec<Name>,
    /// By number from 1.
    pub(super) cards: Vec<CardRef>,
    /// What was drawn on, without amounts; by number from 0.
    pub(super) sources: Vec<Posting>,
    /// By event; empty where none has any.
    pub(super) metadata: Vec<Option<String>>,
    pub(super) columns: Vec<u8>,
}

impl Body {
    /// It as it is stored.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, FormError> {
        Form::Page.encode(self, &[])
    }

    /// Reads what [`Body::to_bytes`] wrote.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, FormError> {
        let body: Self = Form::Page.decode(bytes, &[])?;
        if body.count > EVENTS_MAX {
            return Err(FormError::Damaged);
        }
        Ok(body)
    }

    /// SHA-256 over all of it, with what it commits to in place of each name of a
    /// person.
    pub(super) fn digest(self) -> Result<[u8; 32], FormError> {
        let covered = Body {
            people: self.people.iter().map(Member::commitment).collect(),
            received: self.received,
            config_version: self.config_version,
            currency: self.currency,
            count: self.count,
            batch: self.batch,
            names: self.names,
            cards: self.cards,
            sources: self.sources,
            metadata: self.metadata,
            columns: self.columns,
        };
        let bytes = postcard::to_allocvec(&covered).map_err(|_| FormError::Damaged)?;
        Ok(Sha256::digest(bytes).into())
    }

    /// The same with pseudonyms in place of those names for which `pseudonym` has
    /// one; `None` where it names none of them.
    pub(super) fn erased(
        mut self,
        pseudonym: &mut impl FnMut(Person, &Name) -> Option<Name>,
    ) -> Option<Self> {
        let mut found = false;
        for member in self.people.iter_mut().filter(|member| !member.is_erased()) {
            if let Some(name) = pseudonym(member.person, member.shown()) {
                *member = member.erased(name);
                found = true;
            }
        }
        found.then_some(self)
    }
}
