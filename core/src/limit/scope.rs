//! Whose use a limit counts.

use crate::event::dimensions::Dimensions;
use crate::event::name::Name;
use crate::words::words;
use alloc::format;
use alloc::sync::Arc;

words! {
    /// Whose use a limit counts.
    pub enum Scope {
        /// The tenant as a whole.
        Tenant = "tenant",
        /// An agent.
        Agent = "agent",
        /// A consumer.
        Consumer = "consumer",
        /// A session.
        Session = "session",
        /// A tool, by its key `server/tool`.
        Tool = "tool",
        /// An operation.
        Operation = "operation",
        /// A model.
        Model = "model",
        /// A node of the tenant's tree of budgets.
        Node = "node",
        /// A source of credit; no limit has it.
        Credit = "credit",
    }
}

impl Scope {
    /// Whether use at `d` surely belongs to `id`; a tool whose parts hold a `/`
    /// or `%` is left to [`Scope::of`].
    pub(crate) fn is(self, d: &Dimensions, id: &str) -> bool {
        let named = |name: &Option<Name>| name.as_ref().is_some_and(|name| name.as_str() == id);
        match self {
            Self::Tenant => id.is_empty(),
            Self::Agent => named(&d.agent),
            Self::Consumer => named(&d.consumer),
            Self::Session => named(&d.session),
            Self::Operation => d.operation.as_str() == id,
            Self::Model => named(&d.model),
            Self::Tool => match (&d.tool_server, &d.tool_name) {
                (Some(server), Some(tool)) => {
                    let plain = id
                        .strip_prefix(server.as_str())
                        .and_then(|rest| rest.strip_prefix('/'))
                        == Some(tool.as_str());
                    let parts = [server.as_str(), tool.as_str()];
                    plain && !parts.iter().any(|part| part.contains(['/', '%']))
                }
                _ => false,
            },
            Self::Node => d.path.iter().any(|node| node.as_str() == id),
            Self::Credit => false,
        }
    }

    /// Which one of this scope use at `d` belongs to; `None` = it is outside, or
    /// the scope is not told by where use belongs alone.
    #[must_use]
    pub fn of(self, d: &Dimensions) -> Option<Arc<str>> {
        match self {
            Self::Tenant => Some(Arc::default()),
            Self::Agent => d.agent.as_ref().map(Name::shared),
            Self::Consumer => d.consumer.as_ref().map(Name::shared),
            Self::Session => d.session.as_ref().map(Name::shared),
            Self::Tool => Some(tool_key(d.tool_server.as_ref()?, d.tool_name.as_ref()?)),
            Self::Operation => Some(d.operation.shared()),
            Self::Model => d.model.as_ref().map(Name::shared),
            Self::Node | Self::Credit => None,
        }
    }
}

/// `server/tool`, with `/` inside a part written `%2F` and `%` written `%25`, so that two
/// tools never share a key.
#[must_use]
pub fn tool_key(server: &Name, tool: &Name) -> Arc<str> {
    let (server, tool) = (server.as_str(), tool.as_str());
    if ![server, tool].iter().any(|part| part.contains(['/', '%'])) {
        return Arc::from([server, "/", tool].concat());
    }
    let part = |name: &str| name.replace('%', "%25").replace('/', "%2F");
    Arc::from(format!("{}/{}", part(server), part(tool)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_with_slashes_never_share_a_key() {
        let name = |text| Name::new(text).unwrap();
        assert_ne!(
            tool_key(&name("a/b"), &name("c")),
            tool_key(&name("a"), &name("b/c"))
        );
        assert_ne!(
            tool_key(&name("a/b"), &name("c")),
            tool_key(&name("a%2Fb"), &name("c"))
        );
        assert_eq!(&*tool_key(&name("srv"), &name("search")), "srv/search");
    }
}
