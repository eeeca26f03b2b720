//! Everything recorded, read in one pass with bounded memory: in the order of
//! receipt, slice by slice.
//!
//! A purge may pass by. Its mark comes before its first delete, and the marks
//! are read again behind each slice: what was given up to there is whole, or
//! the export ends as a failure. So it does where events are picked by a name,
//! and names were erased meanwhile.

use crate::engine::service::Service;
use crate::engine::stamp::received_at;
use crate::store::clock::ulid_floor;
use crate::store::failure::Failure;
use crate::usage::pages::{Walk, may_hold, page_of};
use crate::usage::usage::Entry;
use std::collections::{BTreeSet, VecDeque};
use std::str::FromStr;
use tollgate_core::{Attrs, Currency, Filter, HOUR_SECONDS, Instant, Key, Name, Range, Stored};

/// An export under way. It holds one slice of pages and no more.
#[derive(Debug)]
pub struct Export {
    tenant: Name,
    range: Range,
    filter: Filter,
    /// How many names were erased when it began; 0 where it picks by none.
    erased: u64,
    /// The receipt hours that were purged when it began, from its own first.
    purged: BTreeSet<String>,
    /// The receipt hour up to which everything was read and found whole.
    whole: Instant,
    /// What is still to be read.
    walk: Walk,
    pages: VecDeque<(Key, Attrs)>,
    opened: Opened,
    /// How many events of its first page were given by an export before.
    skipped: usize,
    /// The page of the event given last, or where the last slice began.
    at: String,
    /// The place of that event in its page.
    index: usize,
}

/// What is left of a page.
#[derive(Debug)]
struct Opened {
    received: Instant,
    currency: Currency,
    events: std::iter::Enumerate<std::vec::IntoIter<Stored>>,
}

/// Where an export goes on.
struct Place {
    /// The page to begin with.
    at: String,
    /// How many of its events were given.
    index: usize,
    /// How many receipt hours from its own on were purged.
    purged: usize,
    /// How many names were erased.
    erased: u64,
}

/// What a step of an export comes to.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "events are what nearly all steps come to"
)]
pub enum Step {
    /// The next event.
    Event(Entry),
    /// Another slice was read.
    Slice,
    /// That was all, and it is whole.
    End,
}

impl Service {
    /// Begins to read the events of `range` that meet `filter`, in the order of
    /// their receipt: all of them, or from a [`Export::place`] on. What is
    /// recorded meanwhile may be among them.
    ///
    /// # Errors
    /// [`Failure::Cursor`] for a place that is none, or behind which events
    /// were purged or names erased since: the export has to begin anew.
    pub async fn export(
        &self,
        tenant: &Name,
        range: Range,
        filter: Filter,
        from: Option<&str>,
    ) -> Result<Export, Failure> {
        // An event is at most five minutes ahead of its receipt; the rest is a
        // margin for clocks.
        let early = |at: Instant| at.plus_seconds(-HOUR_SECONDS).floor_to(HOUR_SECONDS);
        let first = range.start.map_or(Instant::EPOCH, early);
        let place = from.map(|text| text.parse::<Place>()).transpose()?;
        let (at, skipped) = place.as_ref().map_or_else(
            || (ulid_floor(first), 0),
            |place| (place.at.clone(), place.index),
        );
        let received = received_at(&at).ok_or(Failure::Cursor)?;
        let purged = self.list_purged(tenant, received, None).await?;
        let erased = self.count_erased(tenant, &filter).await?;
        if place.is_some_and(|place| (place.purged, place.erased) != (purged.len(), erased)) {
            return Err(Failure::Cursor);
        }
        let hours = self.list_hours_from(tenant, received).await?;
        let kept = hours
            .into_iter()
            .filter(|hour| !purged.contains(&hour.at.hour()));
        let walk = Walk::new(tenant, kept).from(at.as_str()).capped();
        let (tenant, whole) = (tenant.clone(), received.floor_to(HOUR_SECONDS));
        let opened = Opened {
            received,
            currency: Currency::USD,
            events: Vec::new().into_iter().enumerate(),
        };
        let pages = VecDeque::new();
        Ok(Export {
            tenant,
            range,
            filter,
            erased,
            purged,
            whole,
            walk,
            pages,
            opened,
            skipped,
            at,
            index: skipped,
        })
    }

    /// The next event, or what else the next step comes to: at most one slice
    /// is read.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach, a purge took
    /// what was still to be read, or names were erased that it picks by.
    pub async fn step(&self, export: &mut Export) -> Result<Step, Failure> {
        if let Some(entry) = export.entry()? {
            return Ok(Step::Event(entry));
        }
        let Some(slice) = export.walk.read_slice(self).await? else {
            self.find_whole(export, None).await?;
            let erased = self.count_erased(&export.tenant, &export.filter).await?;
            return if erased == export.erased {
                Ok(Step::End)
            } else {
                Err(Failure::Unavailable("names were erased".to_owned()))
            };
        };
        let first = slice.first().map(|(key, _)| key.sk.clone());
        let last = slice.last().and_then(|(key, _)| received_at(&key.sk));
        // An hour may turn out to have no pages.
        let passed = || export.walk.next_hour().map(ulid_floor);
        if let Some(first) = first.or_else(passed).filter(|first| *first > export.at) {
            (export.at, export.index) = (first, export.skipped);
        }
        export.pages = slice.into();
        if let Some(last) = last {
            self.find_whole(export, Some(last)).await?;
            export.whole = last.floor_to(HOUR_SECONDS);
        }
        Ok(Step::Slice)
    }

    /// Fails where a purge passed by since the export began and took, or is
    /// about to take, what was not yet found whole of the receipts up to the hour of
    /// `to`.
    async fn find_whole(&self, export: &Export, to: Option<Instant>) -> Result<(), Failure> {
        let now = self.list_purged(&export.tenant, export.whole, to).await?;
        let last = to.map(Instant::hour);
        let is_asked = |hour: &&String| last.as_ref().is_none_or(|last| *hour <= last);
        let known = export.purged.range(export.whole.hour()..);
        if now.iter().eq(known.filter(is_asked)) {
            return Ok(());
        }
        Err(Failure::Unavailable(
            "a purge passed by the export".to_owned(),
        ))
    }

    /// How many names of `tenant` were erased so far; 0 if `filter` picks by none.
    /// What was listed by a name goes on only while that stays the same.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach, and while a name
    /// is being erased.
    pub async fn count_erased(&self, tenant: &Name, filter: &Filter) -> Result<u64, Failure> {
        if !filter.wants_person() {
            return Ok(0);
        }
        match self.read_reached(tenant).await?.map(|reached| reached.mark) {
            Some(mark) if mark.erasing.is_some() => {
                Err(Failure::Unavailable("names are being erased".to_owned()))
            }
            Some(mark) => Ok(mark.erased),
            None => Ok(0),
        }
    }
}

impl Export {
    /// Where to begin an export that goes on with the event given last, again,
    /// or with the slice read last if none of it was given.
    #[must_use]
    pub fn place(&self) -> String {
        let hour = received_at(&self.at).map(Instant::hour).unwrap_or_default();
        let purged = self.purged.range(hour..).count();
        format!("{}/{}/{purged}/{}", self.at, self.index, self.erased)
    }

    /// The next event of the pages read so far.
    fn entry(&mut self) -> Result<Option<Entry>, Failure> {
        loop {
            let Opened {
                received,
                currency,
                events,
            } = &mut self.opened;
            let picks = |stored: &Stored| {
                self.range.holds(stored.event.timestamp) && self.filter.matches(stored)
            };
            if let Some((index, stored)) = events.find(|(_, stored)| picks(stored)) {
                self.index = index;
                return Ok(Some(Entry {
                    received: *received,
                    currency: *currency,
                    stored,
                }));
            }
            let Some((key, attrs)) = self.pages.pop_front() else {
                return Ok(None);
            };
            self.open(key.sk, &attrs)?;
        }
    }

    /// Opens a page, unless its hour is purged or it holds nothing of the range.
    fn open(&mut self, sk: String, attrs: &Attrs) -> Result<(), Failure> {
        let skipped = if sk == self.at {
            std::mem::take(&mut self.skipped)
        } else {
            0
        };
        let received =
            received_at(&sk).ok_or_else(|| Failure::damaged("the time of receipt of a page"))?;
        if self.purged.contains(&received.hour()) || !may_hold(attrs, self.range) {
            return Ok(());
        }
        let page = page_of(attrs)?;
        let mut events = page.events.into_iter().enumerate();
        if let Some(last) = skipped.checked_sub(1) {
            events.nth(last);
        }
        self.opened = Opened {
            received: page.received,
            currency: page.currency,
            events,
        };
        (self.at, self.index) = (sk, skipped);
        Ok(())
    }
}

impl FromStr for Place {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or(Failure::Cursor);
        let (at, index, purged, erased) = (
            part()?.to_owned(),
            number(part()?)?,
            number(part()?)?,
            number(part()?)?,
        );
        if parts.next().is_none() {
            Ok(Self {
                at,
                index,
                purged,
                erased,
            })
        } else {
            Err(Failure::Cursor)
        }
    }
}

fn number<N: FromStr>(text: &str) -> Result<N, Failure> {
    text.parse().map_err(|_| Failure::Cursor)
}
