//! Budgets.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Budget, Config, Count, Currency, Name, Resource, Scope, Standpoint, WindowKind,
};

/// A tenant's budget, and where it stands in its window; all null without one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BudgetState {
    /// Whose it is.
    pub tenant_id: Name,
    /// The most that the tenant may spend in the window.
    pub max_total: Option<Amount>,
    /// The same for each session.
    pub max_per_session: Option<Amount>,
    /// The same for each agent.
    pub max_per_agent: Option<Amount>,
    /// The same through a tool, by its key `server/tool`.
    pub max_per_tool: Option<BTreeMap<String, Amount>>,
    /// The currency of all of it.
    pub currency: Option<Currency>,
    /// How long it counts before it starts anew.
    pub window: Option<WindowKind>,
    /// Spent by the tenant, capped or not.
    pub used: Option<Amount>,
    /// Set aside by holds, where there is a `max_total`.
    pub held: Option<Amount>,
    /// Left of `max_total`.
    pub remaining: Option<Amount>,
    /// Each tool that has a cap, by its key.
    pub tools: Option<BTreeMap<String, ToolBudget>>,
    /// Of these settings alone, as `ETag` has it; 0 where they were never set.
    pub version: Option<u64>,
}

/// Where the cap of a tool stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ToolBudget {
    /// Spent.
    pub used: Amount,
    /// Set aside by holds.
    pub held: Amount,
    /// Left.
    pub remaining: Amount,
}

impl BudgetState {
    /// The budget of `config`; `spent` is what the tenant spent where nothing caps it.
    #[must_use]
    pub fn new(tenant: &Name, config: &Config, spent: Amount, at: &[Standpoint]) -> Self {
        let Some(budget) = &config.budget else {
            return Self::none(tenant);
        };
        let total = at.iter().find(|at| at.limit.scope == Scope::Tenant);
        let capped = total.zip(budget.max_total);
        Self {
            tenant_id: tenant.clone(),
            max_total: budget.max_total,
            max_per_session: budget.max_per_session,
            max_per_agent: budget.max_per_agent,
            max_per_tool: Some(by_key(budget)),
            currency: Some(budget.currency),
            window: Some(budget.window),
            used: Some(total.map_or(spent, |at| Amount::nearest(at.count.used))),
            held: total.map(|at| Amount::nearest(at.count.held)),
            remaining: capped.map(|(at, max)| left(max, at.count)),
            tools: Some(tools(budget, at)),
            version: Some(config.revision(Resource::Budget)),
        }
    }

    fn none(tenant: &Name) -> Self {
        Self {
            tenant_id: tenant.clone(),
            max_total: None,
            max_per_session: None,
            max_per_agent: None,
            max_per_tool: None,
            currency: None,
            window: None,
            used: None,
            held: None,
            remaining: None,
            tools: None,
            version: None,
        }
    }
}

fn by_key(budget: &Budget) -> BTreeMap<String, Amount> {
    let caps = budget.max_per_tool.iter();
    caps.map(|(key, max)| (key.to_string(), *max)).collect()
}

fn tools(budget: &Budget, at: &[Standpoint]) -> BTreeMap<String, ToolBudget> {
    let of_tools = at.iter().filter(|at| at.limit.scope == Scope::Tool);
    let shown = of_tools.filter_map(|at| {
        let max = budget.max_per_tool.get(&at.scope_id)?;
        let tool = ToolBudget {
            used: Amount::nearest(at.count.used),
            held: Amount::nearest(at.count.held),
            remaining: left(*max, at.count),
        };
        Some((at.scope_id.to_string(), tool))
    });
    shown.collect()
}

fn left(max: Amount, count: Count) -> Amount {
    Amount::nearest(max.units().saturating_sub(count.taken()).max(0))
}
