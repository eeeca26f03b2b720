//! Recording sealed batches: the batch is what counts once.

use crate::engine::service::Service;
use crate::engine::submission::{Options, Outcome, Submission};
use crate::record::batch::Batch;
use crate::record::course::Course;
use crate::store::failure::Failure;
use crate::usage::pages::{is_expiring, page_of};
use std::collections::BTreeMap;
use tollgate_core::{
    Answer, BatchMarker, Fingerprint, Instant, Key, Name, Part, Refused, Ruling, table,
};

/// A sealed batch as a client sent it.
#[derive(Clone, Debug)]
pub struct SealedBatch {
    /// Its id.
    pub id: Name,
    /// When it was received: the timestamp of events that name none.
    pub sent: Instant,
    /// Its elements in order.
    pub parts: Vec<SealedPart>,
}

/// One element of a sealed batch.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "events are what nearly all are")]
pub enum SealedPart {
    /// An event, under the id that its place gives it.
    Event(Submission),
    /// What is no event, as canonical text: it takes its place, and is refused.
    Other(String),
}

/// What became of a sealed batch.
#[derive(Clone, Debug, PartialEq)]
pub enum SealedOutcome {
    /// Each of its events is settled; `None` for what is no event.
    Settled(Vec<Option<SealedEventOutcome>>),
    /// A rate by second refused it as a whole; nothing is stored.
    TooFast(Box<Ruling>),
}

/// What became of one event of a sealed batch.
#[derive(Clone, Debug, PartialEq)]
pub enum SealedEventOutcome {
    /// This sending settled it.
    Now(Outcome),
    /// An earlier one recorded it.
    Before {
        /// Its answer; `None` once its page is purged.
        answer: Option<Answer>,
        /// Whether it was voided since.
        voided: bool,
    },
    /// An earlier one refused it.
    Refused(Refused),
}

impl SealedBatch {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_batch(self.parts.iter().map(|part| match part {
            SealedPart::Event(of) => Part::Event(&of.event, of.timestamp_given),
            SealedPart::Other(text) => Part::Other(text),
        }))
    }
}

impl Service {
    /// Records a sealed batch of one tenant: as a whole it counts once, by its id.
    /// Sending it again changes nothing; one that a fault cut off goes on where it
    /// stood. If nothing of it is recorded, it leaves no trace.
    ///
    /// # Errors
    /// [`Failure::BatchReused`] where the id belongs to other content;
    /// [`Failure::Unavailable`] when the store does not take a transaction in the
    /// tries allowed: earlier ones stand, and sending it again goes on.
    pub async fn record_sealed(
        &self,
        tenant: &Name,
        batch: SealedBatch,
        options: Options,
    ) -> Result<SealedOutcome, Failure> {
        let _passage = self.enter(tenant).await?;
        let count = batch.parts.len();
        let told = (batch.fingerprint(), batch.sent);
        let (mut indexes, mut submissions) = (Vec::new(), Vec::new());
        for (index, part) in (0_u32..).zip(batch.parts) {
            if let SealedPart::Event(submission) = part {
                indexes.push(index);
                submissions.push(submission);
            }
        }
        let length = u32::try_from(count).unwrap_or(u32::MAX);
        let sealed = Batch::new(batch.id, told, length, indexes);
        let course = Course::of_batch(tenant, submissions, options, sealed);
        let (mut course, _) = self.record_firsts(course, &mut None).await?;
        self.end_batch(&mut course).await?;
        let (outcomes, Some(sealed)) = (course.outcomes, course.batch) else {
            return Err(Failure::Broken("a batch without its marker".to_owned()));
        };
        if let Some(ruling) = sealed.too_fast {
            return Ok(SealedOutcome::TooFast(Box::new(ruling)));
        }
        self.tell(tenant, count, outcomes, &sealed)
            .await
            .map(SealedOutcome::Settled)
    }

    /// Stores that all that is left was refused for what it is, if anything is recorded.
    /// Another sender may be ahead, who accepted it: then what is stored is told.
    async fn end_batch(&self, course: &mut Course<'_>) -> Result<(), Failure> {
        let sealed = course.batch.as_ref().filter(|of| of.too_fast.is_none());
        let ended = sealed.and_then(|of| Some((of.end(&course.outcomes)?, &of.id)));
        let Some(((marker, settled), id)) = ended else {
            return Ok(());
        };
        let key = table::batch(course.tenant, id);
        if self
            .write(&[marker.write(key.clone(), Some(settled))?])
            .await?
        {
            return Ok(());
        }
        let ahead = || Failure::Contended("others were faster".to_owned());
        let stored = self.store.read(&[key]).await?.into_iter().flatten().next();
        course.settle_batch(&stored.ok_or_else(ahead)?)?;
        if course.goes_on() {
            return Err(ahead());
        }
        Ok(())
    }

    /// The outcomes by place in the batch; those of earlier sendings from what is
    /// stored.
    async fn tell(
        &self,
        tenant: &Name,
        count: usize,
        outcomes: Vec<Option<Outcome>>,
        sealed: &Batch,
    ) -> Result<Vec<Option<SealedEventOutcome>>, Failure> {
        let marker = &sealed.marker;
        let mut answers = BTreeMap::new();
        if outcomes.iter().any(Option::is_none) {
            answers = self.read_answers(tenant, marker).await?;
        }
        let mut settled = vec![None; count];
        for (place, outcome) in outcomes.into_iter().enumerate() {
            let index = sealed.index(place);
            let told = match (outcome, marker.refused.get(&index)) {
                (Some(outcome), _) => SealedEventOutcome::Now(outcome),
                (None, Some(refused)) => SealedEventOutcome::Refused(refused.clone()),
                (None, None) => SealedEventOutcome::Before {
                    answer: answers.remove(&index),
                    voided: marker.voided.contains(&index),
                },
            };
            let slot = usize::try_from(index).ok();
            if let Some(slot) = slot.and_then(|slot| settled.get_mut(slot)) {
                *slot = Some(told);
            }
        }
        Ok(settled)
    }

    /// The answers of the recorded events of a batch, by their places.
    async fn read_answers(
        &self,
        tenant: &Name,
        marker: &BatchMarker,
    ) -> Result<BTreeMap<u32, Answer>, Failure> {
        let place = |(_, page): &(u32, String)| {
            let (stretch, ulid) = page.split_once('/')?;
            Some(Key::new(table::pages(tenant, stretch), ulid))
        };
        let keys: Vec<Key> = marker.packs.iter().filter_map(place).collect();
        let mut answers = BTreeMap::new();
        for attrs in self.store.read(&keys).await?.into_iter().flatten() {
            if is_expiring(&attrs) {
                continue;
            }
            let page = page_of(&attrs)?;
            let damaged = Failure::damaged("the page of a sealed batch");
            let sealed = page.sealed.as_ref().ok_or(damaged)?;
            for (of, stored) in sealed.events.iter().zip(&page.events) {
                answers.insert(of.index, Answer::of(stored, page.currency));
            }
        }
        Ok(answers)
    }
}
