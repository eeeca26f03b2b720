//! Changes of a tenant's configuration: guarded, audited, again where another was first.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::usage::watermark::Watermark;
use tollgate_core::{
    Attrs, Config, Currency, Guard, Instant, LimitsError, Name, Resource, Value, Write, table,
};

/// The most bytes of a configuration; an item holds 400 KB.
const CONFIG_BYTES_MAX: usize = 380_000;

impl Service {
    /// Applies `change` to the configuration in one guarded step, again from
    /// the start where someone else was first.
    pub(crate) async fn change_config<F>(
        &self,
        tenant: &Name,
        (resource, action): (Resource, &str),
        detail: serde_json::Value,
        actor: &Actor,
        change: F,
    ) -> Result<Config, Failure>
    where
        F: Fn(&mut Config, Instant) -> Result<(), Failure>,
    {
        let mut attempt = Attempt::new();
        loop {
            let change = |config: &mut Config, now| change(config, now).map(|()| Vec::new());
            let audit = Change {
                action,
                tenant: Some(tenant),
                detail: detail.clone(),
            };
            if let Some(config) = self
                .try_config(tenant, Some(resource), audit, actor, change)
                .await?
            {
                return Ok(config);
            }
            attempt.again("the tenant changes all the time").await?;
        }
    }

    /// One step of a change of `resource`, if it is one that has a version, with the
    /// further writes that it asks for; `None`:
    /// someone else was first, or a guard of those writes did not hold.
    pub(crate) async fn try_config<F>(
        &self,
        tenant: &Name,
        resource: Option<Resource>,
        audit: Change<'_>,
        actor: &Actor,
        change: F,
    ) -> Result<Option<Config>, Failure>
    where
        F: FnOnce(&mut Config, Instant) -> Result<Vec<Write>, Failure>,
    {
        // Requests in flight planned under the old limits commit first.
        let _alone = self.gate.write().await;
        self.cache.forget(tenant);
        let snapshot = self.snapshot(tenant).await?;
        let held = snapshot.rules.config();
        if let Some(resource) = resource {
            actor.check(held.revision(resource))?;
        }
        let now = self.now();
        // What is rolled up by now was planned before.
        let mark = self.read_item(table::watermark(tenant)).await?;
        let mark = mark.map(|attrs| body::<Watermark>(&attrs)).transpose()?;
        let rolled = mark.map_or(Instant::EPOCH, |mark| mark.next);
        let mut next = Config::clone(held);
        let further = change(&mut next, now)?;
        next.created = next.created.or(Some(now));
        let mut next = next.renewed(now)?;
        let version = next.version;
        next.revisions
            .extend(resource.map(|resource| (resource, version)));
        next.set_rolled(rolled);
        let mut writes = config_writes(tenant, held, &next)?;
        if next.is_counting() {
            let version = Value::N(i128::from(next.version));
            let attrs = Attrs::from([(table::VERSION.into(), version)]);
            writes.push(Write::put(table::changed(tenant), attrs));
        }
        writes.extend(further);
        let (audit, key) = audit_write(now, actor, audit)?;
        writes.push(audit);
        let settled = self.write(&writes).await;
        // Whatever came of it: a lost answer may have been a yes.
        self.cache.forget(tenant);
        // Refused, or this very change arrived although its answer was lost.
        let done = settled? || self.read_item(key).await?.is_some();
        Ok(done.then_some(next))
    }
}

pub(crate) fn same_currency(
    tenant: Option<Currency>,
    other: Option<Currency>,
) -> Result<(), Failure> {
    match (tenant, other) {
        (Some(tenant), Some(other)) if tenant != other => {
            Err(Failure::CurrencyMismatch { tenant, other })
        }
        _ => Ok(()),
    }
}

/// The writes that replace `held` by `next`, and list the tenant if it is new.
pub(crate) fn config_writes(
    tenant: &Name,
    held: &Config,
    next: &Config,
) -> Result<Vec<Write>, Failure> {
    let mut attrs = body_attrs(next)?;
    if attrs
        .get(table::BODY)
        .and_then(Value::as_bytes)
        .is_some_and(|bytes| bytes.len() > CONFIG_BYTES_MAX)
    {
        return Err(Failure::Limits(LimitsError));
    }
    attrs.insert(table::VERSION.into(), Value::N(i128::from(next.version)));
    let guard = match held.version {
        0 => Guard::Absent,
        version => Guard::Equals(table::VERSION.into(), Value::N(i128::from(version))),
    };
    let version = attrs.get(table::VERSION).cloned();
    let version = version.map(|version| (table::VERSION.into(), version));
    let mut writes = vec![
        Write::put(table::config(tenant), attrs).when(guard),
        Write::set(table::version(tenant), version.into_iter().collect()),
    ];
    if held.version == 0 {
        let since = Value::S(next.created.unwrap_or(Instant::EPOCH).to_string());
        let attrs = Attrs::from([(table::BODY.into(), since)]);
        writes.push(Write::put(table::known(tenant), attrs));
    }
    Ok(writes)
}
