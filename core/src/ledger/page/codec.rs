//! Pages as bytes, and back.

use crate::event::name::Name;
use crate::event::person::Person;
use crate::ledger::page::body::Body;
use crate::ledger::page::error::PageError;
use crate::ledger::page::page::Page;
use crate::ledger::page::{read, write};
use alloc::vec::Vec;

impl Page {
    /// Compact bytes, led by the format's number and a checksum. The names of
    /// agents and consumers are stored under salts that come of `seed`: fresh random
    /// bytes, which are not kept.
    ///
    /// # Errors
    /// [`PageError::Damaged`] for what cannot be encoded.
    pub fn encode(&self, seed: [u8; 32]) -> Result<Vec<u8>, PageError> {
        write::write(self, seed).to_bytes()
    }

    /// Reads what [`Page::encode`] wrote.
    ///
    /// # Errors
    /// [`PageError`] for bytes of another format or none.
    pub fn decode(bytes: &[u8]) -> Result<Self, PageError> {
        read::read(Body::of(bytes)?)
    }

    /// The SHA-256 of an encoded page, with what it commits to (the hash of salt,
    /// role and name) in place of each agent and consumer: erasing names leaves it.
    ///
    /// # Errors
    /// [`PageError`] for bytes of another format or none.
    pub fn digest(bytes: &[u8]) -> Result<[u8; 32], PageError> {
        Body::of(bytes)?.digest()
    }

    /// An encoded page with pseudonyms in place of those agents and consumers for
    /// whom `pseudonym` has one, their names and salts gone; `None` where it names
    /// none of them.
    ///
    /// # Errors
    /// [`PageError`] for bytes of another format or none.
    pub fn erase(
        bytes: &[u8],
        mut pseudonym: impl FnMut(Person, &Name) -> Option<Name>,
    ) -> Result<Option<Vec<u8>>, PageError> {
        let erased = Body::of(bytes)?.erased(&mut pseudonym);
        erased.map(|body| body.to_bytes()).transpose()
    }
}
