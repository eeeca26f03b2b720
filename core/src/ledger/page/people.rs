//! The people of a page: each name under a salt of its own.
//!
//! A page commits to a name by a hash of it and its salt. Erasing the name takes
//! it and the salt away and leaves the hash, so the page's digest stays, nobody can
//! find the name by trying, and anyone who has the table can compute the digest.

use crate::event::label::Label;
use crate::event::name::Name;
use crate::event::person::Person;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Whether what an event carries as `label` is someone's name.
pub(super) fn is_person(label: Label) -> bool {
    matches!(label, Label::Agent | Label::Consumer)
}

/// The bytes of a salt.
const SALT: usize = 16;

/// One who is named in a page, as agent or as consumer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) person: Person,
    pub(super) known: Known,
}

/// What is kept of one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Known {
    /// The name.
    Named(Name, [u8; SALT]),
    /// What stands for it since it was erased, and what the page committed to.
    Erased(Name, [u8; 32]),
}

/// Who was met so far, numbered from 1.
pub(super) struct People {
    seed: [u8; 32],
    pub(super) members: Vec<Member>,
    agents: BTreeMap<Name, u32>,
    consumers: BTreeMap<Name, u32>,
}

impl Member {
    /// The name, or what stands for it.
    pub(super) fn shown(&self) -> &Name {
        match &self.known {
            Known::Named(name, _) | Known::Erased(name, _) => name,
        }
    }

    pub(super) fn is_erased(&self) -> bool {
        matches!(self.known, Known::Erased(..))
    }

    /// SHA-256 over the salt, the role and the name.
    pub(super) fn commitment(&self) -> [u8; 32] {
        match &self.known {
            Known::Named(name, salt) => Sha256::new()
                .chain_update(salt)
                .chain_update(self.person.as_str())
                .chain_update([0])
                .chain_update(name.as_str())
                .finalize()
                .into(),
            Known::Erased(_, commitment) => *commitment,
        }
    }

    /// It, with `pseudonym` in place of the name.
    pub(super) fn erased(&self, pseudonym: Name) -> Self {
        let known = Known::Erased(pseudonym, self.commitment());
        Self { known, ..*self }
    }
}

impl People {
    /// Nobody yet; their salts come of `seed`, which is not kept.
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            members: Vec::new(),
            agents: BTreeMap::new(),
            consumers: BTreeMap::new(),
        }
    }

    /// The number of one; 0 = no one.
    pub(super) fn number(&mut self, person: Person, name: Option<&Name>) -> u32 {
        let Some(name) = name else { return 0 };
        let known = match person {
            Person::Agent => &mut self.agents,
            Person::Consumer => &mut self.consumers,
        };
        if let Some(number) = known.get(name) {
            return *number;
        }
        let number = u32::try_from(self.members.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(number.to_be_bytes())
            .finalize();
        let mut salt = [0; SALT];
        salt.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        known.insert(name.clone(), number);
        let known = Known::Named(name.clone(), salt);
        self.members.push(Member { person, known });
        number
    }
}
