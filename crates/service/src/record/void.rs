//! Taking recorded events back.

use crate::engine::attempt::{Attempt, Committed};
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::clock::{random, ulid};
use crate::store::failure::Failure;
use crate::usage::rosters::Mask;
use crate::usage::usage::{Entry, marker_of};
use std::collections::BTreeSet;
use tollgate_core::{
    Answer, Attrs, Circumstances, Grant, Instant, Marker, Mode, Name, Standing, Value, Voidable,
    Voided, table, void, void_id,
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
            let _passage = self.gate.read().await;
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
        let [original, own] = self
            .read_markers(tenant, [course.event, &course.id])
            .await?;
        let marker = original.as_ref().map(marker_of).transpose()?;
        let drawn = marker.iter().flat_map(|marker| &marker.draws);
        course.grants = drawn
            .filter_map(|draw| Grant::id_of(&draw.counter))
            .collect();
        if let Some(attrs) = own {
            return Ok(Some(course.end(&marker_of(&attrs)?)));
        }
        let attrs = original.ok_or(Failure::NotFound("event"))?;
        let Marker { page, draws, .. } = marker.ok_or(Failure::NotFound("event"))?;
        let entry = self
            .unname(tenant, self.read_entry(tenant, page).await?)
            .await?;
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
            marked_until: expiry_of(&attrs),
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
        let lanes = snapshot.rules.config().lanes();
        self.register_hour(tenant, received, lanes).await?;
        course.pages.push(page);
        let committed = self
            .commit_planned(&mut course.attempt, &snapshot, &writes)
            .await?;
        Ok(matches!(committed, Committed::Done).then(|| course.end(&marker)))
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

    /// The markers of two events.
    pub(crate) async fn read_markers(
        &self,
        tenant: &Name,
        ids: [&Name; 2],
    ) -> Result<[Option<Attrs>; 2], Failure> {
        let mut items = self
            .store
            .read(&ids.map(|id| table::marker(tenant, id)))
            .await?
            .into_iter();
        Ok([items.next().flatten(), items.next().flatten()])
    }
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
