//! Pages as bytes, and back.

use crate::event::name::Name;
use crate::event::person::Person;
use crate::ledger::form::FormError;
use crate::ledger::page::body::Body;
use crate::ledger::page::page::Page;
use crate::ledger::page::{read, write};
use alloc::vec::Vec;

impl Page {
    /// Compact bytes, as they are stored. The names of
    /// agents and consumers are stored under salts that come of `seed`: fresh random
    /// bytes, which are not kept.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn encode(&self, seed: [u8; 32]) -> Result<Vec<u8>, FormError> {
        write::write(self, seed).to_bytes()
    }

    /// Reads what [`Page::encode`] wrote.
    ///
    /// # Errors
    /// [`FormError`] for bytes of another form or version.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormError> {
        read::read(Body::of(bytes)?)
    }

    /// The SHA-256 of an encoded page, with what it commits to (the hash of salt,
    /// role and name) in place of each agent and consumer: erasing names leaves it.
    ///
    /// # Errors
    /// [`FormError`] for bytes of another form or version.
    pub fn digest(bytes: &[u8]) -> Result<[u8; 32], FormError> {
        Body::of(bytes)?.digest()
    }

    /// An encoded page with pseudonyms in place of those agents and consumers for
    /// whom `pseudonym` has one, their names and salts gone; `None` where it names
    /// none of them.
    ///
    /// # Errors
    /// [`FormError`] for bytes of another form or version.
    pub fn erase(
        bytes: &[u8],
        mut pseudonym: impl FnMut(Person, &Name) -> Option<Name>,
    ) -> Result<Option<Vec<u8>>, FormError> {
        let erased = Body::of(bytes)?.erased(&mut pseudonym);
        erased.map(|body| body.to_bytes()).transpose()
    }
}
