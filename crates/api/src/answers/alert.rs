//! Alerts: as webhooks get them, and as they are listed.

use crate::answers::limit::LimitStatus;
use serde::{Deserialize, Serialize};
use tollgate_core::{AlertState, Config, Instant, Name, Resource};

/// What an alert tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum AlertType {
    /// A limit's use reached a threshold.
    #[serde(rename = "limit.threshold_crossed")]
    LimitThresholdCrossed,
}

/// The news that use reached a threshold of a limit, once for each window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Alert {
    /// Its id, the same for every try.
    pub id: String,
    /// What it tells of.
    pub r#type: AlertType,
    /// Whose limit it is.
    pub tenant_id: Name,
    /// In percent of the limit.
    pub threshold: u8,
    /// The limit as the event that crossed the threshold left it.
    pub limit: LimitStatus,
    /// When.
    pub crossed_at: Instant,
}

/// An alert, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListedAlert {
    /// What was sent.
    #[serde(flatten)]
    pub alert: Alert,
    /// Where it is in its life.
    pub state: AlertState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try_at: Option<Instant>,
}

/// What a tenant is told of, and the latest of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AlertsState {
    /// Whose they are.
    pub tenant_id: Name,
    /// In percent, ascending.
    pub thresholds: Vec<u8>,
    /// Where they are sent; null = nowhere, they are listed alone.
    pub url: Option<String>,
    /// Whether there is a secret that they are signed with.
    pub has_secret: bool,
    /// The secret, shown once: when it is new.
    pub secret: Option<String>,
    /// The latest.
    pub alerts: Vec<ListedAlert>,
    /// Of these settings alone, as `ETag` has it; 0 where they were never set.
    pub version: u64,
}

impl From<&tollgate_core::Alert> for Alert {
    fn from(alert: &tollgate_core::Alert) -> Self {
        Self {
            id: alert.id.clone(),
            r#type: AlertType::LimitThresholdCrossed,
            tenant_id: alert.tenant.clone(),
            threshold: alert.threshold,
            limit: (&alert.standpoint).into(),
            crossed_at: alert.crossed_at,
        }
    }
}

impl From<&tollgate_core::Alert> for ListedAlert {
    fn from(alert: &tollgate_core::Alert) -> Self {
        Self {
            alert: alert.into(),
            state: alert.state,
            attempts: alert.attempts,
            next_try_at: alert.next_try,
        }
    }
}

impl AlertsState {
    /// What `config` says, and the latest `alerts`; `secret` where it is new.
    #[must_use]
    pub fn new(
        tenant: &Name,
        config: &Config,
        alerts: &[tollgate_core::Alert],
        secret: Option<String>,
    ) -> Self {
        let set = config.alerts.as_ref();
        Self {
            tenant_id: tenant.clone(),
            thresholds: set.map(|set| set.thresholds.clone()).unwrap_or_default(),
            url: set.and_then(|set| set.url.clone()),
            has_secret: set.is_some_and(|set| set.secret.is_some()),
            secret,
            alerts: alerts.iter().map(ListedAlert::from).collect(),
            version: config.revision(Resource::Alerts),
        }
    }
}
