//! Budgets: caps on spend by tenant, session, agent and tool, in one form.

use crate::limit::limit::{Layer, Limit, OnUnavailable, SoftMode, limit_id};
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::time::window::WindowKind;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What may be spent in a window: in all, by each session, by each agent, and
/// through named tools. Absent = no cap, 0 = nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Budget {
    /// By the tenant as a whole.
    pub max_total: Option<Amount>,
    /// By each session.
    pub max_per_session: Option<Amount>,
    /// By each agent.
    pub max_per_agent: Option<Amount>,
    /// Through tools, by their keys `server/tool`.
    pub max_per_tool: BTreeMap<Arc<str>, Amount>,
    /// The currency of all of them.
    pub currency: Currency,
    /// When they start anew.
    pub window: WindowKind,
}

impl Budget {
    /// The limits that it stands for.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        let plain = [
            ("total", Scope::Tenant, self.max_total),
            ("session", Scope::Session, self.max_per_session),
            ("agent", Scope::Agent, self.max_per_agent),
        ];
        let plain = plain.into_iter().filter_map(|(part, scope, max)| {
            self.limit(&format!("budget:{part}"), scope, None, max?)
        });
        let tools = self.max_per_tool.iter();
        let tools = tools.filter_map(|(key, max)| {
            self.limit(
                &format!("budget:tool:{key}"),
                Scope::Tool,
                Some(Arc::clone(key)),
                *max,
            )
        });
        plain.chain(tools).collect()
    }

    fn limit(
        &self,
        id: &str,
        scope: Scope,
        scope_id: Option<Arc<str>>,
        max: Amount,
    ) -> Option<Limit> {
        Some(Limit {
            id: limit_id(id)?,
            layer: Layer::Budget,
            scope,
            scope_id,
            measure: Measure::Spend,
            window: self.window,
            soft: None,
            hard: Some(max.units()),
            currency: Some(self.currency),
            soft_mode: SoftMode::Warn,
            on_unavailable: OnUnavailable::Deny,
        })
    }
}
