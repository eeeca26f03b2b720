//! The allowance when periods come to begin elsewhere: what was used of the
//! current one is carried into the one that takes its place.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use std::sync::Arc;
use tollgate_core::{
    Attrs, Change, Config, CounterKey, Guard, Name, Subscription, Value, Write, credit_attribute,
    table,
};

/// What is carried: from one counter, as it was read, to another.
pub(crate) struct Carried {
    from: (CounterKey, i128),
    to: (CounterKey, i128),
}

impl Service {
    /// What is to be carried where `next` takes the place of the tenant's
    /// subscription; `None` = its periods begin where they did.
    pub(crate) async fn carried_allowance(
        &self,
        tenant: &Name,
        next: Option<&Subscription>,
    ) -> Result<Option<Carried>, Failure> {
        let (config, now) = (self.tenant(tenant).await?, self.now());
        let after = Config {
            subscription: next.cloned(),
            ..Config::default()
        };
        let (from, to) = (config.allowance_counter(now), after.allowance_counter(now));
        if from == to || config.allowance().is_none() {
            return Ok(None);
        }
        let counters = self.counters(tenant, &[from.clone(), to.clone()]).await?;
        let mut taken = counters.iter().map(taken);
        let (of_from, of_to) = (taken.next().unwrap_or(0), taken.next().unwrap_or(0));
        Ok(Some(Carried {
            from: (from, of_from),
            to: (to, of_to),
        }))
    }
}

impl Carried {
    /// The writes that carry it while `config` becomes its next version: a
    /// request in flight that was planned before finds the old counter closed.
    pub(crate) fn writes(&self, tenant: &Name, config: &Config) -> Vec<Write> {
        let version = Value::N(i128::from(config.version.saturating_add(1)));
        let write = |(counter, stood): &(CounterKey, i128), more: i128| {
            let mut set: Vec<(Arc<str>, Value)> =
                vec![(table::LIMITS_VERSION.into(), version.clone())];
            let kept = i64::from(config.retention())
                .saturating_add(1)
                .saturating_mul(86_400);
            set.extend(counter.window.end().map(|end| {
                (
                    table::TTL.into(),
                    Value::N(i128::from(end.plus_seconds(kept).unix_seconds())),
                )
            }));
            let guard = match stood {
                0 => Guard::AtMost(credit_attribute(), 0),
                stood => Guard::Equals(credit_attribute(), Value::N(*stood)),
            };
            let add = if more > 0 {
                vec![(credit_attribute(), more)]
            } else {
                Vec::new()
            };
            Write {
                key: table::counter(tenant, counter),
                change: Change::Update { add, set },
                guards: vec![guard],
            }
        };
        // Carried to and fro, what is there already was carried away before.
        vec![
            write(&self.from, 0),
            write(&self.to, self.from.1.saturating_sub(self.to.1).max(0)),
        ]
    }
}

fn taken(attrs: &Attrs) -> i128 {
    attrs
        .get(&credit_attribute())
        .and_then(Value::as_number)
        .unwrap_or(0)
}
