//! Trying again: bounded, spaced out, with jitter.

use crate::store::clock::random;
use crate::store::failure::Failure;
use crate::store::store::{Reason, Refusal};
use std::time::Duration;

/// The most tries of one transaction.
const TRIES_MAX: u32 = 16;

const PAUSE_MILLIS_MAX: u64 = 400;

/// Counts the tries of one transaction and waits between them.
#[derive(Debug, Default)]
pub(crate) struct Tries(u32);

impl Tries {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Waits before the next try after others were faster: up to 2, 4, 8 …
    /// milliseconds, at random.
    ///
    /// # Errors
    /// [`Failure::Contended`] when the tries are used up.
    pub(crate) async fn again(&mut self, why: &str) -> Result<(), Failure> {
        self.pause()
            .await
            .ok_or_else(|| Failure::Contended(why.to_owned()))
    }

    /// The same after the store was out of reach.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the tries are used up.
    pub(crate) async fn lost(&mut self, why: &str) -> Result<(), Failure> {
        self.pause()
            .await
            .ok_or_else(|| Failure::Unavailable(why.to_owned()))
    }

    /// `None` = the tries are used up.
    async fn pause(&mut self) -> Option<()> {
        self.0 = self.0.saturating_add(1);
        if self.0 >= TRIES_MAX {
            return None;
        }
        let most = 1_u64
            .checked_shl(self.0)
            .unwrap_or(PAUSE_MILLIS_MAX)
            .min(PAUSE_MILLIS_MAX);
        let chance = u64::from(u16::from_be_bytes(random()));
        tokio::time::sleep(Duration::from_micros(
            most.saturating_mul(1000).saturating_mul(chance) / 65_536,
        ))
        .await;
        Some(())
    }
}

/// Whether nothing but passing faults refused the transaction. Guards come
/// first: a marker or a limit that stands will stand at the next try.
pub(crate) fn passing(refusals: &[Refusal]) -> bool {
    refusals
        .iter()
        .all(|refusal| !matches!(refusal.reason, Reason::Guard(_)))
}
