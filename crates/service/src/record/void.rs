//! Taking recorded events back.

use crate::engine::attempt::{Attempt, Committed};
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::clock::{random, ulid};
use crate::store::failure::Failure;
use crate::usage::rosters::Mask;
use crate::usage::usage::{Entry, Recorded, marker_of};
use std::collections::BTreeSet;
use tollgate_core::{
    Answer, Attrs, Circumstances, Grant, Instant, Key, Marker, Mode, Name, Posting, Standing,
    Value, Voidable, Voided, table, void, void_id,
};

/// What became of a request to take an event back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoidOutcome {
    /// It is taken back.
    Voided {
        /// The id of the event that does it.
        id: Name,
        /// That event's answer: the cost has a minus.
        answer: Box<Answer>,
        /// Whether an earlier request had done it.
        replayed: bool,
    },
    /// It takes back another event itself.
    OfVoid,
}

/// One request on its way.
struct Course<'a> {
    tenant: &'a Name,
    event: &'a Name,
    id: Name,
    attempt: Attempt,
    /// The pages that it tried to write.
    pages: Vec<String>,
    /// The grants that get something back.
    grants: BTreeSet<Name>,
}

impl Service {
    /// Which of these events were taken back.
    ///
    /// # Errors
    /// [`Failure::Unavailable`].
    pub async fn find_voided(
        &self,
        tenant: &Name,
        ids: &[&Name],
    ) -> Result<BTreeSet<Name>, Failure> {
        let ids: BTreeSet<&Name> = ids.iter().copied().collect();
        let keys = ids.iter().map(|id| table::marker(tenant, &void_id(id)));
        let keys: Vec<Key> = keys.collect();
        if keys.is_empty() {
            return Ok(BTreeSet::new());
        }
        let found = self.store.read(&keys).await?;
        let voided = ids
            .into_iter()
            .zip(found)
            .filter(|(_, void)| void.is_some());
        Ok(voided.map(|(id, _)| id.clone()).collect())
    }

    /// Takes a recorded event back: writes an event of its time, dimensions and
    /// card whose figures count with a minus, which lowers every counter, total
    /// and bill that the event is in. Once, however often it is asked.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for an unknown event, or one whose page is purged;
    /// [`Failure::Unavailable`]: it is taken back or not, and asking again
    /// settles which.
    pub async fn void(
        &self,
        tenant: &Name,
        event: &Name,
        reason: Option<&str>,
        actor: &Actor,
    ) -> Result<VoidOutcome, Failure> {
        let (id, attempt, pages) = (void_id(event), Attempt::new(), Vec::new());
        let grants = BTreeSet::new();
        let mut course = Course {
            tenant,
            event,
            id,
            attempt,
            pages,
            grants,
        };
        let outcome = loop {
            let _passage = self.enter_again(&course.attempt, tenant).await?;
            if let Some(outcome) = self.try_void(&mut course, reason, actor).await? {
                break outcome;
            }
        };
        // What a used up grant got back may be drawn again; if not now, then when
        // the void is asked for again.
        self.relist_grants(tenant, &course.grants).await?;
        Ok(outcome)
    }

    /// One try: load, plan, commit; `None` = something had changed.
    async fn try_void(
        &self,
        course: &mut Course<'_>,
        reason: Option<&str>,
        actor: &Actor,
    ) -> Result<Option<VoidOutcome>, Failure> {
        let tenant = course.tenant;
        let [original, own] = self.read_marks(tenant, [course.event, &course.id]).await?;
        if let Some(attrs) = own {
            course.grants = self.find_grants(tenant, course.event, original).await?;
            return Ok(Some(course.end(&marker_of(&attrs)?)));
        }
        let attrs = original.ok_or(Failure::NotFound("event"))?;
        let marked_until = expiry_of(&attrs);
        let found = self.read_recorded(tenant, course.event, attrs).await?;
        if found.is_voided(course.event) {
            // By a void whose own marker is forgotten, or was not there yet.
            course.attempt.again("it is being voided").await?;
            return Ok(None);
        }
        let Recorded { draws, batch, .. } = found;
        course.grants = grants_of(&draws);
        let entry = self.unname(tenant, found.entry).await?;
        if entry.stored.voids.is_some() {
            return Ok(Some(VoidOutcome::OfVoid));
        }
        let snapshot = self.snapshot(tenant).await?;
        let (received, standing) = (self.stamp(&snapshot).await?, &Standing::new());
        let page = ulid(received);
        let (mode, page_id) = (Mode::Observe, page.as_str());
        let at = Circumstances {
            tenant,
            mode,
            received,
            page_id,
            seed: random(),
            standing,
        };
        let (stored, currency) = (entry.stored, entry.currency);
        let voidable = Voidable {
            stored,
            currency,
            draws,
            marked_until,
        };
        let Voided { marker, mut writes } = void(&snapshot.rules, &voidable, at)?;
        let detail = serde_json::json!({
            "event_id": course.event, "voided_by": course.id, "reason": reason,
        });
        let change = Change {
            action: "event.void",
            tenant: Some(tenant),
            detail,
        };
        writes.push(audit_write(received, actor, change)?.0);
        if let (Some(batch), Some((id, index))) = (batch, course.event.of_sealed()) {
            writes.push(batch.write_voided(table::batch(tenant, &id), index)?);
        }
        let lanes = snapshot.rules.config().lanes();
        self.register_hour(tenant, received, lanes).await?;
        course.pages.push(page);
        let committed = self
            .commit_planned(&mut course.attempt, &snapshot, &writes)
            .await?;
        let is_done = matches!(committed, Committed::Done);
        if is_done {
            self.note_page(tenant).await;
        }
        Ok(is_done.then(|| course.end(&marker)))
    }

    /// The event without the name that is on its way out: what takes it back is
    /// received after the order, and would keep the name.
    async fn unname(&self, tenant: &Name, mut entry: Entry) -> Result<Entry, Failure> {
        let erasing = self
            .read_reached(tenant)
            .await?
            .and_then(|reached| reached.mark.erasing);
        let mut mask = Mask::new(self, tenant, erasing);
        mask.cover(&mut entry.stored.event.dimensions, entry.received);
        Ok(entry)
    }

    /// The grants that a recorded event drew on, as far as is still known.
    async fn find_grants(
        &self,
        tenant: &Name,
        event: &Name,
        mark: Option<Attrs>,
    ) -> Result<BTreeSet<Name>, Failure> {
        let Some(mark) = mark else {
            return Ok(BTreeSet::new());
        };
        if event.of_sealed().is_none() {
            return Ok(grants_of(&marker_of(&mark)?.draws));
        }
        match self.read_recorded(tenant, event, mark).await {
            Ok(found) => Ok(grants_of(&found.draws)),
            Err(Failure::NotFound(_)) => Ok(BTreeSet::new()),
            Err(failure) => Err(failure),
        }
    }
}

fn grants_of(draws: &[Posting]) -> BTreeSet<Name> {
    let grants = draws.iter().filter_map(|draw| Grant::id_of(&draw.counter));
    grants.collect()
}

impl Course<'_> {
    fn end(&self, marker: &Marker) -> VoidOutcome {
        let replayed = !self.pages.iter().any(|page| marker.is_in_page(page));
        let answer = Box::new(marker.answer.clone());
        VoidOutcome::Voided {
            id: self.id.clone(),
            answer,
            replayed,
        }
    }
}

/// When an item is forgotten.
fn expiry_of(attrs: &Attrs) -> Option<Instant> {
    let seconds = attrs.get(table::TTL).and_then(Value::as_number)?;
    Instant::from_millis(i64::try_from(seconds).ok()?.checked_mul(1000)?).ok()
}
