//! Pseudonyms: what stands for the name of an erased agent or consumer.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::store::failure::Failure;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::HashMap;
use tollgate_core::{Dimensions, Instant, Name, Person, table};

/// What every pseudonym begins with.
const PREFIX: &str = "erased-";

const DIGITS: usize = 32;

/// Pseudonyms of one tenant, each computed once.
pub(crate) struct Pseudonyms<'a> {
    service: &'a Service,
    tenant: &'a Name,
    known: HashMap<(Person, Name), Name>,
}

impl Service {
    /// The pseudonyms of `tenant`.
    pub(crate) fn pseudonyms<'a>(&'a self, tenant: &'a Name) -> Pseudonyms<'a> {
        Pseudonyms {
            service: self,
            tenant,
            known: HashMap::new(),
        }
    }
}

impl Service {
    /// Replaces the names of agent and consumer that were erased after `since`,
    /// when what has them was taken, by what stands for them.
    pub(crate) async fn forget_erased(
        &self,
        tenant: &Name,
        dimensions: &mut Dimensions,
        since: Instant,
    ) -> Result<(), Failure> {
        let mut pseudonyms = self.pseudonyms(tenant);
        for person in [Person::Agent, Person::Consumer] {
            let Some(name) = person.of(dimensions).clone() else {
                continue;
            };
            let pseudonym = pseudonyms.of(person, &name);
            let mark = self.read_item(table::erased(tenant, &pseudonym)).await?;
            let at = mark.and_then(|attrs| Some(attrs.get(table::BODY)?.as_text()?.to_owned()));
            if at.is_some_and(|at| at >= since.sortable()) {
                for node in dimensions.path.iter_mut().filter(|node| **node == name) {
                    node.clone_from(&pseudonym);
                }
                *person.of(dimensions) = Some(pseudonym);
            }
        }
        Ok(())
    }
}

impl Pseudonyms<'_> {
    /// The pseudonym of `name`: a keyed hash, so the same name always gets the
    /// same one, and nobody without the service's secret finds the name. A
    /// pseudonym is its own.
    pub(crate) fn of(&mut self, person: Person, name: &Name) -> Name {
        if is_pseudonym(name) {
            return name.clone();
        }
        let (service, tenant) = (self.service, self.tenant);
        self.known
            .entry((person, name.clone()))
            .or_insert_with(|| keyed(service.secret(), tenant, Some(person), name.as_str()))
            .clone()
    }

    /// What shows which secret makes them: the pseudonym of nobody.
    pub(crate) fn proof(&self) -> Name {
        keyed(self.service.secret(), self.tenant, None, "proof")
    }
}

fn is_pseudonym(name: &Name) -> bool {
    let hex = |digits: &str| {
        digits.len() == DIGITS
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    name.as_str().strip_prefix(PREFIX).is_some_and(hex)
}

/// `None` stands for no one.
fn keyed(secret: &[u8; 32], tenant: &Name, person: Option<Person>, name: &str) -> Name {
    let mut digest = String::new();
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) {
        let role = person.map_or("nobody", Person::as_str);
        mac.update(format!("pseudonym|{tenant}|{role}|{name}").as_bytes());
        digest = hex(&mac.finalize().into_bytes());
    }
    let digits = digest.get(..DIGITS).unwrap_or("0");
    Name::new(&format!("{PREFIX}{digits}")).unwrap_or_else(|_| Name::standard())
}
