//! The heat of each owner of items, mostly a tenant, as this process met it. Transactions
//! that meet at an item are cancelled, not queued: the more are tried, the fewer pass.
//! So commits of an owner whose commits keep meeting others go one at a time, at a pace
//! that rises with what passes and falls with what meets, and who cannot have a place
//! soon is told so at once. One owner's heat takes no other down.

use crate::store::clock::random;
use crate::store::store::{Commit, Reason, Refusal, StoreError};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tollgate_core::Key;

/// The most owners that are remembered.
const OWNERS_MAX: usize = 10_000;
/// Commits are paced once so many of a second met others, and fewer passed.
const MET_MIN: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);
/// The first pause between commits that are paced, the least and the most.
const GAP_FIRST: Duration = Duration::from_millis(200);
const GAP_MIN: Duration = Duration::from_millis(5);
const GAP_MAX: Duration = Duration::from_secs(2);
/// Who made no commit for so long is not paced any more.
const CALM: Duration = Duration::from_secs(5);

/// How a call went, for the owner of its items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Course {
    /// Done, or refused for what stands.
    Served,
    /// Another was at an item, or it has too much to do.
    Met,
    /// Not answered.
    Lost,
}

impl Course {
    pub(crate) fn of(committed: &Result<Commit, StoreError>) -> Self {
        let by_guard = |refusal: &Refusal| matches!(refusal.reason, Reason::Guard(_));
        match committed {
            Ok(Commit::Refused(refusals)) if !refusals.iter().any(by_guard) => Self::Met,
            Err(StoreError::Throttled(_)) => Self::Met,
            Err(StoreError::Unavailable(_)) => Self::Lost,
            _ => Self::Served,
        }
    }
}

/// What is known of one owner.
#[derive(Debug)]
struct Heat {
    /// Whether a request was given up and no commit was served since.
    given_up: bool,
    /// When the second began in which commits are counted, and how they went.
    since: Instant,
    met: u32,
    served: u32,
    /// The pause between commits; zero = they come as they come.
    gap: Duration,
    /// When the next may come.
    next: Instant,
    /// When one met another, of those that are paced.
    met_at: Instant,
}

impl Heat {
    fn new(now: Instant) -> Self {
        Self {
            given_up: false,
            since: now,
            met: 0,
            served: 0,
            gap: Duration::ZERO,
            next: now,
            met_at: now,
        }
    }

    fn is_calm(&self, now: Instant) -> bool {
        let counts = now < self.since + SECOND && self.met > 0;
        !self.given_up && !counts && self.wait_between(now).is_zero()
    }

    /// The pause between commits, of one that made any lately.
    fn wait_between(&self, now: Instant) -> Duration {
        match now >= self.next + CALM {
            true => Duration::ZERO,
            false => self.gap,
        }
    }

    fn note(&mut self, course: Course, now: Instant) {
        self.gap = self.wait_between(now);
        if now >= self.since + SECOND {
            (self.since, self.met, self.served) = (now, 0, 0);
        }
        match course {
            Course::Served => {
                self.given_up = false;
                self.served = self.served.saturating_add(1);
                if !self.gap.is_zero() {
                    self.gap = (self.gap * 7 / 8).max(GAP_MIN);
                }
            }
            Course::Met if self.gap.is_zero() => {
                self.met = self.met.saturating_add(1);
                if self.met >= MET_MIN && self.met > self.served {
                    (self.gap, self.next, self.met_at) = (GAP_FIRST, now + GAP_FIRST, now);
                }
            }
            // Those that were under way together say the same.
            Course::Met if now >= self.met_at + self.gap => {
                (self.gap, self.met_at) = ((self.gap * 5 / 4).min(GAP_MAX), now);
            }
            Course::Met | Course::Lost => {}
        }
    }

    fn wait(&self, now: Instant) -> Duration {
        match self.wait_between(now).is_zero() {
            true => Duration::ZERO,
            false => self.next.saturating_duration_since(now),
        }
    }

    fn take_place(&mut self, now: Instant) {
        self.gap = self.wait_between(now);
        // Processes that pause as long as each other would go on meeting.
        let chance = u32::from(u8::from_be_bytes(random()));
        self.next = self.next.max(now) + self.gap * 3 / 4 + self.gap * chance / 512;
        if now >= self.met_at + SECOND + self.gap * 4 {
            // None met another for a while, be it that all are denied.
            self.gap /= 2;
            if self.gap < GAP_MIN {
                self.gap = Duration::ZERO;
            }
            self.met_at = now;
        }
    }
}

/// Owners that are not calm.
#[derive(Default)]
pub(crate) struct Owners(Mutex<BTreeMap<String, Heat>>);

impl Owners {
    /// The tenant that the first of these items belong to which belong to any; else
    /// what they are.
    pub(crate) fn of<'a>(keys: impl Iterator<Item = &'a Key> + Clone) -> &'a str {
        let mut keys = keys.map(|key| key.pk.as_str());
        let tenant = keys.clone().find(|pk| pk.starts_with("T|"));
        let (pk, parts) = tenant.map_or_else(|| (keys.next().unwrap_or(""), 1), |pk| (pk, 2));
        let end = pk.match_indices('|').nth(parts - 1);
        end.and_then(|(end, _)| pk.get(..end)).unwrap_or(pk)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Heat>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_owner(&self, owner: &str, then: impl FnOnce(&mut Heat)) {
        let mut owners = self.lock();
        if let Some(heat) = owners.get_mut(owner) {
            return then(heat);
        }
        if owners.len() >= OWNERS_MAX {
            let now = Instant::now();
            owners.retain(|_, heat| !heat.is_calm(now));
        }
        if owners.len() >= OWNERS_MAX {
            owners.clear();
        }
        let heat = owners.entry(owner.to_owned());
        then(heat.or_insert_with(|| Heat::new(Instant::now())));
    }

    /// Notes that a request of the owner was given up.
    pub(crate) fn give_up(&self, owner: &str) {
        self.of_owner(owner, |heat| heat.given_up = true);
    }

    /// Whether a request of it was given up and no commit was served since.
    pub(crate) fn is_given_up(&self, owner: &str) -> bool {
        self.lock().get(owner).is_some_and(|heat| heat.given_up)
    }

    /// Notes how a call went.
    pub(crate) fn note(&self, owner: &str, course: Course) {
        let now = Instant::now();
        if course == Course::Served {
            let mut owners = self.lock();
            let Some(heat) = owners.get_mut(owner) else {
                return;
            };
            heat.note(course, now);
            if heat.is_calm(now) {
                owners.remove(owner);
            }
        } else {
            self.of_owner(owner, |heat| heat.note(course, now));
        }
    }

    /// How long the owner's next commit waits for its place, which is taken if that is
    /// within `most`.
    pub(crate) fn take_place(&self, owner: &str, most: Duration) -> Duration {
        let mut owners = self.lock();
        let Some(heat) = owners.get_mut(owner) else {
            return Duration::ZERO;
        };
        let now = Instant::now();
        let wait = heat.wait(now);
        if heat.is_calm(now) {
            owners.remove(owner);
        } else if wait <= most {
            heat.take_place(now);
        }
        wait
    }

    /// How long it would wait now.
    pub(crate) fn wait_for_place(&self, owner: &str) -> Duration {
        let owners = self.lock();
        let now = Instant::now();
        let heat = owners.get(owner).filter(|heat| !heat.is_calm(now));
        heat.map_or(Duration::ZERO, |heat| heat.wait(now))
    }
}
