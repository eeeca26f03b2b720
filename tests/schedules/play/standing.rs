//! Where the limit stands after each step of a schedule, and whether it may.

use super::{Play, Processes, Request, Seen};
use crate::act::{Answer, TENANT, name};
use futures::FutureExt;
use tollgate_core::{Attrs, Config, Key, Measure, Value, table};
use tollgate_service::Store;
use tollgate_tests::stored;

/// How far the tenant's tokens stand, and what they may.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Used and held.
    taken: i128,
    /// The version under which something was counted last.
    counted_under: i128,
    /// The version in force.
    version: i128,
}

impl Play<'_> {
    fn item(&self, key: Key) -> Attrs {
        let items = self
            .memory
            .read(&[key])
            .now_or_never()
            .expect("memory answers at once")
            .expect("items");
        items.into_iter().next().flatten().unwrap_or_default()
    }

    pub(super) fn standing(&self) -> Standing {
        let counter = self.item(self.beginning.counter.clone());
        let number =
            |attrs: &Attrs, name: &str| attrs.get(name).and_then(Value::as_number).unwrap_or(0);
        let taken = counter
            .keys()
            .find(|attribute| attribute.starts_with("u:"))
            .map_or(0, |attribute| number(&counter, attribute));
        let version = number(&self.item(table::config(&name(TENANT))), table::VERSION);
        Standing {
            taken,
            counted_under: number(&counter, table::LIMITS_VERSION),
            version,
        }
    }

    pub(super) fn note_limit(&mut self) {
        let config = self.item(table::config(&name(TENANT)));
        let version = config[table::VERSION].as_number().expect("a version");
        self.hards.entry(version).or_insert_with(|| {
            let config: Config = stored::json(&config);
            let is_tested = config
                .series
                .iter()
                .any(|series| series.measure == Measure::Tokens);
            config
                .limits
                .iter()
                .find(|limit| limit.measure == Measure::Tokens && is_tested)
                .and_then(|limit| limit.hard)
        });
    }

    pub(super) fn note_seen(&mut self, Standing { taken, version, .. }: Standing) {
        let hard = self.hards[&version].unwrap_or(i128::MAX);
        for seen in self
            .requests
            .iter_mut()
            .filter_map(|request| request.seen.as_mut())
        {
            let above = seen.above.max(taken.saturating_sub(hard));
            *seen = Seen {
                taken: seen.taken.max(taken),
                hard: seen.hard.min(hard),
                above,
            };
        }
    }

    pub(super) fn judge_step(
        &self,
        client: usize,
        before: Standing,
        after: Standing,
    ) -> Result<(), String> {
        let act = self.protocol.clients[client].act;
        // A capture may book more than was held, and a change of limits counts what was.
        let counts = after.taken > before.taken && !act.asked().is_empty();
        if counts
            && self
                .hards
                .get(&after.counted_under)
                .copied()
                .flatten()
                .is_some_and(|hard| after.taken > hard)
        {
            return Err(format!(
                "{} tokens stand where {:?} are allowed",
                after.taken, self.hards[&after.counted_under]
            ));
        }
        if counts
            && self.protocol.processes == Processes::One
            && after.counted_under != after.version
        {
            return Err(format!(
                "counted under version {} while {} is in force",
                after.counted_under, after.version
            ));
        }
        if after.counted_under < before.counted_under {
            return Err(format!(
                "counted under version {} after {}",
                after.counted_under, before.counted_under
            ));
        }
        let Request {
            answer: Some(answer),
            seen: Some(seen),
            ..
        } = &self.requests[client]
        else {
            return Ok(());
        };
        // Where configurations are read for each request, one that is on its
        // way while a limit changes is ordered before the change.
        let above = if self.protocol.processes == Processes::Shared {
            seen.taken.saturating_sub(seen.hard)
        } else {
            seen.above
        };
        for ((id, tokens), said) in act.asked().iter().zip(answer.each()) {
            if *said == Answer::Denied && above.saturating_add(i128::from(*tokens)) <= 0 {
                return Err(format!(
                    "`{id}` is denied, but there was always room for {}",
                    above.saturating_neg()
                ));
            }
        }
        Ok(())
    }
}
