//! In which receipt hours of a day sealed batches have events of a task. Unsealed
//! events are found through the index of their markers; this takes its place for
//! those that have none.

use crate::event::name::Name;
use crate::ledger::form::{Form, FormError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The most bytes of one item; a day with more tasks only says in which hours there
/// are any.
const BYTES_MAX: usize = 300_000;

/// The first 128 bits of the SHA-256 of a task's id: enough to tell any two
/// tasks apart, and all that counting them needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct TaskHash([u8; 16]);

/// The tasks of a receipt day whose hashes begin alike, each with the hours (a bit
/// each) that hold any of its events.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DayOfTasks {
    /// Hours that may hold events of any task.
    any: u32,
    tasks: BTreeMap<TaskHash, u32>,
}

impl TaskHash {
    /// Of this task.
    #[must_use]
    pub fn of(task: &Name) -> Self {
        let digest = Sha256::digest(task.as_str());
        let mut hash = [0; 16];
        hash.iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        Self(hash)
    }

    /// Its first byte, by which tasks are spread over partitions.
    #[must_use]
    pub fn first(self) -> u8 {
        let [first, ..] = self.0;
        first
    }
}

impl DayOfTasks {
    /// Notes that `hour`, from 0 to 23, holds events of these tasks; whether that is
    /// new.
    pub fn add(&mut self, hour: u32, tasks: impl IntoIterator<Item = TaskHash>) -> bool {
        let bit = 1_u32.checked_shl(hour).unwrap_or(0);
        let mut is_new = false;
        for task in tasks {
            let hours = self.tasks.entry(task).or_default();
            is_new |= *hours & bit == 0;
            *hours |= bit;
        }
        is_new
    }

    /// The hours that may hold events of `task`.
    pub fn hours(&self, task: TaskHash) -> impl Iterator<Item = u32> {
        let of = self.tasks.get(&task).copied().unwrap_or(0) | self.any;
        (0..24).filter(move |hour| of & 1_u32.checked_shl(*hour).unwrap_or(0) != 0)
    }

    /// Compact bytes; too many tasks are given up for their hours.
    ///
    /// # Errors
    /// [`FormError::Damaged`] for what cannot be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, FormError> {
        let bytes = Form::Tasks.encode(self, &[])?;
        if bytes.len() <= BYTES_MAX {
            return Ok(bytes);
        }
        let any = self.tasks.values().fold(self.any, |any, hours| any | hours);
        let tasks = BTreeMap::new();
        Form::Tasks.encode(&Self { any, tasks }, &[])
    }

    /// Reads what [`DayOfTasks::encode`] wrote.
    ///
    /// # Errors
    /// [`FormError`] for bytes of another form or version.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormError> {
        Form::Tasks.decode(bytes, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_day_tells_the_hours_of_each_task_and_of_too_many_those_of_all() {
        let task = |number: u32| TaskHash::of(&Name::new(&format!("t{number}")).unwrap());
        let mut day = DayOfTasks::default();
        assert!(day.add(3, [task(1), task(2)]) && day.add(7, [task(1)]));
        assert!(!day.add(3, [task(2)]), "nothing new");
        let read = DayOfTasks::decode(&day.encode().unwrap()).unwrap();
        assert_eq!(read.hours(task(1)).collect::<Vec<_>>(), [3, 7]);
        assert_eq!(read.hours(task(2)).collect::<Vec<_>>(), [3]);
        assert_eq!(read.hours(task(3)).count(), 0);
        day.add(23, (0..50_000).map(task));
        let bytes = day.encode().unwrap();
        assert!(bytes.len() < 100);
        let read = DayOfTasks::decode(&bytes).unwrap();
        assert_eq!(read.hours(task(70_000)).collect::<Vec<_>>(), [3, 7, 23]);
    }
}
