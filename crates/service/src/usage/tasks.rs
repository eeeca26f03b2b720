//! Finding the events of a task that sealed batches hold.

use crate::engine::service::Service;
use crate::store::body::body_bytes;
use crate::store::failure::Failure;
use crate::store::store::Query;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Attrs, DAY_SECONDS, DayOfTasks, Guard, HOUR_SECONDS, Instant, Key, Name, Page, TaskHash, Value,
    Write, table,
};

/// The tasks that sealed batches of one receipt hour have events of.
#[derive(Default)]
pub(crate) struct TasksOfHour(BTreeSet<TaskHash>);

impl TasksOfHour {
    /// Adds those of a page, if it is a sealed batch's.
    pub(crate) fn add_page(&mut self, page: &Page) {
        if page.sealed.is_some() {
            let tasks = page
                .events
                .iter()
                .filter_map(|stored| stored.event.task.as_ref());
            self.0.extend(tasks.map(TaskHash::of));
        }
    }
}

impl Service {
    /// Stores in which receipt hour these tasks have events of sealed batches. Doing
    /// so again changes nothing.
    pub(crate) async fn index_tasks(
        &self,
        tenant: &Name,
        hour: Instant,
        (tasks, kept_until): (&TasksOfHour, Instant),
    ) -> Result<(), Failure> {
        let mut lists: BTreeMap<u8, Vec<TaskHash>> = BTreeMap::new();
        for task in &tasks.0 {
            lists.entry(task.first()).or_default().push(*task);
        }
        let number = (hour.unix_seconds() / HOUR_SECONDS).rem_euclid(DAY_SECONDS / HOUR_SECONDS);
        let number = u32::try_from(number).unwrap_or(0);
        for (first, tasks) in lists {
            let key = Key::new(table::task_hours(tenant, first), hour.day());
            loop {
                let item = self.read_item(key.clone()).await?;
                let mut day = item
                    .as_ref()
                    .map_or_else(|| Ok(DayOfTasks::default()), day_of)?;
                if !day.add(number, tasks.iter().copied()) {
                    break;
                }
                let guard = match item.and_then(|mut attrs| attrs.remove(table::BODY)) {
                    Some(body) => Guard::Equals(table::BODY.into(), body),
                    None => Guard::Absent,
                };
                let attrs = Attrs::from([
                    (table::BODY.into(), Value::B(day.encode()?)),
                    (
                        table::TTL.into(),
                        Value::N(i128::from(kept_until.unix_seconds())),
                    ),
                ]);
                // Refused = another folds too.
                if self
                    .write(&[Write::put(key.clone(), attrs).when(guard)])
                    .await?
                {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The closed receipt hours in which sealed batches may have events of `task`.
    pub(crate) async fn list_task_hours(
        &self,
        tenant: &Name,
        task: &Name,
    ) -> Result<BTreeSet<Instant>, Failure> {
        let hash = TaskHash::of(task);
        let days = Query::of(table::task_hours(tenant, hash.first()));
        let mut hours = BTreeSet::new();
        for (sk, attrs) in self.read_all(days).await? {
            let day: Instant = format!("{sk}T00:00:00Z")
                .parse()
                .map_err(|_| Failure::damaged("the key of a day of tasks"))?;
            let of = day_of(&attrs)?;
            let found = of.hours(hash);
            hours.extend(found.map(|hour| day.plus_seconds(i64::from(hour) * HOUR_SECONDS)));
        }
        Ok(hours)
    }
}

fn day_of(attrs: &Attrs) -> Result<DayOfTasks, Failure> {
    Ok(DayOfTasks::decode(body_bytes(attrs))?)
}
