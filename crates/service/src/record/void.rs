//! Taking recorded events back.

use crate::engine::service::Service;
use crate::engine::tries::Tries;
use crate::settings::audit::{Change, audit_write};
use crate::settings::tenants::Actor;
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::store::{Commit, StoreError};
use crate::usage::rosters::Mask;
use crate::usage::usage::Entry;
use tollgate_core::{
    Answer, Attrs, Circumstances, Instant, Marker, Mode, Name, Value, Voidable, Voided, table,
    void, void_id,
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
    tries: Tries,
    /// The pages that it tried to write.
    pages: Vec<String>,
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
        let mut course = Course {
            tenant,
            event,
            id: void_id(event),
            tries: Tries::new(),
            pages: Vec::new(),
        };
        let outcome = loop {
            let _passage = self.gate.read().await;
            if let Some(outcome) = self.try_void(&mut course, reason, actor).await? {
                break outcome;
            }
        };
        // What a used up grant got back may be drawn again; if not now, then
        // after the next rollup.
        let relisted = self.relist_grants(tenant).await;
        relisted.unwrap_or_else(
            |failure| tracing::warn!(%tenant, %failure, "grants are not listed again"),
        );
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
        let [original, own] = self.markers(tenant, [course.event, &course.id]).await?;
        if let Some(attrs) = own {
            return Ok(Some(course.done(&marker_of(&attrs)?)));
        }
        let attrs = original.ok_or(Failure::NotFound("event"))?;
        let Marker { page, draws, .. } = marker_of(&attrs)?;
        let entry = self
            .unnamed(tenant, self.entry_at(tenant, page).await?)
            .await?;
        if entry.stored.voids.is_some() {
            return Ok(Some(VoidOutcome::OfVoid));
        }
        let snapshot = self.snapshot(tenant).await?;
        let received = self.now();
        let page = ulid(received);
        let at = Circumstances {
            tenant,
            mode: Mode::Observe,
            received,
            page_id: &page,
            standing: None,
        };
        let voidable = Voidable {
            stored: entry.stored,
            currency: entry.currency,
            draws,
            marked_until: expiry_of(&attrs),
        };
        let Voided { marker, mut writes } = void(&snapshot.pack, &voidable, at)?;
        let detail = serde_json::json!({ "event_id": course.event, "voided_by": course.id, "reason": reason });
        writes.push(
            audit_write(
                received,
                actor,
                Change {
                    action: "event.void",
                    tenant: Some(tenant),
                    detail,
                },
            )?
            .0,
        );
        if self.is_outdated(&snapshot) {
            course.tries.again("slow readings").await?;
            return Ok(None);
        }
        course.pages.push(page);
        match self.store.commit(&writes).await {
            Ok(Commit::Done { write_units }) => {
                tracing::debug!(write_units, "voided");
                return Ok(Some(course.done(&marker)));
            }
            Ok(Commit::Refused(refusals)) => {
                self.learn_limits(tenant, &snapshot, &refusals);
                course.tries.again("too many conflicts").await?;
            }
            Err(StoreError::Unavailable(why)) => course.tries.lost(&why).await?,
            Err(error) => return Err(error.into()),
        }
        Ok(None)
    }

    /// The event without the name that is on its way out: what takes it back is
    /// received after the order, and would keep the name.
    async fn unnamed(&self, tenant: &Name, mut entry: Entry) -> Result<Entry, Failure> {
        let erasing = self
            .reached(tenant)
            .await?
            .and_then(|reached| reached.mark.erasing);
        Mask::new(self, tenant, erasing).cover(&mut entry.stored.event.dimensions, entry.received);
        Ok(entry)
    }

    /// The markers of two events.
    pub(crate) async fn markers(
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
    fn done(&self, marker: &Marker) -> VoidOutcome {
        let replayed = !self.pages.iter().any(|page| marker.is_in_page(page));
        VoidOutcome::Voided {
            id: self.id.clone(),
            answer: Box::new(marker.answer.clone()),
            replayed,
        }
    }
}

pub(crate) fn marker_of(attrs: &Attrs) -> Result<Marker, Failure> {
    Marker::from_attrs(attrs).ok_or_else(|| Failure::Broken("a marker is damaged".to_owned()))
}

/// When an item is forgotten.
fn expiry_of(attrs: &Attrs) -> Option<Instant> {
    let seconds = attrs.get(table::TTL).and_then(Value::as_number)?;
    Instant::from_millis(i64::try_from(seconds).ok()?.checked_mul(1000)?).ok()
}
