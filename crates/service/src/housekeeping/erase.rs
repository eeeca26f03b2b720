//! Erasing the name of an agent or consumer: a pseudonym takes its place in
//! pages and rosters, and no total changes.

use crate::engine::agenda::Unfolded;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change as Audit, audit_write};
use crate::store::body::body_bytes;
use crate::store::failure::Failure;
use crate::usage::pages::{Walk, is_expiring, page_of};
use crate::usage::rosters::{Mask, joined_of};
use crate::usage::watermark::{Erasing, Reached, Watermark};
use std::sync::Arc;
use tollgate_core::{
    Attrs, DAY_SECONDS, EraseOrder, Form, Guard, Instant, Key, Name, Page, Value, Write, table,
};

/// What was, or would be, changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// What stands for the name.
    pub pseudonym: Name,
    /// Events that named it.
    pub events: u64,
    /// Pages that hold them.
    pub pages: u64,
}

/// Pages rewritten in one transaction, which takes 4 MB.
const PAGES_AT_ONCE: usize = 10;

/// How often an order waits for what others do at the watermark.
const TRIES_MAX: usize = 20;

impl Service {
    /// Replaces a name by its pseudonym in everything recorded before now. No
    /// total, count of agents or digest changes, and the event is still known
    /// by its id. Events recorded meanwhile or later keep the name: order it
    /// again. A crash in the middle is completed by the next rollup. Repeating
    /// it changes nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn erase(&self, order: &EraseOrder, actor: &Actor) -> Result<Erased, Failure> {
        let tenant = &order.tenant;
        let mut pseudonyms = self.pseudonyms(tenant);
        let pseudonym = pseudonyms.of(order.person, &order.name);
        let proof = pseudonyms.proof();
        let erasing = || Erasing {
            person: order.person,
            pseudonym: pseudonym.clone(),
            at: self.now(),
            proof: proof.clone(),
        };
        if order.dry_run {
            let (events, pages) = self.count_named(tenant, &erasing()).await?;
            return Ok(Erased {
                pseudonym: pseudonym.clone(),
                events,
                pages,
            });
        }
        for _ in 0..TRIES_MAX {
            self.roll_up(tenant).await?;
            let Some(mut reached) = self.read_reached(tenant).await? else {
                break;
            };
            if reached.mark.begun || reached.mark.erasing.is_some() {
                continue;
            }
            // Stamped behind the rollup: every hour before it is rolled up.
            let erasing = erasing();
            if self
                .begin_erasing(tenant, &mut reached, &erasing, actor)
                .await?
            {
                let (events, pages) = self.erase_name(tenant, &mut reached, &erasing).await?;
                let listed = self.read_unfolded(tenant).await?;
                self.settle_list(tenant, listed).await?;
                return Ok(Erased {
                    pseudonym: pseudonym.clone(),
                    events,
                    pages,
                });
            }
        }
        match self.read_reached(tenant).await? {
            None => Ok(Erased {
                pseudonym: pseudonym.clone(),
                events: 0,
                pages: 0,
            }),
            Some(_) => Err(Failure::Unavailable(
                "the hours are being rolled up".to_owned(),
            )),
        }
    }

    /// Says at the watermark that the name is on its way out; whether it says so
    /// now.
    async fn begin_erasing(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        erasing: &Erasing,
        actor: &Actor,
    ) -> Result<bool, Failure> {
        let Erasing {
            person, pseudonym, ..
        } = erasing;
        let detail = serde_json::json!({ "as": person, "pseudonym": pseudonym });
        let (audit, _) = audit_write(
            erasing.at,
            actor,
            Audit {
                action: "usage.erase",
                tenant: Some(tenant),
                detail,
            },
        )?;
        let mark = Watermark {
            erasing: Some(erasing.clone()),
            erased: reached.mark.erased + 1,
            ..reached.mark.clone()
        };
        // If this stops in the middle, the next rollup finds the tenant.
        let listed = self.read_unfolded(tenant).await?;
        let due = Unfolded::renewed(listed, Instant::EPOCH, erasing.at).write(tenant, listed);
        let writes = vec![audit, erased_mark(tenant, erasing), due];
        let moved = reached.move_to(self, tenant, mark, writes).await?;
        if !moved && let Some(now) = self.read_reached(tenant).await? {
            // Its answer may have been lost.
            *reached = now;
        }
        Ok(reached.mark.erasing.as_ref() == Some(erasing))
    }

    /// Erases the name that the watermark says is on its way out, from where an
    /// earlier try stopped, and says in how many events and pages.
    pub(crate) async fn erase_name(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        erasing: &Erasing,
    ) -> Result<(u64, u64), Failure> {
        if self.pseudonyms(tenant).proof() != erasing.proof {
            return Err(Failure::Unavailable(
                "a name is being erased under another secret than this process has".to_owned(),
            ));
        }
        // None is made while the name is on its way out.
        self.remove_partials(tenant, reached).await?;
        let mut mask = Mask::new(self, tenant, Some(erasing.clone()));
        let (mut events, mut pages) = (0, 0);
        let mut walk = self.walk_to(tenant, erasing.at).await?;
        while let Some(slice) = walk.read_slice(self).await? {
            let mut writes = Vec::new();
            for (key, mut attrs) in slice {
                let Some((body, named)) = covered(&attrs, &mut mask)? else {
                    continue;
                };
                if !is_expiring(&attrs) {
                    (events, pages) = (events + named, pages + 1);
                }
                let old = attrs.remove(table::BODY);
                writes.extend(old.map(|old| replaced(key, body, old)));
            }
            for chunk in writes.chunks(PAGES_AT_ONCE) {
                self.rewrite(tenant, reached, chunk.to_vec()).await?;
            }
        }
        self.erase_from_rosters(tenant, reached, erasing, &mut mask)
            .await?;
        let done = Watermark {
            erasing: None,
            erased: reached.mark.erased + 1,
            ..reached.mark.clone()
        };
        // Refused = another has completed it.
        if reached.mark.erasing.is_some() {
            reached.move_to(self, tenant, done, Vec::new()).await?;
        }
        Ok((events, pages))
    }

    /// A walk over the pages received up to `at`.
    async fn walk_to(&self, tenant: &Name, at: Instant) -> Result<Walk, Failure> {
        let mut hours = self.list_hours_from(tenant, Instant::EPOCH).await?;
        hours.retain(|hour| hour.at <= at);
        Ok(Walk::new(tenant, hours))
    }

    async fn count_named(&self, tenant: &Name, erasing: &Erasing) -> Result<(u64, u64), Failure> {
        let mut mask = Mask::new(self, tenant, Some(erasing.clone()));
        let mut walk = self.walk_to(tenant, erasing.at).await?;
        let (mut events, mut pages) = (0, 0);
        while let Some(slice) = walk.read_slice(self).await? {
            for (_, attrs) in slice.iter().filter(|(_, attrs)| !is_expiring(attrs)) {
                if let Some((_, named)) = covered(attrs, &mut mask)? {
                    (events, pages) = (events + named, pages + 1);
                }
            }
        }
        Ok((events, pages))
    }

    async fn erase_from_rosters(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        erasing: &Erasing,
        mask: &mut Mask<'_>,
    ) -> Result<(), Failure> {
        let Some(mut month) = self.find_first_hour(tenant, Instant::EPOCH, None).await? else {
            return Ok(());
        };
        while month.month() <= erasing.at.month() {
            for (sk, mut attrs) in self
                .read_roster_parts(tenant, &month.month(), table::ROSTER_NAMES, None)
                .await?
            {
                let mut joined = joined_of(&attrs)?;
                if mask.cover_joined(&mut joined)
                    && let Some(old) = attrs.remove(table::BODY)
                {
                    let key = Key::new(table::roster(tenant, &month.month()), sk);
                    self.rewrite(tenant, reached, vec![replaced(key, joined.encode()?, old)])
                        .await?;
                }
            }
            month = next_month(month);
        }
        Ok(())
    }

    /// Rewrites items under the watermark, so that none is rewritten once the
    /// name is erased and hours are rolled up again.
    async fn rewrite(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        writes: Vec<Write>,
    ) -> Result<(), Failure> {
        if reached.mark.erasing.is_none()
            || reached
                .move_to(self, tenant, reached.mark.clone(), writes.clone())
                .await?
        {
            return Ok(());
        }
        for write in writes {
            match self.read_reached(tenant).await? {
                Some(now) if now.mark == reached.mark => *reached = now,
                _ => {
                    reached.mark.erasing = None;
                    return Ok(());
                }
            }
            let mark = reached.mark.clone();
            let is_rewritten = reached
                .move_to(self, tenant, mark.clone(), vec![write.clone()])
                .await?;
            // Refused = the page is purged, or another has rewritten it.
            if !is_rewritten && let Some(write) = self.restate(&write).await? {
                reached.move_to(self, tenant, mark, vec![write]).await?;
            }
        }
        Ok(())
    }

    /// The write for the item as a migration rewrote it meanwhile, which left its
    /// content; `None` where it is gone, or holds something else.
    async fn restate(&self, write: &Write) -> Result<Option<Write>, Failure> {
        let [Guard::Equals(name, Value::B(old))] = write.guards.as_slice() else {
            return Ok(None);
        };
        let attrs = self.read_item(write.key.clone()).await?;
        let now = attrs.as_ref().and_then(|attrs| attrs.get(name)?.as_bytes());
        let (Some(now), Some(form)) = (now, Form::at(&write.key, name)) else {
            return Ok(None);
        };
        let is_same = now != old.as_slice() && form.open(now)? == form.open(old)?;
        let guard = Guard::Equals(Arc::clone(name), Value::B(now.to_vec()));
        Ok(is_same.then(|| Write {
            guards: vec![guard],
            ..write.clone()
        }))
    }
}

/// The body of a page with the name covered, and how many events had it.
fn covered(attrs: &Attrs, mask: &mut Mask<'_>) -> Result<Option<(Vec<u8>, u64)>, Failure> {
    let mut page = page_of(attrs)?;
    let received = page.received;
    let mut named = 0;
    for stored in &mut page.events {
        let covered = mask.cover(&mut stored.event.dimensions, received);
        named += u64::from(covered);
    }
    if named == 0 {
        return Ok(None);
    }
    let pseudonym = |person, name: &Name| mask.pseudonym(person, name);
    let body = Page::erase(body_bytes(attrs), pseudonym)?;
    Ok(body.map(|body| (body, named)))
}

/// What shows later, of what was taken before under the name, that it is erased.
fn erased_mark(tenant: &Name, erasing: &Erasing) -> Write {
    let at = Value::S(erasing.at.sortable());
    let attrs = Attrs::from([(table::BODY.into(), at)]);
    Write::put(table::erased(tenant, &erasing.pseudonym), attrs)
}

/// The body, and nothing else: a purge may let the page expire meanwhile.
fn replaced(key: Key, body: Vec<u8>, old: Value) -> Write {
    let name = || table::BODY.into();
    Write::set(key, vec![(name(), Value::B(body))]).when(Guard::Equals(name(), old))
}

fn next_month(at: Instant) -> Instant {
    tollgate_core::WindowKind::Month
        .holding(at)
        .end()
        .unwrap_or_else(|| at.plus_seconds(31 * DAY_SECONDS))
}
