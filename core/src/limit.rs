//! Caps: what they count, for whom, and where they stop.

use crate::{Currency, Dimensions, Event, Name, Totals, WindowKind};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A cap: scope x measure x window, with a soft and a hard value.
///
/// Values are units of the measure: a count, or for [`Measure::Spend`] units
/// of 1e-18 of the currency. Absent = no limit, 0 = nothing allowed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// Unique in its layer.
    pub id: Name,
    /// Who set it.
    pub layer: Layer,
    /// Whose use it counts.
    pub scope: Scope,
    /// The one that it counts; absent = each one of that scope on its own.
    pub scope_id: Option<Arc<str>>,
    /// What it counts.
    pub measure: Measure,
    /// When it starts anew.
    pub window: WindowKind,
    /// Past it: warn (or refuse, see `soft_mode`).
    pub soft: Option<i128>,
    /// Past it: refuse.
    pub hard: Option<i128>,
    /// The currency of a spend limit.
    pub currency: Option<Currency>,
    /// What passing `soft` does.
    pub soft_mode: SoftMode,
    /// What happens while the store is out of reach.
    pub on_unavailable: OnUnavailable,
}

/// Where a limit was set. Layers are separate; all apply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// `POST /quota`.
    Quota,
    /// `PUT /limits`.
    Limits,
    /// `PUT /budgets`.
    Budget,
    /// The plan that the tenant subscribes to.
    Plan,
    /// `PUT /budgets/{tenant_id}/tree`.
    Tree,
}

impl Layer {
    /// Its name in JSON and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quota => "quota",
            Self::Limits => "limits",
            Self::Budget => "budget",
            Self::Plan => "plan",
            Self::Tree => "tree",
        }
    }
}

/// Whose use a limit counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The tenant as a whole.
    Tenant,
    /// An agent.
    Agent,
    /// A consumer.
    Consumer,
    /// A session.
    Session,
    /// A tool, by its key `server/tool`.
    Tool,
    /// An operation.
    Operation,
    /// A node of the tenant's tree of budgets.
    Node,
    /// A source of credit; no limit has it.
    Credit,
}

/// What passing a soft value does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SoftMode {
    /// The event is admitted with a warning.
    #[default]
    Warn,
    /// The event is refused.
    Block,
}

/// What a limit does while the store is out of reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnavailable {
    /// Nothing is admitted.
    #[default]
    Deny,
    /// Checks and holds pass, unless another limit keeps them from it.
    Allow,
}

/// What a limit counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Measure {
    /// Events.
    Events,
    /// Units of any operation.
    Units,
    /// Input, output and other tokens.
    Tokens,
    /// Input tokens.
    TokensIn,
    /// Output tokens.
    TokensOut,
    /// Calls.
    ApiCalls,
    /// Milliseconds worked.
    DurationMs,
    /// Cost, unrounded.
    Spend,
    /// Events of one operation.
    EventsOf(Name),
    /// Units of one operation.
    UnitsOf(Name),
}

/// The text names no measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of events, units, tokens, tokens_in, tokens_out, api_calls, duration_ms, spend, events:<operation>, units:<operation>"
)]
pub struct MeasureError;

impl Measure {
    /// How much of it `event` uses, at a cost of `cost` units of 1e-18.
    #[must_use]
    pub fn of(&self, event: &Event, cost: i128) -> i128 {
        let q = &event.quantities;
        let count = match self {
            Self::Spend => return cost,
            Self::Events => 1,
            Self::Units => q.units,
            Self::Tokens => q.tokens(),
            Self::TokensIn => q.tokens_in,
            Self::TokensOut => q.tokens_out,
            Self::ApiCalls => q.api_calls,
            Self::DurationMs => q.duration_ms,
            Self::EventsOf(operation) => u64::from(*operation == event.dimensions.operation),
            Self::UnitsOf(operation) if *operation == event.dimensions.operation => q.units,
            Self::UnitsOf(_) => 0,
        };
        i128::from(count)
    }

    /// How much of it `totals` of use at `at` amount to.
    #[must_use]
    pub fn of_totals(&self, at: &Dimensions, totals: &Totals) -> i128 {
        match self {
            Self::Spend => totals.cost.units(),
            Self::Events => i128::from(totals.events),
            Self::Units => totals.units,
            Self::Tokens => totals.tokens(),
            Self::TokensIn => totals.tokens_in,
            Self::TokensOut => totals.tokens_out,
            Self::ApiCalls => totals.api_calls,
            Self::DurationMs => totals.duration_ms,
            Self::EventsOf(operation) if *operation == at.operation => i128::from(totals.events),
            Self::UnitsOf(operation) if *operation == at.operation => totals.units,
            Self::EventsOf(_) | Self::UnitsOf(_) => 0,
        }
    }

    /// Whether an event of `operation` can use any of it.
    #[must_use]
    pub fn concerns(&self, operation: &Name) -> bool {
        match self {
            Self::EventsOf(of) | Self::UnitsOf(of) => of == operation,
            _ => true,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events => f.write_str("events"),
            Self::Units => f.write_str("units"),
            Self::Tokens => f.write_str("tokens"),
            Self::TokensIn => f.write_str("tokens_in"),
            Self::TokensOut => f.write_str("tokens_out"),
            Self::ApiCalls => f.write_str("api_calls"),
            Self::DurationMs => f.write_str("duration_ms"),
            Self::Spend => f.write_str("spend"),
            Self::EventsOf(operation) => write!(f, "events:{operation}"),
            Self::UnitsOf(operation) => write!(f, "units:{operation}"),
        }
    }
}

impl FromStr for Measure {
    type Err = MeasureError;
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let operation = |name: &str| Name::new(name).map_err(|_| MeasureError);
        match text.split_once(':') {
            Some(("events", name)) => return Ok(Self::EventsOf(operation(name)?)),
            Some(("units", name)) => return Ok(Self::UnitsOf(operation(name)?)),
            _ => {}
        }
        Ok(match text {
            "events" => Self::Events,
            "units" => Self::Units,
            "tokens" => Self::Tokens,
            "tokens_in" => Self::TokensIn,
            "tokens_out" => Self::TokensOut,
            "api_calls" => Self::ApiCalls,
            "duration_ms" => Self::DurationMs,
            "spend" => Self::Spend,
            _ => return Err(MeasureError),
        })
    }
}

impl TryFrom<String> for Measure {
    type Error = MeasureError;
    fn try_from(text: String) -> Result<Self, MeasureError> {
        text.parse()
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.to_string()
    }
}

impl Scope {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Agent => "agent",
            Self::Consumer => "consumer",
            Self::Session => "session",
            Self::Tool => "tool",
            Self::Operation => "operation",
            Self::Node => "node",
            Self::Credit => "credit",
        }
    }

    /// Whether use at `d` surely belongs to `id`; a tool whose parts hold a `/`
    /// is left to [`Scope::of`], and a node to its tree.
    pub(crate) fn is(self, d: &Dimensions, id: &str) -> bool {
        let named = |name: &Option<Name>| name.as_ref().is_some_and(|name| name.as_str() == id);
        match self {
            Self::Tenant => id.is_empty(),
            Self::Agent => named(&d.agent),
            Self::Consumer => named(&d.consumer),
            Self::Session => named(&d.session),
            Self::Operation => d.operation.as_str() == id,
            Self::Tool => match (&d.tool_server, &d.tool_name) {
                (Some(server), Some(tool)) => {
                    let plain = id.strip_prefix(server.as_str()).and_then(|rest| rest.strip_prefix('/')) == Some(tool.as_str());
                    plain && !server.as_str().contains('/') && !tool.as_str().contains('/')
                }
                _ => false,
            },
            Self::Node | Self::Credit => false,
        }
    }

    /// Which one of this scope use at `d` belongs to; `None` = it is outside, or
    /// the scope is not told by where use belongs alone.
    #[must_use]
    pub fn of(self, d: &Dimensions) -> Option<Arc<str>> {
        match self {
            Self::Tenant => Some(Arc::from("")),
            Self::Agent => d.agent.as_ref().map(Name::shared),
            Self::Consumer => d.consumer.as_ref().map(Name::shared),
            Self::Session => d.session.as_ref().map(Name::shared),
            Self::Tool => Some(tool_key(d.tool_server.as_ref()?, d.tool_name.as_ref()?)),
            Self::Operation => Some(d.operation.shared()),
            Self::Node | Self::Credit => None,
        }
    }
}

/// `server/tool`, with `/` inside a part written `%2F`, so that two tools never
/// share a key.
#[must_use]
pub fn tool_key(server: &Name, tool: &Name) -> Arc<str> {
    let (server, tool) = (server.as_str(), tool.as_str());
    if !server.contains('/') && !tool.contains('/') {
        return Arc::from([server, "/", tool].concat());
    }
    let part = |name: &str| name.replace('/', "%2F");
    Arc::from(format!("{}/{}", part(server), part(tool)))
}

/// The id of a limit that is known by what it limits: the same whatever is set
/// beside it. A text that is no id is shortened to its digest.
pub(crate) fn limit_id(text: &str) -> Option<Name> {
    Name::new(text).ok().or_else(|| {
        let layer = text.split(':').next().unwrap_or_default();
        let digest = Sha256::digest(text.as_bytes());
        let mut id = format!("{layer}:");
        digest.iter().take(16).for_each(|byte| id.push_str(&format!("{byte:02x}")));
        Name::new(&id).ok()
    })
}

impl Limit {
    /// Whether it caps or warns at all.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.soft.is_none() && self.hard.is_none()
    }

    /// The feature that it limits: its plan's, else its measure.
    #[must_use]
    pub fn feature_key(&self) -> String {
        let of_plan = self.id.as_str().strip_prefix("plan:").filter(|_| self.layer == Layer::Plan);
        of_plan.map_or_else(|| self.measure.to_string(), String::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_with_slashes_never_share_a_key() {
        let name = |text| Name::new(text).unwrap();
        assert_ne!(tool_key(&name("a/b"), &name("c")), tool_key(&name("a"), &name("b/c")));
        assert_eq!(&*tool_key(&name("srv"), &name("search")), "srv/search");
    }

    #[test]
    fn a_measure_is_written_as_it_is_read() {
        for text in [
            "events",
            "units",
            "tokens",
            "tokens_in",
            "tokens_out",
            "api_calls",
            "duration_ms",
            "spend",
            "events:gpt-4o",
            "units:aws-polly:standard:character",
        ] {
            assert_eq!(text.parse::<Measure>().unwrap().to_string(), text);
        }
        for bad in ["", "event", "events:", "spend:x", "units:a|b"] {
            assert_eq!(bad.parse::<Measure>(), Err(MeasureError), "{bad}");
        }
    }
}
