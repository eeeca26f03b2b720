//! Reading rosters, and names as they are to be seen.

use crate::engine::service::Service;
use crate::store::body::body_bytes;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::pseudonym::Pseudonyms;
use crate::usage::watermark::Erasing;
use futures::future::BoxFuture;
use tollgate_core::{Attrs, Dimensions, Instant, Joined, Name, Person, Roster, Value, table};

impl Service {
    /// The roster of a receipt month as it stood before the hour `before`.
    pub(crate) fn read_roster<'a>(
        &'a self,
        tenant: &'a Name,
        month: &'a str,
        before: Instant,
    ) -> BoxFuture<'a, Result<Roster, Failure>> {
        Box::pin(async move {
            let mut roster = Roster::default();
            for joined in self.read_joined(tenant, month, before).await? {
                roster.append(joined)?;
            }
            Ok(roster)
        })
    }

    /// A month's roster, with a name on its way out already replaced.
    pub(crate) async fn read_masked_roster(
        &self,
        tenant: &Name,
        month: &str,
        before: Instant,
        mask: &mut Mask<'_>,
    ) -> Result<Roster, Failure> {
        let mut roster = Roster::default();
        for mut joined in self.read_joined(tenant, month, before).await? {
            mask.cover_joined(&mut joined);
            roster.append(joined)?;
        }
        Ok(roster)
    }

    /// Those who joined the roster of a receipt month before the hour `before`.
    pub(crate) async fn read_joined(
        &self,
        tenant: &Name,
        month: &str,
        before: Instant,
    ) -> Result<Vec<Joined>, Failure> {
        let mut joined = Vec::new();
        for kind in [table::ROSTER_NAMES, table::ROSTER_TASKS] {
            let parts = self
                .read_roster_parts(tenant, month, kind, Some(before))
                .await?;
            for (_, attrs) in parts.iter().filter(|(sk, attrs)| is_part(sk, attrs)) {
                joined.push(joined_of(attrs)?);
            }
        }
        Ok(joined)
    }

    /// The names of a receipt month's roster, as far as they have joined; no tasks.
    pub(crate) fn read_roster_of_names<'a>(
        &'a self,
        tenant: &'a Name,
        month: &'a str,
    ) -> BoxFuture<'a, Result<Roster, Failure>> {
        Box::pin(async move {
            let mut roster = Roster::default();
            let parts = self
                .read_roster_parts(tenant, month, table::ROSTER_NAMES, None)
                .await?;
            for (_, attrs) in parts.iter().filter(|(sk, attrs)| is_part(sk, attrs)) {
                roster.append(joined_of(attrs)?)?;
            }
            Ok(roster)
        })
    }

    /// The stored parts of a month's roster, of those who joined before.
    pub(crate) async fn read_roster_parts(
        &self,
        tenant: &Name,
        month: &str,
        kind: &str,
        before: Option<Instant>,
    ) -> Result<Vec<(String, Attrs)>, Failure> {
        let to = before.map_or_else(
            || format!("{kind}~"),
            |before| format!("{kind}|{}", before.hour()),
        );
        self.read_all(
            Query::of(table::roster(tenant, month))
                .from(format!("{kind}|"))
                .to(to),
        )
        .await
    }
}

pub(crate) fn joined_of(attrs: &Attrs) -> Result<Joined, Failure> {
    Joined::decode(body_bytes(attrs)).ok_or_else(|| Failure::damaged("a roster"))
}

/// Whether it is one of as many parts as its hour has. One beyond them is left
/// of a try that did not end.
fn is_part(sk: &str, attrs: &Attrs) -> bool {
    let number = sk
        .rsplit('|')
        .next()
        .and_then(|number| number.parse::<i128>().ok());
    number < attrs.get(table::COUNT).and_then(Value::as_number)
}

/// Shows a name on its way out by its pseudonym, wherever it still stands.
pub(crate) struct Mask<'a>(Option<(Erasing, Pseudonyms<'a>)>);

impl<'a> Mask<'a> {
    /// The mask while `erasing` goes on.
    pub(crate) fn new(service: &'a Service, tenant: &'a Name, erasing: Option<Erasing>) -> Self {
        Self(erasing.map(|erasing| (erasing, service.pseudonyms(tenant))))
    }

    /// Replaces the name in `dimensions`, if it is there and was received
    /// before the order; whether it was.
    pub(crate) fn cover(&mut self, dimensions: &mut Dimensions, received: Instant) -> bool {
        let Some((erasing, pseudonyms)) =
            self.0.as_mut().filter(|(erasing, _)| received < erasing.at)
        else {
            return false;
        };
        let named = erasing
            .person
            .of(dimensions)
            .as_mut()
            .filter(|name| **name != erasing.pseudonym);
        match named {
            Some(name) if pseudonyms.of(erasing.person, name) == erasing.pseudonym => {
                let erased = std::mem::replace(name, erasing.pseudonym.clone());
                // Its node has the same name.
                for node in dimensions.path.iter_mut().filter(|node| **node == erased) {
                    node.clone_from(&erasing.pseudonym);
                }
                true
            }
            _ => false,
        }
    }

    /// What stands for this name, if it is the one on its way out.
    pub(crate) fn pseudonym(&mut self, person: Person, name: &Name) -> Option<Name> {
        let (erasing, pseudonyms) = self.0.as_mut()?;
        let is_it = erasing.person == person && pseudonyms.of(person, name) == erasing.pseudonym;
        is_it.then(|| erasing.pseudonym.clone())
    }

    /// Replaces the name among those who joined a roster; whether it was there.
    pub(crate) fn cover_joined(&mut self, joined: &mut Joined) -> bool {
        let Some((erasing, pseudonyms)) = &mut self.0 else {
            return false;
        };
        let names = match erasing.person {
            Person::Agent => &mut joined.agents,
            Person::Consumer => &mut joined.consumers,
        };
        let mut found = false;
        for name in names {
            if *name != erasing.pseudonym
                && pseudonyms.of(erasing.person, name) == erasing.pseudonym
            {
                name.clone_from(&erasing.pseudonym);
                found = true;
            }
        }
        found
    }
}
