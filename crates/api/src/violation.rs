//! What a refused event passes.

use crate::answers::figure::Figure;
use crate::answers::limit::LimitStatus;
use serde::{Deserialize, Serialize};
use tollgate_core::{
    Amount, Currency, Fullness, Instant, Layer, LimitType, Measure, Name, Objection,
    ObjectionReason, Scope, Standpoint, WindowKind,
};

/// A limit, a node of the tree of budgets or credit that an event passes. Of what is no
/// limit the fields of one are null.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Violation {
    /// The limit; unique in its source.
    pub limit_id: Option<Name>,
    /// Where the limit was set; null for credit.
    pub source: Option<Layer>,
    /// Whose use it counts.
    pub scope: Scope,
    /// Which one of that scope; null for the tenant, and for credit.
    pub scope_id: Option<String>,
    /// What it counts.
    pub measure: Option<Measure>,
    /// Of money.
    pub currency: Option<Currency>,
    /// How long it counts before it starts anew.
    pub window: Option<WindowKind>,
    /// When the window began; null for `total`.
    pub window_start: Option<Instant>,
    /// When the next begins; null for `total`.
    pub window_end: Option<Instant>,
    /// Past it: a warning, or a refusal where it blocks.
    pub soft: Option<Figure>,
    /// Past it: a refusal.
    pub hard: Option<Figure>,
    /// Used in the window.
    pub used: Option<Figure>,
    /// Set aside by holds.
    pub held: Option<Figure>,
    /// Left.
    pub remaining: Option<Figure>,
    /// Used and held, in percent of the hard value, else of the soft one.
    pub percent: Option<String>,
    /// How full it is.
    pub status: Option<Fullness>,
    /// Which value of the limit refuses.
    pub limit_type: Option<LimitType>,
    /// What the event asks for on top.
    pub requested: Option<Figure>,
    /// What refuses, where it is no limit.
    pub reason: Option<ObjectionReason>,
}

impl Violation {
    /// Of a limit.
    pub(crate) fn of_limit(at: &Standpoint) -> Self {
        let limit = LimitStatus::from(at);
        Self {
            limit_id: Some(limit.limit_id),
            source: Some(limit.source),
            scope: limit.scope,
            scope_id: limit.scope_id,
            measure: Some(limit.measure),
            currency: limit.currency,
            window: Some(limit.window),
            window_start: limit.window_start,
            window_end: limit.window_end,
            soft: limit.soft,
            hard: limit.hard,
            used: Some(limit.used),
            held: Some(limit.held),
            remaining: limit.remaining,
            percent: limit.percent,
            status: Some(limit.status),
            limit_type: Some(at.limit_type()),
            requested: Some(Figure::of(&at.limit.measure, at.requested)),
            reason: None,
        }
    }

    /// Of what keeps money from being spent apart from limits.
    pub(crate) fn of_objection(objection: &Objection) -> Option<Self> {
        let reason = Some(objection.reason());
        match objection {
            Objection::NoPlan | Objection::Cancelled => None,
            Objection::NodeDisabled(node) => Some(Self {
                source: Some(Layer::Tree),
                scope_id: Some(node.to_string()),
                reason,
                ..Self::none(Scope::Node)
            }),
            Objection::Credit {
                capacity,
                taken,
                requested,
                currency,
            } => {
                let money = |units: i128| Some(Figure::Money(Amount::nearest(units)));
                Some(Self {
                    measure: Some(Measure::Spend),
                    currency: Some(*currency),
                    hard: money(*capacity),
                    remaining: money(capacity.saturating_sub(*taken)),
                    requested: money(*requested),
                    reason,
                    ..Self::none(Scope::Credit)
                })
            }
        }
    }

    fn none(scope: Scope) -> Self {
        Self {
            limit_id: None,
            source: None,
            scope,
            scope_id: None,
            measure: None,
            currency: None,
            window: None,
            window_start: None,
            window_end: None,
            soft: None,
            hard: None,
            used: None,
            held: None,
            remaining: None,
            percent: None,
            status: None,
            limit_type: None,
            requested: None,
            reason: None,
        }
    }
}
