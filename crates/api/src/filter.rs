//! Which events a query is about.

use tollgate_core::{Dimensions, Event, Name};

/// Conditions on events; all that are given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// `agent_id` or `agent`.
    pub agent: Option<Name>,
    /// `consumer_id` or `consumer`.
    pub consumer: Option<Name>,
    /// `session_id`.
    pub session: Option<Name>,
    /// `task_id`.
    pub task: Option<Name>,
    /// `operation`.
    pub operation: Option<Name>,
    /// `tier`.
    pub tier: Option<Name>,
    /// `tool_server`.
    pub tool_server: Option<Name>,
    /// `tool_name`.
    pub tool_name: Option<Name>,
    /// `model`.
    pub model: Option<Name>,
    /// `id`: of the event itself.
    pub id: Option<Name>,
}

impl Filter {
    /// The parameters that it is read from.
    pub const PARAMETERS: &'static [&'static str] =
        &["agent_id", "consumer_id", "session_id", "task_id", "operation", "tier", "tool_server", "tool_name", "model", "id"];

    /// Whether `event` meets every condition.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        let own = [(&self.task, event.task.as_ref()), (&self.id, Some(&event.id))];
        self.matches_use(&event.dimensions) && meets(own)
    }

    /// Whether use at `d` meets every condition but those on task and id.
    #[must_use]
    pub fn matches_use(&self, d: &Dimensions) -> bool {
        meets([
            (&self.agent, d.agent.as_ref()),
            (&self.consumer, d.consumer.as_ref()),
            (&self.session, d.session.as_ref()),
            (&self.operation, Some(&d.operation)),
            (&self.tier, Some(&d.tier)),
            (&self.tool_server, d.tool_server.as_ref()),
            (&self.tool_name, d.tool_name.as_ref()),
            (&self.model, d.model.as_ref()),
        ])
    }

    /// Whether it asks for single events, by task or id.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.task.is_some() || self.id.is_some()
    }
}

fn meets<const N: usize>(pairs: [(&Option<Name>, Option<&Name>); N]) -> bool {
    pairs.into_iter().all(|(wanted, found)| wanted.is_none() || wanted.as_ref() == found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse_event;
    use crate::query::Params;

    #[test]
    fn all_conditions_must_hold() {
        let body = br#"{"operation":"x","agent_id":"a1","task_id":"t1"}"#;
        let event = parse_event(body).unwrap().into_event(Name::new("e1").unwrap(), tollgate_core::Instant::EPOCH);
        for (query, matches) in [
            ("", true),
            ("agent=a1", true),
            ("agent=a1&task_id=t1&tier=standard&operation=x&id=e1", true),
            ("agent=a2", false),
            ("agent=a1&id=e2", false),
            ("session_id=s1", false),
        ] {
            let filter = Params::parse(Some(query), Filter::PARAMETERS).unwrap().filters().unwrap();
            assert_eq!(filter.matches(&event), matches, "{query}");
        }
    }
}
