//! Plans: putting them, and renewing all who subscribe to them.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::stream;
use futures::stream::StreamExt;
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{Attrs, Config, Guard, Name, Plan, Subscription, Value, Write, table};

/// How many subscribers get a new version of their plan at the same time.
const RENEWED_AT_ONCE: usize = 64;
/// How long a request that puts a plan renews subscribers; the others follow.
const RENEWAL_MAX: Duration = Duration::from_secs(2);

/// How far the subscribers to a plan are renewed.
#[derive(Default)]
pub(crate) struct Renewed {
    /// Whether all have its last version.
    pub(crate) all: bool,
    /// Those that got it now, and have something to count for it.
    pub(crate) counting: Vec<Name>,
    /// The first failure, which kept no other from it.
    pub(crate) failed: Option<Failure>,
}

/// What became of one subscriber.
enum Renewal {
    /// It has the version, and had it maybe before.
    Done,
    /// It got the version, and has something to count for it.
    Counting(Name),
    /// There was no time left to begin.
    Late,
}

impl Service {
    /// A plan as it was last put.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unavailable`].
    pub async fn find_plan(&self, code: &Name) -> Result<Plan, Failure> {
        self.read_plan(code).await?.ok_or(Failure::NotFound("plan"))
    }

    /// The plan as it was last put, if it ever was.
    pub(crate) async fn read_plan(&self, code: &Name) -> Result<Option<Plan>, Failure> {
        self.read_item(table::plan(code))
            .await?
            .map(|attrs| body(&attrs))
            .transpose()
    }

    /// All plans by code, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_plans(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Plan>, bool), Failure> {
        let mut query = Query::of(table::PLANS)
            .from(after.map_or_else(String::new, |after| format!("{after}\0")));
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let plans: Result<Vec<Plan>, Failure> =
            slice.items.iter().map(|(_, attrs)| body(attrs)).collect();
        Ok((plans?, slice.more))
    }

    /// Puts a plan, as the next version of its code, and renews the
    /// subscriptions to it as far as a request may wait; `complete_changes` renews
    /// the others. What was used stays counted.
    ///
    /// # Errors
    /// [`Failure::Stale`] for another version than `actor` names; a
    /// subscriber's failure, which keeps no other from the new version.
    pub async fn put_plan(&self, mut plan: Plan, actor: &Actor) -> Result<Plan, Failure> {
        loop {
            let stored = self.read_plan(&plan.code).await?;
            if let Some(currency) = stored
                .as_ref()
                .map(|stored| stored.currency)
                .filter(|currency| *currency != plan.currency)
            {
                return Err(Failure::PlanCurrency(currency));
            }
            let held = stored.map_or(0, |held| held.version);
            actor.check(held)?;
            plan.version = held.saturating_add(1);
            let mut attrs = body_attrs(&plan)?;
            attrs.insert(table::VERSION.into(), Value::N(i128::from(plan.version)));
            let put = Write::put(table::plan(&plan.code), attrs).when(at_version(held));
            let detail = serde_json::json!({ "plan": plan.code, "version": plan.version });
            let (audit, key) = audit_write(
                self.now(),
                actor,
                Change {
                    action: "plan.put",
                    tenant: None,
                    detail,
                },
            )?;
            let mut entry = Attrs::new();
            entry.insert(table::VERSION.into(), Value::N(i128::from(plan.version)));
            let changed = Write::put(table::changed_plan_entry(&plan.code), entry);
            let settled = self.write(&[put, changed, audit]).await?;
            if settled || self.read_item(key).await?.is_some() {
                break;
            }
        }
        let renewer = Actor::unconditional(actor.key_id.as_str());
        let until = Moment::now() + RENEWAL_MAX;
        let renewed = self.renew_subscribers(&plan.code, &renewer, until).await?;
        self.complete_together(renewed.counting).await;
        renewed.failed.map_or(Ok(plan), Err)
    }

    /// Gives every subscriber the version of the plan that was last put, as far
    /// as that goes until then. Safe to repeat.
    pub(crate) async fn renew_subscribers(
        &self,
        code: &Name,
        actor: &Actor,
        until: Moment,
    ) -> Result<Renewed, Failure> {
        let mut renewed = Renewed::default();
        let Some(plan) = self.read_plan(code).await? else {
            renewed.all = true;
            return Ok(renewed);
        };
        let mut next = Some(Query::of(table::subscribers(code)));
        while let Some(query) = next {
            let slice = self.store.query(&query).await?;
            let mut renewals = Vec::new();
            for (tenant, _) in &slice.items {
                let tenant = Name::new(tenant).ok();
                renewals.extend(tenant.map(|tenant| self.renew_subscriber(tenant, actor, until)));
            }
            let renewals: Vec<Result<Renewal, Failure>> = stream::iter(renewals)
                .buffer_unordered(RENEWED_AT_ONCE)
                .collect()
                .await;
            let mut is_late = false;
            for renewal in renewals {
                match renewal {
                    Ok(Renewal::Late) => is_late = true,
                    Ok(Renewal::Counting(tenant)) => renewed.counting.push(tenant),
                    Ok(Renewal::Done) => {}
                    Err(failure) => renewed.failed = renewed.failed.or(Some(failure)),
                }
            }
            if is_late {
                return Ok(renewed);
            }
            next = query.after(&slice);
        }
        if renewed.failed.is_some() {
            return Ok(renewed);
        }
        // Refused = a later version was put.
        let version = Value::N(i128::from(plan.version));
        let entry = Write::delete(table::changed_plan_entry(code));
        self.write(&[entry.when(Guard::Equals(table::VERSION.into(), version))])
            .await?;
        renewed.all = true;
        Ok(renewed)
    }

    async fn renew_subscriber(
        &self,
        tenant: Name,
        actor: &Actor,
        until: Moment,
    ) -> Result<Renewal, Failure> {
        if Moment::now() >= until {
            return Ok(Renewal::Late);
        }
        let renewed = self.renew_plan(&tenant, actor).await;
        let config = renewed
            .inspect_err(|failure| tracing::warn!(%tenant, %failure, "the plan is not renewed"))?;
        Ok(match config {
            Some(config) if config.is_counting() => Renewal::Counting(tenant),
            _ => Renewal::Done,
        })
    }

    /// Gives a subscribing tenant the version of its plan that was last put; its
    /// configuration, if that changed it. Safe to repeat.
    async fn renew_plan(&self, tenant: &Name, actor: &Actor) -> Result<Option<Config>, Failure> {
        let mut attempt = Attempt::new();
        loop {
            let config = self.read_config(tenant).await?;
            let Some(held) = config.subscription else {
                return Ok(None);
            };
            let Some(plan) = self.read_plan(&held.plan.code).await? else {
                return Ok(None);
            };
            if plan.version <= held.plan.version {
                return Ok(None);
            }
            let detail = serde_json::json!({ "plan": plan.code, "version": plan.version });
            let change = |config: &mut Config, _| {
                let own = config.subscription.as_mut();
                let is_older = |own: &&mut Subscription| {
                    own.plan.code == plan.code && own.plan.version < plan.version
                };
                own.filter(is_older)
                    .into_iter()
                    .for_each(|own| own.renew(plan.clone()));
                Ok(Vec::new())
            };
            let audit = Change {
                action: "plan.renewed",
                tenant: Some(tenant),
                detail,
            };
            if let Some(config) = self.try_config(tenant, None, audit, actor, change).await? {
                return Ok(Some(config));
            }
            attempt.again("the tenant changes all the time").await?;
        }
    }
}

fn at_version(version: u64) -> Guard {
    match version {
        0 => Guard::Absent,
        version => Guard::Equals(table::VERSION.into(), Value::N(i128::from(version))),
    }
}

/// The write that stands only while the plan is as it was read: a version put
/// meanwhile renews all subscribers listed by then.
pub(crate) fn standing_plan(plan: &Plan) -> Write {
    let set = vec![(table::VERSION.into(), Value::N(i128::from(plan.version)))];
    Write::set(table::plan(&plan.code), set).when(at_version(plan.version))
}
